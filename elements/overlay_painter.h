/// Paints labels over a picture: a panel with the labels and what was spent on them, boxes around regions,
/// and which token went to which expert. Cairo and Pango; knows nothing of pads.
#pragma once

#include <cairo.h>

#include <memory>
#include <vector>

#include "elements/action_meta.h"

namespace mone {

/// What is shown, and how.
struct OverlayStyle {
  bool labels = true;    ///< label bars and region boxes
  bool gauge = true;     ///< the budget: bar as far as it was used, tick where it was asked
  bool experts = true;   ///< the expert of each token, where there is more than one
  int rows = 3;          ///< labels in the panel at most
  double opacity = 0.6;  ///< of the largest expert's tokens
  double scale = 1;      ///< of text, over what suits the picture's size

  bool operator==(const OverlayStyle&) const = default;
};

/// A piece of the overlay: ARGB32, premultiplied, native byte order.
struct OverlayLayer {
  int x = 0, y = 0;                          ///< top left corner in the picture
  std::shared_ptr<cairo_surface_t> surface;  ///< pieces that look the same share one
};

/// The layers over a picture of width x height, lowest first; pieces only as large as what is on them. Boxes
/// of the metas are scaled from their source size to this picture's.
///
/// @param pixel_aspect width of a pixel over its height
std::vector<OverlayLayer> paint_overlay(const std::vector<ActionMeta>& actions, int width, int height,
                                        double pixel_aspect, const OverlayStyle& style);

/// Whether two lists of labels give the same overlay.
bool same_picture(const std::vector<ActionMeta>& a, const std::vector<ActionMeta>& b);

}  // namespace mone
