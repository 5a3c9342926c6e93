/**
 * SECTION:element-actiontestsrc
 *
 * Like `videotestsrc`, but a person performs a script: walking, waving, falling, shaking hands with another.
 * The picture is a function of `script`, `seed`, `clutter`, the size and the stream time alone. What is true
 * on each frame rides along as the custom meta `GstMoneTruthMeta` (see truth_meta.h) and, with `post-truth`,
 * on the bus.
 *
 * |[
 * gst-launch-1.0 actiontestsrc script="walk:3,wave:2,idle:1,fall:2" ! video/x-raw,width=640,height=480 !
 * videoconvert ! autovideosink
 * ]|
 */
#include <gst/base/gstpushsrc.h>
#include <gst/video/video.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "elements/actiontestsrc_settings.h"
#include "elements/actors/mone_actors.h"
#include "elements/elements.h"
#include "elements/frame_schedule.h"
#include "elements/glue/element.h"
#include "elements/truth_meta.h"

namespace mone {
namespace {

using Settings = ActionTestSrcSettings;

constexpr double kLeastBetweenGaps = 1e-3;  // seconds

struct SceneFree {
  void operator()(mone_actors_scene* scene) const { mone_actors_scene_free(scene); }
};
using ScenePtr = std::unique_ptr<mone_actors_scene, SceneFree>;

mone_actors_format scene_format(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_RGB:
      return MONE_ACTORS_RGB;
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_RGBA:
      return MONE_ACTORS_RGBX;
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_BGRA:
      return MONE_ACTORS_BGRX;
    case GST_VIDEO_FORMAT_GRAY8:
      return MONE_ACTORS_GRAY8;
    case GST_VIDEO_FORMAT_NV12:
      return MONE_ACTORS_NV12;
    default:
      return MONE_ACTORS_I420;
  }
}

/// The C++ half: settings as asked, and what exists between start and stop. The streaming thread owns the
/// rest.
class ActionTestSrc {
 public:
  explicit ActionTestSrc(GstBaseSrc* element) : element_(element) {}

  Settings settings;  ///< under the object lock

  void start();
  void stop();
  void set_format(const GstVideoInfo& info);
  void seek(GstSegment* segment);
  GstFlowReturn fill(GstBuffer* buffer);
  void leave(GstBuffer* buffer);
  bool duration(GstClockTime* out);
  GstClockTime frame_duration() const { return schedule_.grid_time(1); }
  std::atomic<bool> unlocked{false};  ///< the streaming thread is to come back

 private:
  ScenePtr make_scene(const mone_actors_scene_options& size) const;
  void place(GstClockTime position);
  void change_rate(int fps_n, int fps_d);
  bool next_frame(int64_t* n, int64_t* skipped_from);
  void stamp(GstBuffer* buffer, int64_t n);
  void add_truth(GstBuffer* buffer, double scene_time);
  void mark_persons(GstBuffer* buffer, double scene_time);
  void draw(GstBuffer* buffer, double scene_time);
  GstClockTime shown(GstClockTime time) const;

