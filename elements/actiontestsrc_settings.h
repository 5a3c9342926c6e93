/// What actiontestsrc can be told, and how its properties say it.
#pragma once

#include <string>

#include "elements/frame_schedule.h"
#include "elements/glue/property.h"

namespace mone {

enum class GapMode { kSilent, kEvent };

GType vfr_mode_type();
GType gap_mode_type();

struct ActionTestSrcSettings {
  std::string script;
  guint64 seed = 0;
  double clutter = 0.3;
  bool is_live = false;
  bool loop = true;
  gint64 timestamp_offset = 0;
  gint vfr_mode = static_cast<gint>(VfrMode::kNone);
  double gap_every = 0;
  double gap_length = 1;
  gint gap_mode = static_cast<gint>(GapMode::kSilent);
  bool post_truth = false;
  bool mark_persons = false;
};

inline constexpr Property<ActionTestSrcSettings> kActionTestSrcProperties[] = {
    {"script", &ActionTestSrcSettings::script,
     "What the person does: label[:seconds],... (3 seconds where none are given). Labels: walk run jump "
     "jumping_jack wave clap bend sit_down stand_up fall kick punch push point throw handshake hug nothing, "
     "also idle, empty, pick_up. Empty = every action in drawn order, without end"},
    {"seed", &ActionTestSrcSettings::seed, "Person, clothes, backdrop, camera and manner of acting"},
    {"clutter",
     &ActionTestSrcSettings::clutter,
     {0, 1},
     "Backdrop from plain (0) to crowded with bystanders and a shaking camera (1)"},
    {"is-live", &ActionTestSrcSettings::is_live, "Whether to act as a live source, paced by the clock"},
    {"loop", &ActionTestSrcSettings::loop,
     "Repeat the script with other details each time; false = EOS at its end"},
    {"timestamp-offset", &ActionTestSrcSettings::timestamp_offset, "Added to every timestamp, nanoseconds"},
    {"vfr-mode", &ActionTestSrcSettings::vfr_mode, "How the frame rate varies (caps keep the nominal rate)",
     kReady, vfr_mode_type},
    {"gap-every",
     &ActionTestSrcSettings::gap_every,
     {0, 86400},
     "Seconds from the end of one gap to the end of the next; 0 = no gaps"},
    {"gap-length",
     &ActionTestSrcSettings::gap_length,
     {0, 86400},
     "Seconds each gap lasts; less than gap-every"},
    {"gap-mode", &ActionTestSrcSettings::gap_mode, "What stands for the frames of a gap", kReady,
     gap_mode_type},
    {"post-truth", &ActionTestSrcSettings::post_truth,
     "Post an element message `mone-truth` (label, label-index, in-transition, entry, timestamp) whenever it "
     "changes"},
    {"mark-persons", &ActionTestSrcSettings::mark_persons,
     "Mark everybody in the picture as a person detector would (GstVideoRegionOfInterestMeta, type person; "
     "id 1 acts, 2 is the other one of the action, others are bystanders), for crop=region"},
};

}  // namespace mone
