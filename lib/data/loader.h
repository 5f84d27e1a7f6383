#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "data/fields.h"

namespace mlrun::data {

struct LoaderOptions {
  std::int64_t workers = 0;   ///< loading threads; 0: batches are made inside `next`
  std::int64_t prefetch = 2;  ///< finished batches waiting, per worker
  bool pinned = false;        ///< their tensors in page-locked memory, for a GPU (Fields::pinned)
};

/// Makes batches first .. last-1 in several threads and hands them out in order. What it hands out
/// does not depend on the number of workers. Memory is bounded by workers x prefetch batches.
class Loader {
 public:
  using Make = std::function<Batch(std::int64_t number)>;

  Loader(std::int64_t first, std::int64_t last, Make make, LoaderOptions options);
  /// Stops the workers, whatever they are doing, and joins them.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch, or nothing after the last. An exception thrown by `make` is thrown here, when
  /// its batch is due; out of memory as a UserError.
  std::optional<Batch> next();

  /// Seconds that `next` has spent waiting for workers (all of making, with 0 workers).
  double waited() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mlrun::data
