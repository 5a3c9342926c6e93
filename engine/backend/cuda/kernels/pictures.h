/// From a frame in device memory to a tubelet, pixel by pixel, with the functions of engine/samples.h: the
/// same bytes as FrameResizer and write_step() give.
#pragma once

#include "engine/backend/cuda/device_code.h"
#include "engine/backend/cuda/kernel.h"
#include "engine/samples.h"

namespace mone::cuda {

constexpr int kPixelThreads = 256;
MONE_BOTH Grid grid_of_pixels(int pixels) { return {ceil_div(pixels, kPixelThreads), 1, 1}; }
MONE_DEVICE int pixel_of_thread() { return block_x() * kPixelThreads + thread(); }

/// An Axis (engine/resample.h) in device memory.
struct AxisTable {
  const int* first;             ///< [outputs]
  const int* count;             ///< [outputs]
  const std::int16_t* weights;  ///< [outputs, taps]
  int taps;
};

/// One component of a frame, and how it is resized.
struct PictureComponent {
  const std::uint8_t* samples;  ///< the first one
  long long stride;             ///< bytes from a row to the next, may be negative
  int step;                     ///< bytes from a sample to the next
  AxisTable across, down;
};

/// The sample at (x, y) of the part of the image that shows the frame. Each thread blends the columns it
/// needs: two neighbours share about half of theirs, which the cache has, and no frame is too wide for a
/// block.
MONE_DEVICE std::uint16_t resized_sample(const PictureComponent& c, int x, int y) {
  const std::int16_t* down = c.down.weights + static_cast<long long>(y) * c.down.taps;
  const std::int16_t* across = c.across.weights + static_cast<long long>(x) * c.across.taps;
  const std::uint8_t* corner =
      c.samples + c.down.first[y] * c.stride + static_cast<long long>(c.across.first[x]) * c.step;
  const int rows = c.down.count[y], columns = c.across.count[x];
  std::int32_t sum = 1 << (kGatherShift - 1);
  for (int i = 0; i < columns; ++i, corner += c.step) {
    std::int32_t column = 1 << (kBlendShift - 1);
    for (int t = 0; t < rows; ++t) column += down[t] * corner[t * c.stride];
    sum += across[i] * (column >> kBlendShift);
  }
  return static_cast<std::uint16_t>(sum >> kGatherShift);
}

/// A frame, or a part of it, to a picture. A thread a pixel.
struct ResizePicture {
  static constexpr int kThreads = kPixelThreads;
  PictureComponent component[3];
  Colouring colouring;
  YuvToRgb colours;                      ///< of luma alone, only `luma` is looked at
  std::uint8_t* out;                     ///< [channels, height, width]
  int width, height;                     ///< of the image
  int begin_x, size_x, begin_y, size_y;  ///< the part that shows the frame; the rest is black

  MONE_DEVICE RgbBytes pixel(int x, int y) const {
    const std::uint16_t a = resized_sample(component[0], x, y);
    if (colouring == Colouring::kLuma || colouring == Colouring::kGrey) {
      const std::uint8_t grey = full_range(a, colours.luma);
      return {grey, grey, grey};
    }
    const std::uint16_t b = resized_sample(component[1], x, y), c = resized_sample(component[2], x, y);
    if (colouring == Colouring::kYuv) return rgb_of(a, b, c, colours);
    if (colouring == Colouring::kRgb) return {round_sample(a), round_sample(b), round_sample(c)};
    return {luma_of(a, b, c), 0, 0};
  }

  MONE_DEVICE void operator()() const {
    const int at = pixel_of_thread(), plane = width * height;
    if (at >= plane) return;
    const int x = at % width - begin_x, y = at / width - begin_y;
    RgbBytes value{0, 0, 0};
    if (x >= 0 && x < size_x && y >= 0 && y < size_y) value = pixel(x, y);
    out[at] = value.red;
    if (colouring == Colouring::kLuma || colouring == Colouring::kLumaOfRgb) return;
    out[at + plane] = value.green;
    out[at + 2 * plane] = value.blue;
  }
};

/// One time step of a tubelet, u8 [tokens, pt, ph, pw, 3]. A thread a pixel.
struct WriteStep {
  static constexpr int kThreads = kPixelThreads;
  const std::uint8_t* pictures[3];  ///< [height, width] each: R, G, B; or luma now, one and four steps ago
  std::uint8_t* tubelet;
  bool motion;  ///< planes are luma-motion
  int width, height, pt, ph, pw;
  int t;  ///< which step

  MONE_DEVICE void operator()() const {
    const int at = pixel_of_thread();
    if (at >= width * height) return;
    const int x = at % width, y = at / width;
    const int token = y / ph * (width / pw) + x / pw;
    const std::uint8_t a = pictures[0][at], b = pictures[1][at], c = pictures[2][at];
    std::uint8_t* to =
        tubelet + ((static_cast<long long>(token) * pt + t) * ph + y % ph) * pw * 3 + x % pw * 3;
    to[0] = a;
    to[1] = motion ? motion_of_one(a, b) : b;
    to[2] = motion ? motion_of_four(a, c) : c;
  }
};

/// Luma of a picture of R, G, B, to look for motion in. A thread a pixel.
struct LumaOfPicture {
  static constexpr int kThreads = kPixelThreads;
  const std::uint8_t* picture;  ///< [3, pixels]
  std::uint8_t* luma;           ///< [pixels]
  int pixels;

  MONE_DEVICE void operator()() const {
    const int at = pixel_of_thread();
    if (at < pixels) luma[at] = motion_luma(picture[at], picture[at + pixels], picture[at + 2 * pixels]);
  }
};

/// MotionBox::add(): how much moved in each cell of kMotionCell pixels on a side. A thread a cell.
struct MotionOfCells {
  static constexpr int kThreads = kPixelThreads;
  const std::uint8_t *now, *before;  ///< [height, width]
  std::uint32_t* cells;              ///< [rows, columns]
  int width, rows, columns;
  int top, bottom;  ///< rows of pixels that count

  MONE_DEVICE void operator()() const {
    const int cell = pixel_of_thread();
    if (cell >= rows * columns) return;
    const int left = cell % columns * kMotionCell, first = cell / columns * kMotionCell;
    const int right = smaller(width, left + kMotionCell), last = smaller(bottom, first + kMotionCell);
    std::uint32_t sum = 0;
    for (int y = larger(top, first); y < last; ++y)
      for (int x = left; x < right; ++x) {
        const long long at = static_cast<long long>(y) * width + x;
        sum += moved(now[at], before[at]);
      }
    cells[cell] = sum;
  }
};

}  // namespace mone::cuda
