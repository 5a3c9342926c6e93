#include "elements/monetubelet_stream.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <string>

#include "elements/glue/clock.h"
#include "elements/glue/element.h"
#include "elements/tubelet_caps.h"
#include "elements/tubelet_memory.h"
#include "engine/gpu_cutter.h"

GST_DEBUG_CATEGORY_EXTERN(gst_mone_tubelet_debug);
#define GST_CAT_DEFAULT gst_mone_tubelet_debug

namespace mone {
namespace {

Time to_time(GstClockTime t) { return Time(static_cast<Time::rep>(t)); }
GstClockTime to_clock(Time t) { return static_cast<GstClockTime>(t.count()); }

/// 0: not said.
double frames_per_second(const GstVideoInfo& info) {
  return info.fps_n > 0 && info.fps_d > 0 ? static_cast<double>(info.fps_n) / info.fps_d : 0;
}

constexpr Time kPatience = std::chrono::seconds(3);  // with a detector that starts

std::string text_of(const GstCaps* caps) { return OwnedChars(gst_caps_to_string(caps)).get(); }

}  // namespace

SamplingOptions TubeletSettings::sampling_options() const {
  return {static_cast<Sampling>(sampling), static_cast<int>(stride), to_time(max_gap)};
}

TubeletSettings TubeletStream::settings() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

OwnedStructure TubeletStream::stats() const {
  const std::scoped_lock lock(mutex_);
  const Counts& c = shown_;
  return OwnedStructure(gst_structure_new(
      "monetubelet-stats", "frames", G_TYPE_UINT64, c.frames.frames, "frames-missing", G_TYPE_UINT64,
      c.frames.missing, "frames-late", G_TYPE_UINT64, c.frames.late, "restarts", G_TYPE_UINT64,
      c.frames.restarts, "tubelets", G_TYPE_UINT64, c.tubelets, "tubelets-lost", G_TYPE_UINT64, c.lost,
      "tubelets-partial", G_TYPE_UINT64, c.partial, "rate", G_TYPE_DOUBLE, c.rate, "stride", G_TYPE_INT,
      c.stride, "rate-out-of-range", G_TYPE_BOOLEAN, c.rate_out_of_range, "interlaced", G_TYPE_BOOLEAN,
      c.interlaced, "gpu", G_TYPE_INT, c.gpu, nullptr));
}

Owned<GstCaps> TubeletStream::src_caps() const {
  const TubeletSettings s = settings();
  auto caps = Owned<GstCaps>::adopt(gst_pad_get_pad_template_caps(src_));
  caps = Owned<GstCaps>::adopt(gst_caps_make_writable(caps.release()));
  const auto narrow = [&caps](const char* field, guint value) {
    if (value) gst_caps_set_simple(caps.get(), field, G_TYPE_INT, static_cast<gint>(value), nullptr);
  };
  narrow("width", s.width);
  narrow("height", s.height);
  narrow("tubelet-frames", s.tubelet_frames);
  narrow("tubelet-height", s.tubelet_height);
  narrow("tubelet-width", s.tubelet_width);
  narrow("resize-short", s.resize_short);
  if (s.planes)
    gst_caps_set_simple(caps.get(), "planes", G_TYPE_STRING, to_name(static_cast<Planes>(s.planes - 1)),
                        nullptr);
  if (s.fit)
    gst_caps_set_simple(caps.get(), "fit", G_TYPE_STRING, to_name(static_cast<Fit>(s.fit - 1)), nullptr);
  if (s.crop)
    gst_caps_set_simple(caps.get(), "crop", G_TYPE_STRING, to_name(static_cast<CropMode>(s.crop - 1)),
                        nullptr);
  return caps;
}

GstClockTime TubeletStream::latency() const {
  const GstClockTime frame = frame_duration_;
  const bool nominal = settings().sampling == static_cast<gint>(Sampling::kNominal);
  return nominal && GST_CLOCK_TIME_IS_VALID(frame) ? frame : 0;
}

bool TubeletStream::set_caps(const GstCaps* caps) {
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps)) return false;
  // Regions are told apart by where they are in the picture.
  if (layout_ && (info.width != info_.width || info.height != info_.height)) regions_.reset();
  layout_ = frame_of(info, caps);
  if (!layout_) return false;
  info_ = info;
  const bool known = info.fps_n > 0 && info.fps_d > 0;
  frame_duration_ =
      known ? gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n) : GST_CLOCK_TIME_NONE;
  counts_.interlaced = GST_VIDEO_INFO_IS_INTERLACED(&info);
  if (counts_.interlaced)
    GST_INFO_OBJECT(element_, "interlaced video: the first field of each frame is used");
  gst_pad_check_reconfigure(src_);
  return negotiate();
}

