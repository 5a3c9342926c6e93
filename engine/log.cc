#include "engine/log.h"

#include <memory>
#include <mutex>

#include "engine/engine.h"

namespace mone {
namespace {

/// A function that may be exchanged while it is called.
template <class Function>
class Sink {
 public:
  void set(Function f) {
    auto next = f ? std::make_shared<const Function>(std::move(f)) : nullptr;
    const std::lock_guard lock(mutex_);
    current_ = std::move(next);
  }
  template <class... Args>
  void operator()(const Args&... args) {
    std::shared_ptr<const Function> f;
    {
      const std::lock_guard lock(mutex_);
      f = current_;
    }
    if (f) (*f)(args...);  // outside the lock: a sink may log or set another sink
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Function> current_;
};

Sink<LogSink> lines;
Sink<DecisionSink> decisions;

}  // namespace

void set_log_sink(LogSink sink) { lines.set(std::move(sink)); }
void log_line(int level, const std::string& line) { lines(level, line); }
void set_decision_sink(DecisionSink sink) { decisions.set(std::move(sink)); }
void log_decision(const Decision& decision) { decisions(decision); }

}  // namespace mone
