/// The C++ half of monetubelet: one video stream on its way to tubelets.
///
/// Everything but the settings and the statistics belongs to the streaming thread.
#pragma once

#include <gst/video/video.h>

#include <atomic>
#include <mutex>
#include <optional>

#include "elements/cuda_memory.h"
#include "elements/glue/gst_ptr.h"
#include "elements/tubelet_meta.h"
#include "elements/upstream_regions.h"
#include "elements/video_frame.h"
#include "engine/tubeliser.h"

namespace mone {

/// The properties. 0 (`auto`) leaves a choice to downstream.
struct TubeletSettings {
  gint sampling = 0;  // Sampling
  guint stride = 0;
  guint64 max_gap = GST_SECOND;
  guint width = 0, height = 0, tubelet_frames = 0, tubelet_height = 0, tubelet_width = 0, resize_short = 0;
  gint planes = 0, fit = 0, crop = 0;  // 0, or 1 + the engine's value
  guint max_regions = 8;
  std::string region_type;

  SamplingOptions sampling_options() const;
};

class TubeletStream {
 public:
  TubeletStream(GstElement* element, GstPad* src) : element_(element), src_(src) {
    gst_segment_init(&segment_, GST_FORMAT_TIME);
  }

  /// Any thread. The next tubelet, or the next negotiation, goes by them.
  template <class Change>
  void change_settings(Change&& change) {
    const std::scoped_lock lock(mutex_);
    change(settings_);
    settings_changed_ = true;
  }
  TubeletSettings settings() const;
  OwnedStructure stats() const;

  /// What this element can give: the template cut down to the properties.
  Owned<GstCaps> src_caps() const;
  /// Time that a tubelet waits for the frame that shows its last step to be the newest: `nominal` only.
  GstClockTime latency() const;

  bool set_caps(const GstCaps* caps);
  bool set_segment(const GstSegment& segment);
  GstFlowReturn push_frame(GstBuffer* buffer);
  /// True if tubelets (lost ones) now cover the gap; false: the event should go on downstream.
  bool gap(GstClockTime pts, GstClockTime duration);
  void finish();
  void flush();
  void start();  ///< counts from 0
  void stop();

 private:
  bool negotiate();
  void retire();
  void start_tubeliser(const TubeletFormat& format);
  bool follow_frame(GstBuffer* buffer);
  bool allocate(GstCaps* caps, const TubeletFormat& format);
  void apply_settings();
  std::optional<GstClockTime> timestamp(GstBuffer* buffer);
  void follow_regions(GstBuffer* buffer, const Box& visible);
  void send(const CutTubelet& tubelet, GstBuffer* frame);
  GstClockTime position(Time running_time) const;
  void publish_stats();

  GstElement* const element_;
  GstPad* const src_;

  mutable std::mutex mutex_;  // settings_, counts shown
  TubeletSettings settings_;
  struct Counts {
    SamplingCounters frames;  // together with those of tubeliser_
    guint64 tubelets = 0, lost = 0, partial = 0;
    double rate = 0;
    int stride = 0;
    bool rate_out_of_range = false, interlaced = false;
    int gpu = -1;
  } shown_;
  std::atomic<bool> settings_changed_{true};
  std::atomic<GstClockTime> frame_duration_{GST_CLOCK_TIME_NONE};

  GstVideoInfo info_;
  std::optional<Frame> layout_;  // empty until caps
  GstSegment segment_;
  Owned<GstCaps> out_caps_;
  std::optional<Tubeliser> tubeliser_;
  int gpu_ = -1;  // where tubelets are cut; -1: on the host
  CudaFrames cuda_frames_;
  UpstreamRegions regions_;
  std::optional<Time> nobody_since_;  // has been marked, in running time
  bool told_nobody_ = false;          // or somebody has been marked
  Owned<GstBufferPool> pool_;
  Counts counts_;
  TubeletMeta meta_;                             // reused: its list of timestamps allocates once
  guint epoch_base_ = 0;                         // epochs of tubelisers before this one
  guint epoch_ = 0;                              // of the latest tubelet sent
  GstClockTime next_pts_ = GST_CLOCK_TIME_NONE;  // of a frame that does not say
  GstClockTime last_position_ = 0;               // PTS sent last, for steps that map nowhere
  Time last_running_{};                          // of the newest frame, in running time
  bool have_last_ = false;
  GstClockTime last_pts_ = 0;  // and in the segment
  GstFlowReturn flow_ = GST_FLOW_OK;
};

}  // namespace mone
