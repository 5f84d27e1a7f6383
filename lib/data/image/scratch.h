#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mlrun::data {

/// Memory for a while, of undefined content. It comes from a store of the thread's own, so that one
/// sample after another uses the same: fresh pages cost as much as much of the work on a sample.
class Scratch {
 public:
  explicit Scratch(std::size_t size = 0);
  ~Scratch();
  Scratch(Scratch&&) noexcept = default;
  Scratch& operator=(Scratch&&) = delete;

  /// At least `size` bytes; what was there may be lost.
  std::uint8_t* reserve(std::size_t size);
  std::uint8_t* data() { return memory_.data(); }

 private:
  std::vector<std::uint8_t> memory_;
};

}  // namespace mlrun::data
