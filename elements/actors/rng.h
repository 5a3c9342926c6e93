/// Random numbers that depend on a seed and a purpose only (splitmix64).
#pragma once

#include <cmath>
#include <cstdint>

namespace mone::actors {

inline uint64_t mix_bits(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(mix_bits(seed)) {}
  /// A stream of its own for one purpose, so that drawing more for one thing does not change another.
  Rng(uint64_t seed, uint64_t purpose)
      : state_(mix_bits(mix_bits(seed) ^ (purpose * 0xD1342543DE82EF95ull))) {}

  uint64_t bits() { return mix_bits(state_ += 0x9E3779B97F4A7C15ull); }
  float unit() { return static_cast<float>(bits() >> 40) * (1.0f / 16777216.0f); }
  float in(float low, float high) { return low + (high - low) * unit(); }
  int below(int n) { return static_cast<int>((bits() >> 33) % static_cast<uint64_t>(n)); }
  bool chance(float p) { return unit() < p; }
  float sign() { return chance(0.5f) ? 1.0f : -1.0f; }
  /// About normal, mean 0, deviation 1, never beyond 3.5.
  float normal() { return (unit() + unit() + unit() + unit() - 2.0f) * 1.732f; }

 private:
  uint64_t state_;
};

}  // namespace mone::actors
