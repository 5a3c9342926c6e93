#include "elements/vivit_scorer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "elements/glue/clock.h"
#include "elements/tubelet_caps.h"

GST_DEBUG_CATEGORY_EXTERN(mone_vivit_debug);
#define GST_CAT_DEFAULT mone_vivit_debug

namespace mone {
namespace {

/// PTS and running time keep their relation: no window needs to end.
bool continues(const GstSegment& a, const GstSegment& b) {
  if (a.format != GST_FORMAT_TIME || b.format != GST_FORMAT_TIME || a.rate != b.rate) return false;
  const auto zero = [](const GstSegment& s) {
    return static_cast<double>(s.base) - static_cast<double>(s.start) - static_cast<double>(s.offset);
  };
  return !(b.flags & GST_SEGMENT_FLAG_RESET) && zero(a) == zero(b);
}

}  // namespace

Result<bool> VivitScorer::open() {
  const VivitSettings asked = settings();
  if (engine() && asked.same_engine(opened_)) return true;
  EngineOptions options;
  options.backend = asked.backend;
  options.threads = asked.threads;
  options.deterministic = asked.deterministic;
  if (asked.dtype == kDtypeF32) options.dtype = DType::kF32;
  if (asked.dtype == kDtypeBf16) options.dtype = DType::kBf16;
  if (asked.dtype == kDtypeInt8) options.dtype = DType::kInt8;
  auto made = shared_engine(asked.model, options, {asked.hf_compat});
  if (!made) return made.error();
  const std::lock_guard lock(mutex_);
  engine_ = made.value();
  opened_ = asked;
  info_ = model_info(*engine_);
  sink_caps_ = tubelet_caps(tubelet_format(engine_->model().config()));
  src_caps_ = Owned<GstCaps>::adopt(gst_caps_new_simple(
      MONE_SCORES_CAPS, "classes", G_TYPE_INT, engine_->model().config().C, "model", G_TYPE_STRING,
      info_.model.c_str(), "model-hash", G_TYPE_STRING, info_.model_hash.c_str(), nullptr));
  return true;
}

void VivitScorer::close() {
  const std::lock_guard lock(mutex_);
  engine_.reset();
  sink_caps_ = {};
  src_caps_ = {};
}

void VivitScorer::start() {
  windows_ = std::make_unique<RegionWindows>(engine(), from_gst(settings().max_gap));
  told_model_ = false;
  last_budget_ = -1;
  refused_ = {};
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  const std::lock_guard lock(mutex_);
  stats_ = {};
}

Owned<GstCaps> VivitScorer::caps(GstPadDirection side) const {
  const std::lock_guard lock(mutex_);
  return side == GST_PAD_SINK ? sink_caps_ : src_caps_;
}

gsize VivitScorer::scores_size() const {
  const auto e = engine();
  return e ? sizeof(float) * static_cast<gsize>(e->model().config().C) : 0;
}

Time VivitScorer::nominal_hop() const {
  const auto e = engine();
  if (!e) return Time(0);
  return std::chrono::duration_cast<Time>(
      std::chrono::duration<double>(1 / e->model().config().rate_nominal));
}

bool VivitScorer::refuse(GstCaps* caps) {
  if (refused_ && gst_caps_is_equal(refused_.get(), caps)) return false;
  refused_ = Owned<GstCaps>::share(caps);
  return true;
}

void VivitScorer::on_segment(const GstSegment& segment) {
  if (!continues(segment_, segment)) restart();
  segment_ = segment;
}

void VivitScorer::on_gap(GstClockTime end) {
  if (windows_ && GST_CLOCK_TIME_IS_VALID(end)) windows_->expire(from_gst(end));
}

RegionTubelet VivitScorer::read(GstBuffer* in, const TubeletMeta& meta,
                                std::span<const std::uint8_t> pixels) const {
  RegionTubelet t;
  const GstClockTime end = GST_BUFFER_PTS_IS_VALID(in) ? GST_BUFFER_PTS(in) : 0;
  const GstClockTime begin = meta.frame_pts.empty() ? end : std::min(meta.frame_pts.front(), end);
  t.tubelet = {pixels, from_gst(begin), from_gst(end), meta.rate, meta.missing};
  t.region = meta.region;
  t.epoch = meta.epoch;
  t.discont = GST_BUFFER_IS_DISCONT(in);
  if (GST_BUFFER_DURATION_IS_VALID(in)) t.hop = from_gst(GST_BUFFER_DURATION(in));
  t.source_width = meta.source_width;
  t.source_height = meta.source_height;
  return t;
}

void VivitScorer::write(GstBuffer* out, const TubeletMeta& meta,
                        const RegionWindows::Outcome& outcome) const {
  const Prediction& p = *outcome.prediction;
  gst_buffer_fill(out, 0, p.logits.data(), p.logits.size_bytes());
  ScoresMeta scores;
  scores.region = meta.region;
  scores.box = meta.box;
  scores.source_width = meta.source_width;
  scores.source_height = meta.source_height;
  scores.window_start = to_gst(p.window_begin);
  scores.window_end = to_gst(p.window_end);
  scores.max_gap = to_gst(outcome.max_gap);
  scores.budget = p.budget;
  scores.realised = p.realised;
  scores.rate = meta.rate;
  scores.missing = p.tubelets_missing;
  scores.warming = p.warming;
  scores.mixed_rate = p.mixed_rate;
  scores.rate_out_of_range = meta.rate_out_of_range;
  scores.experts.assign(p.experts.begin(), p.experts.end());
  add_scores_meta(out, scores);
  if (outcome.restarted)
    GST_BUFFER_FLAG_SET(out, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET(out, GST_BUFFER_FLAG_DISCONT);
}

GstFlowReturn VivitScorer::score(GstBuffer* in, GstBuffer* out) {
  const BufferMap pixels(in, GST_MAP_READ);
  if (!pixels) throw Error("cannot read the tubelet's memory");
  const TubeletMeta meta = get_tubelet_meta(in).value_or(TubeletMeta{});
  const double budget = budget_.next(meta.rate);
  tell_budget(in, budget);
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = windows_->push(read(in, meta, {pixels.data(), pixels.size()}), budget);
  const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - began;
  if (outcome.restarted) GST_INFO_OBJECT(element_, "region %u starts a window", meta.region);
  if (outcome.lost) GST_DEBUG_OBJECT(element_, "region %u lost %d tubelets", meta.region, outcome.lost);
  write(out, meta, outcome);
  count(outcome, meta.rate, ms.count());
  tell_model();
  return GST_FLOW_OK;
}

void VivitScorer::count(const RegionWindows::Outcome& outcome, double rate, double ms) {
  const std::lock_guard lock(mutex_);
  stats_.processed++;
  stats_.lost += static_cast<guint64>(outcome.lost);
  stats_.restarts += outcome.restarted;
  stats_.rate = rate;
  stats_.budget = outcome.prediction->budget;
  stats_.realised = outcome.prediction->realised;
  stats_.ms = ms;
  stats_.ms_mean = stats_.processed == 1 ? ms : stats_.ms_mean + (ms - stats_.ms_mean) / 16;
  stats_.regions = static_cast<guint>(windows_->size());
}

/// Once, after caps and segment and before the first scores.
void VivitScorer::tell_model() {
  if (std::exchange(told_model_, true)) return;
  mutex_.lock();
  const ModelInfo info = info_;
  mutex_.unlock();
  gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_), new_model_event(info));
}

