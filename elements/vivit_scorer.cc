#include "elements/vivit_scorer.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "elements/glue/clock.h"
#include "elements/glue/live.h"
#include "elements/glue/segment.h"
#include "elements/glue/structure.h"
#include "elements/tubelet_caps.h"

GST_DEBUG_CATEGORY_EXTERN(mone_vivit_debug);
GST_DEBUG_CATEGORY_EXTERN(mone_budget_debug);
#define GST_CAT_DEFAULT mone_vivit_debug

namespace mone {
namespace {

/// A share as QOS messages carry it.
gint quality(double budget) { return static_cast<gint>(budget * 1e6 + 0.5); }

// A hop that differs by less is the jitter of a measured rate.
constexpr double kSameHop = 1.2;

}  // namespace

void VivitScorer::set(const Property<VivitSettings>& property, const GValue* value) {
  const std::string_view name = property.name;
  {
    const std::lock_guard lock(mutex_);
    set_property(settings_, property, value);
    if (name == "budget") settings_.budget_mode = kBudgetFixed;
    if (name == "utilisation") utilisation_set_ = true;
  }
  if (name == "utilisation")
    change_utilisation();
  else
    change_terms();
}

void VivitScorer::get(const Property<VivitSettings>& property, GValue* value) const {
  const std::string_view name = property.name;
  VivitSettings now = settings();
  if (name == "budget" && now.budget_mode == kBudgetAuto) {
    const auto f = feed();
    now.budget = f ? f->view().budget : now.budget_max;
    const std::lock_guard lock(mutex_);
    if (stats_.is_hurried()) now.budget = stats_.budget;
  }
  if (name == "utilisation")
    if (const auto e = engine()) now.utilisation = e->load().utilisation;
  get_property(now, property, value);
}

StreamTerms VivitScorer::terms() const {
  const OwnedChars name(gst_object_get_path_string(GST_OBJECT(element_)));
  const std::lock_guard lock(mutex_);
  const VivitSettings& s = settings_;
  StreamTerms terms;
  terms.name = name.get();
  terms.weight = s.stream_weight;
  terms.budget_min = std::min(s.budget_min, s.budget_max);
  terms.budget_max = s.budget_max;
  terms.fixed = s.budget_mode == kBudgetFixed;
  terms.budget = s.budget;
  terms.live = live_;
  terms.latency_target = from_gst(s.latency_target);
  return terms;
}

void VivitScorer::change_terms() {
  const std::lock_guard one_after_another(terms_mutex_);  // or older terms could arrive last
  if (const auto f = feed()) f->set(terms());
}

void VivitScorer::change_utilisation() {
  const std::lock_guard one_after_another(terms_mutex_);
  mutex_.lock();
  const auto engine = utilisation_set_ ? engine_ : nullptr;
  const double utilisation = settings_.utilisation;
  mutex_.unlock();
  if (engine) engine->set_utilisation(utilisation);
}

Result<bool> VivitScorer::open() {
  const VivitSettings asked = settings();
  if (engine() && asked.same_engine(opened_)) return true;
  EngineOptions options;
  options.backend = asked.backend;
  options.device = asked.device;
  options.threads = asked.threads;
  options.deterministic = asked.deterministic;
  if (asked.dtype == kDtypeF32) options.dtype = DType::kF32;
  if (asked.dtype == kDtypeBf16) options.dtype = DType::kBf16;
  if (asked.dtype == kDtypeInt8) options.dtype = DType::kInt8;
  if (asked.dtype == kDtypeF16) options.dtype = DType::kF16;
  auto made = shared_engine(asked.model, options, {asked.hf_compat});
  if (!made) return made.error();
  {
    const std::lock_guard lock(mutex_);
    hold(made.value(), asked);
  }
  share_context(made.value()->gpu());
  change_utilisation();
  return true;
}

/// Under the lock.
void VivitScorer::hold(std::shared_ptr<Engine> engine, const VivitSettings& asked) {
  engine_ = std::move(engine);
  opened_ = asked;
  info_ = model_info(*engine_);
  sink_caps_ = tubelet_caps_any_crop(tubelet_format(engine_->model().config()));
  src_caps_ = Owned<GstCaps>::adopt(gst_caps_new_simple(
      MONE_SCORES_CAPS, "classes", G_TYPE_INT, engine_->model().config().C, "model", G_TYPE_STRING,
      info_.model.c_str(), "model-hash", G_TYPE_STRING, info_.model_hash.c_str(), nullptr));
}

/// The bins are told with no lock held.
void VivitScorer::share_context(int gpu) {
  CudaContext context;
  context.open(GST_ELEMENT(element_), gpu);
  const std::lock_guard lock(mutex_);
  cuda_ = std::move(context);
}

bool VivitScorer::answer_context(GstQuery* query) const {
  const std::lock_guard lock(mutex_);
  return cuda_.answer(GST_ELEMENT(element_), query);
}

void VivitScorer::close() {
  const std::lock_guard lock(mutex_);
  cuda_.close();
  engine_.reset();
  sink_caps_ = {};
  src_caps_ = {};
}

void VivitScorer::start() {
  const std::shared_ptr<Feed> made = engine()->new_feed(terms());
  windows_ = std::make_unique<RegionWindows>(engine(), made, from_gst(settings().max_gap));
  told_model_ = false;
  live_known_ = false;
  first_asked_ = true;
  told_hurried_ = false;
  last_budget_ = -1;
  last_hop_ = 1;
  last_dropped_ = 0;
  refused_ = {};
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  const std::lock_guard lock(mutex_);
  feed_ = made;
  hop_ = Time(0);
  stats_ = {};
}

void VivitScorer::stop() {
  restart();
  windows_.reset();
  std::shared_ptr<Feed> gone;  // waits for the engine, so not under the lock
  const std::lock_guard lock(mutex_);
  gone.swap(feed_);
}

void VivitScorer::restart() {
  if (!windows_) return;
  windows_->reset();  // ends what is in line, so its pixels are no longer read
  waiting_.clear();
  answered_.clear();
}

Owned<GstCaps> VivitScorer::caps(GstPadDirection side) const {
  const std::lock_guard lock(mutex_);
  return side == GST_PAD_SINK ? sink_caps_ : src_caps_;
}

gsize VivitScorer::scores_size() const {
  const auto e = engine();
  return e ? sizeof(float) * static_cast<gsize>(e->model().config().C) : 0;
}

Time VivitScorer::latency() const {
  const std::lock_guard lock(mutex_);
  if (settings_.latency_target > 0) return from_gst(settings_.latency_target);
  if (hop_ > Time(0) || !engine_) return hop_;
  return std::chrono::duration_cast<Time>(
      std::chrono::duration<double>(1 / engine_->model().config().rate_nominal));
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

void VivitScorer::on_qos(double proportion) {
  if (const auto f = feed()) f->qos(proportion);
}

void VivitScorer::find_out_whether_live() {
  if (std::exchange(live_known_, true)) return;
  const bool first = std::exchange(first_asked_, false);
  const auto answer = is_live(GST_BASE_TRANSFORM_SINK_PAD(element_));
  if (!answer && !first) return;  // the next stream is taken for what this one was
  const bool live = answer.value_or(may_be_live(GST_ELEMENT(element_)));
  GST_INFO_OBJECT(element_, "the stream is %s", live ? "live" : "not live: it gets the largest budget");
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(live_, live) == live) return;
  }
  change_terms();
}

