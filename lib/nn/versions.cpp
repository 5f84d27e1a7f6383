#include "nn/versions.h"

#include <map>
#include <set>

namespace mlrun::nn {
namespace {

/// Upstream's `_version` of a class; what is not named has 1.
std::int64_t version_of(const std::string& type) {
  static const std::map<std::string, std::int64_t> versions = {{"BatchNorm1d", 2},
                                                               {"BatchNorm2d", 2},
                                                               {"BatchNorm3d", 2},
                                                               {"SyncBatchNorm", 2},
                                                               {"IntermediateLayerGetter", 2},
                                                               {"MLPBlock", 2},
                                                               {"MNASNet", 2},
                                                               {"_DenseBlock", 2},
                                                               {"FeaturePyramidNetwork", 2},
                                                               {"RetinaNetClassificationHead", 2},
                                                               {"RetinaNetRegressionHead", 2},
                                                               {"RPNHead", 2},
                                                               {"MaskRCNNHeads", 2}};
  const auto found = versions.find(type);
  return found == versions.end() ? 1 : found->second;
}

}  // namespace

std::vector<std::pair<std::string, std::int64_t>> module_versions(Layer& root) {
  std::set<std::string> keeping = {""};  // paths of layers that have tensors, or below which some have
  for (const auto& item : state_dict(root)) {
    const std::string& name = item.first;
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      keeping.insert(name.substr(0, dot));
    }
  }
  std::vector<std::pair<std::string, std::int64_t>> versions;
  for (const Layer* layer : root.all_layers()) {
    if (keeping.count(layer->path()) != 0) versions.emplace_back(layer->path(), version_of(layer->type()));
  }
  return versions;
}

}  // namespace mlrun::nn
