// `mone eval` on clips of the actors, rendered and encoded here.
#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "elements/glue/gst_ptr.h"
#include "tests/pipeline/run_program.h"

namespace mone::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kModel = MONE_GOLDEN_DIR "/fe_token.safetensors";  // walk, run, wave, clap, nothing

ProgramRun eval(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {MONE_PROGRAM, "eval", "--model", kModel});
  return run_program(std::move(arguments));
}

class Eval : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_clip("walk.mkv", "walk:2", 60);
    write_clip("wave.mkv", "wave:2", 60);
    write_clip("long.mkv", "walk:2,wave:2,walk:2", 180);
    write_file(folder_->file("labels.json"), R"({"wave": ["wave_one_hand"]})");
    write_file(
        folder_->file("clips.csv"),
        "path,dataset,label\nwalk.mkv,short,walk\nwave.mkv,short,wave_one_hand\nwalk.mkv,short,skip\n");
    write_file(folder_->file("long.csv"),
               "path,dataset,label,start,end\nlong.mkv,long,walk,0,2\nlong.mkv,long,wave_one_hand,2,4\n");
  }
  static void TearDownTestSuite() { delete folder_; }

  static void write_clip(const std::string& name, const std::string& script, int frames) {
    gst_init(nullptr, nullptr);
    const std::string description =
        "actiontestsrc seed=3 script=\"" + script + "\" num-buffers=" + std::to_string(frames) +
        " ! video/x-raw,width=160,height=120,framerate=30/1 ! videoconvert ! jpegenc "
        "! matroskamux ! filesink location=" +
        folder_->file(name);
    const auto pipeline = Owned<GstElement>::adopt(
        GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(description.c_str(), nullptr))));
    const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto message = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    ASSERT_TRUE(message.get() && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) << name;
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
  static std::string file(const std::string& name) { return folder_->file(name); }
  static json evaluate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--json", "--labels", file("labels.json")});
    const ProgramRun run = eval(std::move(arguments));
    EXPECT_EQ(run.code, 0) << run.err;
    return json::parse(run.out, nullptr, false);
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* Eval::folder_ = nullptr;

TEST_F(Eval, CountsEveryClipAtEveryBudgetWithControls) {
  const json result = evaluate({"--budgets", "1,0.5", file("clips.csv")});
  ASSERT_EQ(result["sets"].size(), 1u);
  const json& set = result["sets"][0];
  EXPECT_EQ(set["set"], "short");
  EXPECT_EQ(set["labels"], json({"walk", "wave"}));
  EXPECT_EQ(result["out_of_vocabulary"], json({{"skip", 1}}));
  std::map<std::string, int> points;
  for (const json& point : set["points"]) {
    ++points[point["chooser"]];
    EXPECT_EQ(point["top1"]["of"], 2);
    EXPECT_EQ(point["top5"]["right"], 2) << "of five labels";
    EXPECT_EQ(point["closed"]["of"], 2);
    EXPECT_GE(point["closed"]["right"], point["top1"]["right"]);
    EXPECT_EQ(point["false_actions"]["windows"], 0) << "nothing here is the background";
    EXPECT_GT(point["windows"]["of"], 10);
    EXPECT_GT(point["gmac"], 0);
    EXPECT_LE(point["top1"]["wilson95"][0], point["top1"]["share"]);
  }
  EXPECT_EQ(points,
            (std::map<std::string, int>{{"router", 2}, {"random", 1}, {"shuffled", 1}, {"uniform", 4}}));
  EXPECT_EQ(set["points"][0]["realised"], 1.0);
  EXPECT_NEAR(set["points"][1]["realised"].get<double>(), 0.5, 0.06);
  EXPECT_EQ(set["points"][2]["realised"], set["points"][1]["realised"])
      << "a control spends what the router does";
  EXPECT_EQ(result["answers"].size(), 3u);
  EXPECT_EQ(result["answers"][0]["called"].size(), 2u);
}

TEST_F(Eval, WhatIsSaidOfAClipOfNoKnownLabelIsAFalseAlarm) {
  write_file(file("odd.csv"), "path,label\nwave.mkv,skip\nwalk.mkv,walk\n");
  const json result = evaluate({"--budgets", "1", "--controls", "none", "--on", "0.2", "--off", "0.1",
                                "--smoothing", "0", "--html", file("odd.html"), file("odd.csv")});
  EXPECT_THAT(read_file(file("odd.html")), HasSubstr("wave.mkv</td><td>false alarm</td>"));
  const json& point = result["sets"][0]["points"][0];
  EXPECT_EQ(point["top1"]["of"], 1);
  EXPECT_GE(point["events"]["false_alarms"], 1);
  EXPECT_NEAR(point["events"]["hours"].get<double>() * 3600, 4, 0.2);
}

