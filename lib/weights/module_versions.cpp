#include <map>

#include "weights/file.h"

namespace mlrun::weights {

ModuleVersions module_versions(const NamedTensors& tensors) {
  ModuleVersions versions = {{"", 1}};
  std::map<std::string, std::size_t> places = {{"", 0}};
  for (const auto& item : tensors) {
    const std::string& name = item.first;
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      const std::string module = name.substr(0, dot);
      if (places.emplace(module, versions.size()).second) versions.emplace_back(module, 1);
    }
    const std::size_t last = name.rfind('.');
    if (last == std::string::npos || name.substr(last + 1) != "num_batches_tracked") continue;
    versions[places.at(name.substr(0, last))].second = 2;
  }
  return versions;
}

}  // namespace mlrun::weights
