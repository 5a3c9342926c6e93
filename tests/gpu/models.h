/// Models that the GPU programs run, with random weights.
#pragma once

#include "tests/tiny_model.h"

namespace mone::test {

/// ViViT-B/16x2, factorised, four experts, 400 classes: 115 M parameters, stored as bf16.
inline TinyModel vivit_b() {
  TinyModel model = tiny_fe();
  ModelConfig& c = model.config;
  c.D = 768, c.H = 12, c.L = 12, c.Lt = 4, c.E = 4, c.C = 400;
  c.image_height = c.image_width = 224;
  c.frames = 32, c.pt = 2, c.ph = c.pw = 16;
  c.labels.assign(c.C, "label");
  model.bf16 = true;
  return model;
}

/// Small enough for the reference to keep up, large enough for every tile of the kernels and for eight blocks
/// of keys: 197 rows, heads of 64.
inline TinyModel small_fe(int experts) {
  TinyModel model = tiny_fe();
  ModelConfig& c = model.config;
  c.D = 256, c.H = 4, c.L = 2, c.Lt = 1, c.E = experts, c.C = 33;
  c.image_height = c.image_width = 56;
  c.frames = 8, c.pt = 2, c.ph = c.pw = 4;
  c.labels.assign(c.C, "label");
  return model;
}

/// The same in joint form, 3137 rows at once.
inline TinyModel vivit_b_joint() {
  TinyModel model = vivit_b();
  model.config.variant = Variant::kJoint;
  model.config.Lt = 0;
  return model;
}

/// Heads of 128 instead of 64.
inline TinyModel wide_heads(TinyModel model) {
  model.config.H /= 2;
  return model;
}

inline TinyModel small_joint(int experts) {
  TinyModel model = small_fe(experts);
  model.config.variant = Variant::kJoint;
  model.config.Lt = 0;
  model.config.frames = 4;
  return model;
}

}  // namespace mone::test
