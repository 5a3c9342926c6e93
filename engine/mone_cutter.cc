#include "engine/mone_cutter.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "engine/c_interface.h"
#include "engine/error.h"
#include "engine/model_config.h"
#include "engine/tubelet.h"
#include "engine/tubelet_format.h"
#include "engine/tubeliser.h"

struct mone_cutter {
  mone::TubeletFormat format;
};

namespace mone {
namespace {

thread_local std::string last_error;

void require(bool holds, const char* what) {
  if (!holds) throw ShapeError(what);
}

int channels(const TubeletFormat& format) { return format.planes == Planes::kRgb ? 3 : 1; }

Frame frame_of(const std::uint8_t* pixels, int width, int height, int channels) {
  Frame frame;
  frame.format = channels == 3 ? PixelFormat::kRgb : PixelFormat::kGray8;
  frame.range = ColourRange::kFull;
  frame.width = width;
  frame.height = height;
  frame.planes[0] = pixels;
  frame.strides[0] = static_cast<std::ptrdiff_t>(width) * channels;
  return frame;
}

/// u8 [tokens, pt, ph, pw, 3] -> [tokens, 3, pt, ph, pw].
void channel_first(const TubeletFormat& f, const std::uint8_t* from, std::uint8_t* to) {
  const int pixels = f.pt * f.ph * f.pw;
  for (int token = 0; token < f.tokens(); ++token, from += 3 * pixels, to += 3 * pixels)
    for (int i = 0; i < pixels; ++i)
      for (int c = 0; c < 3; ++c) to[c * pixels + i] = from[3 * i + c];
}

void write_box(const ShownShare& share, float* to) {
  to[0] = static_cast<float>(share.left);
  to[1] = static_cast<float>(share.top);
  to[2] = static_cast<float>(share.width);
  to[3] = static_cast<float>(share.height);
}

void cut_clip(TubeletCutter& cutter, int steps, int history, int height, int width,
              const std::uint8_t* pixels, std::vector<std::uint8_t>& scratch, std::uint8_t* tubelets,
              float* boxes) {
  const TubeletFormat& f = cutter.format();
  const int depth = channels(f);
  const std::size_t picture = static_cast<std::size_t>(height) * width * depth, bytes = scratch.size();
  cutter.reset();
  for (int s = 0; s < history + steps; ++s) {
    cutter.load(frame_of(pixels + static_cast<std::size_t>(s) * picture, width, height, depth));
    cutter.cut(s % f.pt, s < history ? std::span<std::uint8_t>() : scratch);
    if ((s + 1) % f.pt || s < history) continue;
    const std::size_t t = static_cast<std::size_t>((s - history) / f.pt);
    channel_first(f, scratch.data(), tubelets + t * bytes);
    if (boxes) write_box(cutter.shown_share(), boxes + 4 * t);
  }
}

}  // namespace
}  // namespace mone

using namespace mone;

mone_cutter* mone_cutter_new(const char* config_json) {
  return answered(last_error, static_cast<mone_cutter*>(nullptr), [&] {
    require(config_json, "config_json must not be NULL");
    const auto config = parse_model_config(config_json);
    if (!config) throw ConfigError(config.error().text);
    const TubeletFormat format = tubelet_format(config.value());
    if (const auto failure = check(format)) throw ConfigError(failure->text);
    if (format.crop == CropMode::kRegion)
      throw ConfigError("crop is region, and clips have no regions: train with crop motion or full");
    return new mone_cutter{format};
  });
}

void mone_cutter_free(mone_cutter* cutter) { delete cutter; }
const char* mone_cutter_error(void) { return last_error.c_str(); }

int mone_cutter_clips(const mone_cutter* cutter, int count, int steps, int history, int height, int width,
                      const uint8_t* pixels, int threads, uint8_t* tubelets, float* boxes) {
  return answered(last_error, -1, [&] {
    const TubeletFormat& f = cutter->format;
    require(count >= 0 && history >= 0, "count and history must not be negative");
    require(steps >= 1, "steps must be 1 or more");
    require(steps % f.pt == 0 && history % f.pt == 0,
            "steps and history must be multiples of the tubelet's frames");
    require(height >= 1 && width >= 1 && height <= 4096 && width <= 4096, "height and width must be 1..4096");
    require(threads >= 1 && threads <= 1024, "threads must be 1..1024");
    require((pixels && tubelets) || count == 0, "pixels and tubelets must not be NULL");
    const std::size_t from = static_cast<std::size_t>(history + steps) * height * width * channels(f);
    const std::size_t nt = static_cast<std::size_t>(steps / f.pt), to = nt * f.bytes();
    share_out(count, threads, "mone-cutter", [&](const auto& next) {
      TubeletCutter mine(f);
      std::vector<std::uint8_t> scratch(static_cast<std::size_t>(f.bytes()));
      for (int i = next(); i < count; i = next()) {
        const auto at = static_cast<std::size_t>(i);
        cut_clip(mine, steps, history, height, width, pixels + at * from, scratch, tubelets + at * to,
                 boxes ? boxes + at * nt * 4 : nullptr);
      }
    });
    return 0;
  });
}

int mone_cutter_video(const mone_cutter* cutter, int frames, int height, int width, const uint8_t* pixels,
                      const double* times, double fps, int stride, int most, uint8_t* tubelets, double* ends,
                      float* boxes) {
  return answered(last_error, -1, [&] {
    const TubeletFormat& f = cutter->format;
    require(frames >= 0 && most >= 0 && stride >= 0, "frames, most and stride must not be negative");
    require(height >= 1 && width >= 1 && height <= 4096 && width <= 4096, "height and width must be 1..4096");
    require((pixels && times) || frames == 0, "pixels and times must not be NULL");
    require(tubelets || most == 0, "tubelets must not be NULL");
    Tubeliser tubeliser(f, {.stride = stride});
    tubeliser.declare_frame_rate(fps);
    int found = 0;
    const int depth = channels(f);
    const auto on_tubelet = [&](const CutTubelet& t) {
      if (t.lost) return;
      if (found < most) {
        const auto at = static_cast<std::size_t>(found);
        channel_first(f, t.pixels.data(), tubelets + at * static_cast<std::size_t>(f.bytes()));
        if (ends) ends[at] = std::chrono::duration<double>(t.end).count();
        if (boxes) write_box(t.share, boxes + 4 * at);
      }
      ++found;
    };
    const auto time = [](double seconds) { return Time(std::llround(seconds * 1e9)); };
    for (int i = 0; i < frames; ++i)
      tubeliser.push(
          frame_of(pixels + static_cast<std::size_t>(i) * height * width * depth, width, height, depth),
          time(times[i]), time(fps > 0 ? 1 / fps : 0), on_tubelet);
    tubeliser.finish(on_tubelet);
    return found;
  });
}
