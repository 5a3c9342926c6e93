/// What happens to one sample on its way to a tubelet, in integers: the rows of the CPU and the kernels of a
/// GPU call the same functions, so that both give the same bytes.
///
/// Samples are u16 with kSampleBits fractional bits (engine/resample.h), results u8.
#pragma once

#include <cstdint>

#include "engine/host_device.h"

namespace mone {

/// Fractional bits of weights, of samples after the vertical pass and after the horizontal one. 255 with 7
/// bits fits the i16 that multiply-add instructions take; 14 bits keep a row of weights exact to 1/16384.
constexpr int kWeightBits = 14, kBlendBits = 7, kSampleBits = 8;
/// What the two passes take off their sums, after half of it has been added.
constexpr int kBlendShift = kWeightBits - kBlendBits;
constexpr int kGatherShift = kWeightBits + kBlendBits - kSampleBits;

constexpr int kColourBits = 13;  // 65280 x 2.2 x 2^13 twice still fits 31 bits
constexpr int kColourShift = kColourBits + kSampleBits;

/// What the channels of a picture are made of.
enum class Colouring {
  kLuma,       ///< one channel: luma to full range
  kLumaOfRgb,  ///< one channel: luma of R, G, B
  kYuv,        ///< R, G, B of Y, Cb, Cr
  kGrey,       ///< R, G, B, all luma to full range
  kRgb         ///< R, G, B as they are
};

/// y' = clamp((y - offset) gain): limited luma to full range, or full as it is.
struct LumaScale {
  std::int32_t offset, gain;  ///< offset in samples; gain with kColourBits fractional bits
};

/// R, G, B from Y, Cb, Cr of one matrix and range.
struct YuvToRgb {
  LumaScale luma;
  std::int32_t red_cr, green_cb, green_cr, blue_cb;  ///< kColourBits fractional bits
};

struct RgbBytes {
  std::uint8_t red, green, blue;
};

MONE_BOTH std::uint8_t clamp_byte(std::int32_t value) {
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// A colour with kColourShift fractional bits.
MONE_BOTH std::uint8_t round_colour(std::int32_t value) {
  return clamp_byte((value + (1 << (kColourShift - 1))) >> kColourShift);
}

MONE_BOTH std::uint8_t full_range(std::uint16_t y, const LumaScale& scale) {
  return round_colour((y - scale.offset) * scale.gain);
}

MONE_BOTH RgbBytes rgb_of(std::uint16_t y, std::uint16_t cb, std::uint16_t cr, const YuvToRgb& m) {
  constexpr std::int32_t kGrey = 128 << kSampleBits;
  const std::int32_t luma = (y - m.luma.offset) * m.luma.gain;
  const std::int32_t u = cb - kGrey, v = cr - kGrey;
  return {round_colour(luma + v * m.red_cr), round_colour(luma + u * m.green_cb + v * m.green_cr),
          round_colour(luma + u * m.blue_cb)};
}

MONE_BOTH std::uint8_t round_sample(std::uint16_t value) {
  return static_cast<std::uint8_t>((value + (1 << (kSampleBits - 1))) >> kSampleBits);
}

/// Full-range luma of R, G, B: (77 R + 150 G + 29 B) / 256, BT.601's weights in 8 bits, rounded.
MONE_BOTH std::uint8_t luma_of(std::uint16_t red, std::uint16_t green, std::uint16_t blue) {
  constexpr int kRound = 1 << (kSampleBits + 7);
  return static_cast<std::uint8_t>((77 * red + 150 * green + 29 * blue + kRound) >> (kSampleBits + 8));
}

/// The planes of `luma-motion` (engine/planes.h) that look back, from luma now and then.
MONE_BOTH std::uint8_t motion_of_one(std::uint8_t y, std::uint8_t y1) {
  return clamp_byte(128 + 2 * (y - y1));
}
MONE_BOTH std::uint8_t motion_of_four(std::uint8_t y, std::uint8_t y4) { return clamp_byte(128 + y - y4); }

/// `crop=motion` (engine/motion_box.h): the side of the cells in which motion is summed, and levels of change
/// that noise makes.
constexpr int kMotionCell = 8, kStill = 6;
MONE_BOTH std::uint32_t moved(std::uint8_t now, std::uint8_t before) {
  const int change = now - before, level = (change < 0 ? -change : change) - kStill;
  return static_cast<std::uint32_t>(level > 0 ? level : 0);
}
/// Luma in which motion is looked for where the planes are R, G, B.
MONE_BOTH std::uint8_t motion_luma(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  return static_cast<std::uint8_t>((red + 2 * green + blue) / 4);
}

}  // namespace mone
