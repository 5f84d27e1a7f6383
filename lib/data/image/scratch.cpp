#include "data/image/scratch.h"

#include <utility>

namespace mlrun::data {
namespace {

constexpr std::size_t kMostKept = 8;                         // of a thread's buffers
constexpr std::size_t kLargestKept = std::size_t{16} << 20;  // bytes: larger ones are rare

std::vector<std::vector<std::uint8_t>>& scratch_store() {
  thread_local std::vector<std::vector<std::uint8_t>> store;
  return store;
}

}  // namespace

Scratch::Scratch(std::size_t size) {
  auto& store = scratch_store();
  if (!store.empty()) {
    memory_ = std::move(store.back());
    store.pop_back();
  }
  reserve(size);
}

Scratch::~Scratch() {
  if (memory_.empty()) return;  // moved from
  auto& store = scratch_store();
  if (store.capacity() == 0) store.reserve(kMostKept);
  if (store.size() < kMostKept && memory_.size() <= kLargestKept) store.push_back(std::move(memory_));
}

std::uint8_t* Scratch::reserve(std::size_t size) {
  if (memory_.size() < size) {
    memory_.clear();  // nothing needs copying
    memory_.resize(size);
  }
  return memory_.data();
}

}  // namespace mlrun::data
