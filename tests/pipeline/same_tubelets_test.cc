// The mone program and the elements see the same tubelets of the same file: bit for bit where the codec is
// lossless, within what two builds of a decoder may differ elsewhere.
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "elements/glue/gst_ptr.h"
#include "elements/tubelet_meta.h"
#include "engine/tubeliser.h"
#include "pipeline/video_file.h"
#include "tests/pipeline/video_writer.h"

namespace mone {
namespace {

struct Seen {
  std::vector<std::uint8_t> pixels;
  double end = 0;  // seconds
  int missing = 0, stride = 0;
  double rate = 0;
};

std::vector<Seen> by_program(const std::string& path, const TubeletFormat& format, Sampling sampling) {
  auto file = std::move(VideoFile::open(path).value());
  Tubeliser tubeliser(format, {.mode = sampling});
  tubeliser.declare_frame_rate(file->frame_rate());
  std::vector<Seen> seen;
  const auto on_tubelet = [&seen](const CutTubelet& t) {
    if (t.lost) return;
    seen.push_back({{t.pixels.begin(), t.pixels.end()},
                    std::chrono::duration<double>(t.end).count(),
                    t.missing,
                    t.stride,
                    t.rate});
  };
  while (const VideoFile::Picture* p = file->next())
    tubeliser.push(p->frame, p->time, file->frame_duration(), on_tubelet);
  tubeliser.finish(on_tubelet);
  return seen;
}

std::vector<Seen> by_elements(const std::string& path, const TubeletFormat& format, Sampling sampling) {
  const std::string launch =
      "filesrc location=" + path + " ! decodebin ! monetubelet planes=" + to_name(format.planes) +
      " fit=" + to_name(format.fit) + (sampling == Sampling::kNominal ? " sampling=nominal" : "") +
      " ! appsink name=out sync=false";
  gst_init(nullptr, nullptr);
  GError* error = nullptr;
  const auto pipeline =
      Owned<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch.c_str(), &error))));
  EXPECT_EQ(error, nullptr) << error->message;
  g_clear_error(&error);
  const auto sink = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<Seen> seen;
  while (GstSample* s = gst_app_sink_pull_sample(GST_APP_SINK(sink.get()))) {
    const auto sample = Owned<GstSample>::adopt(s);
    GstBuffer* buffer = gst_sample_get_buffer(s);
    const BufferMap map(buffer, GST_MAP_READ);
    const TubeletMeta meta = get_tubelet_meta(buffer).value();
    const guint64 running =
        gst_segment_to_running_time(gst_sample_get_segment(s), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    seen.push_back({{map.data(), map.data() + map.size()},
                    static_cast<double>(running) / 1e9,
                    meta.missing,
                    meta.stride,
                    meta.rate});
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return seen;
}

int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

struct Case {
  const char* file;
  testing::VideoSpec spec;
};

void compare(const Case& c, Planes planes, Fit fit, Sampling sampling) {
  const std::string path = ::testing::TempDir() + c.file;
  if (const std::string why = testing::write_video(path, c.spec); !why.empty()) GTEST_SKIP() << why;
  TubeletFormat format;
  format.planes = planes;
  format.fit = fit;
  const auto program = by_program(path, format, sampling), elements = by_elements(path, format, sampling);
  std::remove(path.c_str());
  ASSERT_GE(program.size(), 5u);
  ASSERT_EQ(program.size(), elements.size());
  for (std::size_t k = 0; k < program.size(); ++k) {
    EXPECT_NEAR(program[k].end - program[0].end, elements[k].end - elements[0].end, 1e-6) << "tubelet " << k;
    EXPECT_EQ(program[k].missing, elements[k].missing) << "tubelet " << k;
    EXPECT_EQ(program[k].stride, elements[k].stride) << "tubelet " << k;
    EXPECT_NEAR(program[k].rate, elements[k].rate, 1e-3) << "tubelet " << k;
    EXPECT_LE(largest_difference(program[k].pixels, elements[k].pixels), c.spec.encoder == "ffv1" ? 0 : 4)
        << "tubelet " << k;
  }
}

testing::VideoSpec steady(int rate) {
  testing::VideoSpec spec;
  spec.rate = rate;
  spec.encoder = "ffv1";
  return spec;
}

TEST(SameTubelets, OfASteadyFile) {
  compare({"steady25.mkv", steady(25)}, Planes::kRgb, Fit::kCrop, Sampling::kFollow);
  compare({"steady30.mkv", steady(30)}, Planes::kLumaMotion, Fit::kPad, Sampling::kFollow);
}

TEST(SameTubelets, OfAFileWithFramesMissing) {
  testing::VideoSpec spec = steady(30);
  spec.time = [](int i) { return std::int64_t{1000} * (i < 20 ? i : i + 1 + (i > 40 ? 2 : 0)) / 30; };
  compare({"missing.mkv", spec}, Planes::kLumaMotion, Fit::kPad, Sampling::kFollow);
}

TEST(SameTubelets, OnTheNominalGrid) {
  compare({"nominal.mkv", steady(30)}, Planes::kLumaMotion, Fit::kPad, Sampling::kNominal);
}

TEST(SameTubelets, OfAFileWithBFrames) {
  testing::VideoSpec spec = steady(25);
  spec.encoder = "mpeg4";
  spec.b_frames = 2;
  compare({"bframes.mp4", spec}, Planes::kRgb, Fit::kPad, Sampling::kFollow);
}

}  // namespace
}  // namespace mone