TEST_F(Eval, APageNamesTheAlarmsOfASetWithoutAKnownLabel) {
  write_file(file("two.csv"), "path,label,dataset\nwave.mkv,skip,unknown\nwalk.mkv,walk,known\n");
  evaluate({"--budgets", "1", "--controls", "none", "--on", "0.2", "--off", "0.1", "--smoothing", "0",
            "--html", file("two.html"), file("two.csv")});
  const std::string page = read_file(file("two.html"));
  EXPECT_THAT(page, HasSubstr("wave.mkv</td><td>false alarm</td>"));
  const std::string unknown =
      page.substr(page.find("<h2>unknown</h2>"), page.find("<h2>known</h2>") - page.find("<h2>unknown</h2>"));
  EXPECT_THAT(unknown, HasSubstr("false alarms an hour")) << "how often is in no list";
  const ProgramRun table = eval({"--budgets", "1", "--controls", "none", file("two.csv")});
  EXPECT_THAT(table.out, HasSubstr("events: none that the model has a name for, "));
  write_file(file("quiet.csv"), "path,label\nwalk.mkv,nothing\n");
  EXPECT_THAT(
      eval({"--budgets", "1", "--controls", "none", "--background", "nothing", file("quiet.csv")}).out,
      HasSubstr("events: none to find, "));
}

TEST_F(Eval, ARowThatNoWindowLiesInIsSaid) {
  write_file(file("past.csv"),
             "path,label,start,end\nwalk.mkv,walk,0,2\nwalk.mkv,walk,50,60\nwalk.mkv,walk,1.9,1.91\n");
  const ProgramRun run = eval({"--json", "--budgets", "1", "--controls", "none", file("past.csv")});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.err, AllOf(HasSubstr("walk.mkv: walk from 50.00 s: no prediction"), HasSubstr("1.90 s")));
  const json result = json::parse(run.out);
  const json& point = result["sets"][0]["points"][0];
  EXPECT_EQ(point["top1"]["of"], 1);
  EXPECT_EQ(point["events"]["recall"]["of"], 2) << "what lies beyond the video's end did not happen";
  for (const json& answer : result["answers"])
    EXPECT_LE(answer["begin"].get<double>(), answer["end"].get<double>()) << answer;
}

TEST_F(Eval, WhatCannotBeWrittenIsSaidAtOnceAndWhatWasThereStays) {
  const ProgramRun nowhere = eval({"--html", "/nowhere/page.html", file("clips.csv")});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_EQ(nowhere.out, "") << "before anything is evaluated";
  EXPECT_THAT(nowhere.err, HasSubstr("/nowhere/page.html: cannot be written: No such file"));
  write_file(file("kept.html"), "the page of yesterday");
  const ProgramRun full =
      run_script("ulimit -f 8; trap '' XFSZ; exec \"$@\"",
                 {MONE_PROGRAM, "eval", "--model", kModel, "--html", file("kept.html"), file("clips.csv")});
  EXPECT_EQ(full.code, 1) << full.err;
  EXPECT_THAT(full.err, HasSubstr("kept.html: cannot be written"));
  EXPECT_EQ(read_file(file("kept.html")), "the page of yesterday");
  const ProgramRun unheard = run_script("\"$@\" >/dev/full", {MONE_PROGRAM, "--help"});
  EXPECT_EQ(unheard.code, 1);
  EXPECT_THAT(unheard.err, HasSubstr("standard output could not be written"));
}

