// Frames a second on one core: monetubelet beside videoscale ! videoconvert, each fed the same 720p frames,
// and actiontestsrc, which draws its own.
//
//   build/tests/bench/tubelet_bench [seconds per figure] [width height]
//
// Every frame is used (stride=1), the worst case; at 30 fps the default model looks at every second one. CPU
// time of the process, medians of interleaved rounds, so that a neighbour on the machine does not decide.
// What the stock elements give is less: no antialiasing, no cut, no motion planes.
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "engine/measuring.h"

namespace {

using mone::processor_ms;

class Contender {
 public:
  Contender(std::string name, const std::string& launch, const std::string& caps) : name_(std::move(name)) {
    harness_ = gst_harness_new_parse(launch.c_str());
    gst_harness_set_src_caps_str(harness_, caps.c_str());
    GstVideoInfo info;
    GstCaps* parsed = gst_caps_from_string(caps.c_str());
    gst_video_info_from_caps(&info, parsed);
    gst_caps_unref(parsed);
    for (int i = 0; i < 8; ++i) {  // more than one, so that they do not all lie in the first caches
      GstBuffer* b = gst_buffer_new_allocate(nullptr, info.size, nullptr);
      GstMapInfo map;
      gst_buffer_map(b, &map, GST_MAP_WRITE);
      for (gsize k = 0; k < map.size; ++k)
        map.data[k] = static_cast<guint8>((k * 7 + k / 251 * 13 + i * 31) & 255);
      gst_buffer_unmap(b, &map);
      frames_.push_back(b);
    }
  }
  ~Contender() {
    for (GstBuffer* b : frames_) gst_buffer_unref(b);
    gst_harness_teardown(harness_);
  }
  Contender(const Contender&) = delete;

  void round(double seconds) {
    const double start = processor_ms() / 1e3;
    int n = 0;
    double used = 0;
    for (; used < seconds; used = processor_ms() / 1e3 - start) {
      for (int i = 0; i < 20; ++i, ++n, ++pushed_) {
        GstBuffer* b = gst_buffer_copy(frames_[static_cast<std::size_t>(pushed_) % frames_.size()]);
        GST_BUFFER_PTS(b) = gst_util_uint64_scale_int(GST_SECOND, static_cast<gint>(pushed_), 30);
        gst_harness_push(harness_, b);
        while (GstBuffer* out = gst_harness_try_pull(harness_)) gst_buffer_unref(out);
      }
    }
    rates_.push_back(n / used);
  }
  void report() {
    std::sort(rates_.begin(), rates_.end());
    const double median = rates_[rates_.size() / 2];
    std::printf("%-64s %8.0f frames/s %7.3f ms/frame\n", name_.c_str(), median, 1000 / median);
  }

 private:
  std::string name_;
  GstHarness* harness_;
  std::vector<GstBuffer*> frames_;
  std::vector<double> rates_;
  gint64 pushed_ = 0;
};

// Processor time of what draws: `frames` of actiontestsrc, the medians of rounds with another person each.
void report_actors(const std::string& clutter, const std::string& width, const std::string& height) {
  constexpr int kFrames = 200, kRounds = 5;
  std::vector<double> rates;
  for (int i = 0; i < kRounds; ++i) {
    const std::string launch = "actiontestsrc clutter=" + clutter + " seed=" + std::to_string(i + 1) +
                               " num-buffers=" + std::to_string(kFrames) + " ! video/x-raw,width=" + width +
                               ",height=" + height + " ! fakesink sync=false";
    GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
    const double start = processor_ms();
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    gst_message_unref(gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    rates.push_back(1e3 * kFrames / (processor_ms() - start));
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%-64s %8.0f frames/s %7.3f ms/frame\n", ("actiontestsrc clutter=" + clutter).c_str(),
              rates[kRounds / 2], 1000 / rates[kRounds / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const std::string width = argc > 3 ? argv[2] : "1280", height = argc > 3 ? argv[3] : "720";
  constexpr int kRounds = 5;

  std::vector<std::unique_ptr<Contender>> contenders;
  for (const char* format : {"NV12", "I420", "YUY2", "RGB", "BGRx"}) {
    const std::string caps = std::string("video/x-raw,format=") + format + ",width=" + width +
                             ",height=" + height + ",framerate=30/1";
    const auto add = [&](const std::string& what, const std::string& launch) {
      contenders.push_back(std::make_unique<Contender>(std::string(format) + " " + what, launch, caps));
    };
    add("monetubelet 112x112 luma-motion pad",
        "monetubelet stride=1 width=112 height=112 planes=luma-motion fit=pad");
    add("monetubelet 112x112 luma-motion crop=motion",
        "monetubelet stride=1 width=112 height=112 planes=luma-motion crop=motion");
    add("videoscale ! videoconvert 112x63 GRAY8",
        "videoscale method=bilinear ! videoconvert ! capsfilter "
        "caps=video/x-raw,format=GRAY8,width=112,height=63");
    add("monetubelet 224x224 rgb crop", "monetubelet stride=1");
    add("videoscale ! videoconvert 224x224 RGB",
        "videoscale method=bilinear ! videoconvert ! capsfilter "
        "caps=video/x-raw,format=RGB,width=224,height=224");
  }
  for (int i = 0; i < kRounds; ++i)
    for (auto& c : contenders) c->round(seconds / kRounds);
  for (auto& c : contenders) c->report();
  contenders.clear();
  for (const char* clutter : {"0", "0.3", "1"}) report_actors(clutter, width, height);
  return 0;
}
