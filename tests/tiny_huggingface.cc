#include "tests/tiny_huggingface.h"

#include <nlohmann/json.hpp>

namespace mone::test {
namespace {

using nlohmann::json;
using Tensors = std::map<std::string, RawTensor>;

/// A third of a stacked tensor.
RawTensor third(const RawTensor& t, int i) {
  const std::size_t bytes = t.bytes.size() / 3;
  RawTensor part{t.dtype, t.shape, t.bytes.substr(i * bytes, bytes)};
  part.shape[0] /= 3;
  return part;
}

}  // namespace

TinyModel tiny_plain_joint() {
  TinyModel tiny = tiny_joint();
  tiny.config.E = 1;
  tiny.config.train_ec = {1, 1};
  tiny.routed = false;
  return tiny;
}

Tensors huggingface_tensors(const TinyModel& model, bool now) {
  const Tensors ours = model_tensors(model);
  Tensors theirs;
  const auto with_ones = [](RawTensor t, int ones) {
    t.shape.insert(t.shape.begin(), ones, 1);
    return t;
  };
  theirs["vivit.embeddings.cls_token"] = with_ones(ours.at("encoder.cls_token"), 2);
  theirs["vivit.embeddings.position_embeddings"] = with_ones(ours.at("encoder.pos_embed"), 1);
  for (const std::string kind : {".weight", ".bias"}) {
    theirs["vivit.embeddings.patch_embeddings.projection" + kind] = ours.at("embed.tubelet" + kind);
    theirs["vivit.layernorm" + kind] = ours.at("encoder.norm" + kind);
    theirs["classifier" + kind] = ours.at("head" + kind);
    for (int i = 0; i < model.config.L; ++i) {
      const std::string block = "encoder.blocks." + std::to_string(i);
      const std::string layer = (now ? "vivit.layers." : "vivit.encoder.layer.") + std::to_string(i);
      const RawTensor& qkv = ours.at(block + ".attn.qkv" + kind);
      int part = 0;
      for (const char* name : {"query", "key", "value"})
        theirs[layer +
               (now ? ".attention." + std::string(1, name[0]) + "_proj"
                    : ".attention.attention." + std::string(name)) +
               kind] = third(qkv, part++);
      theirs[layer + (now ? ".attention.o_proj" : ".attention.output.dense") + kind] =
          ours.at(block + ".attn.proj" + kind);
      theirs[layer + ".layernorm_before" + kind] = ours.at(block + ".norm1" + kind);
      theirs[layer + ".layernorm_after" + kind] = ours.at(block + ".norm2" + kind);
      theirs[layer + (now ? ".mlp.fc1" : ".intermediate.dense") + kind] = ours.at(block + ".mlp.fc1" + kind);
      theirs[layer + (now ? ".mlp.fc2" : ".output.dense") + kind] = ours.at(block + ".mlp.fc2" + kind);
    }
  }
  return theirs;
}

std::string huggingface_config(const ModelConfig& c) {
  json labels = json::object();
  for (int i = 0; i < c.C; ++i) labels[std::to_string(i)] = c.labels[i];
  return json{{"model_type", "vivit"},     {"image_size", c.image_height},
              {"num_frames", c.frames},    {"tubelet_size", {c.pt, c.ph, c.pw}},
              {"hidden_size", c.D},        {"num_attention_heads", c.H},
              {"num_hidden_layers", c.L},  {"intermediate_size", 4 * c.D},
              {"hidden_act", "gelu_fast"}, {"id2label", labels},
              {"initializer_range", 0.02}}
      .dump();
}

std::string huggingface_preprocessor() {
  return json{{"size", {{"shortest_edge", 18}}},
              {"crop_size", {{"height", 16}, {"width", 16}}},
              {"do_normalize", false}}
      .dump();
}

}  // namespace mone::test
