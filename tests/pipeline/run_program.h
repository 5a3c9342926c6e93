/// Runs a program to its end and keeps what it said.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace mone::testing {

struct ProgramRun {
  int code = -1;  ///< exit code; -1: it was killed or did not start
  std::string out, err;
};

/// A folder of one's own that goes with this object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = "/tmp/mone-test-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    const std::string command = "rm -rf " + path_;
    if (std::system(command.c_str()) != 0) std::perror("rm");
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A program that runs beside the test, its output kept as it comes.
class RunningProgram {
 public:
  /// @param input  a file that becomes standard input
  explicit RunningProgram(std::vector<std::string> arguments, const std::string& input = "/dev/null") {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, input.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, folder_.file("out").c_str(), O_WRONLY | O_CREAT,
                                     0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, folder_.file("err").c_str(), O_WRONLY | O_CREAT,
                                     0600);
    // As from a terminal, also where the tests were started by something that ignores signals, as nohup does.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t heard;
    sigemptyset(&heard);
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&heard, number);
    posix_spawnattr_setsigdefault(&attributes, &heard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&child_, argv[0], &files, &attributes, argv.data(), environ) != 0) child_ = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
  }
  ~RunningProgram() {
    if (child_) kill(child_, SIGKILL);
    end();
  }
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  std::string out() const { return read_file(folder_.file("out")); }
  std::string err() const { return read_file(folder_.file("err")); }
  void interrupt() const { signal(SIGINT); }
  void signal(int number) const {
    if (child_) kill(child_, number);
  }
  /// Waits until the output satisfies `done`; false if a minute and a half pass without that.
  template <class Done>
  bool wait_until(Done&& done) const {
    for (int tenths = 0; tenths < 900; ++tenths) {
      if (done(out(), err())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  /// Waits for its end.
  ProgramRun end() {
    int status = 0;
    ProgramRun run;
    if (child_ && waitpid(child_, &status, 0) == child_ && WIFEXITED(status)) run.code = WEXITSTATUS(status);
    child_ = 0;
    run.out = out();
    run.err = err();
    return run;
  }

 private:
  TemporaryFolder folder_;
  pid_t child_ = 0;
};

inline ProgramRun run_program(std::vector<std::string> arguments, const std::string& input = "/dev/null") {
  return RunningProgram(std::move(arguments), input).end();
}

/// Runs a script of bash with "$@" for a program and its arguments, whatever is in their names.
inline ProgramRun run_script(const std::string& script, std::vector<std::string> program) {
  program.insert(program.begin(), {"/bin/bash", "-c", script, "bash"});
  return run_program(std::move(program));
}

}  // namespace mone::testing
