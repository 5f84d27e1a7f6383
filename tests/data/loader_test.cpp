#include "data/loader.h"

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>

#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include "base/random.h"
#include "support.h"

namespace mlrun::data {
namespace {

using namespace std::chrono_literals;

/// A batch that takes a moment, differently long for each number, so that threads overtake.
Batch slow_batch(std::int64_t number) {
  KeyedRandom random(7, "delay", static_cast<std::uint64_t>(number));
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(400)));
  Batch batch;
  batch.ids = {std::to_string(number)};
  batch.indices = {number};
  batch.inputs.set("image", torch::full({2, 3}, number));
  return batch;
}

std::vector<std::int64_t> numbers(Loader& loader) {
  std::vector<std::int64_t> found;
  while (auto batch = loader.next()) {
    REQUIRE(batch->ids.at(0) == std::to_string(batch->indices.at(0)));
    REQUIRE(batch->inputs.tensor("image").sum().item<std::int64_t>() == 6 * batch->indices[0]);
    found.push_back(batch->indices[0]);
  }
  return found;
}

LoaderOptions with(std::int64_t workers, std::int64_t prefetch = 2) {
  LoaderOptions options;
  options.workers = workers;
  options.prefetch = prefetch;
  return options;
}

}  // namespace

TEST_CASE("batches come whole and in order with any number of workers", "[data][loader]") {
  const auto workers = GENERATE(0, 1, 2, 8);
  const auto prefetch = GENERATE(1, 3);
  Loader loader(5, 105, slow_batch, with(workers, prefetch));
  const auto found = numbers(loader);
  REQUIRE(found.size() == 100);
  for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == static_cast<std::int64_t>(i) + 5);
  REQUIRE_FALSE(loader.next().has_value());
  REQUIRE(loader.waited() > 0);
}

