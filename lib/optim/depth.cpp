#include "optim/depth.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "models/heads.h"

namespace mlrun::optim {
namespace {

/// Upstream's classes of blocks; a name also stands for those that begin with it (InceptionA,
/// SwinTransformerBlockV2).
constexpr std::array<std::string_view, 14> kBlocks = {"BasicBlock",
                                                      "Bottleneck",
                                                      "WideBasic",
                                                      "InvertedResidual",
                                                      "MBConv",
                                                      "FusedMBConv",
                                                      "CNBlock",
                                                      "Fire",
                                                      "_DenseLayer",
                                                      "Inception",
                                                      "ResBottleneckBlock",
                                                      "EncoderBlock",
                                                      "SwinTransformerBlock",
                                                      "MaxVitLayer"};

bool starts_with_one_of(const std::string& text, const auto& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.rfind(word, 0) == 0; });
}

std::vector<std::string> names_below(const nn::Layer& layer, bool recurse) {
  const std::string prefix = layer.path().empty() ? "" : layer.path() + ".";
  std::vector<std::string> names;
  for (const auto& item : layer.named_parameters(recurse)) names.push_back(prefix + item.key());
  return names;
}

/// Walks a model from its input to its output and counts blocks.
class DepthWalk {
 public:
  explicit DepthWalk(bool plain) : plain_(plain) {}

  void visit(const nn::Layer& layer) {
    if (is_head(layer)) return append(heads_, names_below(layer, true));
    const bool root = layer.path().empty();
    if (!plain_ && !root && starts_with_one_of(layer.type(), kBlocks)) return open(names_below(layer, true));
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
  static bool is_head(const nn::Layer& layer) {
    const auto& heads = models::head_names();
    return std::find(heads.begin(), heads.end(), layer.path()) != heads.end();
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

  bool plain_;
  std::int64_t blocks_ = 0;
  std::vector<std::string> loose_, heads_;
  Depths depths_;
};

}  // namespace

bool is_norm(const nn::Layer& layer) {
  constexpr std::array<std::string_view, 5> kNorms = {"BatchNorm", "SyncBatchNorm", "LayerNorm", "GroupNorm",
                                                      "InstanceNorm"};
  return starts_with_one_of(layer.type(), kNorms);
}

Depths layer_depths(const nn::Layer& model) {
  DepthWalk by_blocks(/*plain=*/false);
  by_blocks.visit(model);
  if (by_blocks.found_blocks()) return by_blocks.finish();
  DepthWalk plain(/*plain=*/true);
  plain.visit(model);
  return plain.finish();
}

}  // namespace mlrun::optim
