#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <c10/util/Exception.h>

#include "base/error.h"
#include "base/thread_limit.h"
#include "data/loading_threads.h"

namespace mlrun::data {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// LibTorch has an exception of its own for memory that it does not get.
bool out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  if (torch_error == nullptr) return false;
  const char* text = torch_error->what_without_backtrace();
  return std::strstr(text, "alloc") != nullptr && std::strstr(text, "memory") != nullptr;
}

/// The exception being handled, as `next` throws it. Should there be no memory for the message
/// either, it stays what it is.
std::exception_ptr loading_error() {
  std::exception_ptr error = std::current_exception();
  try {
    throw;
  } catch (const std::exception& thrown) {
    if (!out_of_memory(thrown)) return error;
  } catch (...) {
    return error;
  }
  try {
    return std::make_exception_ptr(
        UserError("out of memory while loading data",
                  "use fewer loading threads (--workers) or a smaller train.batch_size, or set train.accumulate"));
  } catch (...) {
    return error;
  }
}

Loader::Make pinning(Loader::Make make) {
  return [make = std::move(make)](std::int64_t number) {
    Batch batch = make(number);
    batch.inputs = batch.inputs.pinned();
    batch.targets = batch.targets.pinned();
    return batch;
  };
}

}  // namespace

class Loader::Impl {
 public:
  Impl(std::int64_t first, std::int64_t last, Make make, const LoaderOptions& options)
      : last_(last), make_(options.pinned ? pinning(std::move(make)) : std::move(make)), due_(first), claimed_(first) {
    MLRUN_ASSERT(first <= last && options.workers >= 0 && options.prefetch > 0, "a loader with impossible options");
    const std::int64_t workers = std::min(options.workers, last - first);
    slots_.resize(static_cast<std::size_t>(workers * options.prefetch));
    start(workers);
  }

  ~Impl() { stop(); }

  std::optional<Batch> next() {
    if (due_ == last_) return std::nullopt;
    const auto start = Clock::now();
    if (workers_.empty()) {
      const Wait wait(waited_, start);
      try {
        return make_(due_++);
      } catch (...) {
        std::rethrow_exception(loading_error());
      }
    }
    Slot slot = take(start);
    if (slot.error) std::rethrow_exception(std::move(slot.error));
    return std::move(slot.batch);
  }

  double waited() const { return waited_; }

 private:
  /// A finished batch, or what making it threw.
  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };

  /// Adds its lifetime to a sum.
  class Wait {
   public:
    Wait(std::atomic<double>& sum, Clock::time_point start) : sum_(sum), start_(start) {}
    ~Wait() { sum_ = sum_ + seconds_since(start_); }

   private:
    std::atomic<double>& sum_;
    Clock::time_point start_;
  };

  void start(std::int64_t workers) {
    if (workers > 0) require_loading_threads(workers);
    workers_.reserve(static_cast<std::size_t>(workers));
    try {
      for (std::int64_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
    } catch (const std::system_error& error) {
      stop();
      throw thread_error(error.code());
    }
  }

  void stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

  Slot& slot_of(std::int64_t number) { return slots_[static_cast<std::size_t>(number) % slots_.size()]; }

  Slot take(Clock::time_point start) {
    std::unique_lock<std::mutex> lock(mutex_);
    Slot& slot = slot_of(due_);
    if (!slot.ready) {
      const Wait wait(waited_, start);
      finished_.wait(lock, [&slot] { return slot.ready; });
    }
    Slot taken = std::exchange(slot, Slot());
    ++due_;
    lock.unlock();
    room_.notify_one();
    return taken;
  }

  /// The next batch that a worker should make; nothing when it should end.
  std::optional<std::int64_t> claim() {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto window = static_cast<std::int64_t>(slots_.size());
    room_.wait(lock, [&] { return stopped_ || claimed_ == last_ || claimed_ < due_ + window; });
    if (stopped_ || claimed_ == last_) return std::nullopt;
    return claimed_++;
  }

  void work() {
    compute_alone();
    while (const auto number = claim()) {
      Slot made;
      try {
        made.batch = make_(*number);
      } catch (...) {
        made.error = loading_error();
      }
      made.ready = true;
      bool is_due = false;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        slot_of(*number) = std::move(made);
        is_due = *number == due_;
      }
      if (is_due) finished_.notify_one();
    }
    room_.notify_one();  // another worker may wait for what is not there
  }

  const std::int64_t last_;
  const Make make_;
  std::atomic<double> waited_{0};

  std::mutex mutex_;  // guards what follows; due_ is written by the caller's thread alone
  std::condition_variable room_, finished_;
  std::vector<Slot> slots_;
  std::int64_t due_;      // handed out next
  std::int64_t claimed_;  // made next
  bool stopped_ = false;
  std::vector<std::thread> workers_;
};

Loader::Loader(std::int64_t first, std::int64_t last, Make make, LoaderOptions options)
    : impl_(std::make_unique<Impl>(first, last, std::move(make), options)) {}

Loader::~Loader() = default;

std::optional<Batch> Loader::next() { return impl_->next(); }

double Loader::waited() const { return impl_->waited(); }

}  // namespace mlrun::data
