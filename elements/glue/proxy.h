/// Properties that a bin shows and one of its children has.
#pragma once

#include <gst/gst.h>

namespace mone {

/// The same property for another class: name, range, default, blurb and flags. Null for a type that no
/// element here has (text, boolean, whole numbers, double, enum, boxed).
GParamSpec* clone_param_spec(GParamSpec* spec);

}  // namespace mone
