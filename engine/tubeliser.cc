#include "engine/tubeliser.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/tubelet.h"

namespace mone {
namespace {
constexpr Time kLongestFrame = std::chrono::hours(1);  // longer durations are mistakes of files
}

Tubeliser::Tubeliser(const TubeletFormat& format, const SamplingOptions& options)
    : Tubeliser(std::make_unique<TubeletCutter>(format), options) {}

Tubeliser::Tubeliser(std::unique_ptr<Cutter> cutter, const SamplingOptions& options)
    : sampler_(cutter->format(), options),
      cutter_(std::move(cutter)),
      frame_times_(static_cast<std::size_t>(format().pt)) {}

void Tubeliser::push(const Frame& frame, Time pts, Time duration, const OnTubelet& on_tubelet) {
  const Box box = frame.visible();
  if (frame.width != width_ || frame.height != height_ || box != box_ ||
      frame.pixel_aspect != pixel_aspect_) {
    sampler_.restart();
    width_ = frame.width;
    height_ = frame.height;
    box_ = box;
    pixel_aspect_ = frame.pixel_aspect;
  }
  const auto steps = sampler_.push(pts);
  pts_ = pts;
  end_ = pts + std::min(duration, kLongestFrame);
  run(steps, &frame, on_tubelet);
}

void Tubeliser::set_regions(std::span<const Region> regions) {
  regions_.assign(regions.begin(), regions.end());
  cutter_->keep_regions(regions_);
}

void Tubeliser::gap(Time end, const OnTubelet& on_tubelet) { run(sampler_.gap(end), nullptr, on_tubelet); }

void Tubeliser::finish(const OnTubelet& on_tubelet) {
  run(sampler_.finish(end_), nullptr, on_tubelet);
  restart();
}

void Tubeliser::restart() {
  sampler_.restart();
  drop_partial();
}

void Tubeliser::reset() {
  sampler_.reset();
  drop_partial();
}

void Tubeliser::drop_partial() {
  if (steps_ > 0) ++partial_dropped_;
  steps_ = 0;
}

void Tubeliser::run(std::span<const SampleStep> steps, const Frame* frame, const OnTubelet& on_tubelet) {
  for (const SampleStep& s : steps) {
    switch (s.kind) {
      case SampleStep::Kind::kRestart:
        drop_partial();
        cutter_->reset();
        ++epoch_;
        restart_ = true;
        break;
      case SampleStep::Kind::kLoad:
        cutter_->load(*frame);
        newest_ = pts_;
        break;
      case SampleStep::Kind::kTake:
      case SampleStep::Kind::kRepeat:
        step(s, on_tubelet);
        break;
    }
  }
}

void Tubeliser::step(const SampleStep& s, const OnTubelet& on_tubelet) {
  CutTubelet& t = tubelet_;
  if (steps_ == 0) {
    t = {};
    t.begin = s.time;
    t.stride = s.state.stride;
  }
  cutter_->cut(steps_, room());
  frame_times_[static_cast<std::size_t>(steps_)] = newest_;
  if (s.kind == SampleStep::Kind::kRepeat) ++t.missing;
  if (++steps_ < format().pt) return;

  steps_ = 0;
  t.lost = t.missing == format().pt && t.stride > 0;
  t.restart = std::exchange(restart_, false);
  t.epoch = epoch_;
  t.end = s.time;
  t.rate = s.state.rate;
  t.rate_out_of_range = s.state.rate_out_of_range;
  if (t.rate > 0) t.hop = Time(static_cast<Time::rep>(1e9 / t.rate + 0.5));
  t.frame_times = frame_times_;
  t.source_width = width_;
  t.source_height = height_;
  emit(on_tubelet);
}

/// Room for a tubelet: that of the one before, unless somebody has taken it away.
std::span<std::uint8_t> Tubeliser::room() {
  if (!memory_) memory_ = cutter_->new_tubelet();
  return memory_->bytes();
}

/// Gives out what the cutter has finished: one tubelet, or one for each region.
void Tubeliser::emit(const OnTubelet& on_tubelet) {
  CutTubelet& t = tubelet_;
  const auto give = [&] {
    t.box = cutter_->box();
    t.share = cutter_->shown_share();
    if (!t.lost) {
      t.pixels = memory_->bytes();
      t.gpu = memory_->gpu();
      t.memory = &memory_;
    }
    on_tubelet(t);
  };
  if (format().crop == CropMode::kRegion && regions_.empty()) t.nobody = t.lost = true;
  if (format().crop != CropMode::kRegion || t.lost) return give();
  t.following = static_cast<int>(std::ssize(regions_));
  for (const Region& region : regions_) {
    t.region = region.id;
    --t.following;
    cutter_->cut_region(region, room());
    give();
  }
}

}  // namespace mone
