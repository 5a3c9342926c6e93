/// A tiny plain model as Hugging Face transformers would save it.
#pragma once

#include "tests/tiny_model.h"

namespace mone::test {

/// tiny_joint() without experts.
TinyModel tiny_plain_joint();

/// The tensors of a plain joint model as transformers 4 (`now` false) or 5 spells them.
std::map<std::string, RawTensor> huggingface_tensors(const TinyModel& model, bool now);

/// The folder's config.json.
std::string huggingface_config(const ModelConfig& config);

/// A preprocessor_config.json for tiny_plain_joint() that makes [-1, 1] of the pixels.
std::string huggingface_preprocessor();

}  // namespace mone::test