/// Downstream is told to ask for the latency again where it has become another one.
void VivitScorer::follow_rate(double rate) {
  if (rate <= 0) return;
  const auto hop = std::chrono::duration_cast<Time>(std::chrono::duration<double>(1 / rate));
  const Time before = latency();
  {
    const std::lock_guard lock(mutex_);
    if (hop_ > Time(0) && hop < hop_ * kSameHop && hop_ < hop * kSameHop) return;
    hop_ = hop;
  }
  if (latency() != before)
    gst_element_post_message(GST_ELEMENT(element_), gst_message_new_latency(GST_OBJECT(element_)));
}

RegionTubelet VivitScorer::read(const Waiting& w) const {
  RegionTubelet t;
  GstBuffer* in = w.in.get();
  const TubeletMeta& meta = w.meta;
  const GstClockTime end = GST_BUFFER_PTS_IS_VALID(in) ? GST_BUFFER_PTS(in) : 0;
  const GstClockTime begin = meta.frame_pts.empty() ? end : std::min(meta.frame_pts.front(), end);
  t.tubelet = {w.on_gpu ? w.on_gpu->bytes() : std::span(w.mapped->data(), w.mapped->size()),
               from_gst(begin),
               from_gst(end),
               meta.rate,
               meta.missing,
               {},
               w.on_gpu ? w.on_gpu->gpu() : -1};
  t.region = meta.region;
  t.epoch = meta.epoch;
  // Epochs say when another picture begins. A queue that lost another region's tubelet says DISCONT, too.
  t.discont = GST_BUFFER_IS_DISCONT(in) && !w.has_epoch;
  if (GST_BUFFER_DURATION_IS_VALID(in)) t.hop = from_gst(GST_BUFFER_DURATION(in));
  t.source_width = meta.source_width;
  t.source_height = meta.source_height;
  t.arrived = from_gst(meta.cut_at);
  return t;
}

