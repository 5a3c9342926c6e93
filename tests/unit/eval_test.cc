// The figures of `mone eval` and what it reads, without a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "pipeline/csv.h"
#include "pipeline/data_uri.h"
#include "pipeline/eval_control.h"
#include "pipeline/eval_manifest.h"
#include "pipeline/eval_report.h"
#include "pipeline/eval_stats.h"
#include "pipeline/output_file.h"
#include "pipeline/svg_plot.h"

namespace mone {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Wilson, IsTheIntervalOfTheTables) {
  // scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
  const struct {
    int right, of;
    double low, high;
  } cases[] = {{0, 10, 0.0, 0.2775328},
               {10, 10, 0.7224672, 1.0},
               {5, 10, 0.2365931, 0.7634069},
               {56, 60, 0.8407464, 0.9737713},
               {1, 1000, 0.0001765, 0.0056425}};
  for (const auto& c : cases) {
    EXPECT_NEAR(wilson(c.right, c.of).low, c.low, 1e-6) << c.right << " of " << c.of;
    EXPECT_NEAR(wilson(c.right, c.of).high, c.high, 1e-6) << c.right << " of " << c.of;
  }
  EXPECT_EQ(wilson(0, 0).low, 0);
  EXPECT_EQ(wilson(0, 0).high, 1);
}

TEST(Confusion, CountsByTruthAndByAnswer) {
  Confusion confusion(3);
  for (const auto& [truth, answer] : {std::pair(0, 0), {0, 0}, {0, 2}, {1, 2}, {1, 2}, {1, 0}, {2, 2}})
    confusion.add(truth, answer);
  EXPECT_EQ(confusion.all().right, 3);
  EXPECT_EQ(confusion.all().of, 7);
  EXPECT_EQ(confusion.recall(0).right, 2);
  EXPECT_EQ(confusion.recall(0).of, 3);
  EXPECT_EQ(confusion.precision(2).of, 4);
  EXPECT_EQ(confusion.precision(2).right, 1);
  EXPECT_EQ(confusion.most_taken_for(1), 2);
  EXPECT_EQ(confusion.most_taken_for(2), -1);
}

TEST(Events, EachIsFoundOnceAndWhatOverlapsNothingIsAFalseAlarm) {
  EventCounts events(2, 0.5);
  events.add_video({{0, 10, 12}, {0, 20, 22}},
                   {{0, 11, 13},      // the first
                    {0, 12.2, 12.4},  // the first again: a double
                    {1, 20, 22},      // another label than what happens
                    {0, 22.4, 23},    // the second, within the tolerance
                    {0, 40, 41}},     // nothing there
                   1800);
  events.add_video({}, {{0, 1, 2}}, 1800);
  EXPECT_EQ(events.label(0).happened, 2);
  EXPECT_EQ(events.label(0).found, 2);
  EXPECT_EQ(events.label(0).doubles, 1);
  EXPECT_EQ(events.label(0).false_alarms, 2);
  EXPECT_EQ(events.label(0).false_alarms_without, 1) << "in the video where it does not happen";
  EXPECT_EQ(events.label(0).seconds_without, 1800);
  EXPECT_EQ(events.label(1).false_alarms, 1);
  EXPECT_EQ(events.recall().value(), 1);
  EXPECT_EQ(events.precision().right, 2);
  EXPECT_EQ(events.precision().of, 5);
  EXPECT_EQ(events.false_alarms_per_hour(), 3);
}

TEST(Events, EachHasAVerdict) {
  EventCounts events(2, 0);
  const auto judged = events.add_video({{0, 20, 22}, {0, 10, 12}},
                                       {{1, 30, 31, 0.7f}, {0, 10, 11, 0.9f}, {0, 11.5, 12, 0.8f}}, 60);
  std::string text;
  for (const auto& [event, verdict] : judged)
    text += std::to_string(std::lround(event.begin)) + " " + to_name(verdict) + " " +
            std::to_string(std::lround(event.score * 10)) + "; ";
  EXPECT_EQ(text, "10 found 9; 12 double 8; 20 missed 0; 30 false_alarm 7; ");
}

