// What `mone` says and how it exits, whatever it is given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/pipeline/run_program.h"
#include "tests/pipeline/video_writer.h"

namespace mone::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kModel = MONE_GOLDEN_DIR "/fe_token.safetensors";
constexpr int kWindow = 3;  // tubelets of that model

ProgramRun mone(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), MONE_PROGRAM);
  return run_program(std::move(arguments));
}

std::vector<json> lines_of(const std::string& out) {
  std::vector<json> lines;
  std::istringstream in(out);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

class Mone : public ::testing::Test {
 protected:
  std::string video(const std::string& name = "walk.mkv", const VideoSpec& spec = {}) {
    const std::string path = folder_.file(name);
    EXPECT_EQ(write_video(path, spec), "");
    return path;
  }
  TemporaryFolder folder_;
};

TEST_F(Mone, PrintsItsVersionAndHelp) {
  EXPECT_THAT(mone({"--version"}).out, HasSubstr("mone 0."));
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                     {"classify", "--help"},
                                                                     {"model", "--help"},
                                                                     {"model", "show", "--help"},
                                                                     {"model", "run", "--help"},
                                                                     {"model", "verify", "--help"},
                                                                     {"frames", "--help"},
                                                                     {"bench", "--help"}}) {
    const ProgramRun run = mone(arguments);
    EXPECT_EQ(run.code, 0) << arguments[0];
    EXPECT_THAT(run.out, HasSubstr("Usage: mone")) << arguments[0];
    EXPECT_EQ(run.err, "") << arguments[0];
  }
}

TEST_F(Mone, RefusesWrongUsageWithTwoAndAHelpfulLine) {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
  } cases[] = {{{}, "a command is missing"},
               {{"classfy"}, "no command 'classfy'"},
               {{"classify"}, "a FILE is missing"},
               {{"classify", "--bugdet", "1", "x.mp4"}, "--bugdet"},
               {{"classify", "--bud", "1", "x.mp4"}, "--bud"},
               {{"classify", "--budget", "0", "x.mp4"}, "--budget"},
               {{"classify", "--budget", "1.5", "x.mp4"}, "--budget"},
               {{"classify", "--budget", "nan", "x.mp4"}, "--budget"},
               {{"classify", "--budget", "half", "x.mp4"}, "budget"},
               {{"classify", "--budget"}, "budget"},
               {{"classify", "--sampling", "fast", "x.mp4"}, "follow or nominal"},
               {{"classify", "--top-k", "0", "x.mp4"}, "--top-k"},
               {{"classify", "--dtype", "f8", "x.mp4"}, "f32, bf16, int8 or f16"},
               {{"classify", "--device", "gpu", "x.mp4"}, "--device is auto, cpu, cuda or cuda:N"},
               {{"bench", "--device", "cuda:x"}, "--device is auto, cpu, cuda or cuda:N"},
               {{"eval", "--backend", "abacus", "m.csv"}, "--backend is "},
               {{"classify", "--threads", "-1", "x.mp4"}, "--threads"},
               {{"model"}, "show, run or verify"},
               {{"model", "explain"}, "no subcommand 'explain'"},
               {{"model", "run", kModel}, "--clip"},
               {{"model", "run", "--clip", "c.npy"}, "one MODEL"},
               {{"model", "show", kModel, kModel}, "one MODEL"},
               {{"model", "verify"}, "one MODEL"},
               {{"bench", "--budget", "1,,2"}, "--budget"},
               {{"bench", "--budget", ""}, "--budget"},
               {{"eval", "--budgets", "1,2", "m.csv"}, "--budgets is"},
               {{"eval", "--budgets", "1,x", "m.csv"}, "--budgets is"},
               {{"bench", "--batch", "0"}, "--batch"},
               {{"bench", kModel}, "more arguments"}};
  for (const auto& wrong : cases) {
    const ProgramRun run = mone(wrong.arguments);
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_THAT(run.err, AllOf(HasSubstr(wrong.says), HasSubstr("--help"))) << run.err;
    EXPECT_EQ(run.out, "");
  }
}

TEST_F(Mone, NamesTheModelFileThatItCannotUse) {
  const std::string garbage = folder_.file("garbage.safetensors");
  write_file(garbage, "not a model");
  for (const std::string& model : {std::string("/nowhere/m.safetensors"), garbage}) {
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"classify", "--model", model, "x.mp4"},
                                               {"model", "show", model},
                                               {"model", "verify", model},
                                               {"bench", "--model", model}}) {
      const ProgramRun run = mone(arguments);
      EXPECT_EQ(run.code, 1);
      EXPECT_THAT(run.err, HasSubstr(model));
    }
  }
}