  GstBaseSrc* element_;
  Settings now_;  ///< as of start
  FrameSchedule schedule_;
  GstVideoInfo info_{};
  ScenePtr scene_;
  double script_seconds_ = 0;  ///< 0 = endless
  GstClockTime origin_ = 0;    ///< where frame 0 of the current frame rate lies
  int64_t next_ = 0;
  GstClockTime sought_ = 0;     ///< where the last seek went
  GstClockTime stamped_ = 0;    ///< of the latest frame, by its script ...
  GstClockTimeDiff shift_ = 0;  ///< ... and how much later it was sent
  bool reverse_ = false, first_ = true;
  int told_entry_ = -1;
  bool told_transition_ = false;
};

ScenePtr ActionTestSrc::make_scene(const mone_actors_scene_options& size) const {
  mone_actors_scene_options options = size;
  options.script = now_.script.c_str();
  options.seed = now_.seed;
  options.clutter = static_cast<float>(now_.clutter);
  ScenePtr scene(mone_actors_scene_new(&options));
  if (!scene) throw ConfigError(mone_actors_error());
  return scene;
}

void ActionTestSrc::start() {
  GST_OBJECT_LOCK(element_);
  now_ = settings;
  GST_OBJECT_UNLOCK(element_);
  if (now_.gap_every > 0 && now_.gap_every - now_.gap_length < kLeastBetweenGaps)
    throw ConfigError("gap-length (" + std::to_string(now_.gap_length) + " s) must be less than gap-every (" +
                      std::to_string(now_.gap_every) + " s) by a millisecond or more, or no frame is left");
  // A bad script fails here, before any caps are known.
  mone_actors_scene_options tiny;
  mone_actors_scene_options_init(&tiny);
  tiny.width = tiny.height = 16;
  script_seconds_ = mone_actors_scene_duration(make_scene(tiny).get());
  schedule_.vfr = static_cast<VfrMode>(now_.vfr_mode);
  schedule_.gap_every = now_.gap_every;
  schedule_.gap_length = now_.gap_length;
  schedule_.seed = now_.seed;
  origin_ = 0;
  next_ = 0;
  sought_ = 0;
  reverse_ = false;
  first_ = true;
  told_entry_ = -1;
}

void ActionTestSrc::stop() { scene_.reset(); }

void ActionTestSrc::set_format(const GstVideoInfo& info) {
  if (GST_VIDEO_INFO_IS_YUV(&info) && info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255)
    throw ShapeError(
        "full-range YUV cannot be produced; leave colorimetry open or ask for a limited-range one");
  const GstVideoColorMatrix matrix = info.colorimetry.matrix;
  if (GST_VIDEO_INFO_IS_YUV(&info) && matrix != GST_VIDEO_COLOR_MATRIX_BT601 &&
      matrix != GST_VIDEO_COLOR_MATRIX_BT709 && matrix != GST_VIDEO_COLOR_MATRIX_UNKNOWN)
    throw ShapeError(
        "YUV is produced by the matrices of bt601 and bt709 alone; leave colorimetry open or ask for one");
  if (GST_VIDEO_INFO_IS_RGB(&info) && info.colorimetry.range == GST_VIDEO_COLOR_RANGE_16_235)
    throw ShapeError("limited-range RGB cannot be produced; leave colorimetry open or ask for sRGB");
  if (info.fps_n != schedule_.fps_n || info.fps_d != schedule_.fps_d) change_rate(info.fps_n, info.fps_d);
  info_ = info;
  mone_actors_scene_options options;
  mone_actors_scene_options_init(&options);
  options.width = info.width;
  options.height = info.height;
  options.pixel_aspect = static_cast<float>(info.par_n) / static_cast<float>(info.par_d);
  options.format = scene_format(GST_VIDEO_INFO_FORMAT(&info));
  options.bt709 = info.colorimetry.matrix == GST_VIDEO_COLOR_MATRIX_BT709;
  scene_ = make_scene(options);
}

void ActionTestSrc::change_rate(int fps_n, int fps_d) {
  const GstClockTime next = origin_ + schedule_.grid_time(next_),
                     sent = origin_ + schedule_.grid_time(next_ + (reverse_ ? 1 : 0));
  schedule_.fps_n = fps_n;
  schedule_.fps_d = fps_d;
  if (first_) {
    place(sought_);  // nothing has been sent at the other rate
  } else if (reverse_) {
    place(sent);
  } else {
    origin_ = next;
    next_ = 0;
  }
}

/// Goes on from a time of the source.
void ActionTestSrc::place(GstClockTime position) {
  origin_ = 0;
  next_ = schedule_.frame_at(position);
  // Backwards, a frame that begins where the segment ends is not in it.
  if (reverse_ && next_ > 0 && schedule_.grid_time(next_) >= position) --next_;
}

void ActionTestSrc::seek(GstSegment* segment) {
  segment->time = segment->start;
  reverse_ = segment->rate < 0;
  // The segment is in timestamps, which timestamp-offset has moved.
  gint64 moved = 0;
  if (__builtin_sub_overflow(static_cast<gint64>(segment->position), now_.timestamp_offset, &moved))
    moved = now_.timestamp_offset < 0 ? G_MAXINT64 : 0;
  sought_ = moved < 0 ? 0 : static_cast<GstClockTime>(moved);
  place(sought_);
  first_ = true;
  told_entry_ = -1;
}

/// The frame to send now; `skipped_from` is the first frame of a gap just before it, or -1.
bool ActionTestSrc::next_frame(int64_t* n, int64_t* skipped_from) {
  *skipped_from = -1;
  while (next_ >= 0 && !unlocked) {  // of a slow camera with long gaps many are passed over
    *n = next_;
    next_ += reverse_ ? -1 : 1;
    if (schedule_.sent(*n)) return true;
    if (schedule_.in_gap(*n) && *skipped_from < 0) *skipped_from = *n;
  }
  return false;
}

/// A time of the source as a timestamp.
GstClockTime ActionTestSrc::shown(GstClockTime time) const {
  gint64 moved = 0;
  if (__builtin_add_overflow(static_cast<gint64>(time), now_.timestamp_offset, &moved)) moved = G_MAXINT64;
  return moved < 0 ? 0 : static_cast<GstClockTime>(moved);
}

void ActionTestSrc::stamp(GstBuffer* buffer, int64_t n) {
  int64_t after = n + 1;
  while (!schedule_.sent(after) && !schedule_.in_gap(after)) ++after;
  const GstClockTime begin = origin_ + schedule_.time(n), end = origin_ + schedule_.time(after);
  GST_BUFFER_PTS(buffer) = stamped_ = shown(begin);
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(buffer) = end - begin;
  GST_BUFFER_OFFSET(buffer) = static_cast<guint64>(n);
  GST_BUFFER_OFFSET_END(buffer) = static_cast<guint64>(n) + 1;
}

void ActionTestSrc::add_truth(GstBuffer* buffer, double scene_time) {
  mone_actors_truth t;
  mone_actors_scene_truth(scene_.get(), scene_time, &t);
  const TruthMeta truth{mone_actors_label(t.label),
                        t.label,
                        t.in_transition != 0,
                        static_cast<double>(t.phase),
                        t.persons,
                        t.entry,
                        static_cast<int>(t.x),
                        static_cast<int>(t.y),
                        static_cast<int>(t.width),
                        static_cast<int>(t.height)};
  add_truth_meta(buffer, truth);
}

/// As the frame leaves: the base class gives the frames of a live source the time at which they are sent.
void ActionTestSrc::leave(GstBuffer* buffer) {
  shift_ = GST_CLOCK_DIFF(stamped_, GST_BUFFER_PTS(buffer));
  const auto truth = now_.post_truth ? get_truth_meta(buffer) : std::nullopt;
  if (!truth || (truth->entry == told_entry_ && truth->in_transition == told_transition_)) return;
  told_entry_ = truth->entry;
  told_transition_ = truth->in_transition;
  GstStructure* s = gst_structure_new("mone-truth", "label", G_TYPE_STRING, truth->label.c_str(),
                                      "label-index", G_TYPE_INT, truth->label_index, "in-transition",
                                      G_TYPE_BOOLEAN, truth->in_transition, "entry", G_TYPE_INT, truth->entry,
                                      "timestamp", G_TYPE_UINT64, GST_BUFFER_PTS(buffer), nullptr);
  gst_element_post_message(GST_ELEMENT_CAST(element_), gst_message_new_element(GST_OBJECT_CAST(element_), s));
}

void ActionTestSrc::mark_persons(GstBuffer* buffer, double scene_time) {
  mone_actors_person persons[16];
  const int32_t count = std::min<int32_t>(
      std::size(persons),
      mone_actors_scene_persons(scene_.get(), scene_time, persons, static_cast<int32_t>(std::size(persons))));
  for (const mone_actors_person& person : std::span(persons, static_cast<std::size_t>(count)))
    gst_buffer_add_video_region_of_interest_meta(
        buffer, "person", static_cast<guint>(person.x), static_cast<guint>(person.y),
        static_cast<guint>(person.width), static_cast<guint>(person.height))
        ->id = person.id;
}

void ActionTestSrc::draw(GstBuffer* buffer, double scene_time) {
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &info_, buffer, GST_MAP_WRITE))
    throw DeviceError("a video buffer from downstream's pool could not be mapped for writing");
  guint8* planes[3] = {};
  int32_t strides[3] = {};
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&frame) && i < 3; ++i) {
    planes[i] = static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, i));
    strides[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, i);
  }
  mone_actors_scene_render(scene_.get(), scene_time, planes, strides);
  // The renderer's luma is full-range, GRAY8 is so only where the caps say it.
  if (GST_VIDEO_INFO_FORMAT(&info_) == GST_VIDEO_FORMAT_GRAY8 &&
      info_.colorimetry.range != GST_VIDEO_COLOR_RANGE_0_255)
    for (int y = 0; y < info_.height; ++y)
      for (guint8 *p = planes[0] + static_cast<ptrdiff_t>(y) * strides[0], *end = p + info_.width; p < end;
           ++p)
        *p = static_cast<guint8>(16 + (*p * 219 + 127) / 255);
  gst_video_frame_unmap(&frame);
}