/// Agrees with downstream on the sampling contract and gets ready for it.
bool TubeletStream::negotiate() {
  const auto own = src_caps();
  auto allowed = Owned<GstCaps>::adopt(gst_pad_peer_query_caps(src_, own.get()));
  allowed =
      Owned<GstCaps>::adopt(gst_caps_intersect_full(allowed.get(), own.get(), GST_CAPS_INTERSECT_FIRST));
  if (gst_caps_is_empty(allowed.get())) {
    const auto peer = Owned<GstCaps>::adopt(gst_pad_peer_query_caps(src_, nullptr));
    GST_ELEMENT_ERROR(
        element_, CORE, NEGOTIATION, ("No tubelets that both this element's properties and downstream allow"),
        ("here: %s; downstream: %s. Leave the properties of the image and the tubelet at 0 to take what "
         "the model asks for",
         text_of(own.get()).c_str(), text_of(peer.get()).c_str()));
    return false;
  }
  const auto caps = fixate_tubelet_caps(allowed, TubeletFormat{});
  const auto format = parse_tubelet_caps(caps.get());
  if (!format) {
    GST_ELEMENT_ERROR(element_, CORE, NEGOTIATION, ("%s", format.error().text.c_str()),
                      ("negotiated: %s", text_of(caps.get()).c_str()));
    return false;
  }
  const bool same = out_caps_ && tubeliser_ && gst_caps_is_equal(caps.get(), out_caps_.get());
  if (!same) {
    retire();
    regions_.reset();
    start_tubeliser(format.value());
    out_caps_ = caps;
    // Downstream may be flushing: then nothing is agreed, and the next frame tries again from the start.
    if (!gst_pad_push_event(src_, gst_event_new_caps(caps.get())) || !allocate(caps.get(), format.value())) {
      retire();
      out_caps_ = {};
      return false;
    }
    GST_INFO_OBJECT(element_, "tubelets: %" GST_PTR_FORMAT, static_cast<void*>(caps.get()));
  }
  tubeliser_->declare_frame_rate(frames_per_second(info_));
  return true;
}

/// Cuts where the latest frame lies, or, where that GPU cannot be used, on the host.
void TubeletStream::start_tubeliser(const TubeletFormat& format) {
  counts_.gpu = -1;
  if (gpu_ >= 0) {
    auto cutter = make_gpu_cutter(gpu_, format);
    if (cutter) {
      counts_.gpu = gpu_;
      tubeliser_.emplace(std::move(cutter).value(), settings().sampling_options());
      return;
    }
    GST_WARNING_OBJECT(element_, "frames on GPU %d are cut on the host: %s", gpu_,
                       cutter.error().text.c_str());
  }
  tubeliser_.emplace(format, settings().sampling_options());
}

/// Moves to the memory that frames now come in.
bool TubeletStream::follow_frame(GstBuffer* buffer) {
  const int gpu = cuda_frames_.gpu_of(buffer);
  if (gpu == gpu_) return true;
  gpu_ = gpu;
  const TubeletFormat format = tubeliser_->format();
  retire();
  start_tubeliser(format);
  tubeliser_->declare_frame_rate(frames_per_second(info_));
  return allocate(out_caps_.get(), format);
}

/// Lets go of the tubeliser and keeps what it counted.
void TubeletStream::retire() {
  if (!tubeliser_) return;
  tubeliser_->restart();
  counts_.frames += tubeliser_->counters();
  counts_.partial += tubeliser_->partial_dropped();
  epoch_base_ = epoch_;
  tubeliser_.reset();
}

