/// The sampling contract (engine/tubelet_format.h) as caps, `application/x-mone-tubelets`.
///
/// Fields, all fixed once negotiated: width, height, tubelet-frames, tubelet-height, tubelet-width (int);
/// planes, fit, crop (string); resize-short (int); rate-min, rate-nominal, rate-max (fraction, tubelets/s).
#pragma once

#include <gst/gst.h>

#include "elements/glue/gst_ptr.h"
#include "engine/tubelet_format.h"

namespace mone {

#define MONE_TUBELET_CAPS "application/x-mone-tubelets"

/// For pad templates: every contract there can be.
#define MONE_TUBELET_CAPS_TEMPLATE                                                                \
  MONE_TUBELET_CAPS                                                                               \
  ", width=(int)[1,4096], height=(int)[1,4096], tubelet-frames=(int)[1,64], "                     \
  "tubelet-height=(int)[1,4096], tubelet-width=(int)[1,4096], planes=(string){rgb,luma-motion}, " \
  "fit=(string){crop,pad}, crop=(string){full,motion,region}, resize-short=(int)[1,8192], "       \
  "rate-min=(fraction)[0/1,2147483647/1], rate-nominal=(fraction)[0/1,2147483647/1], "            \
  "rate-max=(fraction)[0/1,2147483647/1]"

/// One fixed structure that says exactly this contract.
Owned<GstCaps> tubelet_caps(const TubeletFormat& format);

/// What a model's element takes: this contract first, and behind it the same with any other crop, for who
/// asks monetubelet for one.
Owned<GstCaps> tubelet_caps_any_crop(const TubeletFormat& format);

/// Reads fixed caps. A failure names the field that is absent, of another type or out of range.
Result<TubeletFormat> parse_tubelet_caps(const GstCaps* caps);

/// Makes caps fixed: every field that leaves a choice goes to the value of `wanted`, or to the nearest one
/// allowed. Takes the first structure.
Owned<GstCaps> fixate_tubelet_caps(Owned<GstCaps> caps, const TubeletFormat& wanted);

}  // namespace mone
