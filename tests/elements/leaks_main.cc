// main() of element tests that must leave nothing alive: GStreamer's `leaks` tracer looks at the end, and
// whatever it finds fails the test.
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gchar* log = nullptr;
  const int file = g_file_open_tmp("mone-leaks-XXXXXX.log", &log, nullptr);
  if (file < 0) {
    std::cerr << "no temporary file for the leaks tracer\n";
    return 1;
  }
  g_close(file, nullptr);
  g_setenv("GST_TRACERS", "leaks", TRUE);
  g_setenv("GST_DEBUG", "GST_TRACER:7", TRUE);
  g_setenv("GST_DEBUG_NO_COLOR", "1", TRUE);
  g_setenv("GST_DEBUG_FILE", log, TRUE);
  gst_init(&argc, &argv);
  int result = RUN_ALL_TESTS();
  gst_deinit();

  std::ifstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("object-alive, type-name") == std::string::npos) continue;
    if (line.find("%s") != std::string::npos) continue;  // the tracer says first how its lines look
    std::cerr << "leaked: " << line << "\n";
    result = 1;
  }
  g_remove(log);
  g_free(log);
  return result;
}
