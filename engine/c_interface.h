/// What the C interfaces share: failures as text, and work shared out among threads. Needs nothing of
/// libmone.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace mone {

/// Runs `body`; what it throws becomes `error`, the thread's own text of its last failure.
template <class Value, class Body>
Value answered(std::string& error, Value on_failure, Body&& body) noexcept {
  try {
    error.clear();
    return body();
  } catch (const std::exception& failure) {
    error = failure.what();
    return on_failure;
  }
}

/// Calls work(next), on `threads` threads of which this one is one; next() gives each of 0 .. count - 1 once,
/// and `count` or more at the end. Where no more threads can be had, fewer do it.
/// @param name  of the other threads, at most 15 letters
/// @throws what `work` threw first, when all are done
template <class Work>
void share_out(int count, int threads, const char* name, const Work& work) {
  std::atomic<int> taken{0};
  std::mutex mutex;  // failure
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      work([&taken] { return taken++; });
    } catch (...) {
      taken = count;
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;  // joined at the end of the scope, however it is left
    try {
      for (int i = 1; i < std::min(threads, count); ++i)
        helpers.emplace_back([&run, name] {
          pthread_setname_np(pthread_self(), name);
          run();
        });
    } catch (const std::system_error&) {
    }
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace mone