TEST_F(Mone, NamesTheBackendsThereAreWhenAskedForAnother) {
  const ProgramRun run = mone({"classify", "--model", kModel, "--backend", "abacus", "x.mp4"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("abacus"), HasSubstr("reference")));
}

TEST_F(Mone, SaysWhereItLookedForTheDefaultModelAndWhatToDo) {
  const ProgramRun run =
      run_program({"/usr/bin/env", "-u", "MONE_MODEL_PATH", "MONE_MODEL=/nowhere/m.safetensors", MONE_PROGRAM,
                   "classify", video()});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("/nowhere/m.safetensors"), HasSubstr("MONE_MODEL"), HasSubstr("--model")));
}

TEST_F(Mone, ClassifyStopsWhenNobodyHearsIt) {
  const std::string path = video(), more = folder_.file("model.safetensors");
  write_file(more, read_file(kModel));
  for (const char* output : {">/dev/full", ">&-"}) {
    for (const bool as_json : {true, false}) {
      std::vector<std::string> command = {MONE_PROGRAM, "classify", "--model",
                                          more,         path,       "/nowhere/next.mp4"};
      if (as_json) command.push_back("--json");
      const ProgramRun run = run_script(std::string("\"$@\" ") + output, command);
      EXPECT_EQ(run.code, 1) << output << as_json;
      EXPECT_THAT(run.err,
                  AllOf(HasSubstr("standard output could not be written"), Not(HasSubstr("next.mp4"))))
          << output << as_json;
    }
  }
}

TEST_F(Mone, NamesNoPassword) {
  const std::string url = "http://user:secret@127.0.0.1:1/a.mp4";
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"classify", "--json", "--model", kModel, url}, {"frames", "--out", folder_.file("a.npy"), url}}) {
    const ProgramRun run = mone(arguments);
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.err, AllOf(HasSubstr("http://127.0.0.1:1/a.mp4: "), Not(HasSubstr("secret"))));
  }
}

TEST_F(Mone, ClassifyWritesOneObjectALineAndASummary) {
  const std::string path = video();
  const ProgramRun run =
      mone({"classify", "--json", "--model", kModel, "--budget", "0.5", "--top-k", "3", path});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.err, "");  // no progress bar where there is no terminal
  auto lines = lines_of(run.out);
  ASSERT_GT(lines.size(), 4u);
  const json summary = lines.back();
  lines.pop_back();
  double last_end = -1;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const json& line = lines[i];
    ASSERT_EQ(line.size(), 9u) << line;
    EXPECT_EQ(line.at("file"), path);
    EXPECT_LE(line.at("start").get<double>(), line.at("end").get<double>());
    EXPECT_GT(line.at("end").get<double>(), last_end);
    last_end = line.at("end");
    const json& topk = line.at("topk");
    ASSERT_EQ(topk.size(), 3u);
    EXPECT_EQ(topk[0].at("label"), line.at("label"));
    EXPECT_EQ(topk[0].at("score"), line.at("score"));
    EXPECT_GE(topk[0].at("score").get<double>(), topk[1].at("score").get<double>());
    EXPECT_EQ(line.at("budget"), 0.5);
    EXPECT_NEAR(line.at("realised").get<double>(), 0.5, 0.06);
    EXPECT_EQ(line.at("warming"), i + 1 < kWindow);
  }
  ASSERT_EQ(summary.size(), 2u);
  EXPECT_EQ(summary.at("file"), path);
  const json& about = summary.at("summary");
  ASSERT_EQ(about.size(), 5u);
  EXPECT_TRUE(about.at("label").is_string());
  EXPECT_GT(about.at("score").get<double>(), 0);
  EXPECT_EQ(about.at("predictions"), lines.size());
  EXPECT_EQ(about.at("frames"), 60);
  EXPECT_NEAR(about.at("seconds").get<double>(), 2.0, 0.05);
  EXPECT_LE(last_end, 2.0);
}

TEST_F(Mone, ClassifySummarisesByTheMeanLogitsOfFullWindows) {
  auto lines = lines_of(mone({"classify", "--json", "--model", kModel, video()}).out);
  const json summary = lines.back().at("summary");
  lines.pop_back();
  // softmax(mean logits) is the normalised geometric mean of the scores, of which all five are listed.
  std::map<std::string, double> log_scores;
  for (const json& line : lines) {
    if (line.at("warming")) continue;
    for (const json& entry : line.at("topk"))
      log_scores[entry.at("label")] += std::log(entry.at("score").get<double>());
  }
  const auto full = static_cast<double>(lines.size() - (kWindow - 1));
  double sum = 0;
  for (auto& [label, score] : log_scores) sum += score = std::exp(score / full);
  EXPECT_NEAR(summary.at("score").get<double>(), log_scores.at(summary.at("label")) / sum, 1e-5);
  for (const auto& [label, score] : log_scores) EXPECT_LE(score, log_scores.at(summary.at("label"))) << label;
}

