// mone model: its subcommands.
#include <iostream>

#include "pipeline/command.h"
#include "pipeline/model_commands.h"

namespace mone {

int model_command(const Arguments& arguments) {
  const Arguments rest(arguments.begin() + !arguments.empty(), arguments.end());
  const std::string name = arguments.empty() ? "" : arguments.front();
  if (name == "show") return model_show_command(rest);
  if (name == "run") return model_run_command(rest);
  if (name == "verify") return model_verify_command(rest);
  if (name == "--help" || name == "-h") {
    std::cout << "Usage: mone model show [--json] [MODEL]\n"
                 "       mone model run MODEL --clip clip.npy [options]\n"
                 "       mone model verify MODEL\n\n"
                 "show prints what a model is and what it costs, run feeds it one clip, verify checks its "
                 "file and\n"
                 "every backend on it. Each has a --help.\n";
    return kExitDone;
  }
  throw UsageError(name.empty() ? "model wants show, run or verify"
                                : "model has no subcommand '" + name + "': it is show, run or verify");
}

}  // namespace mone