TEST(Events, OneThatSpansTwoFindsTheFirstAndASecondFindsTheOther) {
  EventCounts events(1, 0);
  events.add_video({{0, 0, 1}, {0, 2, 3}}, {{0, 0, 3}, {0, 2.5, 4}}, 10);
  EXPECT_EQ(events.label(0).found, 2);
  EXPECT_EQ(events.label(0).doubles, 0);
  EXPECT_EQ(events.false_alarms(), 0);
}

TEST(Events, TheOrderOfTheRowsDoesNotMatter) {
  for (const bool swapped : {false, true}) {
    std::vector<TimedLabel> happened = {{0, 0, 9.8}, {0, 10, 20}};
    if (swapped) std::swap(happened[0], happened[1]);
    EventCounts events(1, 0.5);
    events.add_video(happened, {{0, 8, 11}, {0, 12, 15}}, 30);
    EXPECT_EQ(events.label(0).found, 2) << swapped;
    EXPECT_EQ(events.label(0).doubles, 0) << swapped;
  }
}

TEST(Shares, OfNothingAreNoNumber) {
  EXPECT_EQ(value_text({}, 2), "-");
  EXPECT_EQ(share_text({}), "-");
  EXPECT_EQ(value_text({1, 3}, 3), "0.333");
}

TEST(OutputFile, IsThereWholeOrNotAtAll) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "mone-output";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = folder / "page.html", link = folder / "link.html";
  const auto text_of = [](const std::string& file) {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  std::ofstream(path) << "before";
  std::filesystem::create_symlink("page.html", link);
  {
    const auto file = OutputFile::open(link);
    ASSERT_TRUE(file) << file.error().text;
    file.value()->write("half of it");
    EXPECT_EQ(text_of(path), "before");
  }
  EXPECT_EQ(text_of(path), "before");
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  const auto file = OutputFile::open(link);
  file.value()->write("after");
  EXPECT_EQ(file.value()->finish(), "");
  EXPECT_EQ(text_of(path), "after");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0640));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2) << "nothing else is left";

  const auto full = OutputFile::open("/dev/full");
  full.value()->write("x");
  EXPECT_THAT(full.value()->finish(), HasSubstr("/dev/full: cannot be written: No space left"));
  EXPECT_TRUE(std::filesystem::exists("/dev/full"));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string pipe = "/proc/self/fd/" + std::to_string(ends[1]);
  std::filesystem::remove(link);
  std::filesystem::create_symlink(pipe, link);  // as /dev/stdout is one
  const auto piped = OutputFile::open(link);
  ASSERT_TRUE(piped) << piped.error().text;
  piped.value()->write("through");
  EXPECT_EQ(piped.value()->finish(), "");
  char got[8] = {};
  EXPECT_EQ(::read(ends[0], got, 7), 7);
  EXPECT_STREQ(got, "through");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  ::close(ends[0]), ::close(ends[1]);

  EXPECT_THAT(OutputFile::open("/nowhere/page.html").error().text,
              HasSubstr("/nowhere/page.html: cannot be written: No such file"));
  std::filesystem::remove_all(folder);
}

TEST(OutputFile, IsNotThereUntilSomethingIsWritten) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "mone-unwritten";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder), {}); };
  const auto file = OutputFile::open(folder / "page.html");
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(files(), 0) << "a program that is killed now leaves nothing";
  file.value()->write("whole");
  EXPECT_EQ(file.value()->finish(), "");
  EXPECT_EQ(files(), 1);
  std::ifstream in(folder / "page.html");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "whole");

  const auto late = OutputFile::open(folder / "late.html");
  std::filesystem::remove_all(folder);
  late.value()->write("x");
  EXPECT_THAT(late.value()->finish(), HasSubstr("late.html: cannot be written"));
}

TEST(Controls, RandomExpertsKeepTheCounts) {
  std::mt19937 random(1);
  const int counts[] = {3, 0, 2};
  auto experts = random_experts(counts, random);
  EXPECT_NE(experts, random_experts(counts, random));
  std::sort(experts.begin(), experts.end());
  EXPECT_THAT(experts, ElementsAre(0, 0, 0, 2, 2));
}

TEST(Controls, ShuffledChoicesAreOfBefore) {
  std::mt19937 random(1);
  OtherChoices choices;
  EXPECT_TRUE(choices.draw(random).empty());
  for (std::uint8_t i = 0; i < 200; ++i) choices.remember(std::vector<std::uint8_t>{i}, random);
  EXPECT_EQ(choices.draw(random).size(), 1u);
}

