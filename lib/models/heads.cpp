#include "models/heads.h"

#include <algorithm>

namespace mlrun::models {
namespace {

/// The path of the last layer below `root` that owns a matrix or a kernel, and those of the norms behind it; empty
/// where none does.
std::vector<std::string> last_weighted(nn::Layer& root) {
  std::vector<std::string> paths;
  for (nn::Layer* layer : root.all_layers()) {
    const auto own = layer->parameters(/*recurse=*/false);
    if (std::any_of(own.begin(), own.end(), [](const torch::Tensor& tensor) { return tensor.dim() >= 2; })) {
      paths = {layer->path()};
    } else if (!own.empty() && !paths.empty()) {
      paths.push_back(layer->path());
    }
  }
  return paths;
}

}  // namespace

std::vector<std::string> head_layers(nn::Layer& model) {
  std::vector<std::string> heads;
  const auto parts = model.heads();
  if (parts.empty()) {
    heads = last_weighted(model);
    heads.resize(std::min<std::size_t>(heads.size(), 1));
  }
  for (nn::Layer* layer : model.all_layers()) {
    if (std::find(parts.begin(), parts.end(), layer->path()) == parts.end()) continue;
    const auto last = last_weighted(*layer);
    heads.insert(heads.end(), last.begin(), last.end());
  }
  std::sort(heads.begin(), heads.end());
  return heads;
}

bool in_head(const std::vector<std::string>& heads, const std::string& name) {
  return std::any_of(heads.begin(), heads.end(), [&](const std::string& head) {
    return name.size() > head.size() && name[head.size()] == '.' && name.rfind(head, 0) == 0;
  });
}

}  // namespace mlrun::models
