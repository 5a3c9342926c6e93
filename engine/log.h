/// Log lines of the engine, handed to the sink the program has set (engine.h).
#pragma once

#include <string>

namespace mone {

inline constexpr int kLogError = 0, kLogWarning = 1, kLogInfo = 2, kLogDebug = 3;

void log_line(int level, const std::string& line);

}  // namespace mone
