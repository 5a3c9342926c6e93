/// From the pictures that a time step shows to its place in the tubelet.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/tubelet_format.h"

namespace mone {

/// Writes time step `t` of a tubelet, u8 [tokens, pt, ph, pw, 3], tokens in rows of the image.
/// @param pictures  u8 [height, width] each: R, G, B; or luma now, one and kLookBack sampled pictures ago
/// @param row       scratch, 3 * width bytes
void write_step(const TubeletFormat& format, int t, std::array<const std::uint8_t*, 3> pictures,
                std::span<std::uint8_t> row, std::span<std::uint8_t> tubelet);

}  // namespace mone
