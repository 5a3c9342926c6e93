/// Writes small videos of every kind a test needs: steady or not, turned, without times, in any container.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace mone::testing {

struct VideoSpec {
  std::string encoder = "mpeg4";  ///< FFmpeg's name; "libx264" is not in every build
  std::string pixel_format = "yuv420p";
  int width = 96, height = 80;
  int frames = 60;
  int rate = 30;  ///< frames per second that the file declares
  /// Time of a frame in milliseconds; empty: steady at `rate`.
  std::function<std::int64_t(int)> time;
  int turn = 0;  ///< display matrix: degrees clockwise, a multiple of 90
  int b_frames = 0;
};

/// The container follows from the file's name. What is shown is a bright block that crosses a gradient.
/// @return  empty, or why it could not be written ("this FFmpeg has no libx264")
std::string write_video(const std::string& path, const VideoSpec& spec);

}  // namespace mone::testing
