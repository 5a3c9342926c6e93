#include "elements/tubelet_caps.h"

#include <cmath>
#include <string>

namespace mone {
namespace {

struct Fraction {
  gint n = 0, d = 1;
};

Fraction to_fraction(double value) {
  Fraction f;
  gst_util_double_to_fraction(value, &f.n, &f.d);
  return f;
}

struct IntField {
  const char* name;
  int TubeletFormat::*member;
};
constexpr IntField kInts[] = {
    {"width", &TubeletFormat::width},       {"height", &TubeletFormat::height},
    {"tubelet-frames", &TubeletFormat::pt}, {"tubelet-height", &TubeletFormat::ph},
    {"tubelet-width", &TubeletFormat::pw},  {"resize-short", &TubeletFormat::resize_short},
};

struct RateField {
  const char* name;
  double TubeletFormat::*member;
};
constexpr RateField kRates[] = {
    {"rate-min", &TubeletFormat::rate_min},
    {"rate-nominal", &TubeletFormat::rate_nominal},
    {"rate-max", &TubeletFormat::rate_max},
};

Failure bad_field(const char* name, const GstStructure* s) {
  const GValue* value = gst_structure_get_value(s, name);
  const OwnedChars text(value ? gst_value_serialize(value) : g_strdup("absent"));
  return {std::string("tubelet caps: field ") + name + " is " + (text ? text.get() : "unreadable") +
          "; expected what monevivit's sink caps or monetubelet's src caps say"};
}

}  // namespace

Owned<GstCaps> tubelet_caps(const TubeletFormat& format) {
  GstStructure* s = gst_structure_new_empty(MONE_TUBELET_CAPS);
  for (const auto& f : kInts) gst_structure_set(s, f.name, G_TYPE_INT, format.*f.member, nullptr);
  gst_structure_set(s, "planes", G_TYPE_STRING, to_name(format.planes), "fit", G_TYPE_STRING,
                    to_name(format.fit), "crop", G_TYPE_STRING, to_name(format.crop), nullptr);
  for (const auto& f : kRates) {
    const Fraction rate = to_fraction(format.*f.member);
    gst_structure_set(s, f.name, GST_TYPE_FRACTION, rate.n, rate.d, nullptr);
  }
  return Owned<GstCaps>::adopt(gst_caps_new_full(s, nullptr));
}

Owned<GstCaps> tubelet_caps_any_crop(const TubeletFormat& format) {
  auto caps = tubelet_caps(format);
  for (const CropMode crop : {CropMode::kFull, CropMode::kMotion, CropMode::kRegion}) {
    if (crop == format.crop) continue;
    TubeletFormat other = format;
    other.crop = crop;
    gst_caps_append(caps.get(), tubelet_caps(other).release());
  }
  return caps;
}

Result<TubeletFormat> parse_tubelet_caps(const GstCaps* caps) {
  if (!caps || !gst_caps_is_fixed(caps)) return Failure{"tubelet caps are not fixed"};
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  if (!gst_structure_has_name(s, MONE_TUBELET_CAPS))
    return Failure{std::string("caps are ") + gst_structure_get_name(s) +
                   ", not " MONE_TUBELET_CAPS ": put monetubelet in front"};

  TubeletFormat format;
  for (const auto& f : kInts)
    if (!gst_structure_get_int(s, f.name, &(format.*f.member))) return bad_field(f.name, s);
  for (const auto& f : kRates) {
    Fraction rate;
    if (!gst_structure_get_fraction(s, f.name, &rate.n, &rate.d) || rate.d == 0) return bad_field(f.name, s);
    format.*f.member = static_cast<double>(rate.n) / rate.d;
  }
  const auto text = [s](const char* name) {
    const char* value = gst_structure_get_string(s, name);
    return std::string_view(value ? value : "");
  };
  const auto planes = planes_from_name(text("planes"));
  const auto fit = fit_from_name(text("fit"));
  const auto crop = crop_from_name(text("crop"));
  if (!planes) return bad_field("planes", s);
  if (!fit) return bad_field("fit", s);
  if (!crop) return bad_field("crop", s);
  format.planes = *planes;
  format.fit = *fit;
  format.crop = *crop;
  if (auto failure = check(format)) return Failure{"tubelet caps: " + failure->text};
  return format;
}

Owned<GstCaps> fixate_tubelet_caps(Owned<GstCaps> caps, const TubeletFormat& wanted) {
  caps = Owned<GstCaps>::adopt(gst_caps_make_writable(gst_caps_truncate(caps.release())));
  GstStructure* s = gst_caps_get_structure(caps.get(), 0);
  const Owned<GstCaps> full = tubelet_caps(wanted);
  const GstStructure* want = gst_caps_get_structure(full.get(), 0);
  for (const auto& f : kInts)
    if (gst_structure_has_field(s, f.name))
      gst_structure_fixate_field_nearest_int(s, f.name, wanted.*f.member);
  for (const auto& f : kRates) {
    const Fraction rate = to_fraction(wanted.*f.member);
    if (gst_structure_has_field(s, f.name))
      gst_structure_fixate_field_nearest_fraction(s, f.name, rate.n, rate.d);
  }
  for (const char* name : {"planes", "fit", "crop"})
    if (gst_structure_has_field(s, name))
      gst_structure_fixate_field_string(s, name, gst_structure_get_string(want, name));
  for (int i = 0; i < gst_structure_n_fields(want); ++i) {  // what was not mentioned at all
    const char* name = gst_structure_nth_field_name(want, i);
    if (!gst_structure_has_field(s, name))
      gst_structure_set_value(s, name, gst_structure_get_value(want, name));
  }
  return Owned<GstCaps>::adopt(gst_caps_fixate(caps.release()));
}

}  // namespace mone
