// The cost table of spec section 11.
#include "engine/cost.h"

#include <gtest/gtest.h>

namespace mone {
namespace {

ModelConfig base_16x2() {
  ModelConfig config;
  config.D = 768, config.H = 12, config.L = 12, config.Lt = 4, config.E = 4, config.C = 400;
  config.image_height = config.image_width = 224;
  config.frames = 32;
  config.pt = 2, config.ph = config.pw = 16;
  return config;
}

ModelConfig joint_base_16x2() {
  ModelConfig config = base_16x2();
  config.variant = Variant::kJoint;
  config.Lt = 0;
  return config;
}

TEST(Cost, FactorisedClipsCostWhatTheTableSays) {
  const ModelConfig config = base_16x2();
  EXPECT_NEAR(clip_gmac(config, 1.0), 283.3, 0.06);  // the table leaves out the router, .01
  EXPECT_NEAR(clip_gmac(config, 0.5), 149.5, 0.05);
  EXPECT_NEAR(clip_gmac(config, 0.25), 83.1, 0.05);
  EXPECT_NEAR(clip_gmac(config, 0.15), 56.6, 0.05);
}

TEST(Cost, StreamingStepsCostWhatTheTableSays) {
  const ModelConfig config = base_16x2();
  EXPECT_NEAR(step_gmac(config, 1.0), 18.16, 0.005);
  EXPECT_NEAR(step_gmac(config, 0.5), 9.80, 0.005);
  EXPECT_NEAR(step_gmac(config, 0.25), 5.65, 0.005);
  EXPECT_NEAR(step_gmac(config, 0.15), 3.99, 0.005);
}

TEST(Cost, JointClipsCostWhatTheTableSays) {
  const ModelConfig config = joint_base_16x2();
  EXPECT_NEAR(clip_gmac(config, 1.0), 451.5, 0.05);
  EXPECT_NEAR(clip_gmac(config, 0.5), 318.3, 0.05);
  EXPECT_NEAR(clip_gmac(config, 0.25), 251.7, 0.05);
  EXPECT_NEAR(clip_gmac(config, 0.15), 225.1, 0.05);
}

TEST(Cost, AJointStepIsAWholeClip) {
  const ModelConfig config = joint_base_16x2();
  EXPECT_EQ(step_gmac(config, 0.5), clip_gmac(config, 0.5));
}

TEST(Cost, SectionElevensLargerCropAgreesWithItsFormula) {
  ModelConfig config = base_16x2();  // SSv2: crop 256; only the spatial grid and the head differ
  config.image_height = config.image_width = 256;
  config.C = 174;
  EXPECT_NEAR(clip_gmac(config, 1.0), 374.0, 0.5);
  EXPECT_NEAR(clip_gmac(config, 0.4), 164.1, 0.5);
}

TEST(Cost, CountsAndBudgetGiveTheSameFigure) {
  const int counts[] = {97, 64, 29, 6};
  EXPECT_EQ(step_gmac(base_16x2(), counts), step_gmac(base_16x2(), 0.25));
}

TEST(Cost, GapHasNoClsRows) {
  ModelConfig config = base_16x2();
  config.classifier = Classifier::kGap;
  const double rows = 196, width = 768, nt = 16;
  const double encoder =
      rows * width * 1536 + rows * width * 4 + 12 * (12 * width * rows * width + 2 * rows * rows * width);
  const double temporal = 4 * (12 * width * width * nt + 2 * nt * nt * width) + width * 400;
  EXPECT_DOUBLE_EQ(step_gmac(config, 1.0), (encoder + temporal) / 1e9);
}

TEST(Cost, TooFewCountsAreRefused) {
  const ModelConfig config = base_16x2();
  const std::vector<int> few(static_cast<std::size_t>(config.E) - 1, 7);
  EXPECT_THROW(step_gmac(config, few), ShapeError);
  EXPECT_THROW(clip_gmac(config, few), ShapeError);
}

TEST(Cost, ARoutedClsRowIsCountedOnce) {
  ModelConfig config = base_16x2();
  config.cls_policy = ClsPolicy::kRouted;
  EXPECT_NEAR(step_gmac(config, 1.0), 18.16, 0.005);
  EXPECT_LT(step_gmac(config, 0.15), step_gmac(base_16x2(), 0.15));
}

}  // namespace
}  // namespace mone
