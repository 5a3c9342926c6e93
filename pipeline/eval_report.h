/// What `mone eval` says: tables for people, one JSON object, or a page (eval_page.h).
#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "engine/model.h"
#include "pipeline/eval_run.h"
#include "pipeline/json_line.h"

namespace mone {

/// What a report is about, besides the numbers.
struct EvalSubject {
  const Model& model;
  std::string backend, dtype;
  EvalOptions options;
  std::map<std::string, std::string> merges;     ///< labels of the manifests -> the model's
  std::map<std::string, int> out_of_vocabulary;  ///< label -> rows
};

void print_tables(std::ostream& out, const Evaluation& evaluation, const EvalSubject& subject);

/// Everything: per set, setting and label, every answer, every interval.
Json eval_json(const Evaluation& evaluation, const EvalSubject& subject);

/// "0.93 [0.84, 0.97]", or "-" where there is nothing to share.
std::string share_text(const Share& share);
/// "0.83" with as many digits after the point; "-" of nothing.
std::string value_text(const Share& share, int digits);
/// "2 videos, 0:06, 3 clips of 2 labels".
std::string what_there_was(const EvalSet& set);
/// The point of a set with that chooser and budget, or null.
const EvalPoint* point_at(const EvalSet& set, Chooser chooser, double budget);

}  // namespace mone
