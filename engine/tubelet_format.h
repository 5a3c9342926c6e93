/// The sampling contract: which frames of a video a model sees, at what size, as which planes, in which
/// order. It ships with the model and travels from monevivit to monetubelet by caps.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/model_config.h"

namespace mone {

/// What one tubelet looks like and how often it comes. The defaults are those of ViViT-B/16x2 on Kinetics
/// (spec section 1); monetubelet uses them where nobody downstream says otherwise.
struct TubeletFormat {
  int width = 224, height = 224;    ///< image, pixels
  int pt = 2, ph = 16, pw = 16;     ///< tubelet: frames, rows, columns
  Planes planes = Planes::kRgb;     ///< what the three u8 planes of a pixel are (engine/planes.h)
  Fit fit = Fit::kCrop;             ///< how a frame of another shape fills the image (engine/fit.h)
  CropMode crop = CropMode::kFull;  ///< which part of the frame the model was trained to see
  int resize_short = 256;           ///< short side before the centre crop, with `fit=crop`
  double rate_min = 4, rate_nominal = 6.25, rate_max = 12.5;  ///< tubelets per second: the trained range

  int tokens() const { return (height / ph) * (width / pw); }
  /// Bytes of one tubelet buffer, u8 [tokens, pt, ph, pw, 3]; at most kMaxTubeletBytes once checked.
  int bytes() const { return static_cast<int>(tubelet_bytes(width, height, pt)); }

  bool operator==(const TubeletFormat&) const = default;
};

/// The contract of a loaded model.
inline TubeletFormat tubelet_format(const ModelConfig& config) {
  TubeletFormat f;
  f.width = config.image_width;
  f.height = config.image_height;
  f.pt = config.pt;
  f.ph = config.ph;
  f.pw = config.pw;
  f.planes = config.planes;
  f.fit = config.fit;
  f.crop = config.crop;
  f.resize_short = config.resize_short;
  f.rate_min = config.rate_min;
  f.rate_nominal = config.rate_nominal;
  f.rate_max = config.rate_max;
  return f;
}

/// Why this contract cannot be kept, in one sentence that names the value; nothing when it can.
inline std::optional<Failure> check(const TubeletFormat& f) {
  const auto n = [](int v) { return std::to_string(v); };
  if (f.width < 1 || f.height < 1 || f.width > 4096 || f.height > 4096)
    return Failure{"image size " + n(f.width) + "x" + n(f.height) + " is outside 1x1 to 4096x4096"};
  if (f.pt < 1 || f.pt > 64) return Failure{"tubelet-frames " + n(f.pt) + " is outside 1 to 64"};
  if (f.ph < 1 || f.height % f.ph)
    return Failure{"tubelet-height " + n(f.ph) + " does not divide the image height " + n(f.height)};
  if (f.pw < 1 || f.width % f.pw)
    return Failure{"tubelet-width " + n(f.pw) + " does not divide the image width " + n(f.width)};
  if (tubelet_bytes(f.width, f.height, f.pt) > kMaxTubeletBytes)
    return Failure{"tubelets of " + n(f.pt) + " frames of " + n(f.width) + "x" + n(f.height) +
                   " are larger than " + std::to_string(kMaxTubeletBytes) + " bytes"};
  if (f.fit == Fit::kCrop && (f.resize_short < 1 || f.resize_short > 8192))
    return Failure{"resize-short " + n(f.resize_short) + " is outside 1 to 8192"};
  if (!(f.rate_min > 0 && f.rate_min <= f.rate_nominal && f.rate_nominal <= f.rate_max))
    return Failure{"tubelet rates must satisfy 0 < min <= nominal <= max, not " + std::to_string(f.rate_min) +
                   ", " + std::to_string(f.rate_nominal) + ", " + std::to_string(f.rate_max)};
  return {};
}

/// The names that caps and model files use.
inline const char* to_name(Planes p) { return p == Planes::kRgb ? "rgb" : "luma-motion"; }
inline const char* to_name(Fit f) { return f == Fit::kCrop ? "crop" : "pad"; }
inline const char* to_name(CropMode c) {
  return c == CropMode::kFull ? "full" : c == CropMode::kMotion ? "motion" : "region";
}

inline std::optional<Planes> planes_from_name(std::string_view name) {
  for (Planes p : {Planes::kRgb, Planes::kLumaMotion})
    if (name == to_name(p)) return p;
  return {};
}
inline std::optional<Fit> fit_from_name(std::string_view name) {
  for (Fit f : {Fit::kCrop, Fit::kPad})
    if (name == to_name(f)) return f;
  return {};
}
inline std::optional<CropMode> crop_from_name(std::string_view name) {
  for (CropMode c : {CropMode::kFull, CropMode::kMotion, CropMode::kRegion})
    if (name == to_name(c)) return c;
  return {};
}

}  // namespace mone
