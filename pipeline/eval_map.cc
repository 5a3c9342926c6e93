#include "pipeline/eval_map.h"

#include <algorithm>

#include "pipeline/seconds.h"

namespace mone {
namespace {

/// The newest picture of a tubelet, u8 [tokens, pt, ph, pw, 3], as rows.
std::vector<std::uint8_t> last_picture(std::span<const std::uint8_t> tubelet, const ModelConfig& c) {
  std::vector<std::uint8_t> rows(static_cast<std::size_t>(c.image_height) * c.image_width * 3);
  const std::size_t line = static_cast<std::size_t>(c.pw) * 3, step = c.ph * line;
  for (int token = 0; token < c.tokens(); ++token) {
    const auto* from = tubelet.data() + (static_cast<std::size_t>(token) * c.pt + c.pt - 1) * step;
    auto* to = rows.data() + (static_cast<std::size_t>(token / c.nw()) * c.ph * c.image_width +
                              static_cast<std::size_t>(token % c.nw()) * c.pw) *
                                 3;
    for (int y = 0; y < c.ph; ++y)
      std::copy_n(from + y * line, line, to + static_cast<std::size_t>(y) * c.image_width * 3);
  }
  return rows;
}

}  // namespace

void ExpertMaps::start(const std::string& path, const std::string& label, double duration) {
  map_ = {};
  map_.path = path;
  map_.label = label;
  const ModelConfig& c = model_.config();
  wanted_ = kept_ < most_ && model_.routed() && c.variant == Variant::kFe && seen_.insert(label).second;
  from_ = duration / 2;
}

void ExpertMaps::see(const CutTubelet& tubelet, const std::vector<StreamPush>& pushes) {
  const bool there = !map_.experts.empty() && map_.time >= from_;
  if (!wanted_ || there) return;
  map_.time = to_seconds(tubelet.end);
  map_.pixels = last_picture(tubelet.pixels, model_.config());
  map_.experts.clear();
  for (const StreamPush& push : pushes)
    map_.experts.emplace_back(push.budget, std::vector<std::uint8_t>(push.prediction->experts.begin(),
                                                                     push.prediction->experts.end()));
}

std::optional<ExpertMap> ExpertMaps::finish() {
  if (map_.experts.empty()) return {};
  ++kept_;
  return std::move(map_);
}

}  // namespace mone
