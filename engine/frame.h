/// A view of one video frame in memory. Nothing is owned and nothing is copied.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace mone {

/// Names as GStreamer's; bytes in memory in the order of the name, x = unused. NV12 and I420 are 4:2:0 with
/// chroma planes of (width + 1) / 2 by (height + 1) / 2 samples; YUY2 is 4:2:2 packed Y U Y V.
enum class PixelFormat { kNv12, kI420, kYuy2, kRgb, kBgr, kRgba, kBgra, kRgbx, kBgrx, kGray8 };

enum class ColourMatrix { kBt601, kBt709, kBt2020 };

/// Limited: luma 16 to 235, chroma 16 to 240. Full: 0 to 255.
enum class ColourRange { kLimited, kFull };

/// Where a chroma sample sits across: on the left one of its two luma samples (MPEG-2 and H.264's default) or
/// between them (JPEG, MPEG-1).
enum class ChromaSite { kLeft, kCentre };

/// Of an interlaced frame only the first field is looked at, see field_of().
enum class Interlace { kProgressive, kTopFirst, kBottomFirst };

/// A rectangle in source pixels. The end is exclusive.
struct Box {
  int x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Box&) const = default;
};

/// What two boxes share; of width or height 0 where that is nothing.
inline Box intersection(const Box& a, const Box& b) {
  const auto shared = [](std::int64_t first, int size, std::int64_t second, int other, int begin) {
    return static_cast<int>(std::max<std::int64_t>(0, std::min(first + size, second + other) - begin));
  };
  const int left = std::max(a.x, b.x), top = std::max(a.y, b.y);
  return {left, top, shared(a.x, a.width, b.x, b.width, left), shared(a.y, a.height, b.y, b.height, top)};
}

struct Frame {
  PixelFormat format = PixelFormat::kI420;
  int width = 0, height = 0;                    ///< pixels
  std::array<const std::uint8_t*, 3> planes{};  ///< first row of each; packed formats use one, NV12 two
  std::array<std::ptrdiff_t, 3> strides{};      ///< bytes from a row to the next, may be negative
  ColourMatrix matrix = ColourMatrix::kBt709;   ///< of YUV formats
  ColourRange range = ColourRange::kLimited;    ///< of YUV formats and GRAY8
  ChromaSite chroma_site = ChromaSite::kLeft;
  Interlace interlace = Interlace::kProgressive;
  double pixel_aspect = 1;  ///< width of a pixel over its height
  Box crop;                 ///< the part to see, inside the frame; an empty box = the whole frame

  Box visible() const { return crop.width > 0 && crop.height > 0 ? crop : Box{0, 0, width, height}; }
};

/// The first field of an interlaced frame as a frame of half the height; a progressive frame as it is. The
/// two fields of a moving picture are two instants: resizing them as one would blend them into a comb.
inline Frame field_of(Frame frame) {
  if (frame.interlace == Interlace::kProgressive || frame.height < 4) return frame;
  const bool bottom = frame.interlace == Interlace::kBottomFirst;
  const Box box = frame.visible();
  for (std::size_t p = 0; p < frame.planes.size(); ++p) {
    if (bottom && frame.planes[p]) frame.planes[p] += frame.strides[p];
    frame.strides[p] *= 2;
  }
  // A bottom field has the smaller half of the rows, and of the rows of halved chroma.
  const int chroma_rows = (frame.height + 1) / 2;
  frame.height = bottom ? std::min(frame.height / 2, chroma_rows / 2 * 2) : (frame.height + 1) / 2;
  frame.crop.x = box.x;
  frame.crop.width = box.width;
  frame.crop.y = std::min(box.y / 2, frame.height - 1);
  frame.crop.height = std::clamp(box.height / 2, 1, frame.height - frame.crop.y);
  frame.pixel_aspect /= 2;
  frame.interlace = Interlace::kProgressive;
  return frame;
}

}  // namespace mone
