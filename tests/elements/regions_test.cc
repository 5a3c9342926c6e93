// People marked by a detector, each with labels of their own: a whole pipeline with the default model.
#include <map>

#include "elements/action_meta.h"
#include "elements/truth_meta.h"
#include "tests/elements/play.h"

namespace mone {
namespace {

struct Named {
  int right = 0, of = 0;
};

TEST(Regions, BothWhoShakeHandsAreSaidToDoSo) {
  const std::string model = MONE_GOLDEN_DIR "/../../../configs/models/default.safetensors";
  std::map<unsigned, Named> by_region;
  std::map<unsigned, guint64> upstream;
  play(
      "actiontestsrc script=handshake:8 seed=4 clutter=0 mark-persons=true num-buffers=240 ! "
      "video/x-raw,format=GRAY8,width=320,height=240,framerate=30/1 ! moneclassify crop=region wait=always "
      "threads=1 budget-mode=fixed budget=1 model=\"" +
          model + "\" ! fakesink name=out",
      [&](GstBuffer* buffer) {
        const auto truth = get_truth_meta(buffer);
        if (!truth || truth->in_transition) return;
        for (const ActionMeta& action : get_action_metas(buffer)) {
          if (!action.fresh || action.top.empty()) continue;
          Named& named = by_region[action.window.region];
          ASSERT_TRUE(action.window.upstream_id) << "the source numbers its people";
          const guint64 id = *action.window.upstream_id;
          EXPECT_EQ(upstream.emplace(action.window.region, id).first->second, id);
          named.right += action.top.front().label == "handshake";
          ++named.of;
        }
      });
  ASSERT_EQ(by_region.size(), 2u) << "two people, two regions";
  EXPECT_NE(upstream.begin()->second, upstream.rbegin()->second);
  for (const auto& [region, named] : by_region) {
    EXPECT_GT(named.of, 5) << region;
    EXPECT_GT(named.right, named.of / 2) << "region " << region;
  }
}

}  // namespace
}  // namespace mone
