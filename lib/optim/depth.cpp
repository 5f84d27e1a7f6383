#include "optim/depth.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "models/heads.h"
#include "nn/norm.h"

namespace mlrun::optim {
namespace {

std::vector<std::string> names_below(const nn::Layer& layer, bool recurse) {
  const std::string prefix = layer.path().empty() ? "" : layer.path() + ".";
  std::vector<std::string> names;
  for (const auto& item : layer.named_parameters(recurse)) names.push_back(prefix + item.key());
  return names;
}

/// Walks a model from its input to its output and counts blocks.
class DepthWalk {
 public:
  DepthWalk(std::vector<std::string> heads, bool plain) : head_paths_(std::move(heads)), plain_(plain) {}

  void visit(const nn::Layer& layer) {
    if (is_head(layer)) return append(heads_, names_below(layer, true));
    const bool root = layer.path().empty();
    if (!plain_ && !root && layer.is_block()) return open(names_below(layer, true));
    const auto own = names_below(layer, false);
    if (plain_ && !own.empty() && !is_norm(layer)) open(own);
    else append(loose_, own);
    for (const auto& child : layer.layers()) visit(*child);
  }

  bool found_blocks() const { return blocks_ > 0; }

  Depths finish() {
    // In a plain model the first layer is the stem, so that the last one has the number before.
    const std::int64_t last = plain_ ? std::max<std::int64_t>(0, blocks_ - 1) : blocks_;
    settle(last);
    depths_.head = last + 1;
    for (const auto& name : heads_) depths_.of[name] = depths_.head;
    return std::move(depths_);
  }

 private:
  bool is_head(const nn::Layer& layer) const {
    return std::find(head_paths_.begin(), head_paths_.end(), layer.path()) != head_paths_.end();
  }
  static void append(std::vector<std::string>& to, const std::vector<std::string>& names) {
    to.insert(to.end(), names.begin(), names.end());
  }
  void settle(std::int64_t depth) {
    for (const auto& name : loose_) depths_.of[name] = depth;
    loose_.clear();
  }
  void open(const std::vector<std::string>& names) {
    // What a plain model has between two layers is the former's normalization.
    if (plain_) settle(std::max<std::int64_t>(0, blocks_ - 1));
    else settle(blocks_ == 0 ? 0 : blocks_ + 1);
    const std::int64_t depth = plain_ ? blocks_ : blocks_ + 1;
    ++blocks_;
    for (const auto& name : names) depths_.of[name] = depth;
  }

  std::vector<std::string> head_paths_;
  bool plain_;
  std::int64_t blocks_ = 0;
  std::vector<std::string> loose_, heads_;
  Depths depths_;
};

}  // namespace

bool is_norm(const nn::Layer& layer) { return dynamic_cast<const nn::Norm*>(&layer) != nullptr; }

Depths layer_depths(nn::Layer& model) {
  auto heads = model.heads();
  if (heads.empty()) heads = models::head_layers(model);
  DepthWalk by_blocks(heads, /*plain=*/false);
  by_blocks.visit(model);
  if (by_blocks.found_blocks()) return by_blocks.finish();
  DepthWalk plain(heads, /*plain=*/true);
  plain.visit(model);
  return plain.finish();
}

}  // namespace mlrun::optim