GstFlowReturn ActionTestSrc::fill(GstBuffer* buffer) {
  if (!scene_) return GST_FLOW_NOT_NEGOTIATED;
  int64_t n, skipped_from;
  if (!next_frame(&n, &skipped_from)) return unlocked ? GST_FLOW_FLUSHING : GST_FLOW_EOS;
  const GstClockTime at = origin_ + schedule_.time(n);
  const double seconds = static_cast<double>(at) / GST_SECOND;
  if (!now_.loop && script_seconds_ > 0 && seconds >= script_seconds_ - 1e-9) return GST_FLOW_EOS;

  if (skipped_from >= 0 && !first_) {
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    if (now_.gap_mode == static_cast<gint>(GapMode::kEvent) && !reverse_) {
      const GstClockTime from = origin_ + schedule_.grid_time(skipped_from);
      gst_pad_push_event(
          GST_BASE_SRC_PAD(element_),
          gst_event_new_gap(shown(from) + static_cast<GstClockTime>(shift_), at > from ? at - from : 0));
    }
  }
  first_ = false;
  stamp(buffer, n);
  draw(buffer, seconds);
  add_truth(buffer, seconds);
  if (now_.mark_persons) mark_persons(buffer, seconds);
  return GST_FLOW_OK;
}

bool ActionTestSrc::duration(GstClockTime* out) {
  const int buffers = element_->num_buffers;
  *out = GST_CLOCK_TIME_NONE;
  if (!now_.loop && script_seconds_ > 0) *out = static_cast<GstClockTime>(script_seconds_ * GST_SECOND);
  // How many frames make how long is known of those that come one an interval.
  const bool steady =
      now_.gap_every <= 0 && (schedule_.vfr == VfrMode::kNone || schedule_.vfr == VfrMode::kJitter);
  if (buffers >= 0 && frame_duration() > 0) {
    if (!steady) return false;
    *out = std::min(*out, origin_ + schedule_.grid_time(buffers));
  }
  if (!GST_CLOCK_TIME_IS_VALID(*out)) return false;
  *out = shown(*out);
  return true;
}

}  // namespace
}  // namespace mone

