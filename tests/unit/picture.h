/// Frames of every pixel format painted from one function, and a plain floating-point resize to compare with.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/frame.h"

namespace mone::test {

using Rgb = std::array<double, 3>;  // 0 to 255
using Paint = std::function<Rgb(double x, double y)>;

/// A frame and the bytes it looks at. Rows are padded with 0xEE so that reading past a row shows.
struct OwnedFrame {
  std::array<std::vector<std::uint8_t>, 3> bytes;
  Frame frame;
};

inline double kr(ColourMatrix m) {
  return m == ColourMatrix::kBt601 ? 0.299 : m == ColourMatrix::kBt709 ? 0.2126 : 0.2627;
}
inline double kb(ColourMatrix m) {
  return m == ColourMatrix::kBt601 ? 0.114 : m == ColourMatrix::kBt709 ? 0.0722 : 0.0593;
}

/// Y, Cb, Cr as a camera makes them (textbook formulas), unrounded.
inline std::array<double, 3> to_yuv(const Rgb& c, ColourMatrix m, ColourRange range) {
  const double y = kr(m) * c[0] + (1 - kr(m) - kb(m)) * c[1] + kb(m) * c[2];
  const double cb = (c[2] - y) / (2 * (1 - kb(m))), cr = (c[0] - y) / (2 * (1 - kr(m)));
  if (range == ColourRange::kFull) return {y, cb + 128, cr + 128};
  return {y * 219 / 255 + 16, cb * 224 / 255 + 128, cr * 224 / 255 + 128};
}

inline std::uint8_t byte(double v) { return static_cast<std::uint8_t>(std::clamp(std::lround(v), 0l, 255l)); }

inline OwnedFrame paint_frame(PixelFormat format, int width, int height, const Paint& paint,
                              ColourMatrix matrix = ColourMatrix::kBt709,
                              ColourRange range = ColourRange::kLimited) {
  constexpr int kPadding = 13;
  OwnedFrame f;
  f.frame.format = format;
  f.frame.width = width;
  f.frame.height = height;
  f.frame.matrix = matrix;
  f.frame.range = range;
  const auto plane = [&](int p, int row_bytes, int rows) {
    f.frame.strides[p] = row_bytes + kPadding;
    f.bytes[p].assign(static_cast<std::size_t>(f.frame.strides[p]) * rows, 0xEE);
    f.frame.planes[p] = f.bytes[p].data();
  };
  const auto put = [&](int p, int x, int y, double v) {
    f.bytes[p][static_cast<std::size_t>(y * f.frame.strides[p] + x)] = byte(v);
  };
  const auto yuv = [&](double x, double y) { return to_yuv(paint(x, y), matrix, range); };
  const int cw = (width + 1) / 2, ch = (height + 1) / 2;
  switch (format) {
    case PixelFormat::kNv12:
    case PixelFormat::kI420:
      plane(0, width, height);
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) put(0, x, y, yuv(x + .5, y + .5)[0]);
      if (format == PixelFormat::kNv12) {
        plane(1, 2 * cw, ch);
      } else {
        plane(1, cw, ch);
        plane(2, cw, ch);
      }
      for (int y = 0; y < ch; ++y)
        for (int x = 0; x < cw; ++x) {
          const auto c = yuv(2 * x + .5, 2 * y + 1);  // MPEG-2: on the left luma sample, between the rows
          put(1, format == PixelFormat::kNv12 ? 2 * x : x, y, c[1]);
          put(format == PixelFormat::kNv12 ? 1 : 2, format == PixelFormat::kNv12 ? 2 * x + 1 : x, y, c[2]);
        }
      break;
    case PixelFormat::kYuy2:
      plane(0, 4 * cw, height);
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < cw; ++x) {
          put(0, 4 * x, y, yuv(2 * x + .5, y + .5)[0]);
          put(0, 4 * x + 2, y, yuv(2 * x + 1.5, y + .5)[0]);
          put(0, 4 * x + 1, y, yuv(2 * x + .5, y + .5)[1]);
          put(0, 4 * x + 3, y, yuv(2 * x + .5, y + .5)[2]);
        }
      break;
    case PixelFormat::kGray8:
      plane(0, width, height);
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) put(0, x, y, yuv(x + .5, y + .5)[0]);
      break;
    default: {
      const bool three = format == PixelFormat::kRgb || format == PixelFormat::kBgr;
      const bool blue_first =
          format == PixelFormat::kBgr || format == PixelFormat::kBgra || format == PixelFormat::kBgrx;
      const int step = three ? 3 : 4;
      plane(0, step * width, height);
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
          const Rgb c = paint(x + .5, y + .5);
          for (int k = 0; k < 3; ++k) put(0, step * x + (blue_first ? 2 - k : k), y, c[k]);
          if (!three) put(0, step * x + 3, y, 77);  // alpha or nothing: not to be looked at
        }
    }
  }
  return f;
}

/// Pillow's triangle filter, straight from its definition: the value at output pixel (ox, oy) of the region
/// (x0, y0, w, h) shrunk or enlarged to ow x oh.
inline double triangle_resize(const std::function<double(int, int)>& pixel, double x0, double y0, double w,
                              double h, int ow, int oh, int ox, int oy) {
  const double sx = w / ow, sy = h / oh, rx = std::max(sx, 1.0), ry = std::max(sy, 1.0);
  const double cx = x0 + (ox + .5) * sx, cy = y0 + (oy + .5) * sy;
  double sum = 0, weights = 0;
  for (int y = static_cast<int>(y0); y < y0 + h; ++y)
    for (int x = static_cast<int>(x0); x < x0 + w; ++x) {
      const double wx = 1 - std::abs(x + .5 - cx) / rx, wy = 1 - std::abs(y + .5 - cy) / ry;
      if (wx <= 0 || wy <= 0) continue;
      sum += wx * wy * pixel(x, y);
      weights += wx * wy;
    }
  return sum / weights;
}

}  // namespace mone::test
