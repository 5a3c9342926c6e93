/// What everything that times the engine needs.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace mone {

/// Noise, the same for the same seed.
inline std::vector<std::uint8_t> random_pixels(std::int64_t bytes, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(bytes));
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random() >> 8);
  return pixels;
}

/// Of all threads of this process together.
inline double processor_ms() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

/// Memory of this process that no file stands behind, in MB of 2^20 bytes; 0 where /proc does not say.
inline double anonymous_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("RssAnon:", 0) == 0) return std::atof(line.c_str() + 8) / 1024;
  return 0;
}

/// The upper one of the two in the middle; values must not be empty.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace mone
