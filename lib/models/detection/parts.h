#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nn/part.h"

namespace mlrun::models {

using DetectorPart = nn::Part;

/// Ports of what is there for every map: `KIND_0`, `KIND_1`, ... for each of `kinds` in turn, `count` of each.
inline std::vector<nn::Port> ports_of_maps(const std::vector<std::string>& kinds, std::size_t count) {
  std::vector<nn::Port> ports;
  for (const auto& kind : kinds) {
    for (std::size_t i = 0; i < count; ++i) ports.push_back({kind + "_" + std::to_string(i)});
  }
  return ports;
}

}  // namespace mlrun::models
