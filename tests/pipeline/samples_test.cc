// The samples do what their first lines say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/pipeline/run_program.h"
#include "tests/pipeline/video_writer.h"
#ifdef MONE_HAS_RTSP_SERVER
#include "tests/pipeline/rtsp_server.h"
#endif

namespace mone::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kModel = MONE_GOLDEN_DIR "/fe_token.safetensors";
const std::string kTwoSeconds = "test://walk:1,wave:1";
const std::string kNobodyThere = "rtsp://user:secret@127.0.0.1:1/x?password=secret";
const std::string kShown = "rtsp://127.0.0.1:1/x?password=***";
const std::string kWallClock = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}";

/// Why what runs here cannot load the plug-in; empty if it can.
std::string no_plugin() {
#if defined(__SANITIZE_ADDRESS__)
  return "a program that is not built with AddressSanitizer cannot load plug-ins that are";
#else
  return "";
#endif
}

/// A second of sound.
std::string wav() {
  const auto number = [](std::uint32_t value, int bytes) {
    std::string text;
    for (; bytes > 0; --bytes, value >>= 8) text += static_cast<char>(value & 255);
    return text;
  };
  const std::uint32_t size = 16000;
  return "RIFF" + number(36 + size, 4) + "WAVEfmt " + number(16, 4) + number(1, 2) + number(1, 2) +
         number(8000, 4) + number(16000, 4) + number(2, 2) + number(16, 2) + "data" + number(size, 4) +
         std::string(size, '\0');
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// The number in front of `what` in the last line that begins with `line`.
int number_of(const std::string& text, const std::string& line, const std::string& what) {
  const auto begin = text.rfind("\n" + line + ": ");
  const auto end = text.find(what, begin);
  if (begin == std::string::npos || end == std::string::npos) return -1;
  const auto number = text.find_last_not_of("0123456789", end - 1);
  return std::stoi(text.substr(number + 1, end - number - 1));
}

TEST(ClassifyFileSample, LabelsYuv4Mpeg2) {
  const TemporaryFolder folder;
  const std::string path = folder.file("clip.y4m");
  std::string video = "YUV4MPEG2 W96 H80 F30:1 Ip A1:1 C420mpeg2\n";
  for (int frame = 0; frame < 60; ++frame) {
    video += "FRAME\n";
    for (int i = 0; i < 96 * 80 * 3 / 2; ++i) video += static_cast<char>(60 + (i + 5 * frame) % 120);
  }
  write_file(path, video);
  const ProgramRun run = run_program({MONE_SAMPLE_CLASSIFY_FILE, kModel, "0.5"}, path);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr(" s  "), HasSubstr("warming up")));
  const ProgramRun program = run_program({MONE_PROGRAM, "classify", "--json", "--model", kModel, path});
  EXPECT_EQ(count(run.out, "\n") + 1, count(program.out, "\n"));  // the program adds a summary
}

TEST(ClassifyFileSample, SaysWhatItReads) {
  const ProgramRun run = run_program({MONE_SAMPLE_CLASSIFY_FILE, kModel});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("YUV4MPEG2"));
}

TEST(ClassifyFileSample, RefusesWhatItWouldReadWrongly) {
  const TemporaryFolder folder;
  const std::string frame(96 * 80 * 3 / 2, 'x');
  for (const auto& [video, says] : {std::pair<std::string, std::string>{"C420p10\n", "8 bits"},
                                    {"C420jpeg\nFRAME\n" + frame + "FRAME\nxyz", "breaks off"},
                                    {"C420jpeg\nFRAME\n" + frame + "xyz", "breaks off"}}) {
    write_file(folder.file("clip.y4m"), "YUV4MPEG2 W96 H80 F30:1 " + video);
    const ProgramRun run = run_program({MONE_SAMPLE_CLASSIFY_FILE, kModel}, folder.file("clip.y4m"));
    EXPECT_EQ(run.code, 1) << says;
    EXPECT_THAT(run.err, HasSubstr(says));
  }
}

