/// int8 as products read it with dtype int8: a row of values is `scale` times whole numbers in [-127, 127].
///
/// Symmetric, one scale for a row: an output's weights over all its inputs, or what a token hands a product,
/// over the slice that its expert reads. Sums of products are exact (32 bits), and become
/// float(sum) * (row scale * output scale); all after that is f32 as in the other types.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace mone {

/// Largest size below which a row counts as zero: 127 / size must be finite.
inline constexpr float kInt8Nothing = 1e-30f;

/// Rounds to nearest even. @return scale: largest |x| / 127, or 0 for a row of nothing, or NaN where a value
/// is not finite (q is then 0): products with it are NaN too.
inline float quantise(std::span<const float> x, std::int8_t* q) {
  std::uint32_t bits = 0;  // as integers, sizes stand in order and NaN above infinity
  for (const float value : x) {
    const std::uint32_t size = std::bit_cast<std::uint32_t>(value) & 0x7fffffffu;
    bits = size > bits ? size : bits;
  }
  const float most = std::bit_cast<float>(bits);
  const bool finite = std::isfinite(most), nothing = most < kInt8Nothing;
  const float factor = finite && !nothing ? 127 / most : 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    q[i] = factor == 0 ? std::int8_t{0} : static_cast<std::int8_t>(std::nearbyint(x[i] * factor));
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  return nothing ? 0 : most / 127;
}

}  // namespace mone
