/// monevivit without its GObject: what it was asked, the engine it holds, and a tubelet buffer into a score
/// buffer.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "elements/budget_source.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/property.h"
#include "elements/region_windows.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_meta.h"

namespace mone {

enum { kDtypeAuto, kDtypeF32, kDtypeBf16, kDtypeInt8 };

struct VivitSettings {
  std::string model, backend;
  gint dtype = kDtypeAuto;
  gint threads = 0;
  bool deterministic = false, hf_compat = false;
  double budget = 1;
  guint64 max_gap = 0;

  bool same_engine(const VivitSettings& o) const {
    return model == o.model && backend == o.backend && dtype == o.dtype && threads == o.threads &&
           deterministic == o.deterministic && hf_compat == o.hf_compat;
  }
};

/// What `stats` tells.
struct VivitStats {
  guint64 processed = 0, lost = 0, restarts = 0;
  double rate = 0, budget = 0, realised = 0;
  double ms = 0, ms_mean = 0;  ///< last tubelet; exponential average over about 16
  guint regions = 0;
};

/// The element's C++ half. Settings are what was asked, under the lock; the engine exists from READY on,
/// the windows between start and stop, and only the streaming thread touches those.
class VivitScorer {
 public:
  explicit VivitScorer(GstBaseTransform* element) : element_(element) {}

  void set(const Property<VivitSettings>& property, const GValue* value) {
    const std::lock_guard lock(mutex_);
    set_property(settings_, property, value);
    budget_.fix(settings_.budget);
  }
  void get(const Property<VivitSettings>& property, GValue* value) const {
    const std::lock_guard lock(mutex_);
    get_property(settings_, property, value);
  }

  /// Loads what the properties name, unless that is loaded already.
  Result<bool> open();
  void close();

  void start();
  void stop() { windows_.reset(); }
  void restart() {
    if (windows_) windows_->reset();
  }

  /// The caps of one side once a model is loaded, null before.
  Owned<GstCaps> caps(GstPadDirection side) const;
  gsize scores_size() const;
  Time nominal_hop() const;

  /// Whether these caps are refused for the first time.
  bool refuse(GstCaps* caps);

  void on_segment(const GstSegment& segment);
  void on_gap(GstClockTime end);

  GstFlowReturn score(GstBuffer* in, GstBuffer* out);
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
  RegionTubelet read(GstBuffer* in, const TubeletMeta& meta, std::span<const std::uint8_t> pixels) const;
  void write(GstBuffer* out, const TubeletMeta& meta, const RegionWindows::Outcome& outcome) const;
  void count(const RegionWindows::Outcome& outcome, double rate, double ms);
  void tell_model();
  void tell_budget(GstBuffer* in, double budget);

  GstBaseTransform* element_;
  mutable std::mutex mutex_;
  VivitSettings settings_, opened_;
  BudgetSource budget_;
  std::shared_ptr<Engine> engine_;
  ModelInfo info_;
  Owned<GstCaps> sink_caps_, src_caps_;
  VivitStats stats_;

  // Of the streaming thread.
  std::unique_ptr<RegionWindows> windows_;
  GstSegment segment_{};
  bool told_model_ = false;
  double last_budget_ = -1;
  Owned<GstCaps> refused_;
};

}  // namespace mone
