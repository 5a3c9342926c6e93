/// The analysis inside moneclassify: its parts, and how they are linked.
#pragma once

#include <gst/gst.h>

#include <array>
#include <string>

#include "elements/glue/gst_ptr.h"

namespace mone {

/// In the bin, with two ends for it that are not:
///
///     feed ─ [frames] ─ convert ─ tubelet ─ [tubelets] ─ vivit ─ label ─ results
///
/// The two queues, each with a thread, are there while frames do not wait. Without them the streaming thread
/// itself runs through the analysis: when a push to feed() returns, the frame's tubelets are answered. No pad
/// in the bin is ever unlinked: gst_parse_bin_from_description() would take it for one of the bin around.
class ClassifyParts {
 public:
  /// Frames that the analysis may hold: two in its queue and the one it looks at.
  static constexpr guint kHeldFrames = 3;

  explicit ClassifyParts(GstBin* bin);
  ~ClassifyParts();
  ClassifyParts(const ClassifyParts&) = delete;
  ClassifyParts& operator=(const ClassifyParts&) = delete;

  /// The name of the first part that could not be made, else empty.
  const std::string& absent() const { return absent_; }
  /// Of the properties that the bin shows.
  GObject* owner(const char* property) const;

  /// Where frames go in (a source pad), and where scores come out (a sink pad); the bin gives them functions.
  GstPad* feed() const { return feed_.get(); }
  GstPad* results() const { return results_.get(); }
  /// The pad that tubelets reach monevivit by, and the last one; null if the part could not be made.
  Owned<GstPad> scorer() const;
  Owned<GstPad> last() const;

  void activate();
  /// Before the first frame. False if they cannot be linked or started.
  bool add_queues();
  /// When no thread is in the parts any more.
  void deactivate();

 private:
  /// Cut tubelets waiting for the engine. One would starve it between two; more would only be later.
  static constexpr guint kHeldTubelets = 2;

  GstElement* make(const char* factory, const char* name);
  GstElement* add(const char* factory, const char* name);
  Owned<GstElement> queue(const char* name, guint buffers);
  void link_directly();
  void make_room(GstBuffer* tubelet);

  GstBin* bin_;
  std::string absent_;
  Owned<GstPad> feed_, results_;
  Owned<GstElement> frames_, tubelets_;               // the queues
  GstElement *convert_, *tubelet_, *vivit_, *label_;  // the bin's
  // The cutting thread's: the newest moment, how many tubelets the last ones had, and the room made for them.
  GstClockTime moment_ = GST_CLOCK_TIME_NONE;
  std::array<guint, kHeldTubelets + 1> in_moment_{1, 1, 1};
  guint room_ = kHeldTubelets;
};

/// Installs the properties of the parts that the bin shows, in the parts' own words. @param first  id
void show_part_properties(GObjectClass* bin_class, guint first);

}  // namespace mone