/// Buffers are our own, made once and reused; downstream may ask for an allocator of host memory.
bool TubeletStream::allocate(GstCaps* caps, const TubeletFormat& format) {
  const auto query = Owned<GstQuery>::adopt(gst_query_new_allocation(caps, TRUE));
  GstAllocator* allocator = nullptr;
  GstAllocationParams params;
  gst_allocation_params_init(&params);
  if (counts_.gpu >= 0)
    allocator = tubelet_allocator().release();
  else if (gst_pad_peer_query(src_, query.get()) && gst_query_get_n_allocation_params(query.get()) > 0)
    gst_query_parse_nth_allocation_param(query.get(), 0, &allocator, &params);
  if (pool_) gst_buffer_pool_set_active(pool_.get(), FALSE);
  pool_ = Owned<GstBufferPool>::adopt(gst_buffer_pool_new());
  GstStructure* config = gst_buffer_pool_get_config(pool_.get());
  gst_buffer_pool_config_set_params(config, caps, static_cast<guint>(format.bytes()), 2, 0);
  gst_buffer_pool_config_set_allocator(config, allocator, &params);
  if (allocator) gst_object_unref(allocator);
  if (gst_buffer_pool_set_config(pool_.get(), config) && gst_buffer_pool_set_active(pool_.get(), TRUE))
    return true;
  GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("No buffers of %d bytes for tubelets", format.bytes()),
                    (nullptr));
  return false;
}

/// A segment in which a known frame keeps its running time goes on; any other starts again.
bool TubeletStream::set_segment(const GstSegment& segment) {
  if (segment.format != GST_FORMAT_TIME) {
    GST_ELEMENT_ERROR(element_, STREAM, FORMAT,
                      ("Video in a segment of %s: tubelets need time", gst_format_get_name(segment.format)),
                      (nullptr));
    return false;
  }
  guint64 running = 0;
  const bool goes_on = have_last_ &&
                       gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, last_pts_, &running) > 0 &&
                       to_time(running) == last_running_ && segment.rate == segment_.rate;
  segment_ = segment;
  next_pts_ = GST_CLOCK_TIME_NONE;
  if (!goes_on) {
    have_last_ = false;  // a gap before the next frame bridges nothing
    if (tubeliser_) tubeliser_->restart();
    regions_.reset();
  }
  return true;
}

void TubeletStream::apply_settings() {
  if (!settings_changed_.exchange(false)) return;
  tubeliser_->set_options(settings().sampling_options());
  regions_.set_most(settings().max_regions);
  regions_.set_type(settings().region_type);
}

/// The buffer's PTS, or where the frame must stand by the rate of the caps; nothing if neither is there.
std::optional<GstClockTime> TubeletStream::timestamp(GstBuffer* buffer) {
  GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime frame = frame_duration_;
  if (!GST_CLOCK_TIME_IS_VALID(pts)) {
    if (!GST_CLOCK_TIME_IS_VALID(frame)) return {};
    pts = GST_CLOCK_TIME_IS_VALID(next_pts_) ? next_pts_ : segment_.rate > 0 ? segment_.start : segment_.stop;
    if (!GST_CLOCK_TIME_IS_VALID(pts)) return {};
  }
  const GstClockTime duration = GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : frame;
  if (!GST_CLOCK_TIME_IS_VALID(duration))
    next_pts_ = GST_CLOCK_TIME_NONE;
  else if (segment_.rate > 0)
    next_pts_ = pts + duration;
  else
    next_pts_ = pts > duration ? pts - duration : 0;
  return pts;
}

/// crop=region. Where nobody has been marked for a while it is said, once: nothing else would tell a scene
/// without people from a detector that is not there.
void TubeletStream::follow_regions(GstBuffer* buffer, const Box& visible) {
  const std::span<const Region> regions = regions_.of(buffer, visible, last_running_);
  tubeliser_->set_regions(regions);
  if (told_nobody_) return;
  if (!regions.empty()) {
    told_nobody_ = true;
  } else if (!nobody_since_ || last_running_ < *nobody_since_) {
    nobody_since_ = last_running_;
  } else if (last_running_ - *nobody_since_ > kPatience) {
    told_nobody_ = true;
    const std::string type = settings().region_type, others = regions_.other_types();
    GST_ELEMENT_INFO(
        element_, STREAM, FAILED, ("In the first seconds nobody upstream has marked a region to look at"),
        ("crop=region looks at what a detector in front of this element marks%s%s; seen so far: %s. With no "
         "detector, use crop=motion",
         type.empty() ? "" : " as ", type.c_str(), others.empty() ? "nothing" : others.c_str()));
  }
}

