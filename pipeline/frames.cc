// mone frames: the decoded pictures of a video for training, as a NumPy array.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <new>
#include <optional>
#include <vector>

#include "engine/error.h"
#include "engine/tubelet.h"
#include "pipeline/command_line.h"
#include "pipeline/json_line.h"
#include "pipeline/npy.h"
#include "pipeline/seconds.h"
#include "pipeline/video_file.h"

namespace mone {
namespace {

/// The picture's size with its long side at most `most`, square pixels; never enlarged.
TubeletFormat shrunk(const Frame& whole, int most, bool rgb) {
  const Frame frame = field_of(whole);
  const Box box = frame.visible();
  const double width = box.width * frame.pixel_aspect, height = box.height;
  const double scale = std::min(1.0, most / std::max(width, height));
  TubeletFormat format;
  format.planes = rgb ? Planes::kRgb : Planes::kLumaMotion;
  format.fit = Fit::kPad;
  format.width = std::max(1, static_cast<int>(std::lround(width * scale)));
  format.height = std::max(1, static_cast<int>(std::lround(height * scale)));
  format.pt = format.ph = format.pw = 1;
  return format;
}

bool decode(const std::string& path, int most, bool rgb, const std::string& out) {
  auto opened = VideoFile::open(path);
  if (!opened) {
    std::cerr << "mone: " << opened.error().text << '\n';
    return false;
  }
  VideoFile& file = *opened.value();
  std::vector<std::uint8_t> pixels;
  Json times = Json::array();
  TubeletFormat format;
  std::optional<TubeletCutter> resizer;
  while (const VideoFile::Picture* next = file.next()) {
    if (!resizer) {
      format = shrunk(next->frame, most, rgb);
      resizer.emplace(format);
    }
    resizer->load(next->frame);
    const auto picture = resizer->picture();
    const std::size_t plane = picture.size() / (rgb ? 3 : 1);
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < picture.size(); c += plane) pixels.push_back(picture[c + i]);
    times.push_back(to_seconds(next->time));
  }
  if (file.losses().any()) std::cerr << "mone: " << shown_name(path) << ": " << file.losses().text() << '\n';
  if (!resizer) {
    std::cerr << "mone: " << shown_name(path) << ": no frame could be decoded\n";
    return false;
  }
  std::vector<std::size_t> shape{times.size(), static_cast<std::size_t>(format.height),
                                 static_cast<std::size_t>(format.width)};
  if (rgb) shape.push_back(3);
  const auto written = write_npy_u8(out, shape, pixels);
  if (!written.empty()) {
    std::cerr << "mone: " << written << '\n';
    return false;
  }
  write_line(std::cout, {{"fps", file.frame_rate()}, {"times", times}});
  return true;
}

}  // namespace

int frames_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  std::string out;
  int most = 320;
  bool rgb = false;
  std::vector<std::string> files;
  CommandLine line(
      "frames [options] FILE",
      "Decodes a video for training: luma of every frame, full range, square pixels, upright, as\n"
      "a NumPy array u8 [frames, height, width]. Standard output gets one JSON object: fps, and\n"
      "the times of the frames in seconds.");
  line.options()("out", po::value(&out)->value_name("NPY"), "file to write (needed)")(
      "long-side", po::value(&most)->value_name("PIXELS"),
      "larger pictures are shrunk to this; default: 320")(
      "rgb", po::bool_switch(&rgb), "colour, u8 [frames, height, width, 3], for models whose planes are rgb");
  line.take_rest("FILE", &files);
  if (!line.parse(arguments)) return kExitDone;
  if (out.empty()) throw UsageError("--out is missing: the .npy file to write");
  if (most < 16 || most > 4096) throw UsageError("--long-side is 16 to 4096, not " + std::to_string(most));
  if (files.size() != 1) throw UsageError("one FILE is needed: mone frames --out NPY FILE");
  check_output("--out", out, files);
  av_log_set_level(AV_LOG_QUIET);  // what was lost is counted and said
  try {
    return decode(files.front(), most, rgb, out) ? kExitDone : kExitFailed;
  } catch (const std::bad_alloc&) {
    std::cerr << "mone: " << shown_name(files.front())
              << ": its pictures do not fit into memory; a smaller --long-side or a shorter video does\n";
    return kExitFailed;
  }
}

}  // namespace mone
