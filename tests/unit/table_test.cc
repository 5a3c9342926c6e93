// What the program prints for people: tables, times, the progress bar.
#include "pipeline/table.h"

#include <gtest/gtest.h>

#include <sstream>

#include "pipeline/progress.h"

namespace mone {
namespace {

TEST(Table, CountsInWords) {
  EXPECT_EQ(counted(1, "clip", "clips"), "1 clip");
  EXPECT_EQ(counted(0, "clip", "clips"), "0 clips");
  EXPECT_EQ(counted(2, "frame is", "frames are"), "2 frames are");
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"label"}, {"score", Align::kRight}});
  table.add({"jumping jack", "0.5"});
  table.add({"walk", "0.93"});
  table.add({"idle"});
  std::ostringstream out;
  table.print(out, "> ");
  EXPECT_EQ(out.str(),
            "> label         score\n"
            "> jumping jack    0.5\n"
            "> walk           0.93\n"
            "> idle\n");
}

TEST(Table, CountsCharactersNotBytes) {
  EXPECT_EQ(text_width("naïve"), 5u);
  EXPECT_EQ(text_width(""), 0u);
}

TEST(Table, TimesReadLikeAClock) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(75.4), "1:15");
  EXPECT_EQ(clock_text(3725), "1:02:05");
  EXPECT_EQ(clock_text(-3), "0:00");
}

TEST(Progress, ShowsShareAndTimeLeft) {
  EXPECT_EQ(progress_line(0.5, 5, 12, 80, "a.mp4"),
            "[###############---------------]  50 %  0:12 left  a.mp4");
  EXPECT_EQ(progress_line(1, 10, 24, 80, "a.mp4"),
            "[##############################] 100 %  0:00 left  a.mp4");
}

TEST(Progress, SaysNothingOfTimeLeftBeforeItKnows) {
  EXPECT_EQ(progress_line(0, 0, 0, 80, "a"), "[------------------------------]   0 %  a");
}

TEST(Progress, ShowsWhatIsDoneWhenTheTotalIsUnknown) {
  EXPECT_EQ(progress_line(-1, 83, 2, 80, "pipe"), "1:23 done  pipe");
}

TEST(Progress, NeverExceedsTheTerminal) {
  for (int width = 0; width < 60; ++width) {
    EXPECT_LE(text_width(progress_line(0.3, 3, 3, width, "ein längerer Name.mp4")),
              static_cast<std::size_t>(width));
  }
}

TEST(Progress, SurvivesAMediaTimeBeyondTheTotal) {
  EXPECT_EQ(progress_line(1.2, 12, 24, 42, "a"), "[##############################] 100 %  0:");
}

}  // namespace
}  // namespace mone