TEST(Csv, ReadsQuotesAndBothKindsOfLines) {
  const auto table = parse_csv(
      "\xef\xbb\xbfpath,label,note\r\na.mp4,walk,\"one, \"\"two\"\"\nthree\"\r\n\nb.mp4,run,", "m.csv");
  ASSERT_TRUE(table) << table.error().text;
  EXPECT_THAT(table.value().columns, ElementsAre("path", "label", "note"));
  ASSERT_EQ(table.value().rows.size(), 2u);
  EXPECT_THAT(table.value().rows[0], ElementsAre("a.mp4", "walk", "one, \"two\"\nthree"));
  EXPECT_THAT(table.value().rows[1], ElementsAre("b.mp4", "run", ""));
  EXPECT_THAT(table.value().lines, ElementsAre(2, 5));
  EXPECT_EQ(table.value().column("note"), 2);
  EXPECT_EQ(table.value().column("no"), -1);
}

TEST(Csv, NamesTheLineThatIsWrong) {
  const auto why = [](const char* text) {
    const auto table = parse_csv(text, "m.csv");
    return table ? std::string() : table.error().text;
  };
  EXPECT_THAT(why("a,b\n1,2\n1\n"), AllOf(HasSubstr("m.csv: line 3"), HasSubstr("1 cells")));
  EXPECT_THAT(why("a,b\n\"1,2\n"), HasSubstr("line 2 has a quote"));
  EXPECT_THAT(why("a,a\n"), HasSubstr("twice"));
  EXPECT_THAT(why("a,A\n"), HasSubstr("twice"));
  EXPECT_THAT(why("path;label\na.mp4;walk\n"),
              AllOf(HasSubstr("separated by ';' (path;label)"), HasSubstr("with commas")));
  EXPECT_THAT(why("path\tlabel\n"), HasSubstr("separated by tabs"));
  EXPECT_THAT(parse_csv({"\xff\xfep\0a\0", 6}, "m.csv").error().text,
              HasSubstr("m.csv: is no CSV file in UTF-8"));
  EXPECT_THAT(parse_csv({"p\0a\0", 4}, "m.csv").error().text, HasSubstr("UTF-16"));
  EXPECT_THAT(why("\n\n"), HasSubstr("is empty"));
  EXPECT_THAT(why(",\n\" \"\n"), HasSubstr("is empty")) << "blanks in quotes name no column, either";
}

TEST(Csv, IsAsSpreadsheetsLeaveIt) {
  const auto table = parse_csv(" Path, LABEL ,\n a.mp4 ,\t\"walk \" , x\n  \n , ,\nb.mp4,run ,\n", "m.csv");
  ASSERT_TRUE(table) << table.error().text;
  EXPECT_EQ(table.value().column("path"), 0);
  EXPECT_EQ(table.value().column("Label"), 1);
  ASSERT_EQ(table.value().rows.size(), 2u);
  EXPECT_THAT(table.value().rows[0], ElementsAre("a.mp4", "walk ", "x")) << "what stands in quotes stays";
  EXPECT_THAT(table.value().rows[1], ElementsAre("b.mp4", "run", ""));
}

TEST(LabelMapping, MergesAndRefusesWhatIsNotOne) {
  const auto mapping = LabelMapping::parse(R"({"wave": ["wave_one_hand", "wave_two_hands"]})", "labels.json");
  ASSERT_TRUE(mapping) << mapping.error().text;
  EXPECT_EQ(mapping.value()("wave_two_hands"), "wave");
  EXPECT_EQ(mapping.value()("walk"), "walk");
  for (const char* bad : {"[]", R"({"wave": "one"})", R"({"wave": [1]})", R"({"a": ["x"], "b": ["x"]})", "{"})
    EXPECT_THAT(LabelMapping::parse(bad, "labels.json").error().text, HasSubstr("labels.json"));
}

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() : folder_(std::filesystem::path(testing::TempDir()) / "mone-manifest") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ManifestTest() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  Result<EvalManifest> read(const std::vector<std::string>& paths,
                            const std::vector<EvalFilter>& filters = {}) {
    return read_manifests(paths, filters, {"walk", "wave", "nothing"},
                          LabelMapping::parse(R"({"wave": ["wave_one_hand"]})", "m").value());
  }
  std::string failure(const std::string& text) {
    const auto manifest = read({write("bad.csv", text)});
    return manifest ? "" : manifest.error().text;
  }
  std::filesystem::path folder_;
};