TEST_F(Eval, ThePageOverwritesNothingThatIsRead) {
  const std::string model = file("model.safetensors");
  write_file(model, read_file(kModel));
  write_file(file("some.csv"), "path,label,subject\nwalk.mkv,walk,ann\nwave.mkv,wave,bob\n");
  ASSERT_EQ(::link(file("walk.mkv").c_str(), file("linked.mkv").c_str()), 0);
  const std::string before[] = {read_file(file("walk.mkv")), read_file(file("wave.mkv"))};
  for (const char* page :
       {"some.csv", "./some.csv", "walk.mkv", "linked.mkv", "wave.mkv", "labels.json", "model.safetensors"}) {
    const ProgramRun run =
        run_program({MONE_PROGRAM, "eval", "--model", model, "--labels", file("labels.json"), "--where",
                     "subject=ann", "--html", file(page), file("some.csv")});
    EXPECT_EQ(run.code, 2) << page;
    EXPECT_THAT(run.err, AllOf(HasSubstr("--html"), HasSubstr("would overwrite"))) << page;
  }
  EXPECT_THAT(read_file(file("some.csv")), HasSubstr("walk.mkv,walk,ann"));
  EXPECT_TRUE(read_file(file("walk.mkv")) == before[0] && read_file(file("wave.mkv")) == before[1]);
  EXPECT_TRUE(read_file(model) == read_file(kModel));

  const std::string clips = file("clips");
  std::filesystem::create_directories(clips + "/walk");
  std::filesystem::copy_file(file("walk.mkv"), clips + "/walk/a.mkv");
  write_file(clips + "/manifest.csv", "path,label\nwalk/a.mkv,walk\n");
  EXPECT_EQ(eval({"--html", clips + "/manifest.csv", clips}).code, 2);
  std::filesystem::remove(clips + "/manifest.csv");
  EXPECT_EQ(eval({"--html", clips + "/walk/a.mkv", clips}).code, 2);

  const std::string folder = file("protected");
  std::filesystem::copy(MONE_GOLDEN_DIR "/hf_joint_v5", folder);
  for (const char* part : {"/config.json", "/model.safetensors"}) {
    const ProgramRun run =
        run_program({MONE_PROGRAM, "eval", "--model", folder, "--html", folder + part, file("clips.csv")});
    EXPECT_EQ(run.code, 2) << part << run.err;
    EXPECT_THAT(run.err, HasSubstr("would overwrite")) << part;
  }
}

TEST_F(Eval, AnEvaluationThatIsStoppedLeavesNothing) {
  const TemporaryFolder alone;
  std::string rows = "path,label\nlong.mkv,walk\nlong.mkv,walk\n";
  for (int i = 0; i < 100; ++i) {
    const std::string name = "again" + std::to_string(i) + ".mkv";
    std::filesystem::create_hard_link(file("long.mkv"), file(name));
    rows += name + ",walk\n";
  }
  write_file(file("many.csv"), rows);
  RunningProgram running({MONE_PROGRAM, "eval", "--model", kModel, "--backend", "reference", "--threads", "1",
                          "--html", alone.file("page.html"), file("many.csv")});
  EXPECT_TRUE(running.wait_until([](const std::string&, const std::string& err) {
    return err.find("says what an earlier line says") != std::string::npos;  // as the evaluation begins
  }));
  running.interrupt();
  EXPECT_EQ(running.end().code, -1);
  EXPECT_TRUE(std::filesystem::is_empty(alone.file("")));
}

TEST_F(Eval, ABackgroundThatTheModelLacksIsSaid) {
  const ProgramRun asked = eval({"--background", "nothin", file("clips.csv")});
  EXPECT_EQ(asked.code, 2);
  EXPECT_THAT(asked.err, AllOf(HasSubstr("no 'nothin'"), HasSubstr("walk, run, wave, clap, nothing")));
  const std::string folder = file("vivit");
  std::filesystem::copy(MONE_GOLDEN_DIR "/hf_joint_v5", folder);
  std::string config = read_file(folder + "/config.json");
  for (std::size_t at; (at = config.find("nothing")) != std::string::npos;) config.replace(at, 7, "idle");
  write_file(folder + "/config.json", config);
  const ProgramRun lacking =
      run_program({MONE_PROGRAM, "eval", "--model", folder, "--json", "--budgets", "1", file("clips.csv")});
  EXPECT_THAT(lacking.err, HasSubstr("the model has no label 'nothing'"));
  EXPECT_THAT(json::parse(lacking.out)["warnings"].dump(), HasSubstr("--background"));
}

TEST_F(Eval, RowsThatSayTheSameCountOnce) {
  write_file(file("twice.csv"), "path,label\nwalk.mkv,walk\n./walk.mkv,walk\nwalk.mkv,walk\n");
  const json result = evaluate({"--budgets", "1", "--controls", "none", file("twice.csv")});
  const json& set = result["sets"][0];
  EXPECT_EQ(set["videos"], 1);
  EXPECT_EQ(set["points"][0]["top1"]["of"], 1);
  EXPECT_NEAR(set["seconds"].get<double>(), 2, 0.1);
  EXPECT_EQ(result["warnings"].size(), 2u);
}

