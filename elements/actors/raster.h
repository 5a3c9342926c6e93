/// Drawing with soft edges into float planes.
#pragma once

#include <cstdint>

namespace mone::actors {

/// A rectangle of a picture as float planes 0..1: one (luma) or three (red, green, blue).
struct Canvas {
  float* plane[3];
  int planes;
  int x, y, width, height;  ///< where the rectangle lies in the picture
  int stride;               ///< floats from row to row
};

/// A ball on the picture plane: centre and radius in pixels.
struct Disc {
  float x, y, radius;
};

struct Light {
  float x, y, z;  ///< direction towards the light; x right, y up, z towards the viewer
  float ambient;  ///< 0..1
};

/// What a shape's surface looks like.
struct Surface {
  float colour[3];      ///< per plane of the canvas
  int pattern = 0;      ///< 0 plain, 1 stripes across, 2 along, 3 mottled
  float frequency = 0;  ///< repeats along the shape, or across it
  float depth = 0;
};

/// The inner loops, compiled once per instruction set.
struct RasterKernels {
  /// A shaded rounded cone from a to b.
  void (*cone)(const Canvas&, Disc a, Disc b, const Surface&, const Light&);
  /// Multiplies an ellipse by 1 - strength in its middle, by 1 at its rim.
  void (*shade)(const Canvas&, float x, float y, float radius_x, float radius_y, float strength);
  const char* name;
};

/// The fastest kernels this machine runs.
const RasterKernels& raster_kernels();

}  // namespace mone::actors
