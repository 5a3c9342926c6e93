/// What a model is: sizes, experts, capacities and the sampling it was trained for (spec section 12).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/export.h"

namespace mone {

enum class Variant { kFe, kJoint };
enum class Activation { kGeluTanh, kGeluErf };
enum class Classifier { kToken, kGap };
enum class ClsPolicy { kFull, kRouted };
enum class RouterInput { kRaw, kLn1 };
enum class WForm { kProd, kFrac };
enum class Fit { kCrop, kPad };
enum class CropMode { kFull, kMotion, kRegion };
enum class Planes { kRgb, kLumaMotion };

/// u8 of one tubelet, [tokens, frames, ph, pw, 3]: three planes of each pixel, however it is cut into tokens.
constexpr std::int64_t tubelet_bytes(int width, int height, int frames) {
  return std::int64_t{3} * width * height * frames;
}
/// A larger one is no video's, but a config's that is wrong: 4096x4096, six frames.
constexpr std::int64_t kMaxTubeletBytes = std::int64_t{1} << 28;
/// Of the tubelets that a stream of a joint model keeps; a window of ViViT-B/16x2 has 5 MB.
constexpr std::int64_t kMaxWindowBytes = std::int64_t{1} << 30;

/// The three u8 planes of a frame are named by `planes`: "rgb", or "luma-motion" (see engine/planes.h).
struct ModelConfig {
  Variant variant = Variant::kFe;
  int D = 0, H = 0, L = 0, Lt = 0, E = 1, C = 0;
  int image_height = 0, image_width = 0;
  int frames = 0;
  int pt = 0, ph = 0, pw = 0;
  double rate_min = 0, rate_nominal = 0, rate_max = 0;  ///< tubelets per second
  int resize_short = 0;
  Fit fit = Fit::kCrop;
  CropMode crop = CropMode::kFull;
  Planes planes = Planes::kRgb;
  Activation act = Activation::kGeluTanh;
  double ln_eps = 1e-6;
  Classifier classifier = Classifier::kToken;
  ClsPolicy cls_policy = ClsPolicy::kFull;
  RouterInput router_input = RouterInput::kRaw;
  bool gate = true;
  WForm w_form = WForm::kProd;
  double beta = 10, delta = 2;
  std::array<double, 2> train_ec{};
  double scale = 1.0 / 255;
  std::array<double, 3> mean{}, std{};
  std::vector<std::string> labels;
  struct {
    std::string name, trained_on, terms;
  } provenance;

  int nt() const { return frames / pt; }  ///< tubelets per window
  int nh() const { return image_height / ph; }
  int nw() const { return image_width / pw; }
  int tokens() const { return nh() * nw(); }  ///< patch tokens per tubelet step, Ns
  /// At most kMaxTubeletBytes once the config has been checked.
  int tubelet_bytes() const { return static_cast<int>(mone::tubelet_bytes(image_width, image_height, pt)); }
};

/// Parses and validates the `config` JSON of a model file. Unknown keys, missing keys and bad values are
/// failures that name the key.
MONE_API Result<ModelConfig> parse_model_config(std::string_view json);

}  // namespace mone