TEST_F(Eval, WhatMeasuresNothingFails) {
  write_file(file("unknown.csv"), "path,label\nwalk.mkv,skip\nwave.mkv,\"hop, twice\"\n");
  const ProgramRun run = eval({"--json", "--budgets", "1", "--controls", "none", file("unknown.csv")});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("nothing could be measured"), HasSubstr("'hop, twice', 'skip'"),
                             HasSubstr("walk, run"), HasSubstr("--labels")));
  EXPECT_EQ(json::parse(run.out)["sets"][0]["videos"], 2) << "what was said meanwhile is there";
  write_file(file("beyond.csv"), "path,label,start,end\nwalk.mkv,walk,50,60\n");
  const ProgramRun beyond = eval({"--budgets", "1", "--controls", "none", file("beyond.csv")});
  EXPECT_EQ(beyond.code, 1);
  EXPECT_THAT(beyond.err, HasSubstr("nothing could be measured: no video gave an answer"));
}

TEST_F(Eval, AControlNamedTwiceIsOne) {
  const ProgramRun run = eval({"--budgets", "0.5", "--controls", "random,random", file("clips.csv")});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("random"), std::string::npos);
  EXPECT_EQ(run.out.find("random"), run.out.rfind("random"));
}

TEST_F(Eval, TheBackgroundIsNoActionToChooseFrom) {
  write_file(file("some.csv"), "path,label\nwalk.mkv,walk\nwave.mkv,wave\n");
  const json result =
      evaluate({"--background", "wave", "--budgets", "1", "--controls", "none", file("some.csv")});
  const json& point = result["sets"][0]["points"][0];
  EXPECT_EQ(point["top1"]["of"], 2);
  EXPECT_EQ(point["closed"]["of"], 1) << "the clip of the background is none of an action";
  EXPECT_EQ(point["closed"]["right"], 1) << "one action to choose from";
  const json& false_actions = point["false_actions"];
  EXPECT_GT(false_actions["windows"], 10);
  const json& wave = point["labels"]["wave"]["windows"];
  EXPECT_EQ(false_actions["called_an_action"], wave["of"].get<int>() - wave["right"].get<int>());
}

TEST_F(Eval, TheSameCommandGivesTheSameAnswers) {
  EXPECT_EQ(evaluate({file("clips.csv")}), evaluate({file("clips.csv")}));
}

TEST_F(Eval, LongVideosHaveEventsAndSetsStayApart) {
  const json result = evaluate({"--budgets", "1", "--controls", "none", "--on", "0.3", "--off", "0.2",
                                file("long.csv"), file("clips.csv")});
  ASSERT_EQ(result["sets"].size(), 2u);
  EXPECT_THAT(result["sets"][0]["set"].get<std::string>(), HasSubstr("/long"));
  const json& point = result["sets"][0]["points"][0];
  EXPECT_EQ(point["top1"]["of"], 2) << "one answer for each event";
  EXPECT_EQ(point["events"]["recall"]["of"], 2);
  EXPECT_NEAR(point["events"]["hours"].get<double>() * 3600, 6, 0.2);
  EXPECT_LT(point["windows"]["of"], 50) << "windows of the third part belong to no event";
  std::map<std::string, int> verdicts;
  for (const json& event : result["events"]) {
    EXPECT_EQ(event.contains("score"), event["verdict"] != "missed");
    EXPECT_GE(event.value("score", 1.0), 0.3) << "as --on asks";
    if (event["set"] == result["sets"][0]["set"]) ++verdicts[event["verdict"]];
  }
  EXPECT_EQ(verdicts["found"], point["events"]["recall"]["right"]);
  EXPECT_EQ(verdicts["found"] + verdicts["missed"], point["events"]["recall"]["of"]);
  EXPECT_EQ(verdicts["false_alarm"], point["events"]["false_alarms"]);
}

TEST_F(Eval, TablesAndAPageForPeople) {
  const std::string page = file("page.html");
  const ProgramRun run = eval({"--labels", file("labels.json"), "--html", page, file("clips.csv")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("short: 2 videos"), HasSubstr("budget"), HasSubstr("shuffled"),
                    HasSubstr("one nested model"), HasSubstr("false alarms"), HasSubstr("'skip' (1)")))
      << "two of the three rows are of one file";
  const std::string html = read_file(page);
  EXPECT_THAT(html, AllOf(HasSubstr("<svg"), HasSubstr("data:image/bmp;base64,"), HasSubstr("</html>"),
                          HasSubstr("<p>2 videos, "), HasSubstr("<figcaption>picture</figcaption>"),
                          HasSubstr("<figcaption>wave, at ")))
      << "pictures under the label that the manifest's is merged into";
  const auto times = [&html](const std::string& cell) {
    int count = 0;
    for (std::size_t at = html.find(cell); at != std::string::npos; at = html.find(cell, at + 1)) ++count;
    return count;
  };
  for (const char* chooser : {"router", "random", "shuffled", "uniform"})
    EXPECT_EQ(times(std::string("<tr class=\"group\"><td>") + chooser + "</td>"), 1) << chooser;
  EXPECT_EQ(times("<tr class=\"group\">"), 4) << "one line a chooser, whatever its budgets";
  for (const char* from_elsewhere : {"<script", "src=", "http://", "https://", "@import"})
    EXPECT_EQ(html.find(from_elsewhere), std::string::npos) << from_elsewhere;
}