struct GstMoneActionTestSrc {
  GstPushSrc parent;
  mone::ActionTestSrc* impl;
};
struct GstMoneActionTestSrcClass {
  GstPushSrcClass parent_class;
};

G_DEFINE_TYPE(GstMoneActionTestSrc, gst_mone_action_test_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE(actiontestsrc, "actiontestsrc", GST_RANK_NONE,
                            gst_mone_action_test_src_get_type())

namespace {

using mone::guarded;

#define ACTION_FORMATS "{ I420, NV12, RGB, RGBx, BGRx, RGBA, BGRA, GRAY8 }"
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw, format = (string) " ACTION_FORMATS
                                            ", width = (int) [ 16, 7680 ], height = (int) [ 16, 4320 ], "
                                            "framerate = (fraction) [ 1/1000, 1000/1 ]"));

mone::ActionTestSrc* impl_of(gpointer object) {
  return reinterpret_cast<GstMoneActionTestSrc*>(object)->impl;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec*) {
  mone::ActionTestSrc* impl = impl_of(object);
  GST_OBJECT_LOCK(object);
  mone::set_property(impl->settings, mone::kActionTestSrcProperties[id - 1], value);
  const bool live = impl->settings.is_live;
  GST_OBJECT_UNLOCK(object);
  gst_base_src_set_live(GST_BASE_SRC(object), live);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
  GST_OBJECT_LOCK(object);
  mone::get_property(impl_of(object)->settings, mone::kActionTestSrcProperties[id - 1], value);
  GST_OBJECT_UNLOCK(object);
}

