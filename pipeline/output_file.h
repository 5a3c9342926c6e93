/// A file that is either written whole or not at all: what was there before stays until then.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace mone {

class OutputFile {
 public:
  /// Sees that a file can be made beside PATH, where the bytes go until they are whole: it is there from the
  /// first write() on, and gets PATH's permissions. Where PATH is no ordinary file (/dev/stdout, a pipe), or
  /// nothing can be put beside it, it is written itself. Failures name the path and say why.
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path);
  /// Leaves nothing behind unless finish() was called and went well. (A program that is killed while it
  /// writes leaves PATH.PID.)
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  /// Puts the file in its place. @return empty, or what went wrong
  std::string finish();

 private:
  OutputFile() = default;
  void begin();

  std::string path_, target_;  // as given; links followed
  std::string beside_;         // where the bytes go until they are whole; empty: in place
  int permissions_ = -1;       // of PATH; -1: it was not there
  bool begun_ = false;
  std::ofstream file_;
};

}  // namespace mone
