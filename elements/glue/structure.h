/// Reading and writing the lists a GstStructure holds. Absent or of another type reads as the fallback.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

namespace mone {

inline std::string get_string(const GstStructure* s, const char* field) {
  const char* text = gst_structure_get_string(s, field);
  return text ? text : "";
}
inline int get_int(const GstStructure* s, const char* field, int fallback = 0) {
  gst_structure_get_int(s, field, &fallback);
  return fallback;
}
inline guint get_uint(const GstStructure* s, const char* field, guint fallback = 0) {
  gst_structure_get_uint(s, field, &fallback);
  return fallback;
}
inline guint64 get_uint64(const GstStructure* s, const char* field, guint64 fallback = GST_CLOCK_TIME_NONE) {
  gst_structure_get_uint64(s, field, &fallback);
  return fallback;
}
/// A field that may be absent.
inline std::optional<guint64> find_uint64(const GstStructure* s, const char* field) {
  guint64 value = 0;
  if (!gst_structure_get_uint64(s, field, &value)) return {};
  return value;
}
inline void set_uint64(GstStructure* s, const char* field, std::optional<guint64> value) {
  if (value)
    gst_structure_set(s, field, G_TYPE_UINT64, *value, nullptr);
  else
    gst_structure_remove_field(s, field);
}
inline double get_double(const GstStructure* s, const char* field, double fallback = 0) {
  gst_structure_get_double(s, field, &fallback);
  return fallback;
}
inline bool get_bool(const GstStructure* s, const char* field) {
  gboolean value = FALSE;
  gst_structure_get_boolean(s, field, &value);
  return value;
}

/// A GstArray of strings.
void set_strings(GstStructure* s, const char* field, const std::vector<std::string>& values);
std::vector<std::string> get_strings(const GstStructure* s, const char* field);

/// A GstArray of doubles.
void set_doubles(GstStructure* s, const char* field, const std::vector<double>& values);
std::vector<double> get_doubles(const GstStructure* s, const char* field);

/// A GBytes of u8.
void set_bytes(GstStructure* s, const char* field, const std::vector<guint8>& values);
std::vector<guint8> get_bytes(const GstStructure* s, const char* field);

}  // namespace mone
