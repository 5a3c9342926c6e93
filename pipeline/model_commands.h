/// The subcommands of `mone model`.
#pragma once

#include "pipeline/command.h"

namespace mone {

int model_show_command(const Arguments& arguments);
int model_run_command(const Arguments& arguments);
int model_verify_command(const Arguments& arguments);

}  // namespace mone