TEST(ClassifyFileSample, SaysThatAVideoIsTooShort) {
  const TemporaryFolder folder;
  write_file(folder.file("clip.y4m"),
             "YUV4MPEG2 W96 H80 F30:1 C420jpeg\nFRAME\n" + std::string(96 * 80 * 3 / 2, 'x'));
  const ProgramRun run = run_program({MONE_SAMPLE_CLASSIFY_FILE, kModel}, folder.file("clip.y4m"));
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("too short"));
}

TEST(QuickstartSample, SaysWhatToDoAboutASourceThatIsNotThere) {
  const std::string quickstart = MONE_SOURCE_DIR "/samples/quickstart.sh";
  const TemporaryFolder folder;
  for (const auto& [source, problem, advice] : std::vector<std::array<std::string, 3>>{
           {"v4l2:///dev/video-none", "there is no camera /dev/video-none", "Plug one in"},
           {"nonexistent.mp4", "no such file: nonexistent.mp4", "Give the path of a video FILE"},
           {folder.file(""), "not a file", "mone classify"},
           {"http://camera/stream", "not http://camera/stream", "README.md"},
           {"http://user:secret@camera/stream", "not http://camera/stream", "README.md"},
           {"http://user:sec/ret@camera/stream", "not http://camera/stream", "README.md"},
           {"http://camera/a?pwd=secret&b=c", "not http://camera/a?pwd=***&b=c", "README.md"}}) {
    const ProgramRun run = run_program({"/bin/bash", quickstart, source});
    EXPECT_EQ(run.code, 2) << source;
    EXPECT_EQ(run.out, "");  // nothing was installed or built for it
    EXPECT_THAT(run.err, AllOf(HasSubstr(problem), HasSubstr(advice))) << source;
  }
}

TEST(QuickstartSample, CtrlCWaitsForTheEndOfWhatItInterrupts) {
  // The script's own reader beside a program that has something to say about its end, both in one group, as
  // on a terminal (set -m).
  const ProgramRun run = run_program({"/bin/bash", "-c", R"sh(
    eval "$(sed -n '/^readable() {/,/^}/p' "$0")"
    set -m
    bash -c 'trap "sleep 0.2; echo ERROR: the end is written; exit 0" INT; while sleep 0.1; do :; done' | readable &
    sleep 1
    kill -INT -- "-$(jobs -p)"
    wait)sh",
                                      MONE_SOURCE_DIR "/samples/quickstart.sh"});
  EXPECT_THAT(run.out, HasSubstr("the end is written")) << run.err;
}

TEST(QuickstartSample, AnyNameReachesGStreamerAsItIs) {
  const TemporaryFolder folder;
  const std::string odd = folder.file("a $HOME `b` \"c\" & d\\e!.mp4");
  write_file(odd, "some bytes");
  // As the script does it: its own quoting, into a line that a shell reads.
  const ProgramRun run = run_program(
      {"/bin/bash", "-c",
       R"sh(eval "$(sed -n '/^quoted() {/,/^}/p' "$0")"; eval "gst-launch-1.0 -q filesrc location=$(quoted "$1") ! filesink location=$(quoted "$1.copy")")sh",
       MONE_SOURCE_DIR "/samples/quickstart.sh", odd});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(std::filesystem::exists(odd + ".copy")) << run.out << run.err;
}

