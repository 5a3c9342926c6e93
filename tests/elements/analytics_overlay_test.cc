// The stock overlay draws our labels. A program of its own, not looked at by the leaks tracer: the overlay of
// GStreamer 1.26 leaks its last composition.
#include <gtest/gtest.h>

#include "tests/elements/play.h"

namespace mone {
namespace {

TEST(AnalyticsOverlay, DrawsTheLabel) {
  gst_init(nullptr, nullptr);
#ifndef HAVE_GST_ANALYTICS
  GTEST_SKIP()
      << "built without GstAnalytics, which needs GStreamer 1.24 and libgstreamer-plugins-bad1.0-dev";
#endif
  const auto stock = Owned<GstElementFactory>::adopt(gst_element_factory_find("objectdetectionoverlay"));
  if (!stock) GTEST_SKIP() << "no objectdetectionoverlay; it is in gstreamer1.0-plugins-bad";
  std::string last[2];
  for (const bool drawn : {false, true})
    play(classified_line("black", 320, 240) + "videoconvert ! " + (drawn ? "objectdetectionoverlay ! " : "") +
             "video/x-raw,format=BGRA ! fakesink name=out",
         [&](GstBuffer* buffer) {
           const BufferMap map(buffer, GST_MAP_READ);
           last[drawn].assign(reinterpret_cast<const char*>(map.data()), map.size());
         });
  EXPECT_EQ(last[0].size(), last[1].size());
  EXPECT_TRUE(last[0] != last[1]) << "nothing was drawn";
}

}  // namespace
}  // namespace mone
