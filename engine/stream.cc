#include "engine/stream.h"

#include <algorithm>

#include "engine/engine_impl.h"

namespace mone {

StreamImpl::StreamImpl(std::shared_ptr<EngineImpl> engine)
    : engine_(std::move(engine)), ring_(engine_->model().config().nt()) {
  const Vivit& network = engine_->network();
  const ModelConfig& config = engine_->model().config();
  const bool fe = config.variant == Variant::kFe;
  outputs_ = network.make_rows(fe ? ring_.slots() : 1);
  if (!fe) pixels_.assign(ring_.slots(), std::vector<std::uint8_t>(config.tubelet_bytes()));
  tubelets_.resize(network.tubelets_per_item());
  window_.resize(network.rows_per_window());
  logits_.resize(config.C);
  experts_.resize(static_cast<std::size_t>(network.tubelets_per_item()) * config.tokens());
}

StreamImpl::~StreamImpl() {
  if (job_.batcher) job_.batcher->remove(*this);
}

const Prediction& StreamImpl::push(const Tubelet& tubelet, double budget) {
  StreamImpl* const self[] = {this};
  begin(tubelet, budget);
  engine_->team().step(self);  // takes the tubelet back if it throws
  return finish();
}

void StreamImpl::check(const Tubelet& tubelet, double budget) const {
  const ModelConfig& config = engine_->model().config();
  if (std::ssize(tubelet.pixels) != config.tubelet_bytes())
    throw ShapeError("a tubelet of " + std::to_string(tubelet.pixels.size()) + " bytes; the model takes " +
                     std::to_string(config.tubelet_bytes()));
  if (tubelet.gpu >= 0 && tubelet.gpu != engine_->gpu())
    throw ConfigError("a tubelet in the memory of GPU " + std::to_string(tubelet.gpu) + "; this engine (" +
                      engine_->backend() + ", " + (config.variant == Variant::kFe ? "factorised" : "joint") +
                      ") takes them from the host" +
                      (engine_->gpu() < 0 ? "" : " and GPU " + std::to_string(engine_->gpu())));
  if (!(budget > 0 && budget <= 1))
    throw ConfigError("budget is " + std::to_string(budget) + "; it must lie in (0, 1]");
}

void StreamImpl::begin(const Tubelet& tubelet, double budget, bool predict) {
  check(tubelet, budget);
  const ModelConfig& config = engine_->model().config();
  predicts_ = predict;
  if (budget != counts_budget_) {
    counts_ = engine_->network().counts(budget);
    counts_budget_ = budget;
    engine_->note_budget(budget);
  }
  force(tubelet.experts);
  RingEntry entry{ring_.free_slot(), tubelet.begin, tubelet.end, tubelet.rate};
  entry.budget = budget;
  entry.realised = realised_ = realised_capacity(counts_, config.E);
  entry.missing_frames = tubelet.missing_frames;
  ring_.push(entry);

  if (config.variant == Variant::kFe) {
    tubelets_[0] = {tubelet.pixels.data(), tubelet.gpu >= 0};
    output_ = {outputs_.get(), entry.slot};
    for (int i = 0; i < config.nt(); ++i) window_[i] = {outputs_.get(), ring_.at(i).slot};
  } else {
    std::copy(tubelet.pixels.begin(), tubelet.pixels.end(), pixels_[entry.slot].begin());
    for (int i = 0; i < config.nt(); ++i) tubelets_[i] = {pixels_[ring_.at(i).slot].data()};
    window_[0] = output_ = {outputs_.get(), 0};
  }
}

/// Takes a control's experts and their counts, or nothing.
void StreamImpl::force(std::span<const std::uint8_t> experts) {
  forced_.clear();
  if (experts.empty()) return;
  const int rows = engine_->network().counted_rows(), known = engine_->model().config().E;
  if (engine_->network().tubelets_per_item() != 1 || std::ssize(experts) != rows ||
      std::ssize(experts_) != rows)
    throw ShapeError("experts for " + std::to_string(experts.size()) + " tokens; only an FE model with " +
                     "a class token of its own takes them, and this one has " + std::to_string(rows) +
                     " rows");
  Counts counts{};
  for (const std::uint8_t expert : experts) {
    if (expert >= known)
      throw ConfigError("expert " + std::to_string(expert) + " of " + std::to_string(known));
    ++counts[expert];
  }
  forced_.assign(experts.begin(), experts.end());
  counts_ = counts;
  counts_budget_ = -1;
}

void StreamImpl::encoded(std::span<const std::uint8_t> experts) {
  // A class token that is routed too comes first and is no token of the picture.
  experts = experts.last(experts_.size());
  std::copy(experts.begin(), experts.end(), experts_.begin());
}

const Prediction& StreamImpl::finish() {
  const int nt = engine_->model().config().nt();
  const RingEntry& newest = ring_.at(nt - 1);
  prediction_.logits = logits_;
  prediction_.experts = experts_;
  prediction_.tokens_per_expert = std::span(counts_).first(engine_->model().config().E);
  prediction_.window_begin = ring_.at(0).begin;
  prediction_.window_end = newest.end;
  prediction_.budget = newest.budget;
  prediction_.realised = newest.realised;
  prediction_.tubelets_missing = ring_.tubelets_missing();
  prediction_.frames_missing = ring_.frames_missing();
  prediction_.warming = ring_.warming();
  prediction_.mixed_rate = ring_.mixed_rate();
  return prediction_;
}

}  // namespace mone
