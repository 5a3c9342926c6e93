/// Runs a program to its end and keeps what it said.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
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

/// @param input  a file that becomes standard input; empty: none
inline ProgramRun run_program(std::vector<std::string> arguments, const std::string& input = "/dev/null") {
  const TemporaryFolder folder;
  const std::string out = folder.file("out"), err = folder.file("err");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ProgramRun run;
  pid_t child = 0;
  int status = 0;
  if (posix_spawnp(&child, argv[0], &files, nullptr, argv.data(), environ) == 0 &&
      waitpid(child, &status, 0) == child && WIFEXITED(status)) {
    run.code = WEXITSTATUS(status);
  }
  posix_spawn_file_actions_destroy(&files);
  run.out = read_file(out);
  run.err = read_file(err);
  return run;
}

}  // namespace mone::testing
