#include "elements/vivit_stats.h"

#include <chrono>

namespace mone {

void VivitStats::count(const RegionWindows::Outcome& outcome, double tubelet_rate) {
  const Answer& a = outcome.answer;
  lost += static_cast<guint64>(outcome.lost);
  restarts += outcome.restarted;
  rate = tubelet_rate;
  hop = a.verdict.hop;
  skipped += a.verdict.skip;
  if (a.verdict.skip) return;
  processed++;
  budget = a.verdict.budget;
  hurried = a.verdict.reason == Reason::kDeadline ? hurried + 1 : 0;
  not_predicted += !a.verdict.predict;
  late += a.verdict.predict && a.late;
  realised = a.realised;
  queue = a.queue;
  ms = a.seconds * 1e3;
  const double share = 1 / static_cast<double>(std::min<guint64>(processed, 16));
  const auto follow = [share](double& mean, double value) { mean += (value - mean) * share; };
  follow(ms_mean, ms);
  follow(batch, a.batch);
  follow(waited_ms, std::chrono::duration<double, std::milli>(a.waited).count());
}

void VivitStats::write(GstStructure* s) const {
  gst_structure_set(s, "processed", G_TYPE_UINT64, processed, "lost", G_TYPE_UINT64, lost, "skipped",
                    G_TYPE_UINT64, skipped, "not-predicted", G_TYPE_UINT64, not_predicted, "deadline-misses",
                    G_TYPE_UINT64, late, "restarts", G_TYPE_UINT64, restarts, "regions", G_TYPE_UINT, regions,
                    "rate", G_TYPE_DOUBLE, rate, "budget", G_TYPE_DOUBLE, budget, "realised", G_TYPE_DOUBLE,
                    realised, "hop", G_TYPE_INT, hop, "queue", G_TYPE_INT, queue, "batch", G_TYPE_DOUBLE,
                    batch, "ms-per-tubelet", G_TYPE_DOUBLE, ms_mean, "ms-last", G_TYPE_DOUBLE, ms,
                    "ms-waited", G_TYPE_DOUBLE, waited_ms, nullptr);
}

void write_load(GstStructure* s, const ControllerView& load) {
  gst_structure_set(s, "engine-streams", G_TYPE_INT, load.streams, "engine-level", G_TYPE_DOUBLE, load.level,
                    "engine-load", G_TYPE_DOUBLE, load.load, "engine-busy", G_TYPE_DOUBLE, load.busy,
                    "engine-batch", G_TYPE_DOUBLE, load.batch, "engine-slowness", G_TYPE_DOUBLE, load.scale,
                    "engine-decisions", G_TYPE_UINT64, static_cast<guint64>(load.changes), "utilisation",
                    G_TYPE_DOUBLE, load.utilisation, nullptr);
}

}  // namespace mone