TEST_F(ManifestTest, TrimmedClipsAndEventsOfLongVideos) {
  const auto manifest = read({write("m.csv",
                                    "path,dataset,label,common_label,start,end\n"
                                    "a.mp4,one,w1,wave_one_hand,,\n"
                                    "b.mp4,one,walk,,2.5,4\n"
                                    "b.mp4,one,jig,,5,6\n"
                                    "c.mp4,two,walk,,,\n")});
  ASSERT_TRUE(manifest) << manifest.error().text;
  const EvalManifest& m = manifest.value();
  EXPECT_THAT(m.sets, ElementsAre("one", "two"));
  ASSERT_EQ(m.videos.size(), 3u);
  EXPECT_EQ(m.videos[0].path, (folder_ / "a.mp4").string());
  EXPECT_TRUE(m.videos[0].trimmed);
  EXPECT_EQ(m.videos[0].events[0].truth, 1) << "common_label goes first, and is merged";
  EXPECT_FALSE(m.videos[1].trimmed);
  ASSERT_EQ(m.videos[1].events.size(), 2u);
  EXPECT_EQ(m.videos[1].events[0].begin, 2.5);
  EXPECT_EQ(m.videos[1].events[1].truth, -1);
  EXPECT_EQ(m.out_of_vocabulary.at("jig"), 1);
}

TEST_F(ManifestTest, BlanksAndCapitalsDoNotCount) {
  const auto manifest =
      read({write("m.csv", "Path, Label ,Start,End\na.mp4, \"walk \", 0.5 ,1\n \nb.mp4,wave ,,\n")});
  ASSERT_TRUE(manifest) << manifest.error().text;
  ASSERT_EQ(manifest.value().videos.size(), 2u);
  EXPECT_EQ(manifest.value().videos[0].events[0].truth, 0);
  EXPECT_EQ(manifest.value().videos[0].events[0].begin, 0.5);
  EXPECT_EQ(manifest.value().videos[1].events[0].truth, 1);
  EXPECT_TRUE(manifest.value().warnings.empty());
}

TEST_F(ManifestTest, AVideoIsOneHoweverItIsSpelt) {
  const auto manifest = read({write("m.csv", "path,label,start,end\na.mp4,walk,0,1\n./a.mp4,walk,2,3\n" +
                                                 (folder_ / "b/../a.mp4").string() + ",wave,4,5\n")});
  ASSERT_TRUE(manifest) << manifest.error().text;
  ASSERT_EQ(manifest.value().videos.size(), 1u);
  EXPECT_EQ(manifest.value().videos[0].events.size(), 3u);
  EXPECT_EQ(read({write("n.csv", "path,label\nhttp://host//a.mp4,walk\n")}).value().videos[0].path,
            "http://host//a.mp4");
}

TEST_F(ManifestTest, ALabelThatTheModelHasIsNotMerged) {
  const auto manifest =
      read_manifests({write("m.csv", "path,label\na.mp4,wave\nb.mp4,shake\n")}, {}, {"walk", "wave"},
                     LabelMapping::parse(R"({"walk": ["wave", "shake"]})", "m").value());
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest.value().videos[0].events[0].truth, 1);
  EXPECT_EQ(manifest.value().videos[1].events[0].truth, 0);
}

TEST_F(ManifestTest, AccentsMayBeTakenApart) {
  const std::string whole = "gr\u00fc\u00dfen", apart = "gru\u0308\u00dfen";
  for (const auto& [model, row] : {std::pair(whole, apart), std::pair(apart, whole)}) {
    const auto manifest =
        read_manifests({write("m.csv", "path,label\na.mp4," + row + "\nb.mp4,hallo\n")}, {}, {"walk", model},
                       LabelMapping::parse("{\"" + row + "\": [\"hallo\"]}", "m").value());
    ASSERT_TRUE(manifest) << manifest.error().text;
    EXPECT_EQ(manifest.value().videos[0].events[0].truth, 1);
    EXPECT_EQ(manifest.value().videos[1].events[0].truth, 1);
  }
  EXPECT_EQ(read({write("m.csv", "path,label\na.mp4,\xfc\n")}).value().out_of_vocabulary.at("\xfc"), 1);
}