/// The script in a tree of its own, where nothing is installed or built and there is no display.
class QuickstartTree {
 public:
  QuickstartTree() {
    namespace fs = std::filesystem;
    for (const char* name : {"samples", "build", "bin"}) fs::create_directory(file(name));
    fs::copy_file(MONE_SOURCE_DIR "/samples/quickstart.sh", file("samples/quickstart.sh"));
    fs::create_directory_symlink(MONE_SOURCE_DIR "/configs", file("configs"));
    write_file(file("samples/dependencies.sh"), "build_packages= run_packages=\ninstall_packages() { :; }\n");
    write_file(file("build/build.ninja"), "");
    write_file(file("bin/meson"), "#!/bin/sh\n");
    write_file(file("bin/gst-launch-1.0"),
               "#!/bin/sh\necho $$ >pid\nPATH=${PATH#*:} exec gst-launch-1.0 \"$@\"\n");
    for (const char* name : {"bin/meson", "bin/gst-launch-1.0"})
      fs::permissions(file(name), fs::perms::owner_all);
  }
  std::string file(const std::string& name) const { return folder_.file(name); }
  /// As somebody calls it who stands in the root of the tree.
  std::vector<std::string> command(const std::string& source) const {
    return {"/bin/bash", "-c",
            "cd \"$0\"; unset DISPLAY WAYLAND_DISPLAY; PATH=$PWD/bin:$PATH exec bash samples/quickstart.sh "
            "\"$1\"",
            file(""), source};
  }
  /// Recordings other than quickstart.mp4.
  std::vector<std::string> unfinished() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(file("")))
      if (entry.path().filename().string().rfind("quickstart-", 0) == 0) names.push_back(entry.path());
    return names;
  }

 private:
  TemporaryFolder folder_;
};

TEST(QuickstartSample, DoesNotRecordOverWhatItReads) {
  const QuickstartTree tree;
  write_file(tree.file("quickstart.mp4"), "yesterday");
  const ProgramRun run = run_program(tree.command("quickstart.mp4"));
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("is where the annotated video would be written"));
  EXPECT_EQ(read_file(tree.file("quickstart.mp4")), "yesterday");
}

TEST(QuickstartSample, KeepsTheRecordingBeforeUntilTheNewOneIsWhole) {
  if (const std::string why = no_plugin(); !why.empty()) GTEST_SKIP() << why;
  const QuickstartTree tree;
  write_file(tree.file("quickstart.mp4"), "yesterday");
  write_file(tree.file("broken.mp4"), "no video");
  EXPECT_NE(run_program(tree.command("broken.mp4")).code, 0);
  EXPECT_EQ(read_file(tree.file("quickstart.mp4")), "yesterday");
  EXPECT_THAT(tree.unfinished(), ::testing::IsEmpty());

  // With a column and a row that have no partner to share their colours with, which H.264 does not take.
  ASSERT_EQ(write_video(tree.file("clip.mkv"), {.encoder = "ffv1", .width = 97, .height = 81}), "");
  const ProgramRun run = run_program(tree.command("clip.mkv"));
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_THAT(read_file(tree.file("quickstart.mp4")), HasSubstr("moov"));
  EXPECT_THAT(tree.unfinished(), ::testing::IsEmpty());
}

#ifdef MONE_HAS_RTSP_SERVER
TEST(QuickstartSample, WhatACameraHadShownWhenItBrokeOffIsKeptAndItsPasswordIsNotShown) {
  if (const std::string why = no_plugin(); !why.empty()) GTEST_SKIP() << why;
  gst_init(nullptr, nullptr);
  RtspServer server("videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1");
  ASSERT_TRUE(server.running());
  const QuickstartTree tree;
  write_file(tree.file("quickstart.mp4"), "yesterday");
  RunningProgram quickstart(tree.command("rtsp://user:secret@" + server.url().substr(7)));
  EXPECT_TRUE(quickstart.wait_until([&](const std::string&, const std::string&) {
    const auto names = tree.unfinished();
    return !names.empty() && count(read_file(names[0]), "moof") > 0;
  })) << quickstart.out()
      << quickstart.err();
  kill(std::stoi(read_file(tree.file("pid"))), SIGKILL);
  const ProgramRun run = quickstart.end();
  EXPECT_NE(run.code, 0);
  EXPECT_EQ(read_file(tree.file("quickstart.mp4")), "yesterday");
  ASSERT_EQ(tree.unfinished().size(), 1u);
  EXPECT_THAT(read_file(tree.unfinished()[0]), HasSubstr("moov"));
  EXPECT_THAT(run.err, HasSubstr("is kept: " + std::filesystem::canonical(tree.unfinished()[0]).string()));
  EXPECT_THAT(run.out + run.err, AllOf(HasSubstr(server.url()), Not(HasSubstr("secret"))));
}
#endif