TEST_F(Mone, ClassifySummarisesAClipShorterThanAWindowByItsLastPrediction) {
  VideoSpec spec;
  spec.frames = 9;
  const auto lines = lines_of(mone({"classify", "--json", "--model", kModel, video("short.mkv", spec)}).out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].at("warming"), true);
  EXPECT_EQ(lines[2].at("summary").at("label"), lines[1].at("label"));
  EXPECT_NEAR(lines[2].at("summary").at("score").get<double>(), lines[1].at("score").get<double>(), 1e-6);
}

TEST_F(Mone, ClassifyGivesTheSameTwice) {
  const std::string path = video();
  const std::vector<std::string> arguments = {"classify", "--json", "--model", kModel, path};
  EXPECT_EQ(mone(arguments).out, mone(arguments).out);
}

TEST_F(Mone, ClassifyDefaultsToBudgetOneAndFiveLabels) {
  const auto lines = lines_of(mone({"classify", "--json", "--model", kModel, video()}).out);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0].at("budget"), 1.0);
  EXPECT_EQ(lines[0].at("realised"), 1.0);
  EXPECT_EQ(lines[0].at("topk").size(), 5u);
}

TEST_F(Mone, ClassifyPrintsATableForPeople) {
  const std::string path = video();
  const ProgramRun run = mone({"classify", "--model", kModel, path});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr(path + ": "), HasSubstr("60 frames"), HasSubstr("from"),
                             HasSubstr("score"), HasSubstr("warming up"), Not(HasSubstr("{"))));
}

TEST_F(Mone, ClassifyGoesOnAfterAFileThatFails) {
  const std::string good = video(), text = folder_.file("notes.txt");
  write_file(text, "these are not pictures\n");
  const ProgramRun run = mone({"classify", "--json", "--model", kModel, "/nowhere/a.mp4", text, good});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("/nowhere/a.mp4: No such file"), HasSubstr(text + ": not a video file")));
  EXPECT_EQ(lines_of(run.out).back().at("file"), good);
}

TEST_F(Mone, ClassifySaysThatAFileIsTooShort) {
  VideoSpec spec;
  spec.frames = 1;
  const std::string path = video("one.mkv", spec);
  const ProgramRun run = mone({"classify", "--json", "--model", kModel, path});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr(path + ": too short"));
  EXPECT_EQ(run.out, "");
}

TEST_F(Mone, ClassifySaysThatAFileHasNoVideo) {
  std::string wav(
      "RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\x08\0\0", 44);
  wav.append(2048, '\0');
  const std::string path = folder_.file("sound.wav");
  write_file(path, wav);
  const ProgramRun run = mone({"classify", "--json", "--model", kModel, path});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr(path + ": has no video stream"));
}

TEST_F(Mone, ClassifyNamesFilesWhoseNamesAreNotUtf8) {
  const std::string path = video("caf\xe9.mkv");
  const ProgramRun run = mone({"classify", "--json", "--model", kModel, path});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(lines_of(run.out).back().at("file").get<std::string>(), HasSubstr("caf\xef\xbf\xbd.mkv"));
}

TEST_F(Mone, ClassifyTakesAFileNameForAFileName) {
  // "a:b.mkv" is no protocol, and "-x.mkv" after "--" is no option.
  EXPECT_EQ(mone({"classify", "--model", kModel, video("12:30 at the door.mkv")}).code, 0);
  EXPECT_EQ(mone({"classify", "--model", kModel, "--", video("-x.mkv")}).code, 0);
}

TEST_F(Mone, ModelShowListsCostsAndLabels) {
  const ProgramRun run = mone({"model", "show", kModel});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("4 nested, of widths 2, 4, 8, 16"), HasSubstr("per prediction"),
                             HasSubstr("5 labels"), HasSubstr("sha-256")));
  const json shown = json::parse(mone({"model", "show", "--json", kModel}).out);
  EXPECT_EQ(shown.at("hash").get<std::string>().size(), 64u);
  EXPECT_EQ(shown.at("labels").size(), 5u);
  EXPECT_EQ(shown.at("cost").at(0).at("budget"), 1.0);
  EXPECT_GT(shown.at("cost").at(0).at("gmac_step"), shown.at("cost").back().at("gmac_step"));
  EXPECT_TRUE(shown.at("provenance").contains("terms"));
}