GstFlowReturn TubeletStream::push_frame(GstBuffer* buffer) {
  if (!layout_) return GST_FLOW_NOT_NEGOTIATED;
  if ((gst_pad_check_reconfigure(src_) || !tubeliser_) && !negotiate()) {
    gst_pad_mark_reconfigure(src_);
    return GST_PAD_IS_FLUSHING(src_) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
  apply_settings();
  const auto pts = timestamp(buffer);
  if (!pts) {
    GST_ELEMENT_ERROR(
        element_, STREAM, FORMAT, ("Video frames without timestamps"),
        ("and the caps have no frame rate to make them from: put videorate or a capsfilter with a "
         "framerate in front, or set do-timestamp on the source"));
    return GST_FLOW_ERROR;
  }
  const guint64 running = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, *pts);
  if (!GST_CLOCK_TIME_IS_VALID(running)) {
    GST_DEBUG_OBJECT(element_, "frame at %" GST_TIME_FORMAT " is outside the segment", GST_TIME_ARGS(*pts));
    return GST_FLOW_OK;
  }
  if (!follow_frame(buffer)) return GST_FLOW_ERROR;
  const bool on_gpu = counts_.gpu >= 0;
  const MappedFrame mapped(info_, *layout_, buffer, on_gpu ? kMapCuda : 0);
  if (!mapped) {
    GST_ELEMENT_ERROR(element_, STREAM, FORMAT,
                      ("A video buffer of %" G_GSIZE_FORMAT " bytes does not hold the frame of its caps",
                       gst_buffer_get_size(buffer)),
                      (nullptr));
    return GST_FLOW_ERROR;
  }
  if (on_gpu) finish_upload(buffer);  // which mapping may have begun
  const GstClockTime duration =
      GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : frame_duration_.load();
  last_pts_ = *pts;
  last_running_ = to_time(running);
  have_last_ = true;
  meta_.interlaced = mapped.frame().interlace != Interlace::kProgressive;
  flow_ = GST_FLOW_OK;
  if (tubeliser_->format().crop == CropMode::kRegion) follow_regions(buffer, mapped.frame().visible());
  tubeliser_->push(mapped.frame(), last_running_, to_time(GST_CLOCK_TIME_IS_VALID(duration) ? duration : 0),
                   [this, buffer](const CutTubelet& t) { send(t, buffer); });
  publish_stats();
  return flow_;
}

bool TubeletStream::gap(GstClockTime pts, GstClockTime duration) {
  if (!tubeliser_ || !have_last_ || !GST_CLOCK_TIME_IS_VALID(duration)) return false;
  const guint64 end = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts + duration);
  if (!GST_CLOCK_TIME_IS_VALID(end) || to_time(end) - last_running_ > tubeliser_->longest_gap()) return false;
  flow_ = GST_FLOW_OK;
  tubeliser_->gap(to_time(end), [this](const CutTubelet& t) { send(t, nullptr); });
  publish_stats();
  return true;
}

void TubeletStream::finish() {
  flow_ = GST_FLOW_OK;
  if (tubeliser_) tubeliser_->finish([this](const CutTubelet& t) { send(t, nullptr); });
  publish_stats();
}

void TubeletStream::flush() {
  if (tubeliser_) tubeliser_->reset();
  regions_.reset();
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  have_last_ = false;
  next_pts_ = GST_CLOCK_TIME_NONE;
  publish_stats();
}

void TubeletStream::start() {
  counts_ = {};
  publish_stats();
}

