#include "engine/lane.h"

#include <algorithm>
#include <cmath>

#include "engine/cost.h"
#include "engine/log.h"
#include "engine/stream.h"

namespace mone {
namespace {

constexpr double kGmacPerThread = 2;

}  // namespace

int lane_threads(const ModelConfig& config, int threads) {
  const double wanted = std::ceil(step_gmac(config, 1) / kGmacPerThread);
  return std::max(1, static_cast<int>(std::min<double>(wanted, threads)));
}

Lane::Lane(std::shared_ptr<const Model> model, std::unique_ptr<Backend> backend)
    : model_(std::move(model)), backend_(std::move(backend)), network_(*model_, *backend_) {}

Lane::Lane(const Lane& other, std::unique_ptr<Backend> backend)
    : model_(other.model_), backend_(std::move(backend)), network_(other.network_, *backend_) {}

void Lane::step(std::span<StreamImpl* const> streams) {
  if (streams.empty()) return;
  const auto guard = lock();
  try {
    run(streams);
  } catch (...) {
    backend_->abort_step();
    for (StreamImpl* stream : streams) stream->retract();
    throw;
  }
}

void Lane::run(std::span<StreamImpl* const> streams) {
  network_.reserve(static_cast<int>(streams.size()));
  encoding_.clear(), predicting_.clear();
  for (StreamImpl* stream : streams) {
    if (stream->encodes()) encoding_.push_back(stream);
    if (stream->predicts()) predicting_.push_back(stream);
  }
  if (!encoding_.empty()) encode();
  if (!predicting_.empty()) predict();
  if (!encoding_.empty()) take_experts();  // last, or a device would wait between the two
}

void Lane::encode() {
  tubelets_.clear(), counts_.clear(), outputs_.clear(), forced_.clear();
  for (StreamImpl* stream : encoding_) {
    tubelets_.insert(tubelets_.end(), stream->tubelets().begin(), stream->tubelets().end());
    counts_.push_back(stream->counts());
    outputs_.push_back(stream->output());
    forced_.insert(forced_.end(), stream->forced().begin(), stream->forced().end());
  }
  if (!forced_.empty() && forced_.size() != encoding_.size() * network_.counted_rows())
    throw ConfigError("a batch in which some tubelets have experts of a control and some have not");
  network_.encode(tubelets_, counts_, forced_, outputs_);
}

void Lane::take_experts() {
  if (!network_.routing().finite() && !warned_not_finite_) {
    warned_not_finite_ = true;  // once, not 7 times a second
    log_line(kLogWarning, model_->name() + ": the router gave NaN; such tokens are chosen last");
  }
  const auto experts = network_.routing().experts();
  const std::size_t per_item = experts.size() / encoding_.size();
  for (std::size_t i = 0; i < encoding_.size(); ++i)
    encoding_[i]->encoded(experts.subspan(i * per_item, per_item));
}

void Lane::predict() {
  windows_.clear();
  for (StreamImpl* stream : predicting_)
    windows_.insert(windows_.end(), stream->window().begin(), stream->window().end());
  const std::size_t classes = model_->config().C;
  logits_.resize(predicting_.size() * classes);
  network_.predict(windows_, logits_);
  for (std::size_t i = 0; i < predicting_.size(); ++i)
    std::copy_n(logits_.begin() + i * classes, classes, predicting_[i]->logits().begin());
}

}  // namespace mone