TEST(AppSample, LabelsSeveralSourcesAndNamesTheOneThatFails) {
  const TemporaryFolder folder;
  const std::string path = folder.file("clip.mkv");
  ASSERT_EQ(write_video(path, {}), "");
  RunningProgram app({MONE_SAMPLE_APP, "--model", kModel, kTwoSeconds, path, "/nowhere/x.mp4"});
  EXPECT_TRUE(app.wait_until([&](const std::string& out, const std::string& err) {
    return out.find(kTwoSeconds + ": new") != std::string::npos &&
           out.find(path + ": end") != std::string::npos && err.find("/nowhere/x.mp4: ") != std::string::npos;
  })) << app.out()
      << app.err();
  app.interrupt();
  const ProgramRun run = app.end();
  EXPECT_EQ(run.code, 1) << run.err;  // of the file that is not there
  EXPECT_GT(number_of(run.out, kTwoSeconds, " of them"), 0) << run.out;
  EXPECT_EQ(number_of(run.out, path, " frames"), 60) << run.out;
}

TEST(AppSample, TheAddressOfAFileEndsWithTheFile) {
  const TemporaryFolder folder;
  ASSERT_EQ(write_video(folder.file("clip.mkv"), {}), "");
  const std::string there = "file://" + folder.file("clip.mkv"), missing = "file://" + folder.file("no.mkv");
  const ProgramRun run = run_program({"timeout", "60", MONE_SAMPLE_APP, "--model", kModel, there, missing});
  EXPECT_EQ(run.code, 1) << run.err;  // of the file that is not there
  EXPECT_EQ(number_of(run.out, there, " frames"), 60) << run.out;
  EXPECT_THAT(run.err, AllOf(HasSubstr(missing + ": "), Not(HasSubstr("again in"))));
}

TEST(AppSample, ExplainsItself) {
  EXPECT_EQ(run_program({MONE_SAMPLE_APP}).code, 2);
  EXPECT_EQ(run_program({MONE_SAMPLE_APP, "--nonsense"}).code, 2);
  for (const auto& [option, value] : std::vector<std::array<std::string, 2>>{{"--budget", "abc"},
                                                                             {"--budget", "-1"},
                                                                             {"--budget", "5"},
                                                                             {"--budget", "nan"},
                                                                             {"--seconds", "x"},
                                                                             {"--seconds", "0"},
                                                                             {"--seconds", "1.5"}}) {
    const ProgramRun run = run_program({MONE_SAMPLE_APP, option, value, "/nowhere/x.mp4"});
    EXPECT_EQ(run.code, 2) << option << value;
    EXPECT_THAT(run.err, AllOf(HasSubstr(option + " takes a "), HasSubstr("not " + value)));
  }
}

TEST(AppSample, EverySignalEndsItAndWhatHasBegun) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    RunningProgram app({MONE_SAMPLE_APP, "--model", kModel, kTwoSeconds});
    EXPECT_TRUE(app.wait_until([&](const std::string& out, const std::string&) {
      return out.find(kTwoSeconds + ": new") != std::string::npos;
    })) << app.err();
    app.signal(signal);
    const ProgramRun run = app.end();
    EXPECT_EQ(run.code, 0) << signal << run.err;
    EXPECT_EQ(count(run.out, ": new"), count(run.out, ": end")) << run.out;
    EXPECT_GT(number_of(run.out, kTwoSeconds, " of them"), 0) << run.out;
    EXPECT_THAT(run.out, ContainsRegex(": new .* s  " + kWallClock));
  }
}

