/// Who makes tubelets of sampled frames: TubeletCutter (engine/tubelet.h) in the host's memory, or a GPU in
/// its own (engine/gpu_cutter.h). Both give the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/export.h"
#include "engine/frame.h"
#include "engine/tubelet_format.h"

namespace mone {

/// What a tubelet shows, as shares of the frame fitted to the model's image: 0, 0, 1, 1 without a crop.
struct ShownShare {
  double left = 0, top = 0, width = 1, height = 1;
};

/// Somebody or something upstream wants to be looked at by itself, with `crop=region`.
struct Region {
  std::uint32_t id = 0;  ///< the same from frame to frame
  Box box;               ///< source pixels
};

/// Memory that holds one tubelet, u8 [tokens, pt, ph, pw, 3]. Any thread may read it once it is cut, and let
/// go of it.
class MONE_API TubeletMemory {
 public:
  virtual ~TubeletMemory() = default;
  /// Addresses of the memory where it is: not the host's to read, if gpu() says so.
  virtual std::span<std::uint8_t> bytes() const = 0;
  /// Number of the GPU whose memory it is; -1: the host's.
  virtual int gpu() const = 0;
  /// Copies it to host memory of that size. @throws DeviceError
  virtual void read(std::span<std::uint8_t> to) const = 0;
};

/// With `crop=motion` and `crop=region` the box is known, and stands, when the tubelet's last step is in:
/// cut() of the last step writes all of them. What is written is finished when a call returns, and the frame
/// is no longer read. One thread at a time.
class MONE_API Cutter {
 public:
  virtual ~Cutter() = default;

  /// Makes `frame` the present picture. @throws ShapeError if it is empty or its crop leaves it, DeviceError
  virtual void load(const Frame& frame) = 0;
  /// Writes the present picture as time step `t` of `tubelet`, u8 [tokens, pt, ph, pw, 3], tokens in rows of
  /// the image. Called again without a load, the picture stands for another sampled time.
  /// Steps come in order, 0 to pt - 1. An empty `tubelet` is not written: the step is history.
  virtual void cut(int t, std::span<std::uint8_t> tubelet) = 0;
  /// `crop=region`, after the last step: writes what one region shows. The first call for an id starts its
  /// box at the region, later ones steady it.
  virtual void cut_region(const Region& region, std::span<std::uint8_t> tubelet) = 0;
  /// Regions that are not in the list are forgotten.
  virtual void keep_regions(std::span<const Region> regions) = 0;
  /// Forgets the pictures before: planes that look back start again, and so does the box.
  virtual void reset() = 0;

  virtual const TubeletFormat& format() const = 0;
  /// What the last tubelet shows, in pixels of the frame loaded last. A crop that reaches into a black border
  /// leaves the frame there, to coordinates below 0 or beyond its size.
  virtual Box box() const = 0;
  virtual ShownShare shown_share() const = 0;
  /// Memory of the kind that this one reads frames from and writes tubelets to.
  virtual std::shared_ptr<TubeletMemory> new_tubelet() = 0;
};

}  // namespace mone
