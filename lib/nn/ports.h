#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/types.h>

namespace mlrun::nn {

using Tensors = std::vector<torch::Tensor>;

/// A place where a model takes or gives something, for all samples of a batch.
struct Port {
  std::string name;
  /// Two tensors: the rows of all samples, one sample after the other, and int64 [N], how many each has. Otherwise
  /// one tensor, whose first axis is the sample.
  bool ragged = false;
  bool training_only = false;  ///< of outputs, and after all others: absent in evaluation mode
};

/// The places of a model in the order of its tensors.
struct Interface {
  std::vector<Port> inputs = {{"input"}};
  std::vector<Port> outputs = {{"output"}};
};

/// The places that are there in evaluation mode.
Interface lasting(Interface interface);

/// A name for each tensor at the ports: the port's, and `NAME_counts` for the rows that each sample has of a ragged
/// one.
std::vector<std::string> tensor_names(const std::vector<Port>& ports);
/// How many tensors stand at the ports.
std::size_t tensor_count(const std::vector<Port>& ports);
/// Samples of the tensors at the ports.
std::int64_t sample_count(const std::vector<Port>& ports, const Tensors& tensors);
/// Those of `count` samples from `begin` on.
Tensors some_samples(const std::vector<Port>& ports, const Tensors& tensors, std::int64_t begin, std::int64_t count);
/// The samples of all in one; `parts` has at least one.
Tensors joined_samples(const std::vector<Port>& ports, const std::vector<Tensors>& parts);

}  // namespace mlrun::nn
