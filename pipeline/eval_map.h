/// Where the router looks: pictures with the expert of each token.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/tubeliser.h"

namespace mone {

/// A tubelet's last picture as the model sees it, and the expert of each of its tokens by budget.
struct ExpertMap {
  std::string path, label;
  double time = 0;
  std::vector<std::uint8_t> pixels;                                   ///< u8 [height, width, 3]
  std::vector<std::pair<double, std::vector<std::uint8_t>>> experts;  ///< of the router, by budget
};

/// Keeps a map of the first video of each label, near its middle.
class ExpertMaps {
 public:
  /// @param most  how many
  ExpertMaps(const Model& model, int most) : model_(model), most_(most) {}
  /// A video begins. @param duration  seconds, 0: not known
  void start(const std::string& path, const std::string& label, double duration);
  /// @param pushes  the router's, by budget
  void see(const CutTubelet& tubelet, const std::vector<StreamPush>& pushes);
  /// The video was read to its end. @return its map, if there is one
  std::optional<ExpertMap> finish();

 private:
  const Model& model_;
  int most_;
  ExpertMap map_;
  bool wanted_ = false;
  double from_ = 0;
  std::set<std::string> seen_;
  int kept_ = 0;
};

}  // namespace mone
