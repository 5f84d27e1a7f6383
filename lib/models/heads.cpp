#include "models/heads.h"

#include <algorithm>
#include <cctype>

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

bool is_auxiliary(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name.rfind("aux", 0) == 0;
}

}  // namespace

const std::vector<std::string>& head_names() {
  static const std::vector<std::string> names = {"classifier", "fc",   "linear", "head",
                                                 "heads",      "aux1", "aux2",   "AuxLogits"};
  return names;
}

std::vector<std::string> head_layers(nn::Layer& model) {
  std::vector<std::string> heads = {last_weighted(model)};
  for (const auto& child : model.layers()) {
    if (is_auxiliary(child->path())) heads.push_back(last_weighted(*child));
  }
  std::sort(heads.begin(), heads.end());
  heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
  heads.erase(std::remove(heads.begin(), heads.end(), ""), heads.end());
  return heads;
}

bool in_head(const std::vector<std::string>& heads, const std::string& name) {
  return std::any_of(heads.begin(), heads.end(), [&](const std::string& head) {
    return name.size() > head.size() && name[head.size()] == '.' && name.rfind(head, 0) == 0;
  });
}

}  // namespace mlrun::models
