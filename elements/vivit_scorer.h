/// monevivit without its GObject: what it was asked, the engine it holds, and tubelet buffers into score
/// buffers. The tubelets of one moment (crop=region has several) are in line at the engine together, so that
/// they can share a call.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "elements/cuda_memory.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/property.h"
#include "elements/region_windows.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_memory.h"
#include "elements/tubelet_meta.h"
#include "elements/vivit_stats.h"

namespace mone {

enum { kDtypeAuto, kDtypeF32, kDtypeBf16, kDtypeInt8, kDtypeF16 };
enum { kBudgetAuto, kBudgetFixed };

struct VivitSettings {
  std::string model, backend, device = "auto";
  gint dtype = kDtypeAuto;
  gint threads = 0;
  bool deterministic = false, hf_compat = false;
  gint budget_mode = kBudgetAuto;
  double budget = 1;
  double budget_min = 0.125, budget_max = 1;
  guint64 latency_target = 0;
  double stream_weight = 1;
  double utilisation = 0.85;
  guint64 max_gap = 0;

  bool same_engine(const VivitSettings& o) const {
    return model == o.model && backend == o.backend && device == o.device && dtype == o.dtype &&
           threads == o.threads && deterministic == o.deterministic && hf_compat == o.hf_compat;
  }
};

/// The element's C++ half. Settings are what was asked, under the lock; the engine exists from READY on, the
/// feed and the windows between start and stop, and only the streaming thread touches the windows.
class VivitScorer {
 public:
  explicit VivitScorer(GstBaseTransform* element) : element_(element) {}

  void set(const Property<VivitSettings>& property, const GValue* value);
  void get(const Property<VivitSettings>& property, GValue* value) const;

  /// Loads what the properties name, unless that is loaded already.
  Result<bool> open();
  void close();

  void start();
  void stop();
  /// Drops what is on its way, and all windows. Of the streaming thread.
  void restart();

  /// The caps of one side once a model is loaded, null before.
  Owned<GstCaps> caps(GstPadDirection side) const;
  gsize scores_size() const;
  /// What a live tubelet may take: latency-target, else the time to the next one.
  Time latency() const;

  /// Whether the query asked for the context of the engine's GPU and has it now.
  bool answer_context(GstQuery* query) const;

  /// Whether these caps are refused for the first time.
  bool refuse(GstCaps* caps);

  void on_segment(const GstSegment& segment);
  void on_gap(GstClockTime end);
  /// Downstream gets data so many times too slowly.
  void on_qos(double proportion);
  /// Upstream may have changed: whether it is live is asked again.
  void on_stream_start() { live_known_ = false; }
  /// Tubelets may be cropped in another way from here on: downstream is told again what the model is shown.
  void on_caps() { told_model_ = false; }

  /// Takes a tubelet; waits for the answers once it is the last of its moment, or begins another one.
  void take(Owned<GstBuffer> tubelet);
  /// The next scores in the order of the tubelets; null: none yet. Tells downstream of those that got none.
  Owned<GstBuffer> next();
  /// Waits for what is in line and sends it on, before an event that comes after it.
  void drain();
  GstStructure* stats() const;

 private:
  VivitSettings settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
  }
  std::shared_ptr<Engine> engine() const {
    const std::lock_guard lock(mutex_);
    return engine_;
  }
  /// In line at the engine; its pixels stay where they are until it is answered.
  struct Waiting {
    Owned<GstBuffer> in;
    std::unique_ptr<BufferMap> mapped;      // null: read as they lie
    const TubeletMemory* on_gpu = nullptr;  // the engine's; null: mapped
    TubeletMeta meta;
    bool has_epoch = false;  // the meta was there
    RegionWindows::Outcome outcome;
  };
  /// Answered; without scores if it was skipped or not predicted.
  struct Answered {
    Owned<GstBuffer> in, scores;
  };

  RegionTubelet read(const Waiting& tubelet) const;
  Owned<GstBuffer> write(const Waiting& tubelet) const;
  void settle();
  void log(const Waiting& tubelet) const;
  std::shared_ptr<Feed> feed() const {
    const std::lock_guard lock(mutex_);
    return feed_;
  }
  StreamTerms terms() const;
  void change_terms();
  void change_utilisation();
  void hold(std::shared_ptr<Engine> engine, const VivitSettings& asked);
  void share_context(int gpu);
  void find_out_whether_live();
  void follow_rate(double rate);
  void tell_model();
  void tell_budget(GstBuffer* in, const Answer& answer);
  void post_qos(GstBuffer* in, const Answer& answer, const VivitStats& now);
  void skip(GstBuffer* in);

  GstBaseTransform* element_;
  std::mutex terms_mutex_;  // held while the engine is told what was asked; before mutex_
  // Never held while the engine is asked or told anything: it may be timing its costs for another element.
  mutable std::mutex mutex_;
  VivitSettings settings_, opened_;
  bool utilisation_set_ = false;
  bool live_ = true;
  Time hop_{0};  // from tubelet to tubelet, as told downstream; 0: the model's nominal one
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Feed> feed_;
  ModelInfo info_;
  CudaContext cuda_;  // of the engine's GPU, if it has one
  Owned<GstCaps> sink_caps_, src_caps_;
  VivitStats stats_;

  // Of the streaming thread.
  std::unique_ptr<RegionWindows> windows_;
  std::deque<Waiting> waiting_;  // of one moment
  std::deque<Answered> answered_;
  GstSegment segment_{};
  bool told_model_ = false;
  bool live_known_ = false;
  bool first_asked_ = true;    // since start()
  bool told_hurried_ = false;  // that the deadline lowers every budget
  double last_budget_ = -1;
  int last_hop_ = 1;
  guint64 last_dropped_ = 0;
  Owned<GstCaps> refused_;
};

}  // namespace mone
