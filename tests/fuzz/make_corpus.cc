// Seeds for the fuzzers: make_corpus FOLDER writes FOLDER/NAME/* for NAME_fuzz.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/tiny_huggingface.h"

namespace {

/// As few bytes as a model can have, so that a mutation is likely to hit something that matters.
mone::test::TinyModel smallest(mone::test::TinyModel model) {
  mone::ModelConfig& c = model.config;
  c.D = 4, c.H = 1, c.L = 1, c.E = 2, c.C = 1;
  c.labels = {"a"};
  c.image_height = c.image_width = 2;
  c.ph = 2, c.pw = 1, c.pt = 1, c.frames = 2;
  return model;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("make_corpus FOLDER\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder / "model_file");
  std::filesystem::create_directories(folder / "model_config");
  std::filesystem::create_directories(folder / "huggingface");
  std::filesystem::create_directories(folder / "manifest");
  int number = 0;
  for (mone::test::TinyModel model : {smallest(mone::test::tiny_fe()), smallest(mone::test::tiny_joint())})
    for (const bool routed : {false, true})
      for (const bool bf16 : {false, true})
        for (const bool gap : {false, true}) {
          model.routed = routed;
          model.bf16 = bf16;
          model.config.classifier = gap ? mone::Classifier::kGap : mone::Classifier::kToken;
          model.config.cls_policy = bf16 ? mone::ClsPolicy::kRouted : mone::ClsPolicy::kFull;
          const std::string name = std::to_string(number++);
          std::ofstream(folder / "model_file" / name, std::ios::binary) << mone::test::model_bytes(model);
          std::ofstream(folder / "model_config" / name, std::ios::binary)
              << mone::test::config_json(model.config);
        }
  number = 0;
  mone::test::TinyModel plain = smallest(mone::test::tiny_plain_joint());
  plain.config.E = 1;
  for (const bool now : {false, true})
    for (const bool bf16 : {false, true}) {
      plain.bf16 = bf16;
      std::ofstream out(folder / "huggingface" / std::to_string(number++), std::ios::binary);
      out << mone::test::huggingface_config(plain.config) << '\0' << mone::test::huggingface_preprocessor()
          << '\0'
          << mone::test::safetensors_bytes(mone::test::huggingface_tensors(plain, now), {{"format", "pt"}});
    }
  std::ofstream(folder / "manifest" / "clips")
      << "\xef\xbb\xbfpath,Label,dataset\r\n a.mp4 ,walk,x\r\n\"b, \"\"c\"\".mp4\",nothing,y\r\n,,\r\n";
  std::ofstream(folder / "manifest" / "events")
      << "path,common_label,label,start,end\na,walk,x,1.5,2\na,walk,x,3,4e0\n\"b\n\",,run,0,\n";
  return 0;
}
