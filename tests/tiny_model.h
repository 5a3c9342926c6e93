/// Model files with random weights for tests: any config, a few KB, valid unless a test spoils them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/model_config.h"

namespace mone::test {

struct TinyModel {
  ModelConfig config;
  bool routed = true;  ///< with `mone.*` tensors; else a plain model
  std::vector<float> alpha = {0.5f};
  bool bf16 = false;  ///< matrices stored as bf16
  unsigned seed = 1;
};

/// FE, 16x20 pixels in tubelets of 2x4x4 (20 tokens), 6 frames (nt = 3), D = 16, 2 heads, 2 + 1 layers, 4
/// experts, 5 classes.
TinyModel tiny_fe();
/// The same as a joint model of 16x16 pixels (48 tokens in all).
TinyModel tiny_joint();

/// The `config` metadata of a model file.
std::string config_json(const ModelConfig& config);

/// The model as the bytes of a safetensors file. Same input, same bytes, on every machine.
std::string model_bytes(const TinyModel& model);

/// A tensor as a safetensors file has it.
struct RawTensor {
  std::string dtype;
  std::vector<long> shape;
  std::string bytes;
};
std::map<std::string, RawTensor> model_tensors(const TinyModel& model);
std::string safetensors_bytes(const std::map<std::string, RawTensor>& tensors,
                              const std::map<std::string, std::string>& metadata);

/// Writes bytes to a file of this process's temporary folder, which goes when the process ends. @return its
/// path
std::string temporary_file(const std::string& name, const std::string& bytes);
std::string write_model(const TinyModel& model, const std::string& name = "tiny.safetensors");

/// Random pixels in `config.tubelet_bytes()` bytes per tubelet: smooth, so that tokens differ.
std::vector<unsigned char> random_tubelet(const ModelConfig& config, unsigned seed);

}  // namespace mone::test
