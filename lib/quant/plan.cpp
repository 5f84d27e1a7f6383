#include "quant/plan.h"

#include <algorithm>

namespace mlrun::quant {

const Int8Node* Int8Plan::find(const std::string& path) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Int8Node& node) { return node.path == path; });
  return found == nodes.end() ? nullptr : &*found;
}

std::int64_t int8_layers(const Int8Plan& plan) {
  return std::count_if(plan.nodes.begin(), plan.nodes.end(), [](const Int8Node& node) { return node.op != "pass"; });
}

}  // namespace mlrun::quant
