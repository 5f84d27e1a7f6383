#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

/// Processes that compute together. One process is a group, too.
namespace mlrun::dist {

/// What a rank says to the others of its group and hears from them. All ranks call the same functions in the same
/// order.
class Group {
 public:
  virtual ~Group() = default;
  /// 0 .. size() - 1.
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Puts in place of each tensor its sum over the ranks, to the same bits on all of them. Shapes and dtypes are those
  /// of the other ranks.
  virtual void sum(const std::vector<at::Tensor>& tensors) = 0;
};

/// This process by itself.
Group& alone();

}  // namespace mlrun::dist
