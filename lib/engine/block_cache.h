#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>

namespace mlrun::engine {

/// Large blocks of memory that are kept when they are freed and handed out again. A training step takes the same blocks
/// as the one before; from the system they would come as new pages, zeroed one by one. What it holds never exceeds by
/// more than a quarter the most that was in use at one time. Safe to call from several threads.
class BlockCache {
 public:
  /// Below this many bytes `take` gives nothing.
  static constexpr std::size_t kSmallest = std::size_t{256} << 10;

  struct Statistics {
    std::size_t in_use = 0, kept = 0, most_in_use = 0;  ///< bytes
    std::uint64_t mapped = 0;                           ///< blocks that came from the system
  };

  BlockCache() = default;
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// A block of at least `bytes`, aligned to a page; nullptr where the system has none, or `bytes` are few.
  void* take(std::size_t bytes);
  /// Frees a block. False, and nothing done, for one that is not of this cache.
  bool give_back(void* block);
  /// Gives what is kept to the system.
  void release();

  Statistics statistics() const;

 private:
  struct Kept {
    void* block;
    std::uint64_t since;
  };
  using KeptBlocks = std::multimap<std::size_t, Kept>;

  void* take_kept(std::size_t size);
  void make_room(std::size_t size);
  void drop(KeptBlocks::iterator which);

  mutable std::mutex mutex_;
  std::unordered_map<void*, std::size_t> used_;  // block to size
  KeptBlocks kept_;                              // by size
  std::map<std::uint64_t, KeptBlocks::iterator> by_age_;
  std::uint64_t clock_ = 0;
  Statistics statistics_;
};

/// Lets LibTorch take its tensors on the CPU from a BlockCache from now on, for the life of the process. Where the
/// environment says how malloc is to behave (MALLOC_MMAP_MAX_, MALLOC_TRIM_THRESHOLD_, GLIBC_TUNABLES), it is left
/// alone.
void keep_freed_tensors();

/// Gives the system what is kept of freed tensors.
void release_kept_tensors();

}  // namespace mlrun::engine