Owned<GstBuffer> VivitScorer::write(const Waiting& w) const {
  GstBuffer* buffer = nullptr;
  auto* klass = GST_BASE_TRANSFORM_GET_CLASS(element_);
  if (klass->prepare_output_buffer(element_, w.in.get(), &buffer) != GST_FLOW_OK) {
    if (GST_PAD_IS_FLUSHING(GST_BASE_TRANSFORM_SRC_PAD(element_))) return {};  // it is being stopped
    throw Error("no buffer for the scores");
  }
  auto out = Owned<GstBuffer>::adopt(buffer);
  const Prediction& p = *w.outcome.answer.prediction;
  const TubeletMeta& meta = w.meta;
  const int hop = w.outcome.answer.verdict.hop;
  gst_buffer_fill(buffer, 0, p.logits.data(), p.logits.size_bytes());
  ScoresMeta scores;
  scores.region = meta.region;
  scores.upstream_id = meta.upstream_id;
  scores.box = meta.box;
  scores.source_width = meta.source_width;
  scores.source_height = meta.source_height;
  scores.window_start = to_gst(p.window_begin);
  scores.window_end = to_gst(p.window_end);
  scores.max_gap = to_gst(w.outcome.max_gap);
  scores.budget = p.budget;
  scores.realised = p.realised;
  scores.rate = meta.rate;
  scores.hop = hop;
  scores.missing = p.tubelets_missing;
  scores.warming = p.warming;
  scores.mixed_rate = p.mixed_rate;
  scores.rate_out_of_range = meta.rate_out_of_range;
  scores.experts.assign(p.experts.begin(), p.experts.end());
  add_scores_meta(buffer, scores);
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) GST_BUFFER_DURATION(buffer) *= static_cast<guint64>(hop);
  if (w.outcome.restarted)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
  return out;
}

void VivitScorer::take(Owned<GstBuffer> tubelet) {
  answered_.clear();  // what downstream refused
  if (!waiting_.empty() && GST_BUFFER_PTS(waiting_.front().in.get()) != GST_BUFFER_PTS(tubelet.get()))
    settle();  // the last one of that moment was lost on the way
  Waiting w;
  w.in = std::move(tubelet);
  w.on_gpu = tubelet_of(w.in.get());
  if (w.on_gpu && w.on_gpu->gpu() != engine()->gpu()) w.on_gpu = nullptr;
  if (!w.on_gpu) w.mapped = std::make_unique<BufferMap>(w.in.get(), GST_MAP_READ);
  if (w.mapped && !*w.mapped) throw Error("cannot read the tubelet's memory");
  find_out_whether_live();
  auto meta = get_tubelet_meta(w.in.get());
  w.has_epoch = meta.has_value();
  w.meta = std::move(meta).value_or(TubeletMeta{});
  follow_rate(w.meta.rate);
  w.outcome = windows_->submit(read(w));
  const bool last = w.meta.following == 0;
  waiting_.push_back(std::move(w));
  if (last) settle();
}

/// Waits for the answers to all that is in line.
void VivitScorer::settle() {
  while (!waiting_.empty()) {
    Waiting w = std::move(waiting_.front());
    waiting_.pop_front();
    windows_->wait(w.meta.region, w.outcome);
    log(w);
    {
      const std::lock_guard lock(mutex_);
      stats_.count(w.outcome, w.meta.rate);
      stats_.regions = static_cast<guint>(windows_->size());
    }
    tell_budget(w.in.get(), w.outcome.answer);
    Owned<GstBuffer> scores;
    if (w.outcome.answer.prediction) scores = write(w);
    w.mapped.reset();
    answered_.push_back({std::move(w.in), std::move(scores)});
  }
}

void VivitScorer::log(const Waiting& w) const {
  const Answer& answer = w.outcome.answer;
  if (w.outcome.restarted) GST_INFO_OBJECT(element_, "region %u starts a window", w.meta.region);
  if (w.outcome.lost) GST_DEBUG_OBJECT(element_, "region %u lost %d tubelets", w.meta.region, w.outcome.lost);
  GST_CAT_LOG_OBJECT(
      mone_budget_debug, element_,
      "%s (%s), budget %.3g, hop %d, batch %d, %.2f ms of the engine, answered after %.2f ms%s",
      answer.verdict.skip ? "skipped"
      : answer.prediction ? "predicted"
                          : "not predicted",
      to_string(answer.verdict.reason), answer.verdict.budget, answer.verdict.hop, answer.batch,
      answer.seconds * 1e3, std::chrono::duration<double, std::milli>(answer.waited).count(),
      answer.late ? ", late" : "");
}

