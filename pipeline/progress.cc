#include "pipeline/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "pipeline/table.h"

namespace mone {
namespace {

constexpr int kBarCells = 30;
constexpr auto kRedraw = std::chrono::milliseconds(100);

int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

/// The first `width` characters of UTF-8 text.
std::string cut_to(const std::string& text, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xc0) != 0x80 && ++characters > width) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string progress_line(double fraction, double done_seconds, double elapsed_seconds, int width,
                          const std::string& name) {
  std::string line;
  if (fraction < 0) {
    line = clock_text(done_seconds) + " done";
  } else {
    fraction = std::min(fraction, 1.0);
    const int cells = static_cast<int>(std::lround(fraction * kBarCells));
    std::string percent = std::to_string(static_cast<int>(fraction * 100));
    percent.insert(0, 3 - percent.size(), ' ');
    line = "[" + std::string(cells, '#') + std::string(kBarCells - cells, '-') + "] " + percent + " %";
    if (fraction > 0) line += "  " + clock_text(elapsed_seconds * (1 - fraction) / fraction) + " left";
  }
  return cut_to(line + "  " + name, std::max(width, 0));
}

Progress::Progress() : on_(isatty(STDERR_FILENO) != 0) {}

void Progress::start(const std::string& name) {
  clear();
  name_ = name;
  begin_ = last_ = Clock::now();
}

void Progress::update(double done_seconds, double total_seconds) {
  const auto now = Clock::now();
  if (!on_ || now - last_ < kRedraw) return;
  last_ = now;
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  const double fraction = total_seconds > 0 ? done_seconds / total_seconds : -1;
  // One column is left free: a full line would wrap on some terminals.
  std::cerr << "\r\x1b[K" << progress_line(fraction, done_seconds, elapsed, terminal_width() - 1, name_)
            << std::flush;
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace mone
