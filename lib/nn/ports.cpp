#include "nn/ports.h"

#include <algorithm>

#include "base/error.h"

namespace mlrun::nn {

Interface lasting(Interface interface) {
  auto& outputs = interface.outputs;
  outputs.erase(std::remove_if(outputs.begin(), outputs.end(), [](const Port& port) { return port.training_only; }),
                outputs.end());
  return interface;
}

std::vector<std::string> tensor_names(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) {
    names.push_back(port.name);
    if (port.ragged) names.push_back(port.name + "_counts");
  }
  return names;
}

std::size_t tensor_count(const std::vector<Port>& ports) {
  std::size_t count = 0;
  for (const Port& port : ports) count += port.ragged ? 2 : 1;
  return count;
}

std::int64_t sample_count(const std::vector<Port>& ports, const Tensors& tensors) {
  MLRUN_ASSERT(!ports.empty() && tensors.size() >= tensor_count({ports.front()}), "a model without what it takes");
  return tensors[ports.front().ragged ? 1 : 0].size(0);
}

Tensors some_samples(const std::vector<Port>& ports, const Tensors& tensors, std::int64_t begin, std::int64_t count) {
  Tensors some;
  for (const Port& port : ports) {
    const std::size_t at = some.size();
    if (at >= tensors.size()) break;  // an output of training alone
    if (!port.ragged) {
      some.push_back(tensors[at].narrow(0, begin, count));
      continue;
    }
    const torch::Tensor counts = tensors.at(at + 1).narrow(0, begin, count);
    const auto first = tensors[at + 1].narrow(0, 0, begin).sum().item<std::int64_t>();
    some.push_back(tensors[at].narrow(0, first, counts.sum().item<std::int64_t>()));
    some.push_back(counts);
  }
  return some;
}

Tensors joined_samples(const std::vector<Port>& ports, const std::vector<Tensors>& parts) {
  Tensors joined;
  const std::size_t most = std::min(tensor_count(ports), parts.front().size());
  for (std::size_t at = 0; at < most; ++at) {
    Tensors pieces;
    for (const Tensors& part : parts) pieces.push_back(part.at(at));
    joined.push_back(torch::cat(pieces));
  }
  return joined;
}

}  // namespace mlrun::nn
