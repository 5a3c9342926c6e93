/// A progress bar with the time left, drawn over itself on one line of a terminal.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

namespace mone {

/// One line of exactly `width` characters or fewer: "[#####-----]  50 %  0:12 left  name".
/// @param fraction  done, 0 to 1; negative when the total is unknown (then only `done_seconds` is shown)
std::string progress_line(double fraction, double done_seconds, double elapsed_seconds, int width,
                          const std::string& name);

class Progress {
 public:
  /// Draws on standard error if that is a terminal, else does nothing.
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Begins anew for `name`.
  void start(const std::string& name);
  /// Media time done so far, and in all (0 = unknown). Redraws at most ten times a second.
  void update(double done_seconds, double total_seconds);
  /// Takes the bar away so that other lines can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool on_ = false;
  bool drawn_ = false;
  std::string name_;
  Clock::time_point begin_{}, last_{};
};

}  // namespace mone
