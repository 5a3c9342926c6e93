// Frames in CUDA memory, uploaded by GStreamer's own element, through ours: on a device that is emulated
// (tests/emulation), with the same answers as from the host's memory, and nothing copied back.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "elements/action_meta.h"
#include "elements/tubelet_memory.h"
#include "tests/elements/play.h"
#include "tests/emulation/driver.h"

namespace mone {
namespace {

/// Of the driver that GStreamer has opened.
int copies_to_host() {
  const auto copies = reinterpret_cast<decltype(&mone_driver_copies_to_host)>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD), "mone_driver_copies_to_host"));
  return copies ? copies() : -1;
}

std::string video(const std::string& format) {
  return "videotestsrc num-buffers=40 pattern=ball background-color=0xff406080 ! video/x-raw,format=" +
         format + ",width=98,height=74,framerate=30/1 ! ";
}

/// cudaupload would hand on system memory where that is taken, too.
const std::string kUpload = "cudaupload ! video/x-raw(memory:CUDAMemory) ! ";

/// What a tubelet shows, and when.
struct Seen {
  std::vector<guint8> pixels;
  GstClockTime pts;
  Box box;
  bool operator==(const Seen&) const = default;
};

std::vector<guint8> bytes_of(GstBuffer* buffer) {
  const BufferMap map(buffer, GST_MAP_READ);
  EXPECT_TRUE(map);
  return {map.data(), map.data() + map.size()};
}

Seen seen(GstBuffer* buffer) {
  return {bytes_of(buffer), GST_BUFFER_PTS(buffer), get_tubelet_meta(buffer)->box};
}

class CudaMemory : public testing::Test {
 protected:
  void SetUp() override {
#ifndef HAVE_GST_CUDA
    GTEST_SKIP() << "built without gst_cuda, which needs gstreamer-cuda-1.0 and cuda.h";
#endif
    if (!g_getenv("MONE_CUDA_MODULE"))
      GTEST_SKIP() << "ThreadSanitizer does not follow the fibers of the emulated device";
    const auto upload = Owned<GstElementFactory>::adopt(gst_element_factory_find("cudaupload"));
    ASSERT_TRUE(upload) << "GStreamer's nvcodec plug-in did not find the emulated driver";
  }
};

class CudaTubelets : public CudaMemory,
                     public testing::WithParamInterface<std::tuple<const char*, const char*>> {};

TEST_P(CudaTubelets, AreCutOnTheDeviceAsOnTheHost) {
  const auto [format, crop] = GetParam();
  const std::string cut = std::string("monetubelet crop=") + crop +
                          " ! monevivit name=out device=cuda model=\"" + tiny_model() + "\" ! fakesink";
  std::vector<Seen> host, device;
  play(video(format) + cut, [&](GstBuffer* tubelet) {
    EXPECT_EQ(tubelet_of(tubelet), nullptr);
    host.push_back(seen(tubelet));
  });
  const int before = copies_to_host();
  play(video(format) + kUpload + cut, [&](GstBuffer* tubelet) {
    ASSERT_NE(tubelet_of(tubelet), nullptr);
    EXPECT_EQ(tubelet_of(tubelet)->gpu(), 0);
    device.push_back(seen(tubelet));
  });
  EXPECT_GE(host.size(), 4u);
  EXPECT_EQ(device, host);
  EXPECT_EQ(copies_to_host(), std::max(0, before));
}

INSTANTIATE_TEST_SUITE_P(All, CudaTubelets,
                         testing::Combine(testing::Values("NV12", "I420", "RGBA", "BGRx", "RGB"),
                                          testing::Values("full", "motion")),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                         });

/// The labels that ride on the video behind moneclassify.
std::vector<ActionMeta> labels(const std::string& line) {
  std::vector<ActionMeta> all;
  play(line, [&](GstBuffer* frame) {
    for (ActionMeta& action : get_action_metas(frame)) all.push_back(std::move(action));
  });
  return all;
}

std::vector<std::vector<double>> scores(const std::vector<ActionMeta>& labels) {
  std::vector<std::vector<double>> all;
  for (const ActionMeta& action : labels) {
    all.emplace_back();
    for (const NamedScore& s : action.top) all.back().push_back(s.score);
  }
  return all;
}

std::string classify(const std::string& device) {
  return "moneclassify wait=always top-k=3 dtype=f32 device=" + device + " model=\"" + tiny_model() +
         "\" ! fakesink name=out";
}

