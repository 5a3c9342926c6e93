/// A label as people and programs read it.
#pragma once

#include <string>

#include "elements/action_meta.h"

namespace mone {

/// One JSON object and a newline. Times are in seconds of PTS, the box is cut to the frame:
/// {"stream","region","box":{"x","y","width","height"},"start","end","label","score","topk":[{"label","score"}],
///  "active":[{"label","score"}],"events":[{"event","label","score","start","end"}],"budget","realised","hop",
///  "missing","fresh","warming","rate","mixed_rate","rate_out_of_range","planes","crop","model","model_hash"}
///  and, where the
/// video carried times of another clock, "reference":{"clock","start","end"} (ns).
std::string json_line(const ActionMeta& action);

/// A line for each label that is on, "walk 93%"; when none is, the best guess, "walk? 31%".
std::string plain_text(const ActionMeta& action);

}  // namespace mone
