/// `mone eval --html`: one page with plots, tables and expert maps, in one file that loads nothing.
#pragma once

#include <string>

#include "pipeline/eval_report.h"

namespace mone {

std::string eval_page(const Evaluation& evaluation, const EvalSubject& subject);

}  // namespace mone