TEST_F(ManifestTest, RowsThatDenyALabelAreForTraining) {
  const auto manifest =
      read({write("m.csv", "path,label,start,end\na.mp4,walk,0,2\na.mp4,!walk,3,4\nb.mp4,!jig,,\n")});
  ASSERT_TRUE(manifest) << manifest.error().text;
  ASSERT_EQ(manifest.value().videos.size(), 1u);
  EXPECT_EQ(manifest.value().videos[0].events.size(), 1u);
  EXPECT_TRUE(manifest.value().out_of_vocabulary.empty());
  EXPECT_THAT(manifest.value().warnings, ElementsAre(HasSubstr("2 of the rows deny a label")));
}

TEST_F(ManifestTest, ARowThatComesAgainCountsOnceAndIsSaid) {
  const auto manifest = read({write("m.csv",
                                    "path,label,start,end,dataset\na.mp4,wave,,,\n./a.mp4,wave_one_hand,,,\n"
                                    "a.mp4,jig,,,\na.mp4,jig,,,\na.mp4,wave,0,1,\na.mp4,wave,,,other\n")});
  ASSERT_TRUE(manifest) << manifest.error().text;
  ASSERT_EQ(manifest.value().videos.size(), 2u);
  EXPECT_EQ(manifest.value().videos[0].events.size(), 3u);
  EXPECT_EQ(manifest.value().out_of_vocabulary.at("jig"), 1);
  EXPECT_THAT(manifest.value().warnings,
              ElementsAre(HasSubstr("m.csv: line 3 says what an earlier line says"), HasSubstr("line 5 ")));
}

TEST_F(ManifestTest, KnowsEveryFileThatItNames) {
  const std::string path = write("m.csv", "path,label,subject\na.mp4,walk,ann\nb.mp4,walk,bob\n");
  EXPECT_THAT(read({path}, {{"subject", {"ann"}}}).value().files,
              ElementsAre((folder_ / "a.mp4").string(), (folder_ / "b.mp4").string(), path));
}

TEST_F(ManifestTest, RowsAreChosenByColumns) {
  const std::string path =
      write("m.csv", "path,label,subject\na.mp4,walk,ann\nb.mp4,walk,bob\nc.mp4,walk,cem\n");
  EXPECT_EQ(read({path}, {{"subject", {"ann", "cem"}}}).value().videos.size(), 2u);
  EXPECT_THAT(read({path}, {{"subject", {"dan"}}}).error().text, HasSubstr("no row"));
  EXPECT_THAT(read({path}, {{"person", {"dan"}}}).error().text, HasSubstr("no column person"));
}

TEST_F(ManifestTest, SetsOfSeveralManifestsStayApart) {
  const std::string csv = "path,label,dataset\na.mp4,walk,x\n";
  write("first/manifest.csv", csv);
  write("second/manifest.csv", csv);
  const auto manifest = read({folder_ / "first", folder_ / "second/manifest.csv"});
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_THAT(manifest.value().sets, ElementsAre("first/x", "second/x"));

  // Beside each other in one folder; of one name in two; a folder as completion writes it.
  write("a.csv", csv), write("b.csv", csv);
  EXPECT_THAT(read({folder_ / "a.csv", folder_ / "b.csv"}).value().sets, ElementsAre("a/x", "b/x"));
  write("first/a.csv", csv);
  EXPECT_THAT(read({folder_ / "a.csv", folder_ / "first/a.csv", folder_ / "first/"}).value().sets,
              ElementsAre("mone-manifest/a/x", "first/a/x", "first/x"));
  write("one/clips/walk/1.mp4", ""), write("two/clips/walk/1.mp4", "");
  EXPECT_THAT(read({folder_ / "one/clips/", folder_ / "two/clips"}).value().sets,
              ElementsAre("one/clips/all", "two/clips/all"));
  EXPECT_EQ(read({folder_ / "one/clips/", folder_ / "two/clips"}).value().videos.size(), 2u);
  EXPECT_THAT(read({folder_ / "a.csv", folder_ / "first/../a.csv"}).error().text,
              HasSubstr("a.csv: is given twice"));
  write("a/manifest.csv", csv);
  EXPECT_THAT(read({folder_ / "a", folder_ / "a.csv", folder_ / "b.csv"}).value().sets,
              ElementsAre("a/x", "a.csv/x", "b/x"));
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  EXPECT_THAT(read({"a.csv", "b.csv"}).value().sets, ElementsAre("a/x", "b/x"));
  std::filesystem::current_path(here);
}

