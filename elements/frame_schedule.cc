#include "elements/frame_schedule.h"

#include <cmath>

#include "elements/actors/rng.h"

namespace mone {
namespace {

constexpr uint64_t kSecond = 1000000000;
constexpr double kJitterShare = 0.4, kDropShare = 0.25, kSwingSeconds = 8;

__extension__ using Wide = unsigned __int128;  // frames x nanoseconds x denominators outgrow 64 bits

double drawn(uint64_t seed, int64_t n) {
  return static_cast<double>(actors::Rng(seed, 0x5C4ED + static_cast<uint64_t>(n)).unit());
}

}  // namespace

uint64_t FrameSchedule::grid_time(int64_t n) const {
  if (n <= 0) return 0;
  return static_cast<uint64_t>(Wide(static_cast<uint64_t>(n)) * kSecond * static_cast<unsigned>(fps_d) /
                               static_cast<unsigned>(fps_n));
}

uint64_t FrameSchedule::time(int64_t n) const {
  const uint64_t at = grid_time(n);
  if (vfr != VfrMode::kJitter || n <= 0) return at;
  const double interval = static_cast<double>(kSecond) * fps_d / fps_n;
  const double moved = static_cast<double>(at) + interval * kJitterShare * (2 * drawn(seed, n) - 1);
  return static_cast<uint64_t>(std::llround(moved));
}

int64_t FrameSchedule::frame_at(uint64_t at) const {
  auto n = static_cast<int64_t>(Wide(at) * static_cast<unsigned>(fps_n) /
                                (Wide(kSecond) * static_cast<unsigned>(fps_d)));
  while (grid_time(n + 1) <= at) ++n;  // grid times are rounded down
  return n;
}

bool FrameSchedule::in_gap(int64_t n) const {
  if (gap_every <= 0 || gap_length <= 0) return false;
  const double t = static_cast<double>(grid_time(n)) / static_cast<double>(kSecond);
  // A microsecond of grace: a frame on the border belongs to the next period.
  return std::fmod(t + 1e-6, gap_every) >= gap_every - gap_length;
}

bool FrameSchedule::sent(int64_t n) const {
  if (in_gap(n)) return false;
  if (vfr == VfrMode::kDrop) return n == 0 || drawn(seed, n) >= kDropShare;
  if (vfr != VfrMode::kSwing) return true;
  const double t = static_cast<double>(grid_time(n)) / static_cast<double>(kSecond);
  const auto every =
      1 + static_cast<int64_t>(1.5 * (1 - std::cos(2 * 3.14159265358979 * t / kSwingSeconds)) * 0.999);
  return n % every == 0;
}

}  // namespace mone
