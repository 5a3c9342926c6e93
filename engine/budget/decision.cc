#include <cmath>
#include <cstdio>

#include "engine/budget/controller.h"

namespace mone {
namespace {

std::string number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string change(const std::string& what, double before, double after) {
  if (before == after) return "";
  return what + " " + number("%.3g", before) + " -> " + number("%.3g", after) + ", ";
}

std::string because(const Decision& d) {
  using Cause = Decision::Cause;
  const std::string stream = d.stream.empty() ? "a stream" : d.stream;
  switch (d.cause) {
    case Cause::kAdded:
      return stream + " joined";
    case Cause::kRemoved:
      return stream + " left";
    case Cause::kTerms:
      return stream + " asked for something else";
    case Cause::kUtilisation:
      return "the utilisation was set";
    case Cause::kRate:
      return stream + " changed its rate";
    case Cause::kCost:
      return d.load_before > d.utilisation ? "tubelets take longer" : "tubelets take less time than measured";
    case Cause::kRecovery:
      return "there has been room for a while";
    case Cause::kQos:
      return stream + " is too fast for what follows it";
  }
  return "";
}

}  // namespace

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::kPlan:
      return "plan";
    case Reason::kFixed:
      return "fixed";
    case Reason::kDeadline:
      return "deadline";
    case Reason::kHop:
      return "hop";
    case Reason::kOverload:
      return "overload";
    case Reason::kFlood:
      return "flood";
    case Reason::kLate:
      return "late";
  }
  return "";
}

std::string to_string(const Decision& d) {
  std::string text = change("level", d.level_before, d.level) + change("predict every", d.hop_before, d.hop) +
                     change("share run", d.run_before, d.run);
  text += because(d) + ": load " + number("%.2f", d.load_before) + " -> " + number("%.2f", d.load) + " of " +
          number("%.2f", d.utilisation) + ", " + std::to_string(d.streams) +
          (d.streams == 1 ? " stream, " : " streams, ") + number("%.3g", d.rate) + " tubelets/s, budgets " +
          number("%.3g", d.lowest);
  if (d.highest != d.lowest) text += " to " + number("%.3g", d.highest);
  text += ", machine at " + number("%.2f", d.scale) + " x the measured cost";
  return text;
}

}  // namespace mone
