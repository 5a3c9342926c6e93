#include "engine/log.h"

#include <memory>
#include <mutex>

#include "engine/engine.h"

namespace mone {
namespace {

std::mutex mutex;
std::shared_ptr<const LogSink> current;

}  // namespace

void set_log_sink(LogSink sink) {
  auto next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  const std::lock_guard lock(mutex);
  current = std::move(next);
}

void log_line(int level, const std::string& line) {
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(mutex);
    sink = current;
  }
  if (sink) (*sink)(level, line);  // outside the lock: a sink may log or set another sink
}

}  // namespace mone