GstCaps* fixate(GstBaseSrc* src, GstCaps* caps) {
  caps = gst_caps_make_writable(caps);
  GstStructure* s = gst_caps_get_structure(caps, 0);
  gst_structure_fixate_field_nearest_int(s, "width", 640);
  gst_structure_fixate_field_nearest_int(s, "height", 480);
  gst_structure_fixate_field_nearest_fraction(s, "framerate", 30, 1);
  // Said also where nobody asks: a scaler takes what is not said for free to choose.
  if (gst_structure_has_field(s, "pixel-aspect-ratio"))
    gst_structure_fixate_field_nearest_fraction(s, "pixel-aspect-ratio", 1, 1);
  else
    gst_structure_set(s, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr);
  if (!gst_structure_has_field(s, "interlace-mode"))
    gst_structure_set(s, "interlace-mode", G_TYPE_STRING, "progressive", nullptr);
  return GST_BASE_SRC_CLASS(gst_mone_action_test_src_parent_class)->fixate(src, caps);
}

gboolean set_caps(GstBaseSrc* src, GstCaps* caps) {
  return guarded(src, gboolean{FALSE}, [&]() -> gboolean {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps))
      throw mone::ShapeError("caps are not raw video this element can draw");
    impl_of(src)->set_format(info);
    gst_base_src_set_blocksize(src, static_cast<guint>(info.size));
    return TRUE;
  });
}

gboolean start(GstBaseSrc* src) {
  return guarded(src, gboolean{FALSE}, [&]() -> gboolean {
    impl_of(src)->start();
    return TRUE;
  });
}

gboolean stop(GstBaseSrc* src) {
  impl_of(src)->stop();
  return TRUE;
}

gboolean unlock(GstBaseSrc* src) {
  impl_of(src)->unlocked = true;
  return TRUE;
}

gboolean unlock_stop(GstBaseSrc* src) {
  impl_of(src)->unlocked = false;
  return TRUE;
}

gboolean is_seekable(GstBaseSrc* src) { return !gst_base_src_is_live(src); }

gboolean do_seek(GstBaseSrc* src, GstSegment* segment) {
  impl_of(src)->seek(segment);
  return TRUE;
}

void get_times(GstBaseSrc* src, GstBuffer* buffer, GstClockTime* begin, GstClockTime* end) {
  *begin = *end = GST_CLOCK_TIME_NONE;
  if (!gst_base_src_is_live(src) || !GST_BUFFER_PTS_IS_VALID(buffer)) return;
  *begin = GST_BUFFER_PTS(buffer);
  *end = *begin + GST_BUFFER_DURATION(buffer);
}

