#include "engine/engine.h"

#include <algorithm>
#include <cstdlib>

#include "engine/agreement.h"
#include "engine/backend/registry.h"
#include "engine/budget/measured_costs.h"
#include "engine/engine_impl.h"
#include "engine/log.h"

namespace mone {
namespace {

// The largest call of the batcher. Products gain little beyond some 1500 rows (eight tubelets of ViViT-B/16),
// and the workspace grows with it.
constexpr int kMaxBatch = 8, kBatchRows = 2048;

constexpr struct {
  DType dtype;
  const char* name;
} kDTypes[] = {{DType::kF32, "f32"}, {DType::kBf16, "bf16"}, {DType::kInt8, "int8"}, {DType::kF16, "f16"}};

}  // namespace

const char* to_name(DType dtype) { return kDTypes[static_cast<int>(dtype)].name; }

std::optional<DType> dtype_from(std::string_view name) {
  for (const auto& known : kDTypes)
    if (name == known.name) return known.dtype;
  return std::nullopt;
}

Result<std::shared_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model,
                                               const EngineOptions& options) {
  if (!model) return Failure{"an engine needs a model; Model::load() gives one"};
  auto backend = choose_backend(model->config(), options);
  if (!backend) return backend.error();
  try {
    std::shared_ptr<Engine> engine = std::make_shared<EngineImpl>(model, std::move(backend).value());
    if (engine->dtype() == DType::kInt8)
      if (const std::string why_not = why_not_int8(*engine, model, options); !why_not.empty())
        return Failure{why_not};
    return engine;
  } catch (const DeviceError& error) {
    // A GPU without room for the weights, say. The CPU takes over only here, at the start, and only if it is
    // not the GPU that was asked for.
    EngineOptions on_cpu = options;
    on_cpu.device = "cpu";
    const bool any = options.device.empty() || options.device == "auto";
    if (any && options.backend.empty() && !std::getenv("MONE_BACKEND")) {
      log_line(kLogWarning, std::string(error.what()) + "; the engine runs on the CPU instead");
      return create(std::move(model), on_cpu);
    }
    return Failure{std::string("the engine cannot be made: ") + error.what()};
  } catch (const Error& error) {
    return Failure{std::string("the engine cannot be made: ") + error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{"the engine cannot be made: not enough memory for the model's weights"};
  }
}

EngineImpl::EngineImpl(std::shared_ptr<const Model> model, std::unique_ptr<Backend> backend)
    : model_(std::move(model)), team_(model_, std::move(backend)) {
  model_->release_pages();
}

int EngineImpl::lanes() {
  std::call_once(made_lanes_, [this] {
    const int threads_each = lane_threads(model_->config(), threads()), count = threads() / threads_each;
    lanes_.clear();  // of a try that failed
    for (int i = 0; i < count && count > 1; ++i) {
      auto backend = device().lane(threads_each);
      if (!backend) return;
      lanes_.push_back(std::make_unique<Lane>(team_, std::move(backend)));
    }
  });
  return std::max(1, static_cast<int>(std::ssize(lanes_)));
}

Lane& EngineImpl::lane(int index) { return lanes() == 1 && index == 0 ? team_ : *lanes_.at(index); }

std::unique_ptr<Stream> EngineImpl::new_stream() {
  const auto guard = lock();  // a device's allocator is the backend's, too
  return std::make_unique<StreamImpl>(shared_from_this());
}

std::unique_ptr<Feed> EngineImpl::new_feed(const StreamTerms& terms) {
  const std::lock_guard guard(feeds_mutex_);
  if (!batcher_) {
    const int most = std::clamp(kBatchRows / network().rows_per_item(), 1, kMaxBatch);
    if (!costs_) costs_ = costs_of(*this, {.max_batch = most});
    batcher_ = std::make_unique<Batcher>(*this, CostModel(*costs_), utilisation_);
  }
  return std::make_unique<FeedImpl>(shared_from_this(), *batcher_, terms);
}

void EngineImpl::set_costs(const CostTable& costs) {
  const std::lock_guard guard(feeds_mutex_);
  if (batcher_) throw ConfigError("costs are set before an engine's first feed");
  if (costs.experts != model().config().E)
    throw ConfigError("costs of a model with " + std::to_string(costs.experts) + " experts; this one has " +
                      std::to_string(model().config().E));
  static_cast<void>(CostModel(costs));  // throws what is wrong with them
  costs_ = costs;
}

void EngineImpl::set_utilisation(double utilisation) {
  const std::lock_guard guard(feeds_mutex_);
  if (!(utilisation > 0 && utilisation <= 1))
    throw ConfigError("utilisation is " + std::to_string(utilisation) + "; it must lie in (0, 1]");
  utilisation_ = utilisation;
  if (batcher_) batcher_->set_utilisation(utilisation);
}

ControllerView EngineImpl::load() const {
  const std::lock_guard guard(feeds_mutex_);
  if (batcher_) return batcher_->view();
  ControllerView view;
  view.utilisation = utilisation_;
  return view;
}

void EngineImpl::push(std::span<StreamPush> pushes) { push(team_, pushes); }
void EngineImpl::push_on_lane(int index, std::span<StreamPush> pushes) { push(lane(index), pushes); }

void EngineImpl::push(Lane& lane, std::span<StreamPush> pushes) {
  std::vector<StreamImpl*> streams;
  streams.reserve(pushes.size());
  try {
    for (StreamPush& push : pushes) {
      auto* stream = static_cast<StreamImpl*>(push.stream);
      if (std::find(streams.begin(), streams.end(), stream) != streams.end())
        throw ConfigError("a stream appears twice in one batch");
      stream->begin(push.tubelet, push.budget, push.predict);
      streams.push_back(stream);
    }
  } catch (...) {
    for (StreamImpl* stream : streams) stream->retract();
    throw;
  }
  lane.step(streams);
  for (StreamPush& push : pushes)
    push.prediction = push.predict ? &static_cast<StreamImpl*>(push.stream)->finish() : nullptr;
}

void EngineImpl::note_budget(double budget) {
  if (budget >= 1 || model_->routed()) return;
  std::call_once(told_plain_, [this] {
    log_line(kLogWarning, model_->name() +
                              ": a plain model: every token runs at the full width whatever the budget. " +
                              "Budgets below 1 need nested experts and a router, trained in as "
                              "samples/training/README.md says");
  });
}

}  // namespace mone