void TubeletStream::stop() {
  retire();
  publish_stats();
  if (pool_) gst_buffer_pool_set_active(pool_.get(), FALSE);
  pool_ = {};
  out_caps_ = {};
  layout_.reset();
  frame_duration_ = GST_CLOCK_TIME_NONE;
  have_last_ = false;
  next_pts_ = GST_CLOCK_TIME_NONE;
  gpu_ = -1;
  cuda_frames_ = {};
  nobody_since_.reset();
  told_nobody_ = false;
}

/// From running time back to the segment's own.
GstClockTime TubeletStream::position(Time running_time) const {
  if (running_time == last_running_) return last_pts_;
  const guint64 at =
      gst_segment_position_from_running_time(&segment_, GST_FORMAT_TIME, to_clock(running_time));
  return GST_CLOCK_TIME_IS_VALID(at) ? at : last_position_;
}

/// @param frame  the newest one, with which this tubelet may end
void TubeletStream::send(const CutTubelet& t, GstBuffer* frame) {
  if (flow_ != GST_FLOW_OK) return;
  last_position_ = position(t.end);
  // In time of the segment, as the PTS: played twice as fast, two tubelets lie twice as far apart in it.
  const Time step(std::llround(static_cast<double>(t.hop.count()) * std::abs(segment_.rate)));
  const GstClockTime hop = step > Time::zero() ? to_clock(step) : GST_CLOCK_TIME_NONE;
  if (t.lost) {
    counts_.lost += !t.nobody;
    gst_pad_push_event(src_, gst_event_new_gap(last_position_, hop));
    return;
  }
  GstBuffer* acquired = nullptr;
  flow_ = gst_buffer_pool_acquire_buffer(pool_.get(), &acquired, nullptr);
  if (flow_ != GST_FLOW_OK) return;
  auto buffer = Owned<GstBuffer>::adopt(acquired);
  if (t.gpu >= 0)
    swap_tubelet(buffer.get(), *t.memory);
  else
    gst_buffer_fill(buffer.get(), 0, t.pixels.data(), t.pixels.size());
  GST_BUFFER_PTS(buffer.get()) = last_position_;
  GST_BUFFER_DURATION(buffer.get()) = hop;
  if (t.restart) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);

  if (t.rate_out_of_range && !counts_.rate_out_of_range)
    GST_WARNING_OBJECT(element_, "%.3g tubelets a second are outside the range the model was trained for",
                       t.rate);
  counts_.rate = t.rate;
  counts_.stride = t.stride;
  counts_.rate_out_of_range = t.rate_out_of_range;
  ++counts_.tubelets;
  meta_.region = t.region;
  meta_.upstream_id = regions_.upstream_id(t.region);
  meta_.box = t.box;
  meta_.source_width = t.source_width;
  meta_.source_height = t.source_height;
  meta_.frame_pts.clear();
  for (const Time time : t.frame_times) meta_.frame_pts.push_back(position(time));
  meta_.missing = t.missing;
  meta_.following = t.following;
  meta_.rate = t.rate;
  meta_.stride = t.stride;
  meta_.epoch = epoch_ = epoch_base_ + t.epoch;
  meta_.rate_out_of_range = t.rate_out_of_range;
  meta_.cut_at = to_gst(std::chrono::steady_clock::now().time_since_epoch());
  // The meta stays with the buffer when it goes back to the pool, so that the next tubelet allocates none.
  GstMeta* meta = set_tubelet_meta(buffer.get(), meta_);
  meta->flags = static_cast<GstMetaFlags>(meta->flags | GST_META_FLAG_POOLED);
  // The time by the world's clock, such as an RTSP sender's NTP time, of the last frame goes on with it.
  const auto* reference =
      frame && t.end == last_running_ ? gst_buffer_get_reference_timestamp_meta(frame, nullptr) : nullptr;
  if (reference)
    gst_buffer_add_reference_timestamp_meta(buffer.get(), reference->reference, reference->timestamp,
                                            reference->duration);
  flow_ = gst_pad_push(src_, buffer.release());
}

void TubeletStream::publish_stats() {
  const std::scoped_lock lock(mutex_);
  shown_ = counts_;
  if (!tubeliser_) return;
  shown_.frames += tubeliser_->counters();
  shown_.partial += tubeliser_->partial_dropped();
}

}  // namespace mone
