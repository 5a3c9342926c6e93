/// GObject properties as a table over a plain settings struct: defaults live in the struct, the table names
/// the rest.
///
///     struct Settings { std::string model; double budget = 1.0; };
///     constexpr Property<Settings> kProperties[] = {
///         {"model", &Settings::model, "Model file; empty = the default model"},
///         {"budget", &Settings::budget, {0.0625, 1.0}, "Mean share of the model's width a token gets",
///         kLive},
///     };
///     install_properties<Settings>(object_class, kProperties);            // in class_init
///     set_property(settings, kProperties[id - 1], value);                 // in set_property, under the
///     element's lock
#pragma once

#include <gst/gst.h>

#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <variant>

namespace mone {

/// When a property may be set: before READY -> PAUSED only, or at any time.
enum When { kReady = GST_PARAM_MUTABLE_READY, kLive = GST_PARAM_MUTABLE_PLAYING };

/// Both ends included. The default fits every type's whole range.
struct Range {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
};

template <class Settings>
struct Property {
  using Member = std::variant<std::string Settings::*, bool Settings::*, gint Settings::*, guint Settings::*,
                              guint64 Settings::*, gint64 Settings::*, double Settings::*>;
  const char* name;
  Member member;
  Range range;
  const char* blurb;
  When when = kReady;
  GType (*enum_type)() = nullptr;  ///< a gint member that holds a value of this enum

  constexpr Property(const char* n, Member m, Range r, const char* b, When w = kReady, GType (*e)() = nullptr)
      : name(n), member(m), range(r), blurb(b), when(w), enum_type(e) {}
  constexpr Property(const char* n, Member m, const char* b, When w = kReady, GType (*e)() = nullptr)
      : Property(n, m, Range{}, b, w, e) {}
};

namespace detail {
template <class T>
T clamp_to(double v) {
  if (v <= static_cast<double>(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
  if (v >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(v);
}
}  // namespace detail

template <class Settings>
GParamSpec* param_spec(const Property<Settings>& p) {
  const auto flags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | static_cast<int>(p.when));
  const Settings defaults{};
  return std::visit(
      [&](auto member) -> GParamSpec* {
        using T = std::remove_cvref_t<decltype(defaults.*member)>;
        const auto& value = defaults.*member;
        const Range r = p.range;
        if constexpr (std::is_same_v<T, std::string>) {
          return g_param_spec_string(p.name, p.name, p.blurb, value.empty() ? nullptr : value.c_str(), flags);
        } else if constexpr (std::is_same_v<T, bool>) {
          return g_param_spec_boolean(p.name, p.name, p.blurb, value, flags);
        } else if constexpr (std::is_same_v<T, gint>) {
          if (p.enum_type) return g_param_spec_enum(p.name, p.name, p.blurb, p.enum_type(), value, flags);
          return g_param_spec_int(p.name, p.name, p.blurb, detail::clamp_to<gint>(r.min),
                                  detail::clamp_to<gint>(r.max), value, flags);
        } else if constexpr (std::is_same_v<T, guint>) {
          return g_param_spec_uint(p.name, p.name, p.blurb, detail::clamp_to<guint>(r.min),
                                   detail::clamp_to<guint>(r.max), value, flags);
        } else if constexpr (std::is_same_v<T, guint64>) {
          return g_param_spec_uint64(p.name, p.name, p.blurb, detail::clamp_to<guint64>(r.min),
                                     detail::clamp_to<guint64>(r.max), value, flags);
        } else if constexpr (std::is_same_v<T, gint64>) {
          return g_param_spec_int64(p.name, p.name, p.blurb, detail::clamp_to<gint64>(r.min),
                                    detail::clamp_to<gint64>(r.max), value, flags);
        } else {
          return g_param_spec_double(p.name, p.name, p.blurb, r.min, r.max, value, flags);
        }
      },
      p.member);
}

/// Installs the table; a property's id is its place in the table plus `first_id`.
template <class Settings>
void install_properties(GObjectClass* object_class, std::span<const Property<Settings>> table,
                        guint first_id = 1) {
  for (const auto& p : table) g_object_class_install_property(object_class, first_id++, param_spec(p));
}

template <class Settings>
void set_property(Settings& settings, const Property<Settings>& p, const GValue* value) {
  std::visit(
      [&](auto member) {
        auto& field = settings.*member;
        using T = std::remove_cvref_t<decltype(field)>;
        if constexpr (std::is_same_v<T, std::string>) {
          const char* text = g_value_get_string(value);
          field = text ? text : "";
        } else if constexpr (std::is_same_v<T, bool>) {
          field = g_value_get_boolean(value);
        } else if constexpr (std::is_same_v<T, gint>) {
          field = p.enum_type ? g_value_get_enum(value) : g_value_get_int(value);
        } else if constexpr (std::is_same_v<T, guint>) {
          field = g_value_get_uint(value);
        } else if constexpr (std::is_same_v<T, guint64>) {
          field = g_value_get_uint64(value);
        } else if constexpr (std::is_same_v<T, gint64>) {
          field = g_value_get_int64(value);
        } else {
          field = g_value_get_double(value);
        }
      },
      p.member);
}

template <class Settings>
void get_property(const Settings& settings, const Property<Settings>& p, GValue* value) {
  std::visit(
      [&](auto member) {
        const auto& field = settings.*member;
        using T = std::remove_cvref_t<decltype(field)>;
        if constexpr (std::is_same_v<T, std::string>) {
          g_value_set_string(value, field.empty() ? nullptr : field.c_str());
        } else if constexpr (std::is_same_v<T, bool>) {
          g_value_set_boolean(value, field);
        } else if constexpr (std::is_same_v<T, gint>) {
          if (p.enum_type)
            g_value_set_enum(value, field);
          else
            g_value_set_int(value, field);
        } else if constexpr (std::is_same_v<T, guint>) {
          g_value_set_uint(value, field);
        } else if constexpr (std::is_same_v<T, guint64>) {
          g_value_set_uint64(value, field);
        } else if constexpr (std::is_same_v<T, gint64>) {
          g_value_set_int64(value, field);
        } else {
          g_value_set_double(value, field);
        }
      },
      p.member);
}

}  // namespace mone