/// A QOS message whose quality is the budget, whenever that changes.
void VivitScorer::tell_budget(GstBuffer* in, double budget) {
  if (std::exchange(last_budget_, budget) == budget) return;
  mutex_.lock();
  const VivitStats now = stats_;
  mutex_.unlock();
  const GstClockTime pts = GST_BUFFER_PTS(in);
  GstMessage* message = gst_message_new_qos(
      GST_OBJECT(element_), FALSE, gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts),
      gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts), pts, GST_BUFFER_DURATION(in));
  gst_message_set_qos_values(message, 0, 1, static_cast<gint>(budget * 1e6 + 0.5));
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, now.processed, now.lost);
  gst_element_post_message(GST_ELEMENT(element_), message);
}

GstStructure* VivitScorer::stats() const {
  const std::lock_guard lock(mutex_);
  GstStructure* s = gst_structure_new(
      "application/x-mone-stats", "processed", G_TYPE_UINT64, stats_.processed, "lost", G_TYPE_UINT64,
      stats_.lost, "restarts", G_TYPE_UINT64, stats_.restarts, "regions", G_TYPE_UINT, stats_.regions, "rate",
      G_TYPE_DOUBLE, stats_.rate, "budget", G_TYPE_DOUBLE, stats_.budget, "realised", G_TYPE_DOUBLE,
      stats_.realised, "ms-per-tubelet", G_TYPE_DOUBLE, stats_.ms_mean, "ms-last", G_TYPE_DOUBLE, stats_.ms,
      nullptr);
  if (engine_)
    gst_structure_set(s, "model", G_TYPE_STRING, info_.model.c_str(), "model-hash", G_TYPE_STRING,
                      info_.model_hash.c_str(), "backend", G_TYPE_STRING, info_.backend.c_str(), "dtype",
                      G_TYPE_STRING, info_.dtype.c_str(), "threads", G_TYPE_INT, engine_->threads(), nullptr);
  return s;
}

}  // namespace mone
