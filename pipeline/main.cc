// mone: arguments -> subcommand -> exit code.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <new>

#include "pipeline/command.h"

namespace {

struct Command {
  const char* name;
  int (*run)(const mone::Arguments&);
  const char* does;
};

constexpr Command kCommands[] = {
    {"classify", mone::classify_command, "label the actions in video files"},
    {"eval", mone::eval_command, "how often a model is right about labelled videos, by budget"},
    {"model", mone::model_command, "show, run or verify a model file"},
    {"frames", mone::frames_command, "decode a video for training"},
    {"bench", mone::bench_command, "time the streaming step of a model on this machine"},
};

void print_usage(std::ostream& out) {
  out << "mone " MONE_VERSION
         ": action labels for video, with a compute budget\n\nUsage: mone COMMAND [arguments]\n\n";
  for (const Command& command : kCommands) {
    out << "  " << command.name << std::string(10 - std::string(command.name).size(), ' ') << command.does
        << '\n';
  }
  out << "\n'mone COMMAND --help' explains a command; --version prints the version.\n"
         "MONE_LOG=info (or debug) says which backend runs, and why.\n"
         "MONE_MODEL is the default model, or MONE_MODEL_PATH folders (a:b) that hold its "
         "default.safetensors;\n"
         "MONE_BACKEND is the default backend.\n"
         "Exit codes: 0 done, 1 something failed (standard error says what), 2 wrong usage.\n";
}

const Command* find_command(const std::string& name) {
  const auto found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const Command& c) { return name == c.name; });
  return found == std::end(kCommands) ? nullptr : found;
}

int run(const mone::Arguments& arguments) {
  if (arguments.empty())
    throw mone::UsageError("a command is missing: classify, eval, model, frames or bench");
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    print_usage(std::cout);
    return mone::kExitDone;
  }
  if (name == "--version") {
    std::cout << "mone " MONE_VERSION "\n";
    return mone::kExitDone;
  }
  const Command* command = find_command(name);
  if (!command) {
    throw mone::UsageError("there is no command '" + name +
                           "': it is classify, eval, model, frames or bench");
  }
  return command->run({arguments.begin() + 1, arguments.end()});
}

/// The number of a closed one would go to the next file that is opened, and what is printed into that file.
void hold_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", O_RDONLY) < 0) return;
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_streams();
  const mone::Arguments arguments(argv + 1, argv + argc);
  int code = mone::kExitFailed;
  try {
    code = run(arguments);
  } catch (const mone::UsageError& error) {
    const bool in_command = !arguments.empty() && find_command(arguments.front());
    std::cerr << "mone: " << error.what() << "\nTry 'mone " << (in_command ? arguments.front() + " " : "")
              << "--help'.\n";
    return mone::kExitUsage;
  } catch (const mone::OutputLost&) {
    // Said below.
  } catch (const std::bad_alloc&) {
    std::cerr << "mone: not enough memory\n";
  } catch (const std::exception& error) {
    std::cerr << "mone: " << error.what() << '\n';
  }
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "mone: standard output could not be written\n";
    code = mone::kExitFailed;
  }
  return code;
}
