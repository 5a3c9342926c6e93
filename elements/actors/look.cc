#include "elements/actors/look.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "elements/actors/math.h"

namespace mone::actors {
namespace {

constexpr size_t kGrainSize = 1 << 15;

/// Normal noise to read from at drawn places.
const std::array<float, kGrainSize + 4096>& grain() {
  static const auto table = [] {
    std::array<float, kGrainSize + 4096> values;
    Rng rng(4242);
    for (float& value : values) value = rng.normal();
    return values;
  }();
  return table;
}

void mix_rows(float* out, const float* a, const float* b, const float* c, float outer, int n) {
  const float inner = 1 - 2 * outer;
  for (int i = 0; i < n; ++i) out[i] = inner * b[i] + outer * (a[i] + c[i]);
}

/// Keeps 8x8 blocks that hardly changed since the previous frame.
void hold_blocks(const Canvas& canvas, int plane, float threshold, const float* previous) {
  float* now = canvas.plane[plane];
  for (int y = 0; y + 8 <= canvas.height; y += 8)
    for (int x = 0; x + 8 <= canvas.width; x += 8) {
      float change = 0;
      for (int j = 0; j < 8; ++j)
        for (int i = 0; i < 8; ++i) {
          const size_t at = static_cast<size_t>((y + j) * canvas.stride + x + i);
          change += (now[at] - previous[at]) * (now[at] - previous[at]);
        }
      if (change > 64 * threshold * threshold) continue;
      for (int j = 0; j < 8; ++j) {
        const size_t at = static_cast<size_t>((y + j) * canvas.stride + x);
        std::copy(previous + at, previous + at + 8, now + at);
      }
    }
}

}  // namespace

void tone_row(const float* in, int count, float bright, float noise, const float* grain, const uint8_t* tone,
              int step, uint8_t* out) {
  // Two loops: the arithmetic is done many pixels at a time, the look-up one by one.
  constexpr int kChunk = 256;
  uint16_t index[kChunk];
  for (int from = 0; from < count; from += kChunk) {
    const int n = std::min(kChunk, count - from);
    for (int i = 0; i < n; ++i) {
      float value = in[from + i] * bright + noise * grain[from + i];
      value = value < 0 ? 0 : value > 1024 ? 1024 : value;
      index[i] = static_cast<uint16_t>(static_cast<int>(value));
    }
    uint8_t* to = out + static_cast<ptrdiff_t>(from) * step;
    for (int i = 0; i < n; ++i) to[i * step] = tone[index[i]];
  }
}

Look draw_look(Rng& rng, float strength) {
  Look look;
  const float exposure = rng.chance(0.35f) ? rng.in(0.3f, 0.65f) : rng.in(0.65f, 1.25f);  // often too dark
  const float gain = mix(1, exposure, strength), bias = rng.in(-0.1f, 0.1f) * strength;
  const float gamma = mix(1, rng.in(0.75f, 1.35f), strength);
  const float fog = rng.chance(0.15f * strength) ? rng.in(0.1f, 0.45f) : 0, fog_tone = rng.in(0.2f, 0.9f);
  for (auto& tone : look.tone) {
    const float tint = mix(1, rng.in(0.88f, 1.12f), strength);
    for (size_t i = 0; i < tone.size(); ++i) {
      const float value = mix(static_cast<float>(i) / 1024 * gain * tint + bias, fog_tone, fog);
      tone[i] = static_cast<uint8_t>(255 * std::pow(clamp01(value), gamma) + 0.5f);
    }
  }
  // Most video has been through a coder, which keeps little of the grain where nothing moves.
  const float grainy = rng.unit();
  look.noise = (grainy < 0.5f   ? rng.in(0, 0.004f)
                : grainy < 0.8f ? rng.in(0.002f, 0.02f)
                                : rng.in(0.02f, 0.05f)) *
               strength;
  look.soften = rng.chance(0.75f * strength) ? rng.in(0, 0.3f) : 0;
  look.soften_times = rng.chance(0.3f) ? 2 : 1;
  look.flicker = rng.chance(0.2f * strength) ? rng.in(0, 0.06f) : 0.004f * strength;
  look.hold = rng.chance(0.35f * strength) ? rng.in(0.004f, 0.02f) : 0;
  look.trail = rng.chance(0.2f * strength) ? rng.in(0.1f, 0.4f) : 0;
  look.occluded = rng.chance(0.1f * strength);
  const float size = rng.in(0.08f, 0.27f), place = rng.in(0.1f, 0.9f);
  const int where = rng.below(4);
  const float boxes[4][4] = {
      {0, 1 - size, 1, 1}, {0, 0, size, 1}, {1 - size, 0, 1, 1}, {place, 0, place + 0.04f, 1}};
  std::copy(boxes[where], boxes[where] + 4, look.occluder);
  look.occluder_tone = rng.in(0.1f, 0.9f);
  return look;
}

void Developer::soften(const Look& look, Canvas& canvas) {
  const int w = canvas.width, h = canvas.height;
  scratch_.resize(static_cast<size_t>(w) * static_cast<size_t>(h));
  for (int p = 0; p < canvas.planes; ++p) {
    for (int y = 0; y < h; ++y) {
      const float* in = canvas.plane[p] + static_cast<ptrdiff_t>(y) * canvas.stride;
      float* out = scratch_.data() + static_cast<ptrdiff_t>(y) * w;
      out[0] = in[0], out[w - 1] = in[w - 1];
      mix_rows(out + 1, in, in + 1, in + 2, look.soften, w - 2);
    }
    for (int y = 1; y + 1 < h; ++y) {
      const float* in = scratch_.data() + static_cast<ptrdiff_t>(y) * w;
      mix_rows(canvas.plane[p] + static_cast<ptrdiff_t>(y) * canvas.stride, in - w, in, in + w, look.soften,
               w);
    }
  }
}

void Developer::develop(const Look& look, Canvas& canvas, bool first, Rng& rng, uint8_t* out, size_t stride) {
  const int w = canvas.width, h = canvas.height;
  const size_t size = static_cast<size_t>(canvas.stride) * static_cast<size_t>(h);
  if (look.occluded) {
    const auto at = [](float share, int n) {
      return std::min(n, static_cast<int>(share * static_cast<float>(n)));
    };
    for (int p = 0; p < canvas.planes; ++p)
      for (int y = at(look.occluder[1], h); y < at(look.occluder[3], h); ++y) {
        float* row = canvas.plane[p] + static_cast<ptrdiff_t>(y) * canvas.stride;
        std::fill(row + at(look.occluder[0], w), row + at(look.occluder[2], w), look.occluder_tone);
      }
  }
  for (int k = 0; look.soften > 0 && k < look.soften_times; ++k) soften(look, canvas);
  const bool remembers = look.hold > 0 || look.trail > 0;
  if (remembers) {
    previous_.resize(size * 3);
    for (int p = 0; p < canvas.planes; ++p) {
      float* previous = previous_.data() + static_cast<size_t>(p) * size;
      if (!first && look.trail > 0)
        for (size_t i = 0; i < size; ++i)
          canvas.plane[p][i] += look.trail * (previous[i] - canvas.plane[p][i]);
      if (!first && look.hold > 0) hold_blocks(canvas, p, look.hold, previous);
      std::copy(canvas.plane[p], canvas.plane[p] + size, previous);
    }
  }
  const float bright = (1 + look.flicker * rng.normal()) * 1024, noise = look.noise * 1024;
  const int step = canvas.planes;
  for (int y = 0; y < h; ++y) {
    const float* speckle = grain().data() + rng.bits() % kGrainSize;
    for (int p = 0; p < canvas.planes; ++p) {
      const float* in = canvas.plane[p] + static_cast<ptrdiff_t>(y) * canvas.stride;
      tone_row(in, w, bright, noise, speckle, look.tone[static_cast<size_t>(p)].data(), step,
               out + static_cast<size_t>(y) * stride + p);
    }
  }
}

}  // namespace mone::actors
