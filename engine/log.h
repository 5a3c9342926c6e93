/// Log lines and budget decisions of the engine, handed to the sinks the program has set (engine.h).
#pragma once

#include <string>

namespace mone {

struct Decision;

inline constexpr int kLogError = 0, kLogWarning = 1, kLogInfo = 2, kLogDebug = 3;

void log_line(int level, const std::string& line);
void log_decision(const Decision& decision);

}  // namespace mone