TEST_F(Eval, AVideoThatCannotBeReadIsSaidAndTheRestCounts) {
  write_file(file("some.csv"), "path,label\nwalk.mkv,walk\nmissing.mkv,walk\n");
  const ProgramRun run = eval({"--json", file("some.csv")});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("missing.mkv"));
  const json result = json::parse(run.out);
  EXPECT_EQ(result["sets"][0]["failed"], 1);
  EXPECT_EQ(result["sets"][0]["points"][0]["top1"]["of"], 1);
}

TEST_F(Eval, NamesNoPassword) {
  write_file(file("urls.csv"), "path,label\nhttp://user:secret@127.0.0.1:1/a.mp4,walk\n");
  const ProgramRun run = eval({"--json", file("urls.csv")});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("http://127.0.0.1:1/a.mp4: "));
  EXPECT_THAT(run.out + run.err, Not(HasSubstr("secret")));
}

TEST_F(Eval, AVideoOfWhichPartsAreLostCountsAndIsSaid) {
  const std::string bytes = read_file(file("walk.mkv"));
  write_file(file("damaged.mkv"), bytes.substr(0, bytes.size() / 2));
  write_file(file("damaged.csv"), "path,label\ndamaged.mkv,walk\n");
  const ProgramRun run = eval({"--json", "--controls", "none", "--budgets", "1", file("damaged.csv")});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("damaged.mkv: "));
  const json result = json::parse(run.out);
  ASSERT_EQ(result["warnings"].size(), 1u);
  EXPECT_EQ(result["sets"][0]["failed"], 0);
  EXPECT_EQ(result["sets"][0]["points"][0]["top1"]["of"], 1);
}

TEST_F(Eval, WhatAPlainModelCannotDoIsSaid) {
  write_file(file("plain.csv"), "path,label\nwalk.mkv,walk\n");
  const std::string plain = MONE_GOLDEN_DIR "/fe_plain.safetensors";
  const ProgramRun run = run_program({MONE_PROGRAM, "eval", "--model", plain, "--json", file("plain.csv")});
  EXPECT_THAT(run.err, AllOf(HasSubstr("a plain model"), HasSubstr("budget 1 alone")));
  const json result = json::parse(run.out);
  EXPECT_EQ(result["warnings"].size(), 1u);
  const ProgramRun asked =
      run_program({MONE_PROGRAM, "eval", "--model", plain, "--json", "--budgets", "1", file("plain.csv")});
  EXPECT_EQ(json::parse(asked.out)["warnings"].size(), 0u) << "nothing below 1 was asked for";
  const std::string routed_cls = MONE_GOLDEN_DIR "/fe_cls_routed.safetensors";
  const ProgramRun alone = run_program(
      {MONE_PROGRAM, "eval", "--model", routed_cls, "--json", "--budgets", "0.5", file("plain.csv")});
  EXPECT_THAT(alone.err, HasSubstr("no controls")) << "whose class token is routed";
}

TEST_F(Eval, RefusesWhatMakesNoSense) {
  EXPECT_THAT(eval({}).err, HasSubstr("a MANIFEST is missing"));
  EXPECT_THAT(eval({"--controls", "magic", "x"}).err, HasSubstr("--controls"));
  for (const char* seed : {"-1", "4294967296", "one", "1 "}) {
    const ProgramRun run = eval({"--seed", seed, "x"});
    EXPECT_EQ(run.code, 2) << seed;
    EXPECT_THAT(run.err, HasSubstr("--seed is a whole number")) << seed;
  }
  EXPECT_THAT(eval({"--where", "subject", "x"}).err, HasSubstr("--where"));
  EXPECT_THAT(eval({"--on", "0.1", "x"}).err, HasSubstr("0.1"));
  EXPECT_THAT(eval({"/nowhere/m.csv"}).err, HasSubstr("/nowhere/m.csv"));
  EXPECT_THAT(eval({"--labels", "/nowhere/l.json", file("clips.csv")}).err, HasSubstr("/nowhere/l.json"));
}

}  // namespace
}  // namespace mone::testing
