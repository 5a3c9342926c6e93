/// What `actiontestsrc ! monetubelet` would send, with the truth, kept in memory: for what is measured faster
/// than life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/model_config.h"

namespace mone::load {

/// Tubelets of one scripted scene, in time order.
struct Script {
  struct Step {
    double rate = 0;     ///< tubelets per second
    int label = 0;       ///< of the action under way at its end
    bool clear = false;  ///< a viewer can name it: not between actions
  };
  std::size_t bytes = 0;  ///< of one tubelet
  std::vector<std::uint8_t> pixels;
  std::vector<Step> steps;

  int size() const { return static_cast<int>(steps.size()); }
  std::span<const std::uint8_t> tubelet(int i) const { return std::span(pixels).subspan(i * bytes, bytes); }
};

/// An endless script of `seed` (all actions in drawn order), its first seconds, at 320x240 and 30 fps.
Script render_script(const ModelConfig& config, std::uint64_t seed, double seconds);
std::vector<Script> render_scripts(const ModelConfig& config, int count, std::uint64_t first_seed,
                                   double seconds);

inline constexpr std::uint64_t kUnseen = 90001;  ///< from here on: seeds that training never used

/// A model's file: "default" is the one that ships, "fe-b" a new temporary one with ViViT-B/16x2 and random
/// weights, anything else a path.
std::string model_file(const std::string& name);
/// @throws std::runtime_error
std::shared_ptr<const Model> open_model(const std::string& path);

}  // namespace mone::load
