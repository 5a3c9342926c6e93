#include "engine/clip.h"

#include <algorithm>

#include "engine/engine_impl.h"

namespace mone {
namespace {

void check(const ModelConfig& c, const Clip& clip, std::size_t routed_rows) {
  const std::int64_t bytes = std::int64_t{c.frames} * c.image_height * c.image_width * 3;
  if (std::ssize(clip.pixels) != bytes)
    throw ShapeError("a clip of " + std::to_string(clip.pixels.size()) + " bytes; the model takes u8 [" +
                     std::to_string(c.frames) + ", " + std::to_string(c.image_height) + ", " +
                     std::to_string(c.image_width) + ", 3], " + std::to_string(bytes));
  if (!(clip.budget > 0 && clip.budget <= 1))
    throw ConfigError("budget is " + std::to_string(clip.budget) + "; it must lie in (0, 1]");
  if (!clip.forced.empty() && clip.forced.size() != routed_rows)
    throw ShapeError(std::to_string(clip.forced.size()) + " forced experts for " +
                     std::to_string(routed_rows) + " rows");
  for (const std::uint8_t expert : clip.forced)
    if (expert >= c.E)
      throw ConfigError("forced expert " + std::to_string(expert) + " of " + std::to_string(c.E));
}

/// u8 [frames, height, width, 3] -> u8 [nt, tokens, pt, ph, pw, 3].
std::vector<std::uint8_t> cut(const ModelConfig& c, std::span<const std::uint8_t> frames) {
  std::vector<std::uint8_t> tubelets(frames.size());
  auto out = tubelets.begin();
  for (int t = 0; t < c.nt(); ++t)
    for (int h = 0; h < c.nh(); ++h)
      for (int w = 0; w < c.nw(); ++w)
        for (int a = 0; a < c.pt; ++a)
          for (int y = 0; y < c.ph; ++y) {
            const std::int64_t row = std::int64_t{t * c.pt + a} * c.image_height + h * c.ph + y;
            out = std::copy_n(frames.begin() + (row * c.image_width + w * c.pw) * 3, c.pw * 3, out);
          }
  return tubelets;
}

Counts count(std::span<const std::uint8_t> experts) {
  Counts counts{};
  for (const std::uint8_t expert : experts) ++counts[expert];
  return counts;
}

/// @param sets  of tubelets that share a budget
ClipResult classify(EngineImpl& engine, Vivit& network, const Clip& clip, int sets) {
  const ModelConfig& c = engine.model().config();
  const int rows = network.counted_rows();
  const std::vector<std::uint8_t> pixels = cut(c, clip.pixels);
  std::vector<PixelRef> tubelets;
  for (int t = 0; t < c.nt(); ++t) tubelets.push_back({pixels.data() + std::size_t(t) * c.tubelet_bytes()});

  ClipResult result;
  const auto outputs = network.make_rows(sets);
  std::vector<RowRef> window;
  for (int set = 0; set < sets; ++set) {
    const auto forced =
        clip.forced.empty() ? clip.forced : clip.forced.subspan(std::size_t(set) * rows, rows);
    const Counts counts = forced.empty() ? network.counts(clip.budget) : count(forced);
    window.push_back({outputs.get(), set});
    network.encode(std::span(tubelets).subspan(std::size_t(set) * network.tubelets_per_item(),
                                               network.tubelets_per_item()),
                   {&counts, 1}, forced, {&window.back(), 1});
    const Routing& routing = network.routing();
    result.tokens_per_expert.emplace_back(counts.begin(), counts.begin() + c.E);
    result.experts.insert(result.experts.end(), routing.experts().begin(), routing.experts().end());
    result.probs.insert(result.probs.end(), routing.probs().begin(), routing.probs().end());
    result.realised = (result.realised * set + realised_capacity(counts, c.E)) / (set + 1);
  }
  result.logits.resize(c.C);
  network.predict(window, result.logits);
  result.outputs.resize(std::size_t(sets) * c.D);
  engine.device().download(*outputs, 0, result.outputs);
  return result;
}

}  // namespace

ClipResult classify_clip(Engine& door, const Clip& clip) {
  auto& engine = static_cast<EngineImpl&>(door);
  const auto guard = engine.lock();
  Vivit& network = engine.locked_network(guard);
  const int sets = engine.model().config().nt() / network.tubelets_per_item();
  check(engine.model().config(), clip, std::size_t(sets) * network.counted_rows());
  try {
    return classify(engine, network, clip, sets);
  } catch (...) {
    engine.device().abort_step();
    throw;
  }
}

}  // namespace mone