gboolean query(GstBaseSrc* src, GstQuery* query) {
  mone::ActionTestSrc* impl = impl_of(src);
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY && gst_base_src_is_live(src)) {
    // A frame is made when its time has come and is there at once; one interval covers the drawing.
    gst_query_set_latency(query, TRUE, impl->frame_duration(), GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_DURATION) {
    GstFormat format;
    gst_query_parse_duration(query, &format, nullptr);
    GstClockTime duration;
    if (format == GST_FORMAT_TIME && impl->duration(&duration)) {
      gst_query_set_duration(query, format, static_cast<gint64>(duration));
      return TRUE;
    }
    return FALSE;
  }
  return GST_BASE_SRC_CLASS(gst_mone_action_test_src_parent_class)->query(src, query);
}

gboolean decide_allocation(GstBaseSrc* src, GstQuery* query) {
  GstBufferPool* pool = nullptr;
  guint size = gst_base_src_get_blocksize(src), min = 0, max = 0;
  const bool offered = gst_query_get_n_allocation_pools(query) > 0;
  if (offered) {
    guint wanted = 0;
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &wanted, &min, &max);
    size = MAX(size, wanted);
  }
  if (!pool) pool = gst_video_buffer_pool_new();
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstStructure* config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, min, max);
  if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr))
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_set_config(pool, config);
  if (offered)
    gst_query_set_nth_allocation_pool(query, 0, pool, size, min, max);
  else
    gst_query_add_allocation_pool(query, pool, size, min, max);
  gst_object_unref(pool);
  return GST_BASE_SRC_CLASS(gst_mone_action_test_src_parent_class)->decide_allocation(src, query);
}

GstFlowReturn fill(GstPushSrc* src, GstBuffer* buffer) {
  return guarded(src, GST_FLOW_ERROR, [&] { return impl_of(src)->fill(buffer); });
}

void finalize(GObject* object) {
  delete impl_of(object);
  G_OBJECT_CLASS(gst_mone_action_test_src_parent_class)->finalize(object);
}

}  // namespace

static void gst_mone_action_test_src_class_init(GstMoneActionTestSrcClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  auto* element = GST_ELEMENT_CLASS(klass);
  auto* base = GST_BASE_SRC_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  mone::install_properties<mone::Settings>(object, mone::kActionTestSrcProperties);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(
      element, "Action test source", "Source/Video",
      "A person performing a scripted action, deterministic by seed, with ground truth on every buffer "
      "(custom meta GstMoneTruthMeta: label, label-index, in-transition, phase, persons, entry, x, y, width, "
      "height)",
      "The gst-mone authors");
  gst_element_class_add_static_metadata(
      element, "example",
      "gst-launch-1.0 actiontestsrc script=\"walk:3,wave:2,idle:1,fall:2\" ! videoconvert ! autovideosink");
  gst_type_mark_as_plugin_api(mone::vfr_mode_type(), static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(mone::gap_mode_type(), static_cast<GstPluginAPIFlags>(0));
  base->fixate = fixate;
  base->set_caps = set_caps;
  base->start = start;
  base->stop = stop;
  base->unlock = unlock;
  base->unlock_stop = unlock_stop;
  base->is_seekable = is_seekable;
  base->do_seek = do_seek;
  base->get_times = get_times;
  base->query = query;
  base->decide_allocation = decide_allocation;
  GST_PUSH_SRC_CLASS(klass)->fill = fill;
}

static void gst_mone_action_test_src_init(GstMoneActionTestSrc* self) {
  self->impl = new mone::ActionTestSrc(GST_BASE_SRC(self));
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
  gst_pad_add_probe(
      GST_BASE_SRC_PAD(self), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer impl) {
        static_cast<mone::ActionTestSrc*>(impl)->leave(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
      },
      self->impl, nullptr);
}
