#include "engine/block_cache.h"

#include <sys/resource.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <torch/types.h>

#include "support.h"

using namespace mlrun;
using engine::BlockCache;

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

/// Takes and gives back as the forward and backward pass of some layers do.
void pass(BlockCache& cache) {
  std::vector<void*> activations;
  for (std::size_t layer = 1; layer <= 8; ++layer) {
    void* const scratch = cache.take(layer * kMegabyte / 2);
    activations.push_back(cache.take(layer * kMegabyte));
    cache.give_back(scratch);
  }
  for (std::size_t layer = activations.size(); layer > 0; --layer) {
    void* const gradient = cache.take(layer * kMegabyte);
    cache.give_back(activations[layer - 1]);
    cache.give_back(gradient);
  }
}

std::size_t held(const BlockCache& cache) { return cache.statistics().in_use + cache.statistics().kept; }

}  // namespace

TEST_CASE("a freed block is handed out again", "[engine]") {
  BlockCache cache;
  void* const block = cache.take(3 * kMegabyte);
  REQUIRE(block != nullptr);
  std::memset(block, 1, 3 * kMegabyte);
  CHECK(cache.give_back(block));
  CHECK(cache.take(3 * kMegabyte - 100) == block);
  CHECK(cache.statistics().mapped == 1);
  CHECK(cache.give_back(block));

  void* const small = cache.take(kMegabyte);  // most of the large one would lie idle
  CHECK(small != block);
  CHECK(cache.statistics().mapped == 2);
  CHECK(cache.give_back(small));
  cache.release();
  CHECK(held(cache) == 0);
}

TEST_CASE("a cache of blocks takes back only its own", "[engine]") {
  BlockCache cache;
  CHECK(cache.take(0) == nullptr);
  CHECK(cache.take(BlockCache::kSmallest - 1) == nullptr);
  int other = 0;
  CHECK_FALSE(cache.give_back(&other));
  CHECK_FALSE(cache.give_back(nullptr));
  void* const block = cache.take(BlockCache::kSmallest);
  CHECK(cache.give_back(block));
  CHECK_FALSE(cache.give_back(block));
  CHECK(cache.take(std::size_t{1} << 60) == nullptr);  // more than any address space
}

TEST_CASE("a step like the one before takes nothing from the system", "[engine]") {
  BlockCache cache;
  pass(cache);
  const auto mapped = cache.statistics().mapped;
  for (int step = 0; step < 3; ++step) pass(cache);
  CHECK(cache.statistics().mapped == mapped);
}

TEST_CASE("a cache of blocks holds little more than was ever in use", "[engine]") {
  BlockCache cache;
  std::mt19937 random(0);
  std::vector<void*> blocks;
  for (int i = 0; i < 3000; ++i) {
    if (blocks.size() > 20 || (random() % 2 == 0 && !blocks.empty())) {
      const std::size_t which = random() % blocks.size();
      REQUIRE(cache.give_back(blocks[which]));
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      blocks.push_back(cache.take(BlockCache::kSmallest + random() % (6 * kMegabyte)));
      REQUIRE(blocks.back() != nullptr);
    }
    const std::size_t most = cache.statistics().most_in_use;
    REQUIRE(held(cache) <= most + most / 4);
  }
  for (void* block : blocks) CHECK(cache.give_back(block));
  CHECK(cache.statistics().in_use == 0);
}

TEST_CASE("threads share a cache of blocks", "[engine]") {
  BlockCache cache;
  bool intact[4] = {};
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&cache, &intact, id] {
      bool good = true;
      for (int i = 0; i < 200; ++i) {
        const std::size_t size = BlockCache::kSmallest * static_cast<std::size_t>(1 + i % 3);
        auto* const block = static_cast<unsigned char*>(cache.take(size));
        std::memset(block, id, size);
        std::this_thread::yield();
        good = good && block[0] == id && block[size / 2] == id && block[size - 1] == id;
        good = cache.give_back(block) && good;
      }
      intact[id] = good;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const bool good : intact) CHECK(good);
  CHECK(cache.statistics().in_use == 0);
}

TEST_CASE("tensors come without new pages", "[engine]") {
  for (const char* setting : {"GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"}) {
    if (std::getenv(setting) != nullptr) return test::skip("the environment sets " + std::string(setting));
  }
  const torch::Tensor before = torch::ones({kMegabyte});  // of the allocator that was there
  engine::keep_freed_tensors();
  const auto faults = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    const long at_first = usage.ru_minflt;
    const torch::Tensor tensor = torch::ones({1 << 24});
    CHECK(tensor[1 << 23].item<float>() == 1);
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt - at_first;
  };
  faults();
  CHECK(faults() < 1000);  // of 16,384 pages
  CHECK(before.sum().item<float>() == kMegabyte);
  CHECK(torch::zeros({0}).numel() == 0);
  engine::release_kept_tensors();
}
