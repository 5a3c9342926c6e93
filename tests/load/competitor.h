/// Another process that takes a core, as a neighbour's build does.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <stdexcept>

extern char** environ;

namespace mone::load {

/// Spins from construction to destruction.
class Competitor {
 public:
  Competitor() {
    const char* const line[] = {"sh", "-c", "while :; do :; done", nullptr};
    if (posix_spawnp(&child_, "sh", nullptr, nullptr, const_cast<char* const*>(line), environ) != 0)
      throw std::runtime_error("no process that competes: cannot start sh");
  }
  Competitor(const Competitor&) = delete;
  Competitor& operator=(const Competitor&) = delete;
  ~Competitor() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_ = 0;
};

}  // namespace mone::load
