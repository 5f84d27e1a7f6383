#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/thread_limit.h"
#include "data/loading_threads.h"

namespace mlrun::data {

/// Calls `action(i)` for 0 <= i < count in `threads` threads, in no order. After the first exception no
/// further call begins; it is thrown when all threads have ended.
template <class Action>
void parallel_for(std::int64_t count, int threads, const Action& action) {
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  const auto work = [&] {
    try {
      for (std::int64_t i = next++; i < count; i = next++) action(i);
    } catch (...) {
      next = count;
      const std::lock_guard<std::mutex> lock(guard);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  const auto most = static_cast<int>(std::min<std::int64_t>(threads, count));
  if (most > 1) require_loading_threads(most - 1);
  try {
    for (int i = 1; i < most; ++i) {
      others.emplace_back([&work] {
        compute_alone();
        work();
      });
    }
  } catch (const std::system_error& error) {
    next = count;
    const std::lock_guard<std::mutex> lock(guard);
    failure = std::make_exception_ptr(thread_error(error.code()));
  }
  work();
  for (auto& thread : others) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace mlrun::data
