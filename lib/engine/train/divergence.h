#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace mlrun::engine {

/// A training whose numbers are no longer finite.
class Divergence : public UserError {
 public:
  /// `what` is wrong (`the loss is not finite`, ...) after the 1-based `step`.
  Divergence(const std::string& what, std::int64_t step);

  /// The same in a micro-batch of `samples`; `norms` are the gradient norms of the steps before,
  /// oldest first.
  Divergence(const std::string& what, std::int64_t step, const std::vector<std::string>& samples,
             const std::vector<double>& norms);

  /// The same, and which checkpoint is still good (empty: none was saved).
  UserError with_checkpoint(const std::filesystem::path& checkpoint) const;
};

}  // namespace mlrun::engine
