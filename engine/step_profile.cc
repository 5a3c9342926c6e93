#include "engine/step_profile.h"

#include <algorithm>
#include <chrono>

#include "engine/backend/profiled.h"
#include "engine/backend/registry.h"
#include "engine/measuring.h"
#include "engine/vivit.h"

namespace mone {
namespace {

constexpr int kWarmUpRounds = 3;

/// One tubelet on each of some streams, in steady state: the window's other rows are there already.
class ProfiledStep {
 public:
  ProfiledStep(const Model& model, Vivit& network, double budget, int streams)
      : network_(network), counts_(streams, network.counts(budget)) {
    const ModelConfig& config = model.config();
    const int per_item = network.tubelets_per_item(), per_window = network.rows_per_window();
    for (int i = 0; i < streams * per_item; ++i) {
      pixels_.push_back(random_pixels(config.tubelet_bytes(), 1 + static_cast<unsigned>(i)));
      tubelets_.push_back({pixels_.back().data()});
    }
    rows_ = network.make_rows(streams * per_window);
    for (int i = 0; i < streams * per_window; ++i) windows_.push_back({rows_.get(), i});
    for (int i = 0; i < streams; ++i) outputs_.push_back(windows_[(i + 1) * per_window - 1]);
    logits_.resize(static_cast<std::size_t>(streams) * config.C);
    network.reserve(streams);
  }

  void run() {
    network_.encode(tubelets_, counts_, {}, outputs_);
    network_.predict(windows_, logits_);
  }

 private:
  Vivit& network_;
  std::vector<Counts> counts_;
  std::vector<std::vector<std::uint8_t>> pixels_;
  std::vector<PixelRef> tubelets_;
  std::unique_ptr<Buffer> rows_;
  std::vector<RowRef> windows_, outputs_;
  std::vector<float> logits_;
};

class StepProfilerImpl : public StepProfiler {
 public:
  StepProfilerImpl(std::shared_ptr<const Model> model, std::unique_ptr<Backend> backend)
      : model_(std::move(model)),
        backend_(std::move(backend)),
        profiled_(*backend_),
        network_(*model_, profiled_) {
    model_->release_pages();
  }

  std::string backend() const override { return backend_->name(); }
  DType dtype() const override { return backend_->dtype(); }
  int threads() const override { return backend_->threads(); }
  std::string device_name() const override { return backend_->device_name(); }
  double peak_gmac() const override { return backend_->peak_gmac(); }

  StepProfile profile(double budget, const StepTimingOptions& options) override {
    check(options);
    if (!(budget > 0 && budget <= 1))
      throw ConfigError("budget is " + std::to_string(budget) + "; it must lie in (0, 1]");
    ProfiledStep step(*model_, network_, budget, options.streams);
    for (int i = 0; i < kWarmUpRounds; ++i) step.run();
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    StepProfile result;
    result.budget = budget;
    profiled_.forget();
    const auto start = Clock::now();
    while (std::ssize(times) < options.rounds_min ||
           std::chrono::duration<double>(Clock::now() - start).count() < options.seconds_min) {
      profiled_.next_step();
      const auto begin = Clock::now();
      step.run();
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    }
    result.rounds = static_cast<int>(times.size());
    result.ms_median = median(times);
    add_up(result);
    return result;
  }

 private:
  void add_up(StepProfile& result) {
    for (const ProfiledBackend::Operation& operation : profiled_.operations()) {
      StageCost& cost = result.stages[static_cast<int>(operation.stage)];
      const double ms = 1e3 * operation.worked_s / threads();
      cost.ms += ms;
      cost.gmac += operation.macs / 1e9;
      cost.mb += operation.bytes / 1e6;
      result.ms += 1e3 * operation.wall_s;
      result.waiting_ms += std::max(0.0, 1e3 * operation.wall_s - ms);
      result.barriers += static_cast<int>(operation.barriers);
    }
    const double peak = peak_gmac();
    for (int stage = 0; stage < kStages; ++stage) {
      StageCost& cost = result.stages[stage];
      // With int8 the peak is that of the layers' products; the others' multiply-adds are in bf16.
      const bool comparable = dtype() != DType::kInt8 || stage == static_cast<int>(StepStage::kExpand) ||
                              stage == static_cast<int>(StepStage::kContract);
      if (comparable && peak > 0 && cost.ms > 0) cost.peak = cost.gmac / (cost.ms / 1e3) / peak;
    }
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Backend> backend_;
  ProfiledBackend profiled_;
  Vivit network_;
};

}  // namespace

const char* to_name(StepStage stage) {
  static constexpr const char* kNames[kStages] = {"embed",     "route", "in-projections", "out-projections",
                                                  "attention", "glue",  "temporal"};
  return kNames[static_cast<int>(stage)];
}

Result<std::unique_ptr<StepProfiler>> StepProfiler::create(std::shared_ptr<const Model> model,
                                                           const EngineOptions& options) {
  auto backend = choose_backend(model->config(), options);
  if (!backend) return backend.error();
  return std::unique_ptr<StepProfiler>(
      std::make_unique<StepProfilerImpl>(std::move(model), std::move(backend).value()));
}

}  // namespace mone
