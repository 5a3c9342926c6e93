#include "elements/region_windows.h"

#include <algorithm>

namespace mone {
namespace {

/// Tubelets missing between two that came `delta` apart.
int lost_between(Time delta, Time hop) {
  if (hop <= Time(0)) return 0;
  return static_cast<int>(std::clamp<Time::rep>((delta + hop / 2) / hop - 1, 0, 1 << 20));
}

}  // namespace

Time RegionWindows::max_gap(Time hop) const {
  if (max_gap_ > Time(0)) return max_gap_;
  const ModelConfig& config = engine_->model().config();
  if (hop <= Time(0))
    hop = std::chrono::duration_cast<Time>(std::chrono::duration<double>(1 / config.rate_nominal));
  return hop * config.nt();
}

bool RegionWindows::follows(const Region& region, const RegionTubelet& in) {
  const Time delta = in.tubelet.end - region.end;
  if (in.epoch != region.epoch || delta <= Time(0) || delta > region.max_gap) return false;
  if (in.source_width != region.source_width || in.source_height != region.source_height) return false;
  return !in.discont || lost_between(delta, std::max(region.hop, in.hop)) > 0;
}

int RegionWindows::skip_lost(Region& region, const RegionTubelet& in, int window) {
  const Time delta = in.tubelet.end - region.end;
  // A stream that has become slower has lost nothing.
  const int lost = lost_between(delta, std::max(region.hop, in.hop));
  const int slots = std::min(lost, window);  // more would only write the same slots again
  for (int i = 1; i <= slots; ++i)
    region.stream->skip(region.end + delta * (i - 1) / (slots + 1), region.end + delta * i / (slots + 1));
  return lost;
}

RegionWindows::Outcome RegionWindows::submit(const RegionTubelet& in) {
  if (const auto known = regions_.find(in.region); known != regions_.end())
    known->second.max_gap = std::max(known->second.max_gap, max_gap(in.hop));
  expire(in.tubelet.end);
  Region& region = regions_[in.region];
  if (!region.stream) region.stream = engine_->new_stream();

  Outcome outcome;
  outcome.restarted = region.empty || !follows(region, in);
  if (outcome.restarted) region.stream->reset();  // also after a tubelet that failed
  if (!outcome.restarted) outcome.lost = skip_lost(region, in, engine_->model().config().nt());

  outcome.max_gap = max_gap(in.hop);
  region.end = in.tubelet.end;
  region.hop = in.hop;
  region.max_gap = outcome.max_gap;
  region.epoch = in.epoch;
  region.source_width = in.source_width;
  region.source_height = in.source_height;
  region.empty = true;  // should it fail, the next tubelet starts afresh
  feed_->submit(*region.stream, {in.tubelet, in.arrived, static_cast<int>(regions_.size())});
  return outcome;
}

void RegionWindows::wait(unsigned id, Outcome& outcome) {
  Region& region = regions_.at(id);
  outcome.answer = feed_->wait(*region.stream);
  region.empty = outcome.restarted && outcome.answer.verdict.skip;
}

void RegionWindows::expire(Time now) {
  std::erase_if(regions_, [now](const auto& entry) { return now - entry.second.end > entry.second.max_gap; });
}

}  // namespace mone
