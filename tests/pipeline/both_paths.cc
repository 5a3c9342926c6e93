#include "tests/pipeline/both_paths.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "elements/glue/gst_ptr.h"
#include "tests/pipeline/run_program.h"

namespace mone::testing {
namespace {

using nlohmann::json;

std::vector<TimedLabel> parse_lines(const std::string& text) {
  std::vector<TimedLabel> labels;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const json object = json::parse(line);
    if (object.contains("summary")) continue;
    // At the end monelabel repeats its last window, to say which labels end with the stream.
    if (!labels.empty() && labels.back().end == object.at("end")) continue;
    labels.push_back({object.at("start"), object.at("end"), object.at("label"), object.at("score")});
  }
  return labels;
}

GstPadProbeReturn keep_segment(GstPad*, GstPadProbeInfo* info, gpointer segment) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
    gst_event_copy_segment(event, static_cast<GstSegment*>(segment));
  }
  return GST_PAD_PROBE_OK;
}

/// Waits for EOS or an error; the error's text.
std::string run_to_end(GstElement* pipeline) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline));
  const auto message = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 120 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
  std::string text;
  if (!message) {
    text = "neither end nor error came";
  } else if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
    GError* error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    text = error->message;
    g_error_free(error);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return text;
}

}  // namespace

Labels labels_of_program(const std::string& file, const std::string& model, double budget) {
  const ProgramRun run = run_program(
      {MONE_PROGRAM, "classify", "--json", "--model", model, "--budget", std::to_string(budget), file});
  if (run.code != 0) return {{}, run.err};
  return {parse_lines(run.out), ""};
}

Labels labels_of_gstreamer(const std::string& file, const std::string& model, double budget) {
  gst_init(nullptr, nullptr);
  const TemporaryFolder folder;
  const std::string out = folder.file("labels.json");
  GError* error = nullptr;
  const auto pipeline = Owned<GstElement>::adopt(
      gst_parse_launch("filesrc name=from ! decodebin ! monetubelet ! monevivit name=vivit ! "
                       "monelabel name=label smoothing=0 ! application/x-json ! filesink name=to",
                       &error));
  if (error) {
    const std::string text = error->message;
    g_error_free(error);
    return {{}, text};
  }
  const auto part = [&](const char* name) {
    return Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
  };
  g_object_set(part("from").get(), "location", file.c_str(), nullptr);
  g_object_set(part("vivit").get(), "model", model.c_str(), "budget", budget, nullptr);
  g_object_set(part("to").get(), "location", out.c_str(), nullptr);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstPad* pad = gst_element_get_static_pad(part("label").get(), "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, keep_segment, &segment, nullptr);
  gst_object_unref(pad);

  Labels labels;
  labels.error = run_to_end(pipeline.get());
  labels.labels = parse_lines(read_file(out));
  for (TimedLabel& label : labels.labels) {  // PTS to stream time
    const double shift =
        (static_cast<double>(segment.time) - static_cast<double>(segment.start)) / GST_SECOND;
    label.start += shift;
    label.end += shift;
  }
  return labels;
}

void expect_same_labels(const std::string& file, const std::string& model, double budget) {
  const Labels program = labels_of_program(file, model, budget);
  const Labels elements = labels_of_gstreamer(file, model, budget);
  ASSERT_EQ(program.error, "") << file;
  ASSERT_EQ(elements.error, "") << file;
  ASSERT_FALSE(program.labels.empty()) << file;
  EXPECT_EQ(program.labels.size(), elements.labels.size()) << file;
  for (std::size_t i = 0; i < std::min(program.labels.size(), elements.labels.size()); ++i) {
    const TimedLabel &a = program.labels[i], &b = elements.labels[i];
    EXPECT_EQ(a.label, b.label) << file << ", prediction " << i;
    EXPECT_NEAR(a.score, b.score, 1e-5) << file << ", prediction " << i;
    EXPECT_NEAR(a.start, b.start, 0.001) << file << ", prediction " << i;
    EXPECT_NEAR(a.end, b.end, 0.001) << file << ", prediction " << i;
  }
}

}  // namespace mone::testing