Owned<GstBuffer> VivitScorer::next() {
  while (!answered_.empty()) {
    Answered a = std::move(answered_.front());
    answered_.pop_front();
    tell_model();
    if (a.scores) return std::move(a.scores);
    skip(a.in.get());
  }
  return {};
}

void VivitScorer::drain() {
  if (!windows_) return;
  settle();
  while (auto scores = next()) gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(element_), scores.release());
}

/// No scores for this tubelet: time goes on all the same.
void VivitScorer::skip(GstBuffer* in) {
  if (GST_BUFFER_PTS_IS_VALID(in))
    gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_),
                       gst_event_new_gap(GST_BUFFER_PTS(in), GST_BUFFER_DURATION(in)));
}

/// Once for these caps, after them and the segment and before the first scores.
void VivitScorer::tell_model() {
  if (std::exchange(told_model_, true)) return;
  mutex_.lock();
  ModelInfo info = info_;
  mutex_.unlock();
  // A stream may be cropped in another way than the model's config says.
  if (const auto caps =
          Owned<GstCaps>::adopt(gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(element_))))
    info.crop = get_string(gst_caps_get_structure(caps.get(), 0), "crop");
  gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_), new_model_event(info));
}

/// QOS and element messages whenever the plan for this stream changes, and a QOS message for what is dropped.
/// A budget that is lower for a few tubelets only, to be in time, stands in their labels.
void VivitScorer::tell_budget(GstBuffer* in, const Answer& answer) {
  mutex_.lock();
  const VivitStats now = stats_;
  const bool automatic = settings_.budget_mode == kBudgetAuto;
  mutex_.unlock();
  const bool newly_hurried = now.is_hurried() && !told_hurried_;
  told_hurried_ = now.is_hurried();
  const bool plan = !answer.verdict.skip && (now.hurried == 0 || newly_hurried);
  const double budget = plan ? answer.verdict.budget : last_budget_;
  // Before the first budget, as the first tubelets were skipped, there is nothing to tell.
  const bool changed = budget >= 0 && (budget != last_budget_ || answer.verdict.hop != last_hop_);
  if (changed || now.dropped() != last_dropped_) post_qos(in, answer, now);
  last_dropped_ = now.dropped();
  if (!changed) return;
  GstStructure* s = gst_structure_new(
      "mone-budget", "budget", G_TYPE_DOUBLE, budget, "budget-before", G_TYPE_DOUBLE, last_budget_, "hop",
      G_TYPE_INT, answer.verdict.hop, "hop-before", G_TYPE_INT, last_hop_, "auto", G_TYPE_BOOLEAN, automatic,
      "rate", G_TYPE_DOUBLE, now.rate, "skipped", G_TYPE_UINT64, now.skipped, nullptr);
  if (last_budget_ < 0) gst_structure_remove_field(s, "budget-before");
  gst_element_post_message(GST_ELEMENT(element_), gst_message_new_element(GST_OBJECT(element_), s));
  last_budget_ = budget;
  last_hop_ = answer.verdict.hop;
}

void VivitScorer::post_qos(GstBuffer* in, const Answer& answer, const VivitStats& now) {
  const GstClockTime pts = GST_BUFFER_PTS(in);
  mutex_.lock();
  const bool live = live_;
  mutex_.unlock();
  GstMessage* message = gst_message_new_qos(
      GST_OBJECT(element_), live, gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts),
      gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts), pts, GST_BUFFER_DURATION(in));
  gst_message_set_qos_values(message, 0, 1, quality(answer.verdict.budget));
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, now.processed, now.dropped());
  gst_element_post_message(GST_ELEMENT(element_), message);
}

GstStructure* VivitScorer::stats() const {
  const auto e = engine();
  GstStructure* s = gst_structure_new_empty("application/x-mone-stats");
  if (e) write_load(s, e->load());
  const std::lock_guard lock(mutex_);
  stats_.write(s);
  gst_structure_set(s, "budget-mode", G_TYPE_STRING, settings_.budget_mode == kBudgetAuto ? "auto" : "fixed",
                    "live", G_TYPE_BOOLEAN, live_, nullptr);
  if (engine_)
    gst_structure_set(s, "model", G_TYPE_STRING, info_.model.c_str(), "model-hash", G_TYPE_STRING,
                      info_.model_hash.c_str(), "backend", G_TYPE_STRING, info_.backend.c_str(), "dtype",
                      G_TYPE_STRING, info_.dtype.c_str(), "threads", G_TYPE_INT, engine_->threads(), nullptr);
  return s;
}

}  // namespace mone