TEST_F(Mone, ModelVerifyAgreesWithASoundModel) {
  const ProgramRun run = mone({"model", "verify", kModel});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("the file is sound"), HasSubstr("reference"), HasSubstr("agrees")));
}

TEST_F(Mone, ModelVerifyRefusesADamagedModel) {
  std::string bytes = read_file(kModel);
  const std::string path = folder_.file("damaged.safetensors");
  bytes.resize(bytes.size() - 100);
  write_file(path, bytes);
  const ProgramRun run = mone({"model", "verify", path});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr(path));
}

TEST_F(Mone, AHuggingFaceFolderIsAModel) {
  const std::string folder = MONE_GOLDEN_DIR "/hf_joint_v5";
  EXPECT_THAT(mone({"model", "show", folder}).out,
              AllOf(HasSubstr("hf_joint_v5"), HasSubstr("a plain model"), HasSubstr("nested experts")));
  EXPECT_EQ(mone({"model", "verify", folder}).code, 0);
  const ProgramRun run = mone({"classify", "--json", "--model", folder, "--budget", "0.5", video()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("a plain model"), HasSubstr("Budgets below 1 need")));
  EXPECT_EQ(lines_of(run.out).front().at("realised"), 1.0);
}

TEST_F(Mone, HfCompatFollowsThePreprocessorAndSaysSo) {
  const std::string folder = folder_.file("vivit");
  std::filesystem::copy(MONE_GOLDEN_DIR "/hf_joint_v4", folder, std::filesystem::copy_options::recursive);
  EXPECT_THAT(mone({"model", "show", "--hf-compat", folder}).err, HasSubstr("preprocessor_config.json"));
  EXPECT_THAT(mone({"model", "show", "--hf-compat", kModel}).err, HasSubstr("is no folder"));
  write_file(folder + "/preprocessor_config.json",
             R"({"size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}})");
  const ProgramRun plain = mone({"model", "show", folder}),
                   compat = mone({"model", "show", "--hf-compat", folder});
  EXPECT_THAT(plain.err, AllOf(HasSubstr("pixels in [-1, 1] from a short side of 18"), HasSubstr("[-3, 1]")));
  EXPECT_THAT(compat.err, HasSubstr("pixels in [-3, 1] from a short side of 20"));
  EXPECT_NE(plain.out, compat.out) << "the hash says which";
}

std::string npy_clip(int frames, int height, int width) {
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + std::to_string(frames) +
                             ", " + std::to_string(height) + ", " + std::to_string(width) + ", 3), }\n";
  std::string bytes("\x93NUMPY\x01\0", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  bytes += header;
  for (int i = 0; i < frames * height * width * 3; ++i) bytes += static_cast<char>(i * 7919 >> 3);
  return bytes;
}

TEST_F(Mone, ModelRunPrintsLogits) {
  const std::string clip = folder_.file("clip.npy");
  write_file(clip, npy_clip(6, 16, 20));
  for (const std::string dtype : {"f32", "bf16"}) {
    const ProgramRun run = mone({"model", "run", kModel, "--clip", clip, "--budget", "0.5", "--backend",
                                 "reference", "--dtype", dtype, "--deterministic"});
    ASSERT_EQ(run.code, 0) << run.err;
    const json result = json::parse(run.out);
    ASSERT_EQ(result.size(), 5u);
    EXPECT_EQ(result.at("logits").size(), 5u);
    for (const auto& logit : result.at("logits")) EXPECT_TRUE(std::isfinite(logit.get<double>()));
    EXPECT_NEAR(result.at("capacity").get<double>(), 0.5, 0.06);
    int tokens = 0;
    for (const auto& count : result.at("tokens_per_expert")) tokens += count.get<int>();
    EXPECT_EQ(result.at("tokens_per_expert").size(), 4u);
    EXPECT_EQ(tokens, 20);
    EXPECT_EQ(result.at("backend"), "reference");
    EXPECT_EQ(result.at("dtype"), dtype);
  }
}

TEST_F(Mone, ModelRunSaysWhatShapeItWants) {
  const std::string clip = folder_.file("clip.npy");
  write_file(clip, npy_clip(6, 20, 16));
  const ProgramRun run = mone({"model", "run", kModel, "--clip", clip});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr(clip), HasSubstr("[6, 20, 16, 3]"), HasSubstr("[6, 16, 20, 3]")));
}