TEST_F(ManifestTest, LinksAreWhatTheyAreCalledInTheFolder) {
  write("kept/elsewhere/1.mp4", ""), write("clips/wave/2.mp4", "");
  std::filesystem::create_directories(folder_ / "clips/walk");
  std::filesystem::create_symlink(folder_ / "kept/elsewhere/1.mp4", folder_ / "clips/walk/1.mp4");
  std::filesystem::create_directory_symlink(folder_ / "kept/elsewhere", folder_ / "clips/nothing");
  std::filesystem::create_symlink("round", folder_ / "clips/round");
  const auto manifest = read({folder_ / "clips"});
  ASSERT_TRUE(manifest) << manifest.error().text;
  ASSERT_EQ(manifest.value().videos.size(), 3u);
  EXPECT_EQ(manifest.value().videos[0].path, (folder_ / "clips/nothing/1.mp4").string());
  EXPECT_EQ(manifest.value().videos[0].events[0].truth, 2);
  EXPECT_EQ(manifest.value().videos[1].events[0].truth, 0);
}

TEST_F(ManifestTest, AFolderALabelNeedsNoManifest) {
  write("clips/walk/1.mp4", "");
  write("clips/wave/2.MKV", "");
  write("clips/wave/notes.txt", ""), write("clips/wave/._2.MKV", "");
  write("clips/.thumbnails/1.mp4", ""), write("clips/.Trash-1000/3.mp4", ""),
      write("clips/walk/4.mp4/5.mp4", "");
  const auto manifest = read({folder_ / "clips"});
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest.value().videos.size(), 2u);
  EXPECT_EQ(manifest.value().passed_over, 1);
  EXPECT_EQ(manifest.value().videos[1].events[0].truth, 1);
}

TEST_F(ManifestTest, NamesFileAndLine) {
  EXPECT_THAT(failure("path,name\na.mp4,walk\n"),
              AllOf(HasSubstr("needs the columns path and label"), HasSubstr("and has path, name")));
  EXPECT_THAT(failure("path,label\n,walk\n"), HasSubstr("line 2 has no path"));
  EXPECT_THAT(failure("path,label\na.mp4,\n"), HasSubstr("line 2 has no label"));
  EXPECT_THAT(failure("path,label,start,end\na.mp4,walk,4,2\n"), HasSubstr("line 2 has start and end"));
  EXPECT_THAT(failure("path,label,start,end\na.mp4,walk,1s,2\n"), HasSubstr("line 2 has start and end"));
  EXPECT_THAT(read({"/nowhere/m.csv"}).error().text, HasSubstr("/nowhere/m.csv: No such file"));
  EXPECT_THAT(read({folder_}).error().text, HasSubstr("no manifest.csv"));
}

TEST(Page, PicturesAndPlotsStandInTheFile) {
  const std::uint8_t bytes[] = {'M', 'o', 'n', 'e'};
  EXPECT_EQ(base64({bytes, 3}), "TW9u");
  EXPECT_EQ(base64({bytes, 4}), "TW9uZQ==");
  EXPECT_EQ(base64({bytes, 2}), "TW8=");
  const std::uint8_t red[] = {255, 0, 0};
  EXPECT_EQ(bmp_uri(red, 1, 1).substr(0, 22 + 4), "data:image/bmp;base64,Qk06");
  EXPECT_EQ(escaped("<a & 'b'>"), "&lt;a &amp; &#39;b&#39;&gt;");
  const std::string svg =
      line_plot("budget", "top-1", {{"<router>", "#123456", {0.1, 1}, {0.5, 0.75}, {0.4, 0.7}, {0.6, 0.8}}});
  EXPECT_THAT(
      svg, AllOf(HasSubstr("<svg"), HasSubstr("<polygon"), HasSubstr("&lt;router&gt;"), HasSubstr("</svg>")));
}

}  // namespace
}  // namespace mone