TEST_CASE("a loader of nothing, and of less than it has workers", "[data][loader]") {
  const auto workers = GENERATE(0, 1, 8);
  Loader none(3, 3, slow_batch, with(workers));
  REQUIRE_FALSE(none.next().has_value());
  Loader few(0, 2, slow_batch, with(workers));
  REQUIRE(numbers(few) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("an exception is thrown when its batch is due", "[data][loader]") {
  const auto workers = GENERATE(0, 1, 2, 8);
  const auto make = [](std::int64_t number) {
    if (number == 4) throw file_error("cat.jpg", "cannot be read");
    if (number == 6) throw std::runtime_error("other");
    return slow_batch(number);
  };
  Loader loader(0, 9, make, with(workers));
  for (std::int64_t number = 0; number < 4; ++number) REQUIRE(loader.next()->indices[0] == number);
  REQUIRE(test::user_error([&] { loader.next(); }) == "cat.jpg: cannot be read");
  REQUIRE(loader.next()->indices[0] == 5);
  REQUIRE_THROWS_AS(loader.next(), std::runtime_error);
  REQUIRE(loader.next()->indices[0] == 7);
  REQUIRE(loader.next()->indices[0] == 8);
  REQUIRE_FALSE(loader.next().has_value());
}

TEST_CASE("a loader can be left at any point", "[data][loader]") {
  const auto workers = GENERATE(1, 2, 8);
  const auto taken = GENERATE(0, 1, 17);
  const auto start = std::chrono::steady_clock::now();
  {
    Loader loader(0, 1000000, slow_batch, with(workers));
    for (int i = 0; i < taken; ++i) REQUIRE(loader.next().has_value());
  }
  REQUIRE(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("a loader can be left while a batch has failed", "[data][loader]") {
  const auto make = [](std::int64_t) -> Batch { throw UserError("broken"); };
  { Loader loader(0, 100, make, with(4)); }
  Loader loader(0, 100, make, with(4));
  REQUIRE(test::user_error([&] { loader.next(); }) == "broken");
}

TEST_CASE("no more batches are made ahead than workers x prefetch", "[data][loader]") {
  const auto workers = GENERATE(1, 2, 8);
  const auto prefetch = GENERATE(1, 2);
  std::atomic<std::int64_t> begun{0};
  std::atomic<std::int64_t> handed_out{0};
  std::atomic<std::int64_t> most{0};
  const auto make = [&](std::int64_t number) {
    const std::int64_t ahead = ++begun - handed_out;
    for (auto seen = most.load(); ahead > seen && !most.compare_exchange_weak(seen, ahead);) {}
    return slow_batch(number);
  };
  Loader loader(0, 60, make, with(workers, prefetch));
  while (begun == 0) std::this_thread::yield();
  std::this_thread::sleep_for(30ms);
  REQUIRE(begun <= workers * prefetch);
  while (loader.next()) ++handed_out;
  // The batch just handed out is counted before the test can say so.
  REQUIRE(most <= workers * prefetch + 1);
}

TEST_CASE("time spent waiting is counted", "[data][loader]") {
  const auto workers = GENERATE(0, 1);
  const auto make = [](std::int64_t number) {
    std::this_thread::sleep_for(20ms);
    return slow_batch(number);
  };
  Loader loader(0, 3, make, with(workers));
  REQUIRE(loader.waited() == 0);
  while (loader.next()) {}
  REQUIRE(loader.waited() > 0.05);
  REQUIRE(loader.waited() < 5);
}

TEST_CASE("workers compute alone and leave other threads' settings", "[data][loader]") {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  std::atomic<int> in_worker{0};
  const auto make = [&](std::int64_t number) {
    in_worker = std::max<int>(in_worker, at::get_num_threads());
    return slow_batch(number);
  };
  Loader loader(0, 20, make, with(2));
  REQUIRE(numbers(loader).size() == 20);
#if AT_PARALLEL_OPENMP
  REQUIRE(in_worker == 1);
#endif
  REQUIRE(at::get_num_threads() == 3);
  int in_new_thread = 0;
  std::thread([&] { in_new_thread = at::get_num_threads(); }).join();
  REQUIRE(in_new_thread == 3);
  at::set_num_threads(before);
}

TEST_CASE("memory that runs out while loading is one clear line", "[data][loader]") {
  const auto workers = GENERATE(0, 1, 3);
  const auto kind = GENERATE(0, 1, 2);
  const auto make = [kind](std::int64_t number) -> Batch {
    if (number < 2) return slow_batch(number);
    if (kind == 0) throw std::bad_alloc();
    if (kind == 1) throw std::bad_array_new_length();
    // What LibTorch says; to make it run out in earnest would end a program under the address sanitizer.
    TORCH_CHECK(false, "[enforce fail at alloc_cpu.cpp:66] . DefaultCPUAllocator: can't allocate memory");
  };
  Loader loader(0, 5, make, with(workers));
  REQUIRE(loader.next().has_value());
  REQUIRE(loader.next().has_value());
  REQUIRE(test::user_error([&] { loader.next(); }) ==
          "out of memory while loading data; use fewer loading threads (--workers) or a smaller train.batch_size, or "
          "set train.accumulate");
}

TEST_CASE("other errors of LibTorch come through the loader as they are", "[data][loader]") {
  const auto workers = GENERATE(0, 2);
  const auto make = [](std::int64_t) -> Batch { TORCH_CHECK(false, "sizes do not fit"); };
  Loader loader(0, 2, make, with(workers));
  REQUIRE_THROWS_AS(loader.next(), c10::Error);
}

TEST_CASE("batches for a GPU lie in page-locked memory", "[data][gpu]") {
  Loader loader(0, 4, slow_batch, {2, 2, true});
  if (!torch::cuda::is_available()) {
    CHECK_THROWS(loader.next());  // nothing can lock it
    return test::skip("there is no GPU");
  }
  while (const auto batch = loader.next()) {
    CHECK(batch->inputs.tensor("image").is_pinned());
    CHECK(batch->inputs.to(torch::kCUDA).tensor("image").cpu().eq(batch->indices.front()).all().item<bool>());
  }
}

}  // namespace mlrun::data
