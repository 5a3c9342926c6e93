/// The door of the engine: load a model, make an engine, make streams, push tubelets with a budget, read
/// scores.
///
///     auto model = mone::Model::load("model.safetensors").value();
///     auto engine = mone::Engine::create(model, {}).value();
///     auto stream = engine->new_stream();
///     const mone::Prediction& p = stream->push({pixels, begin, end}, 0.5);
///
/// An Engine may be used from several threads; a Stream by one thread at a time. Live video whose budget
/// should follow the machine goes through a Feed (feed.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/export.h"
#include "engine/model.h"
#include "engine/time.h"

namespace mone {

class Feed;
struct StreamTerms;  // engine/budget/controller.h
struct ControllerView;
struct Decision;
struct CostTable;  // engine/budget/cost_model.h

/// What products multiply; sums, norms, softmax and the residual rows are f32 in each. kInt8: the layers'
/// products in int8 (engine/int8.h), all else as in bf16.
/// kF16: bf16's place on GPUs that have none.
enum class DType { kF32, kBf16, kInt8, kF16 };

/// "f32", "bf16", "int8" or "f16", and back: empty for any other text.
MONE_API const char* to_name(DType dtype);
MONE_API std::optional<DType> dtype_from(std::string_view name);

/// What an engine is made with. Empty fields mean "the best this machine has", and the choice is logged.
struct EngineOptions {
  std::string backend;  ///< "cuda", "onednn", "reference", or empty: $MONE_BACKEND, else best first
  /// Empty: bf16 where the backend runs it in hardware, else f32. int8 takes longer to make: the engine is
  /// compared with one in bf16, and refused where the two do not agree (engine/agreement.h).
  std::optional<DType> dtype;
  int threads = 0;             ///< 0: every core this process may use
  bool deterministic = false;  ///< same bits whoever shares a batch (spec section 8.4)
  /// "cpu", "cuda", "cuda:1", or empty or "auto": the best device that can run the model when the engine is
  /// made. It never changes afterwards.
  std::string device;
};

/// One time step of one region: pixels as monetubelet cuts them, and where they stand in time.
struct Tubelet {
  std::span<const std::uint8_t> pixels;  ///< u8 [tokens, pt, ph, pw, 3], C order
  Time begin{};                          ///< time of its first frame
  Time end{};                            ///< time of its last frame
  double rate = 0;                       ///< tubelets per second at this moment; 0 = unknown
  int missing_frames = 0;                ///< frames that were repeated because the source had none
  /// A control for evaluation: u8 [tokens], the expert of each token instead of the router's choice and of
  /// the counts that the budget gives. Empty: the router's. Only for FE models that do not route the class
  /// token, and for all tubelets of a batch or none.
  std::span<const std::uint8_t> experts = {};
  /// Number of the GPU in whose memory the pixels lie (engine/gpu_cutter.h), which an engine on that GPU
  /// takes: see Engine::gpu(). -1: the host's.
  int gpu = -1;
};

/// What one window says, valid until the stream's next push, skip or reset.
struct Prediction {
  std::span<const float> logits;  ///< f32 [C]
  std::span<const std::uint8_t>
      experts;  ///< u8 [tokens] of the newest tubelet (joint: [nt * tokens]); 0 = smallest
  std::span<const int>
      tokens_per_expert;              ///< [E], smallest first, of the newest tubelet (joint: of the clip)
  Time window_begin{}, window_end{};  ///< first and last frame the prediction saw
  double budget = 1;                  ///< as asked for the newest tubelet
  double realised = 1;                ///< sum k_j s_j / N of the newest tubelet (spec section 4.6)
  int tubelets_missing = 0;           ///< slots of the window that are copies of the entry before them
  int frames_missing = 0;             ///< repeated frames inside the window
  bool warming = false;               ///< fewer than nt tubelets so far: left-padded with the oldest
  bool mixed_rate = false;            ///< the window holds tubelets of more than one rate
};

/// State of one video stream: the ring of spatial outputs (spec section 6).
class MONE_API Stream {
 public:
  virtual ~Stream() = default;
  /// Runs one tubelet at `budget` and predicts from the window that ends with it.
  /// @throws ShapeError if pixels do not fit the model, ConfigError if budget is NaN or outside (0, 1], or
  /// the
  ///         pixels lie in another memory than the engine reads
  virtual const Prediction& push(const Tubelet& tubelet, double budget) = 0;
  /// A tubelet that was lost or skipped: its slot repeats the entry before it, marked missing. No work is
  /// done and nothing is predicted. Without an entry before it this does nothing.
  virtual void skip(Time begin, Time end) = 0;
  /// Forgets everything: FLUSH, a gap longer than the window, another size.
  virtual void reset() = 0;
};

/// A tubelet of one stream in a batch, and the prediction it got.
struct StreamPush {
  Stream* stream = nullptr;
  Tubelet tubelet;
  double budget = 1;
  const Prediction* prediction = nullptr;  ///< written; null without `predict`
  bool predict = true;  ///< false: the tubelet's own work only, for the predictions to come
};

/// One per (model, device, precision). Owns the packed weights and the threads.
class MONE_API Engine {
 public:
  virtual ~Engine() = default;
  static Result<std::shared_ptr<Engine>> create(std::shared_ptr<const Model> model,
                                                const EngineOptions& options);
  virtual std::unique_ptr<Stream> new_stream() = 0;
  /// Stream::push for several different streams of this engine as one batch. Each gets what it would get
  /// alone: the same numbers, to rounding (to the bit with `deterministic`).
  /// @throws as Stream::push; every stream then is as before
  virtual void push(std::span<StreamPush> pushes) = 0;
  /// As push(), on one of lanes(): as the calls of feeds run. @throws std::out_of_range if there is no such
  /// lane
  virtual void push_on_lane(int lane, std::span<StreamPush> pushes) = 0;
  /// A place at the batcher (feed.h). The first one times the engine, unless a file from an earlier start
  /// says what tubelets cost (budget/measured_costs.h), and starts its thread.
  /// @throws ConfigError if a term is outside its range, DeviceError if the timing fails
  virtual std::unique_ptr<Feed> new_feed(const StreamTerms& terms) = 0;
  /// Costs to plan with, instead of timing the engine. @throws ConfigError after the first feed, and if they
  /// are no costs
  virtual void set_costs(const CostTable& costs) = 0;
  /// Share of the engine's time to plan for, all feeds. @throws ConfigError outside (0, 1]
  virtual void set_utilisation(double utilisation) = 0;
  /// What the controller of all feeds sees and plans; before the first feed that of no streams.
  virtual ControllerView load() const = 0;
  virtual const Model& model() const = 0;
  virtual std::string backend() const = 0;  ///< name of the one in use
  virtual DType dtype() const = 0;
  virtual int threads() const = 0;
  /// Calls of feeds that run at the same time, each on threads() / lanes() threads: 1, or more where a step
  /// is too short for all threads. push() always has all of them.
  virtual int lanes() = 0;
  /// Number of the GPU whose memory tubelets may lie in, besides the host's; -1: the host's alone, as on a
  /// CPU and with joint models, whose windows of pixels are the host's.
  virtual int gpu() const = 0;
  virtual std::string device_name() const = 0;  ///< the processor or GPU, as it calls itself
};

/// Gives the engine that somebody in this process holds for a model (empty path: the default one) of the same
/// content and the same options, or makes one: weights, threads and batcher are then shared. It lives as long
/// as somebody holds it. A file is read once until it changes. Waits while another thread makes an engine.
MONE_API Result<std::shared_ptr<Engine>> shared_engine(const std::string& model_path,
                                                       const EngineOptions& options,
                                                       const ModelOptions& model_options = {});

/// The backends this build knows, best first. Whether one runs here, Engine::create() says when asked for it
/// by name.
MONE_API std::vector<std::string> backend_names();

/// Where the engine's log lines go (level 0 error, 1 warning, 2 info, 3 debug); default: nowhere.
using LogSink = std::function<void(int level, const std::string& line)>;
MONE_API void set_log_sink(LogSink sink);

/// Who is told when a controller changes its plan, and why; from the thread that caused it, which must not
/// call the engine back. Default: nobody.
using DecisionSink = std::function<void(const Decision&)>;
MONE_API void set_decision_sink(DecisionSink sink);

}  // namespace mone
