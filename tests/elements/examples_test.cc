// What gst-inspect-1.0 says of each element is true: the line that it gives as an example runs.
#include <gst/gst.h>

#include <regex>

#include "tests/elements/support.h"

namespace mone {
namespace {

std::vector<std::string> elements_of_the_plugin() {
  std::vector<std::string> names;
  GList* features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "mone");
  for (GList* f = features; f; f = f->next)
    if (GST_IS_ELEMENT_FACTORY(f->data))
      names.push_back(gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(f->data)));
  gst_plugin_feature_list_free(features);
  return names;
}

/// The example as a test can run it: the tiny model, no window, no end of its own needed.
std::string runnable(std::string line) {
  line = std::regex_replace(line, std::regex("^gst-launch-1.0 (-v )?"), "");
  line = std::regex_replace(line, std::regex("autovideosink"), "fakesink");
  line = std::regex_replace(line, std::regex("fdsink"), "fakesink");
  return std::regex_replace(line, std::regex("actiontestsrc"), "actiontestsrc num-buffers=20");
}

TEST(Examples, EveryElementHasOneThatRuns) {
  g_setenv("MONE_MODEL", tiny_model().c_str(), TRUE);
  const auto names = elements_of_the_plugin();
  EXPECT_GE(names.size(), 6u);
  for (const std::string& name : names) {
    const auto factory = Owned<GstElementFactory>::adopt(gst_element_factory_find(name.c_str()));
    const gchar* example = gst_element_factory_get_metadata(factory.get(), "example");
    ASSERT_NE(example, nullptr) << name;
    EXPECT_NE(std::string(example).find(name), std::string::npos) << name;
    GError* error = nullptr;
    const auto pipeline = Owned<GstElement>::adopt(
        GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(runnable(example).c_str(), &error))));
    ASSERT_EQ(error, nullptr) << name << ": " << error->message;
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    const auto end = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), patience(30 * GST_SECOND),
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    ASSERT_TRUE(end) << name;
    if (GST_MESSAGE_TYPE(end.get()) == GST_MESSAGE_ERROR)
      ADD_FAILURE() << name << ": " << error_text(end.get());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
}

}  // namespace
}  // namespace mone
