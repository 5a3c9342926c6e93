/// From frames to finished tubelets: sampling, resize, planes and cut in one. What monetubelet and the mone
/// program both use, so that the same file gives the same tubelets in both.
///
///     mone::Tubeliser tubeliser(mone::tubelet_format(model->config()), {});
///     tubeliser.declare_frame_rate(25);
///     while (decode(frame, pts, duration))
///       tubeliser.push(frame, pts, duration, [&](const mone::CutTubelet& t) {
///         if (t.restart) stream->reset();
///         if (t.lost) stream->skip(t.begin, t.end);
///         else scores(stream->push(t.for_engine(), budget));
///       });
///     tubeliser.finish(same);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/cutter.h"
#include "engine/engine.h"
#include "engine/export.h"
#include "engine/frame.h"
#include "engine/sampling.h"

namespace mone {

/// A finished tubelet. Spans are valid inside the callback that gets it.
struct CutTubelet {
  std::span<const std::uint8_t> pixels;  ///< u8 [tokens, pt, ph, pw, 3]; empty when lost
  int gpu = -1;                          ///< in whose memory they lie, see Tubelet::gpu
  /// What they lie in, null when lost: whoever moves it away may use them after the callback.
  std::shared_ptr<TubeletMemory>* memory = nullptr;
  bool lost = false;                  ///< `follow`: the source had no frame for any of its steps; or `nobody`
  bool nobody = false;                ///< `crop=region`: there is no region to cut, only time goes on
  bool restart = false;               ///< first one after a restart: no window may hold it and an earlier one
  unsigned epoch = 0;                 ///< counts restarts
  Time begin{}, end{};                ///< of its first and last step
  Time hop{};                         ///< time from one tubelet to the next, at this rate
  std::span<const Time> frame_times;  ///< [pt] of the frames shown; a repeated frame has its own again
  int missing = 0;                    ///< steps that repeat the one before for want of a frame
  int stride = 1;                     ///< frames from step to step; 0 in `nominal`
  double rate = 0;                    ///< tubelets per second
  bool rate_out_of_range = false;
  std::uint32_t region = 0;  ///< `crop=region`: which one; else 0
  int following = 0;         ///< `crop=region`: tubelets of the same time, of other regions, still to come
  Box box;                   ///< what it shows, source pixels; see TubeletCutter::box()
  ShownShare share;
  int source_width = 0, source_height = 0;

  Tubelet for_engine() const { return {pixels, begin, end, rate, missing, {}, gpu}; }
};

class MONE_API Tubeliser {
 public:
  using OnTubelet = std::function<void(const CutTubelet&)>;

  /// @throws ConfigError if the format cannot be kept (see check())
  Tubeliser(const TubeletFormat& format, const SamplingOptions& options);
  /// Tubelets that somebody else cuts, from frames in the memory that `cutter` reads.
  Tubeliser(std::unique_ptr<Cutter> cutter, const SamplingOptions& options);

  /// Acts on the next tubelet.
  void set_options(const SamplingOptions& options) { sampler_.set_options(options); }
  /// Frames per second as the container or the caps have it; 0 = not said.
  void declare_frame_rate(double frames_per_second) { sampler_.declare_frame_rate(frames_per_second); }

  /// `crop=region`: what upstream points at, from the next frame on. Each gets a tubelet of its own whenever
  /// one is due; without regions there are no tubelets. Regions beyond the list are forgotten.
  void set_regions(std::span<const Region> regions);

  /// Takes the next frame. Another size or crop of the frames starts again. Nothing of the frame is kept.
  /// @throws ShapeError if the frame is empty or its crop leaves it, DeviceError
  void push(const Frame& frame, Time pts, Time duration, const OnTubelet& on_tubelet);
  /// The source says that nothing comes before `end`.
  void gap(Time end, const OnTubelet& on_tubelet);
  /// End of the stream: steps that are due are done, an unfinished tubelet is dropped and counted.
  void finish(const OnTubelet& on_tubelet);
  /// Starts again at the next frame: a seek, another segment.
  void restart();
  /// Another stream.
  void reset();

  const TubeletFormat& format() const { return cutter_->format(); }
  const SamplingCounters& counters() const { return sampler_.counters(); }
  /// Unfinished tubelets that restarts and ends have cut off.
  std::uint64_t partial_dropped() const { return partial_dropped_; }
  /// Longest interval between frames that does not start again, now.
  Time longest_gap() const { return sampler_.longest_gap(); }

 private:
  void run(std::span<const SampleStep> steps, const Frame* frame, const OnTubelet& on_tubelet);
  void step(const SampleStep& step, const OnTubelet& on_tubelet);
  void emit(const OnTubelet& on_tubelet);
  std::span<std::uint8_t> room();
  void drop_partial();

  Sampler sampler_;
  std::unique_ptr<Cutter> cutter_;
  std::shared_ptr<TubeletMemory> memory_;  // of the tubelet under way; null once somebody has taken it
  std::vector<Time> frame_times_;
  CutTubelet tubelet_;
  std::vector<Region> regions_;
  Time newest_{};       // time of the loaded picture
  Time pts_{}, end_{};  // of the newest frame offered
  int steps_ = 0;       // done of the current tubelet
  unsigned epoch_ = 0;
  bool restart_ = true;  // the next tubelet is the first of its epoch
  Box box_;              // of the newest frame
  int width_ = 0, height_ = 0;
  double pixel_aspect_ = 0;
  std::uint64_t partial_dropped_ = 0;
};

}  // namespace mone
