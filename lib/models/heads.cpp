#include "models/heads.h"

#include <algorithm>

namespace mlrun::models {
namespace {

/// The path of the last layer below `root` that owns a matrix or a kernel; empty where none does.
std::string last_weighted(nn::Layer& root) {
  std::string path;
  for (nn::Layer* layer : root.all_layers()) {
    for (const auto& parameter : layer->parameters(/*recurse=*/false)) {
      if (parameter.dim() >= 2) path = layer->path();
    }
  }
  return path;
}

}  // namespace

std::vector<std::string> head_layers(nn::Layer& model) {
  std::vector<std::string> heads;
  const auto parts = model.heads();
  if (parts.empty()) heads.push_back(last_weighted(model));
  for (nn::Layer* layer : model.all_layers()) {
    const bool part = std::find(parts.begin(), parts.end(), layer->path()) != parts.end();
    if (part) heads.push_back(last_weighted(*layer));
  }
  std::sort(heads.begin(), heads.end());
  heads.erase(std::remove(heads.begin(), heads.end(), ""), heads.end());
  return heads;
}

bool in_head(const std::vector<std::string>& heads, const std::string& name) {
  return std::any_of(heads.begin(), heads.end(), [&](const std::string& head) {
    return name.size() > head.size() && name[head.size()] == '.' && name.rfind(head, 0) == 0;
  });
}

}  // namespace mlrun::models