TEST_F(Mone, FramesDecodesLumaForTraining) {
  const std::string npy = folder_.file("walk.npy");
  const ProgramRun run = mone({"frames", "--out", npy, "--long-side", "32", video()});
  ASSERT_EQ(run.code, 0) << run.err;
  const json about = json::parse(run.out);
  std::ifstream file(npy, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(bytes, HasSubstr("'shape': (" + std::to_string(about["times"].size()) + ","));
  EXPECT_THAT(bytes, HasSubstr("32,"));
  EXPECT_EQ(about["times"][0], 0);
  EXPECT_GT(about["fps"], 0);
  EXPECT_EQ(mone({"frames", video()}).code, 2);
  const std::string copy = folder_.file("copy.mkv");
  const std::string whole = read_file(video());
  write_file(copy, whole);
  const ProgramRun itself = mone({"frames", "--out", copy, copy});
  EXPECT_EQ(itself.code, 2);
  EXPECT_THAT(itself.err, AllOf(HasSubstr("--out"), HasSubstr("copy.mkv would overwrite")));
  EXPECT_TRUE(read_file(copy) == whole);
  EXPECT_EQ(mone({"frames", "--out", npy, "/nowhere.mkv"}).code, 1);
}

TEST_F(Mone, FramesThatDoNotFitIntoMemorySayWhatDoes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take more memory than the limit";
#endif
  VideoSpec spec;
  spec.width = 1920;
  spec.height = 1080;
  const std::string path = video("large.mkv", spec);
  const auto run = [&](const std::string& side) {  // on one core, as each thread takes memory
    return run_script(
        "ulimit -v 600000; export MALLOC_ARENA_MAX=1; "
        "exec taskset -c $(taskset -cp $$ | sed 's/.*: *\\([0-9]*\\).*/\\1/') \"$@\"",
        {MONE_PROGRAM, "frames", "--rgb", "--long-side", side, "--out", folder_.file("large.npy"), path});
  };
  const ProgramRun large = run("1920");
  EXPECT_EQ(large.code, 1);
  EXPECT_THAT(large.err,
              AllOf(HasSubstr("large.mkv: its pictures do not fit into memory"), HasSubstr("--long-side")));
  EXPECT_EQ(run("320").code, 0);
}

TEST_F(Mone, BenchProfilesEachBudgetByStage) {
  const ProgramRun run =
      mone({"bench", "--profile", "--json", "--model", kModel, "--budget", "1,0.25", "--threads", "2"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json profiles = json::parse(run.out).at("profiles");
  ASSERT_EQ(profiles.size(), 2u);
  for (const char* stage :
       {"embed", "route", "in-projections", "out-projections", "attention", "glue", "temporal"})
    EXPECT_GT(profiles[0].at("stages").at(stage).at("ms"), 0) << stage;
  const auto gmac = [&](int row) { return profiles[row].at("stages").at("in-projections").at("gmac"); };
  EXPECT_GT(gmac(0), gmac(1));
  const ProgramRun table = mone({"bench", "--profile", "--model", kModel, "--budget", "0.5"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("out-projections"), HasSubstr("waiting"), HasSubstr("barriers")));
}

TEST_F(Mone, VerifySaysHowFarInt8IsFromF32) {
  const ProgramRun run = mone({"model", "verify", kModel, "--dtype", "int8"});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("int8"), Not(HasSubstr("bf16  ")), HasSubstr("int8 beside f32"),
                             HasSubstr("the same label")));
}

TEST_F(Mone, BenchPrintsARowForEachBudget) {
  const ProgramRun run = mone({"bench", "--model", kModel, "--budget", "1,0.25", "--dtype", "f32",
                               "--threads", "1", "--batch", "2", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json result = json::parse(run.out);
  for (const char* key : {"device", "backend", "dtype", "threads", "rows"})
    EXPECT_TRUE(result.contains(key)) << key;
  EXPECT_EQ(result.at("threads"), 1);
  ASSERT_EQ(result.at("rows").size(), 2u);
  for (const json& row : result.at("rows")) {
    ASSERT_EQ(row.size(), 7u);
    EXPECT_GE(row.at("cpu_ms_median"), row.at("cpu_ms_min"));
    EXPECT_GE(row.at("ms_median"), row.at("ms_min"));
    EXPECT_GT(row.at("ms_min"), 0);
    EXPECT_GT(row.at("gmac"), 0);
    EXPECT_GT(row.at("gflops"), 0);
  }
  EXPECT_EQ(result.at("rows")[1].at("budget"), 0.25);
}

}  // namespace
}  // namespace mone::testing