TEST(AppSample, SaysOnceThatItsLabelsCannotBeWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.file("clip.mkv");
  ASSERT_EQ(write_video(path, {}), "");
  for (const auto& [output, says] : std::vector<std::array<std::string, 2>>{
           {" > /dev/full", "standard output: No space left"}, {" >&-", "standard output is closed"}}) {
    const ProgramRun run = run_script(
        "\"$@\"" + output, {"timeout", "60", MONE_SAMPLE_APP, "--model", kModel, kTwoSeconds, path});
    EXPECT_EQ(run.code, 1) << output;
    EXPECT_THAT(run.err, HasSubstr(says));
    EXPECT_EQ(count(run.err, "standard output"), 1u) << run.err;
  }
}

TEST(AppSample, DoesNotShowPasswords) {
  RunningProgram app({MONE_SAMPLE_APP, "--model", kModel, kNobodyThere});
  EXPECT_TRUE(app.wait_until([](const std::string&, const std::string& err) {
    return err.find("again in 1 s") != std::string::npos;
  }));
  app.interrupt();
  const ProgramRun run = app.end();
  EXPECT_THAT(run.out, HasSubstr(kShown + ": 0 frames"));
  EXPECT_THAT(run.err, HasSubstr(kShown + ": again in 1 s"));
  EXPECT_THAT(run.out + run.err, AllOf(Not(HasSubstr("secret")), Not(HasSubstr("user"))));
}

TEST(AppSample, DoesNotShowAPasswordThatMakesTheAddressUnreadable) {
  // As an address this has the host "user" and the port "sec".
  const ProgramRun run = run_program({"/bin/bash", "-c", "timeout -s INT 3 \"$@\"", "app", MONE_SAMPLE_APP,
                                      "--model", kModel, "rtsp://user:sec/ret@127.0.0.1:1/x"});
  EXPECT_THAT(run.out, HasSubstr("rtsp://127.0.0.1:1/x: 0 frames"));
  EXPECT_THAT(run.out + run.err, AllOf(Not(HasSubstr("sec/")), Not(HasSubstr("ret@"))));
}

TEST(AppSample, SaysThatSoundIsNoVideo) {
  const TemporaryFolder folder;
  write_file(folder.file("sound.wav"), wav());
  const ProgramRun run = run_program({MONE_SAMPLE_APP, "--model", kModel, folder.file("sound.wav")});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("sound.wav: there is no video in it"));
}

#ifdef MONE_HAS_RTSP_SERVER
TEST(AppSample, TriesACameraAgainWhenItsServerHangsUp) {
  gst_init(nullptr, nullptr);
  RtspServer server("videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1");
  ASSERT_TRUE(server.running());
  const std::string camera = server.url();
  RunningProgram app({MONE_SAMPLE_APP, "--model", kModel, camera});
  const auto labels = [&](std::size_t wanted) {
    return app.wait_until(
        [&](const std::string& out, const std::string&) { return count(out, camera + ": new") >= wanted; });
  };
  EXPECT_TRUE(labels(1)) << app.err();
  server.hang_up();
  EXPECT_TRUE(labels(2)) << app.err();
  app.interrupt();
  const ProgramRun run = app.end();
  EXPECT_EQ(run.code, 0) << run.err;
  const auto first_end = run.out.find(camera + ": end"), first_new = run.out.find(camera + ": new");
  EXPECT_LT(first_end, run.out.find(camera + ": new", first_new + 1)) << "ended where the stream broke off";
  EXPECT_EQ(count(run.out, camera + ": new"), count(run.out, camera + ": end")) << run.out;
  EXPECT_THAT(run.err, HasSubstr(camera + ": again in 1 s"));
}
#endif

