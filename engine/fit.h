/// Where a frame lands in the model's image.
#pragma once

#include "engine/export.h"
#include "engine/frame.h"
#include "engine/tubelet_format.h"

namespace mone {

/// One axis: `size` pixels of the image from `begin` on show source pixels in the ratio `source / full`; what
/// lies outside is black.
struct AxisFit {
  int begin = 0, size = 0;  ///< image pixels that show something
  int full = 0;             ///< the whole of the visible source would be this many image pixels
  int skip = 0;             ///< of those, cut off before `begin`
  bool operator==(const AxisFit&) const = default;
};

struct ImageFit {
  AxisFit x, y;
  bool operator==(const ImageFit&) const = default;
};

/// `pad`: the whole frame, long side to the image, centred, the rest black. `crop`: short side to
/// `resize_short` (the long one rounded down), then the middle of the image's size cut out of it, as
/// torchvision's Resize and CenterCrop. Pixels that are not square keep the shape of what they show.
MONE_API ImageFit fit_image(const TubeletFormat& format, const Frame& frame);

}  // namespace mone
