/// Where the time of a streaming step goes, by stage: what `mone bench --profile` prints.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/export.h"
#include "engine/step_timing.h"

namespace mone {

/// Stages of a step, in their order. All but the last are the spatial (or joint) encoder's.
enum class StepStage {
  kEmbed,     ///< pixels to rows
  kRoute,     ///< router, sorting, gathering the sorted rows
  kExpand,    ///< in-projections: q k v, fc1 with its GELU
  kContract,  ///< out-projections: proj, fc2, with gate and residual
  kAttend,
  kGlue,     ///< layer norms, the class token's rows, pooling; the head of a joint model
  kTemporal  ///< the temporal encoder and its head
};
inline constexpr int kStages = 7;

/// "embed", "route", "in-projections", "out-projections", "attention", "glue", "temporal".
MONE_API const char* to_name(StepStage stage);

/// Of one step, each of its operations at its fastest over all rounds.
struct StageCost {
  double ms = 0;    ///< work of all threads, divided by their number
  double gmac = 0;  ///< multiply-adds done, in billions; those that identities save are not done
  double mb = 0;    ///< bytes of weights, operands and rows that the stage must read and write at least
  double peak =
      0;  ///< share of the multiply-adds that registers alone would have allowed in `ms`; 0: unknown
};

struct StepProfile {
  double budget = 1;
  int rounds = 0;
  double ms_median = 0;  ///< of a round, on the clock
  double ms = 0;         ///< of a round in which every operation is at its fastest: what nobody disturbs
  std::array<StageCost, kStages> stages;
  double waiting_ms = 0;  ///< threads without work while others had some; stages and this make up `ms`
  int barriers = 0;       ///< times that the caller waited for all threads
};

/// Profiles steps of a model, on a backend of its own.
class MONE_API StepProfiler {
 public:
  /// @returns Failure if no backend can run the model, as Engine::create()
  static Result<std::unique_ptr<StepProfiler>> create(std::shared_ptr<const Model> model,
                                                      const EngineOptions& options);
  virtual ~StepProfiler() = default;

  /// Runs random pixels until warm, then measures rounds.
  /// @throws ConfigError if budget is NaN or outside (0, 1], or the options are out of range
  virtual StepProfile profile(double budget, const StepTimingOptions& options) = 0;

  virtual std::string backend() const = 0;
  virtual DType dtype() const = 0;
  virtual int threads() const = 0;
  virtual std::string device_name() const = 0;  ///< as Engine::device_name()
  /// Billions of multiply-adds a second that all threads reach together in registers, in the type of the
  /// products; 0: unknown.
  virtual double peak_gmac() const = 0;
};

}  // namespace mone