// Why the Python samples cannot run here; empty if they can.
std::string no_python() {
#if defined(__SANITIZE_ADDRESS__)
  return no_plugin();
#else
  if (run_program({"/usr/bin/python3", "-c", "import gi; gi.require_version('Gst', '1.0')"}).code == 0)
    return "";
  return "Python has no gi with Gst (python3-gi, gir1.2-gstreamer-1.0)";
#endif
}

TEST(ChecksPySample, PrintsATableForEachCheck) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  const TemporaryFolder folder;
  const std::string model =
      folder.file("a model.safetensors");  // as in the tree of somebody whose folders have spaces
  std::filesystem::copy_file(kModel, model);
  const ProgramRun run = run_program({"/usr/bin/python3", MONE_SOURCE_DIR "/samples/checks.py", "--model",
                                      model, "--mone", MONE_PROGRAM, "--seeds", "1", "--seconds", "1"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("5 labels x 1 rendered"), HasSubstr("| 0.15 |"), HasSubstr("beta"),
                             HasSubstr("% at budget 0.25"), HasSubstr("expert 3 (full width)")));
}

TEST(LabelsPySample, ReadsMessagesAndFramesWithoutHeaders) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  const TemporaryFolder folder;
  const std::string path = folder.file("clip.mkv");
  ASSERT_EQ(write_video(path, {}), "");
  // Debian's own Python: another one first in PATH would not see Debian's modules.
  const ProgramRun run = run_program({"/usr/bin/python3", MONE_SOURCE_DIR "/samples/labels.py", "--model",
                                      kModel, kTwoSeconds, path, "file://" + path});
  ASSERT_EQ(run.code, 0) << run.err;
  std::istringstream lines(run.out);
  int events = 0, ends = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line);
    if (object.contains("event")) {
      ++events;
      EXPECT_LE(object.at("start").get<double>(), object.at("end").get<double>());
      EXPECT_FALSE(object.contains("time")) << "of no camera";
      continue;
    }
    ++ends;
    EXPECT_EQ(object.at("frames"), object.at("source") == kTwoSeconds ? 300 : 60);
    EXPECT_FALSE(object.at("labels").empty());
  }
  EXPECT_EQ(ends, 3);
  EXPECT_GE(events, 4);  // each source has a label that begins and ends
}

TEST(LabelsPySample, EndsWhenNobodyReadsOrTheDiskIsFull) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  const std::vector<std::string> command = {
      "timeout", "60",   "/usr/bin/python3", MONE_SOURCE_DIR "/samples/labels.py",
      "--model", kModel, kTwoSeconds};
  const ProgramRun read = run_script("\"$@\" | head -n 1; exit ${PIPESTATUS[0]}", command);
  EXPECT_NE(read.code, 124) << "SIGPIPE ends it";
  EXPECT_EQ(read.err, "");
  const ProgramRun full = run_script("\"$@\" > /dev/full", command);
  EXPECT_THAT(full.code, ::testing::AnyOf(1, 120)) << full.err;
  EXPECT_THAT(full.err, HasSubstr("standard output: No space left"));
  EXPECT_EQ(count(full.err, "standard output: "), 1u) << full.err;
  const ProgramRun closed = run_script("\"$@\" >&-", command);
  EXPECT_EQ(closed.code, 1);
  EXPECT_EQ(closed.err, "standard output is closed\n");
}

