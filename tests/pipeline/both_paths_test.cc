// A file gives the same labels at the same times through the program and through the elements.
#include "tests/pipeline/both_paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/pipeline/run_program.h"
#include "tests/pipeline/video_writer.h"

namespace mone::testing {
namespace {

const std::string kRgbModel = MONE_GOLDEN_DIR "/fe_token.safetensors";
const std::string kLumaModel = MONE_GOLDEN_DIR "/fe_luma_motion.safetensors";

void compare(const std::string& name, const VideoSpec& spec, const std::string& model, double budget) {
  const TemporaryFolder folder;
  const std::string path = folder.file(name);
  const std::string missing = write_video(path, spec);
  if (!missing.empty()) GTEST_SKIP() << missing;
  expect_same_labels(path, model, budget);
}

TEST(BothPaths, AgreeOnH264InMp4) {
  VideoSpec spec;
  spec.encoder = "libx264";
  spec.b_frames = 2;
  spec.frames = 90;
  compare("h264.mp4", spec, kRgbModel, 1);
}

TEST(BothPaths, AgreeOnH264InMp4AtALowBudget) {
  VideoSpec spec;
  spec.encoder = "libx264";
  spec.width = 128;
  spec.height = 96;
  spec.frames = 75;
  spec.rate = 25;
  compare("h264.mp4", spec, kLumaModel, 0.3);
}

TEST(BothPaths, AgreeOnMpeg4InMatroska) {
  VideoSpec spec;
  spec.frames = 45;
  spec.rate = 15;
  compare("mpeg4.mkv", spec, kLumaModel, 0.5);
}

TEST(BothPaths, AgreeOnAnUnevenFrameRateWithAGap) {
  VideoSpec spec;
  spec.frames = 120;
  spec.rate = 25;  // Matroska keeps it; what MP4 declares of uneven times, the two demuxers round differently
  spec.time = [](int i) { return 40 * i + (i % 3) * 5 + (i >= 60 ? 3000 : 0); };
  compare("vfr.mkv", spec, kRgbModel, 1);
}

/// Real footage is no part of this project; where it lies beside it, it is used.
std::string real_data() {
  const char* wanted = std::getenv("MONE_REAL_DATA");
  return wanted ? wanted : MONE_SOURCE_DIR "/../shared/data/real";
}

/// The first `count` files with these endings below `folder`, in order of their names.
std::vector<std::string> some_files(const std::string& folder, const std::string& ending, std::size_t count) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (entry.path().extension() == ending) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> some;  // spread over the folder
  for (std::size_t i = 0; i < std::min(count, files.size()); ++i)
    some.push_back(files[i * files.size() / count]);
  return some;
}

// ut_interaction is left out: its packed MPEG-4 in AVI has no times of presentation, and the two demuxers
// guess differently.
TEST(BothPaths, AgreeOnRealFootage) {
  int compared = 0;
  for (const auto& [set, ending] :
       {std::pair{"gmdcsa24", ".mp4"}, {"utd_mhad", ".mp4"}, {"weizmann", ".avi"}}) {
    for (const std::string& file : some_files(real_data() + "/dev/" + set, ending, 3)) {
      expect_same_labels(file, compared % 2 ? kLumaModel : kRgbModel, compared % 3 ? 1 : 0.4);
      ++compared;
    }
  }
  if (compared == 0)
    GTEST_SKIP() << "no footage in " << real_data() << " (MONE_REAL_DATA names another folder)";
}

}  // namespace
}  // namespace mone::testing
