#include "engine/block_cache.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include <sys/mman.h>

#include <c10/core/impl/alloc_cpu.h>

#include "base/torch_compat.h"

namespace mlrun::engine {
namespace {

constexpr std::size_t kSmallestPage = 4096;
constexpr std::size_t kGranule = std::size_t{64} << 10;  // a multiple of every system's pages

std::size_t block_size(std::size_t bytes) { return (bytes + kGranule - 1) / kGranule * kGranule; }

/// From the system; nullptr where it has none.
void* map_block(std::size_t size) {
  void* const block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? nullptr : block;
}

}  // namespace

BlockCache::~BlockCache() { release(); }

void* BlockCache::take(std::size_t bytes) {
  if (bytes < kSmallest) return nullptr;
  const std::size_t size = block_size(bytes);
  const std::lock_guard lock(mutex_);
  if (void* const block = take_kept(size)) return block;
  make_room(size);
  void* block = map_block(size);
  if (!block && !kept_.empty()) {
    while (!kept_.empty()) drop(kept_.begin());
    block = map_block(size);
  }
  if (!block) return nullptr;
  ++statistics_.mapped;
  used_.emplace(block, size);
  statistics_.in_use += size;
  statistics_.most_in_use = std::max(statistics_.most_in_use, statistics_.in_use);
  return block;
}

/// The smallest kept one that is large enough, unless more than half of it would lie idle.
void* BlockCache::take_kept(std::size_t size) {
  const auto found = kept_.lower_bound(size);
  if (found == kept_.end() || found->first > 2 * size) return nullptr;
  void* const block = found->second.block;
  used_.emplace(block, found->first);
  statistics_.in_use += found->first;
  statistics_.most_in_use = std::max(statistics_.most_in_use, statistics_.in_use);
  statistics_.kept -= found->first;
  by_age_.erase(found->second.since);
  kept_.erase(found);
  return block;
}

/// Drops what has not been used for longest until a new block of this size keeps the bound.
void BlockCache::make_room(std::size_t size) {
  const std::size_t most = std::max(statistics_.most_in_use, statistics_.in_use + size);
  while (!kept_.empty() && statistics_.in_use + statistics_.kept + size > most + most / 4) {
    drop(by_age_.begin()->second);
  }
}

void BlockCache::drop(KeptBlocks::iterator which) {
  munmap(which->second.block, which->first);
  statistics_.kept -= which->first;
  by_age_.erase(which->second.since);
  kept_.erase(which);
}

bool BlockCache::give_back(void* block) {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(block);
  if (found == used_.end()) return false;
  const std::size_t size = found->second;
  used_.erase(found);
  statistics_.in_use -= size;
  statistics_.kept += size;
  ++clock_;
  by_age_.emplace(clock_, kept_.emplace(size, Kept{block, clock_}));
  return true;
}

void BlockCache::release() {
  const std::lock_guard lock(mutex_);
  while (!kept_.empty()) drop(kept_.begin());
}

BlockCache::Statistics BlockCache::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

namespace {

/// Never destroyed: tensors of static life are freed after it would be.
BlockCache& tensor_blocks() {
  static auto* const cache = new BlockCache;
  return *cache;
}

void free_tensor(void* block) {
  if (reinterpret_cast<std::uintptr_t>(block) % kSmallestPage != 0 || !tensor_blocks().give_back(block))
    c10::free_cpu(block);
}

class TensorAllocator : public compat::CpuAllocator {
 public:
  c10::DataPtr take(std::size_t bytes) const override {
    void* block = tensor_blocks().take(bytes);
    if (!block) block = c10::alloc_cpu(bytes);
    return {block, block, &free_tensor, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_tensor; }
};

bool environment_decides() {
  for (const char* name : {"MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

}  // namespace

void release_kept_tensors() { tensor_blocks().release(); }

void keep_freed_tensors() {
  static const bool once = [] {
    if (!environment_decides()) c10::SetCPUAllocator(new TensorAllocator, /*priority=*/1);
    return true;
  }();
  (void)once;
}

}  // namespace mlrun::engine