TEST(LabelsPySample, SaysWhatIsWrongWithASourceOrAnOption) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  const auto labels = [](const std::string& budget, const std::string& source) {
    return run_program({"/usr/bin/python3", MONE_SOURCE_DIR "/samples/labels.py", "--model", kModel,
                        "--budget", budget, source});
  };
  for (const char* budget : {"0", "5", "nan", "abc"}) {
    const ProgramRun run = labels(budget, "/nowhere/x.mp4");
    EXPECT_EQ(run.code, 2) << budget;
    EXPECT_THAT(run.err, HasSubstr("argument --budget")) << budget;
  }
  const TemporaryFolder folder;
  write_file(folder.file("sound.wav"), wav());
  const ProgramRun sound = labels("1", folder.file("sound.wav"));
  EXPECT_EQ(sound.code, 1);
  EXPECT_THAT(sound.err, HasSubstr("sound.wav: there is no video in it"));
  const ProgramRun nobody = labels("1", kNobodyThere);
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr(kShown + ": "));
  EXPECT_THAT(nobody.out, HasSubstr('"' + kShown + '"'));
  EXPECT_THAT(labels("1", "rtsp://user:sec/ret@127.0.0.1:1/x").out, HasSubstr("\"rtsp://127.0.0.1:1/x\""));
  EXPECT_THAT(nobody.out + nobody.err, AllOf(Not(HasSubstr("secret")), Not(HasSubstr("user"))));
}

#ifdef MONE_HAS_RTSP_SERVER
TEST(LabelsPySample, EverySignalEndsItAndWhatHasBegun) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  gst_init(nullptr, nullptr);
  RtspServer server("videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1");
  ASSERT_TRUE(server.running());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    RunningProgram labels({"/usr/bin/python3", MONE_SOURCE_DIR "/samples/labels.py", "--model", kModel,
                           server.url(), server.url()});
    EXPECT_TRUE(labels.wait_until([](const std::string& out, const std::string&) {
      return out.find("\"new\"") != std::string::npos;
    })) << labels.err();
    labels.signal(signal);
    const ProgramRun run = labels.end();
    EXPECT_EQ(run.code, 0) << signal;
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(count(run.out, "\"new\""), count(run.out, "\"event\": \"end\"")) << run.out;
    EXPECT_EQ(count(run.out, "\"frames\""), 2u) << run.out;
    EXPECT_THAT(run.out, ContainsRegex("\"time\": \"" + kWallClock));
  }
}

TEST(LabelsPySample, GivesUpACameraFromWhichNothingComes) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  gst_init(nullptr, nullptr);
  // Two seconds of video; then it stays connected and silent.
  RtspServer server(
      "videotestsrc is-live=true num-buffers=60 ! video/x-raw,width=160,height=120,framerate=30/1 ! c. "
      "appsrc ! c. concat name=c");
  ASSERT_TRUE(server.running());
  const ProgramRun run = run_program({"/usr/bin/timeout", "90", "/usr/bin/python3",
                                      MONE_SOURCE_DIR "/samples/labels.py", "--model", kModel, server.url()});
  EXPECT_EQ(run.code, 1) << run.out;
  EXPECT_THAT(run.err, HasSubstr("no frames for 10 s"));
  EXPECT_EQ(count(run.out, "\"frames\""), 1u) << run.out;
}
#endif

TEST(PlotBudgetSample, SaysThatAFileCannotBeWritten) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  const ProgramRun run = run_program({"/usr/bin/python3", MONE_SOURCE_DIR "/samples/plot_budget.py", "record",
                                      "/nowhere/run.jsonl", "--model", kModel});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("No such file"), Not(HasSubstr("Traceback"))));
}

TEST(PlotBudgetSample, KeepsTheRecordingBeforeUntilTheNewOneIsWhole) {
  if (const std::string why = no_python(); !why.empty()) GTEST_SKIP() << why;
  const TemporaryFolder folder;
  const std::string path = folder.file("run.jsonl");
  write_file(path, "yesterday");
  const auto record = [&](const std::string& model) {
    return run_program({"/usr/bin/timeout", "60", "/usr/bin/python3",
                        MONE_SOURCE_DIR "/samples/plot_budget.py", "record", path, "--fps", "30", "--each",
                        "1", "--model", model});
  };
  EXPECT_EQ(record("/nowhere").code, 1);
  EXPECT_EQ(read_file(path), "yesterday");
  EXPECT_EQ(record(kModel).code, 0);
  EXPECT_EQ(count(read_file(path), "\n"), 4u);
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

}  // namespace
}  // namespace mone::testing
