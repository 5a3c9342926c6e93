/// What the person is asked to do: "walk:3,wave:2,idle:1,fall:2".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "elements/actors/motion.h"

namespace mone::actors {

/// One entry of a script.
struct Cue {
  Label label = Label::kNothing;
  bool empty = false;  ///< nobody in the picture; label is kNothing
  double seconds = 3;  ///< as written: times of frames are compared with it
};

/// Label or alias (case sensitive) to a cue; false if there is no such name.
bool find_cue(std::string_view name, Cue* cue);

/// @return false, with `error` naming the token and what would be right, if the text does not parse. Empty
/// text gives
///         an empty list.
bool parse_script(std::string_view text, std::vector<Cue>* cues, std::string* error);

}  // namespace mone::actors