TEST_F(CudaMemory, VideoPassesOnTheDeviceAndItsLabelsAreThoseOfTheHost) {
  const auto host = labels(video("NV12") + classify("cuda"));
  const int before = copies_to_host();
  const auto device = labels(video("NV12") + kUpload + classify("cuda"));
  EXPECT_GE(host.size(), 2u);
  EXPECT_EQ(scores(device), scores(host));
  EXPECT_EQ(copies_to_host(), std::max(0, before));
}

/// Nobody shares a context: the frames are in one of cudaupload's own.
TEST_F(CudaMemory, FramesOfAnotherContextPassThroughTheHost) {
  const auto host = labels(video("NV12") + classify("cpu"));
  const int before = std::max(0, copies_to_host());
  const auto device = labels(video("NV12") + kUpload + classify("cpu"));
  EXPECT_GE(host.size(), 2u);
  EXPECT_EQ(scores(device), scores(host));
  EXPECT_GT(copies_to_host(), before);
}

/// Another engine than the one that shares its context reads the tubelets, too.
TEST_F(CudaMemory, TubeletsOnTheDeviceCanBeReadByAnEngineOnTheHost) {
  const std::string vivit = " ! monevivit dtype=f32 model=\"" + tiny_model() + "\"";
  std::vector<Seen> host, device;
  const auto keep = [](std::vector<Seen>& into) {
    return [&into](GstBuffer* scores) { into.push_back({bytes_of(scores), GST_BUFFER_PTS(scores), {}}); };
  };
  play(video("NV12") + "monetubelet" + vivit + " device=cpu backend=reference ! fakesink name=out",
       keep(host));
  play(video("NV12") + kUpload + "monetubelet ! tee name=t ! queue" + vivit +
           " device=cuda ! fakesink async=false t. ! queue" + vivit +
           " device=cpu backend=reference ! fakesink async=false name=out",
       keep(device));
  EXPECT_GE(host.size(), 4u);
  EXPECT_EQ(device, host);
}

TEST_F(CudaMemory, TheContextIsThereForWhoAsksWhileTheEngineIs) {
  const auto vivit = Owned<GstElement>::adopt(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("monevivit", nullptr))));
  g_object_set(vivit.get(), "model", tiny_model().c_str(), "device", "cuda", nullptr);
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(vivit.get(), "sink"));
  const auto asked = [&] {
    const auto query = Owned<GstQuery>::adopt(gst_query_new_context("gst.cuda.context"));
    return gst_pad_query(pad.get(), query.get());
  };
  EXPECT_FALSE(asked());
  gst_element_set_state(vivit.get(), GST_STATE_READY);
  EXPECT_TRUE(asked());
  gst_element_set_state(vivit.get(), GST_STATE_NULL);
  EXPECT_FALSE(asked());
}

TEST(TubeletMemory, IsReadByMappingAndCopiedToBeWritten) {
  struct OnDevice : TubeletMemory {
    std::span<std::uint8_t> bytes() const override { return {}; }
    int gpu() const override { return 3; }
    void read(std::span<std::uint8_t> to) const override {
      if (fails) throw DeviceError("gone");
      std::fill(to.begin(), to.end(), std::uint8_t{7});
    }
    bool fails = false;
  };
  const auto allocator = tubelet_allocator();
  const auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new_allocate(allocator.get(), 16, nullptr));
  EXPECT_EQ(tubelet_of(buffer.get()), nullptr);
  EXPECT_FALSE(BufferMap(buffer.get(), GST_MAP_READ)) << "there is no tubelet yet";

  const auto made = std::make_shared<OnDevice>();
  std::shared_ptr<TubeletMemory> tubelet = made;
  swap_tubelet(buffer.get(), tubelet);
  EXPECT_EQ(tubelet, nullptr);
  EXPECT_EQ(tubelet_of(buffer.get()), made.get());
  EXPECT_EQ(bytes_of(buffer.get()), std::vector<guint8>(16, 7));
  const auto copy = Owned<GstBuffer>::adopt(gst_buffer_copy_deep(buffer.get()));
  EXPECT_EQ(tubelet_of(copy.get()), nullptr);
  made->fails = true;
  EXPECT_FALSE(BufferMap(buffer.get(), GST_MAP_READ));
  made->fails = false;
  // GStreamer puts a copy of the host's in the buffer then.
  EXPECT_TRUE(BufferMap(buffer.get(), GST_MAP_READWRITE));
  EXPECT_EQ(tubelet_of(buffer.get()), nullptr);
  EXPECT_EQ(bytes_of(buffer.get()), bytes_of(copy.get()));
}

}  // namespace
}  // namespace mone
