#include "elements/glue/structure.h"

namespace mone {
namespace {

template <class T, class Store>
void set_list(GstStructure* s, const char* field, const std::vector<T>& values, GType type, Store store) {
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, static_cast<guint>(values.size()));
  for (const T& v : values) {
    GValue item = G_VALUE_INIT;
    g_value_init(&item, type);
    store(&item, v);
    gst_value_array_append_and_take_value(&array, &item);
  }
  gst_structure_take_value(s, field, &array);
}

template <class T, class Load>
std::vector<T> get_list(const GstStructure* s, const char* field, GType type, Load load) {
  std::vector<T> values;
  const GValue* array = gst_structure_get_value(s, field);
  if (!array || !GST_VALUE_HOLDS_ARRAY(array)) return values;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i) {
    const GValue* item = gst_value_array_get_value(array, i);
    if (G_VALUE_HOLDS(item, type)) values.push_back(load(item));
  }
  return values;
}

}  // namespace

void set_strings(GstStructure* s, const char* field, const std::vector<std::string>& values) {
  set_list(s, field, values, G_TYPE_STRING,
           [](GValue* v, const std::string& text) { g_value_set_string(v, text.c_str()); });
}

std::vector<std::string> get_strings(const GstStructure* s, const char* field) {
  return get_list<std::string>(s, field, G_TYPE_STRING, [](const GValue* v) -> std::string {
    const char* text = g_value_get_string(v);
    return text ? text : "";
  });
}

void set_doubles(GstStructure* s, const char* field, const std::vector<double>& values) {
  set_list(s, field, values, G_TYPE_DOUBLE, [](GValue* v, double x) { g_value_set_double(v, x); });
}

std::vector<double> get_doubles(const GstStructure* s, const char* field) {
  return get_list<double>(s, field, G_TYPE_DOUBLE, [](const GValue* v) { return g_value_get_double(v); });
}

void set_bytes(GstStructure* s, const char* field, const std::vector<guint8>& values) {
  GBytes* bytes = g_bytes_new(values.data(), values.size());
  gst_structure_set(s, field, G_TYPE_BYTES, bytes, nullptr);
  g_bytes_unref(bytes);
}

std::vector<guint8> get_bytes(const GstStructure* s, const char* field) {
  const GValue* value = gst_structure_get_value(s, field);
  if (!value || !G_VALUE_HOLDS(value, G_TYPE_BYTES)) return {};
  auto* bytes = static_cast<GBytes*>(g_value_get_boxed(value));
  if (!bytes) return {};
  gsize size = 0;
  const auto* data = static_cast<const guint8*>(g_bytes_get_data(bytes, &size));
  return {data, data + size};
}

}  // namespace mone
