#include "nn/recompute_blocks.h"

#include <cmath>
#include <map>

namespace mlrun::nn {
namespace {

bool is_leaf(const Layer& layer) { return layer.children().empty(); }

bool has_parameters(const Layer& layer) { return !layer.parameters(/*recurse=*/false).empty(); }

/// Layers below that have no children: additions, activations and the like count too.
std::int64_t leaves(Layer& layer) {
  std::int64_t count = 0;
  for (const Layer* below : layer.all_layers()) count += is_leaf(*below);
  return count;
}

/// How many large layers of each type `layer` holds, in itself or in sequences in it.
void count_large(const Layer& layer, std::map<std::string, int>& counts) {
  constexpr std::int64_t kLarge = 4;  // a convolution with its norm and activation is none
  for (const auto& child : layer.layers()) {
    if (is_leaf(*child)) continue;
    if (dynamic_cast<const Sequential*>(child.get()) != nullptr) count_large(*child, counts);
    else if (leaves(*child) >= kLarge) ++counts[child->type()];
  }
}

bool repeats(const Layer& layer) {
  std::map<std::string, int> counts;
  count_large(layer, counts);
  for (const auto& item : counts) {
    if (item.second > 1) return true;
  }
  return false;
}

/// Cuts a run of leaves [first, last) where layers with parameters begin.
void cut_run(Sequential& sequence, std::size_t first, std::size_t last, std::vector<Stretch>& stretches) {
  constexpr std::size_t kShort = 4;
  const std::size_t length = last - first;
  const auto wanted =
      length <= kShort
          ? length
          : std::max(kShort - 1, static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(length)))));
  bool parameters = false;
  std::size_t begin = first;
  const auto close = [&](std::size_t end) {
    if (parameters && end - begin > 1) stretches.push_back({&sequence, begin, end});
    begin = end;
    parameters = false;
  };
  for (std::size_t i = first; i < last; ++i) {
    const bool own = has_parameters(*sequence.steps()[i]);
    if (own && i - begin >= wanted) close(i);
    parameters = parameters || own;
  }
  close(last);
}

void collect_blocks(Layer& layer, RecomputeBlocks& found);

void visit(Layer& layer, RecomputeBlocks& found) {
  if (dynamic_cast<Sequential*>(&layer) != nullptr || repeats(layer)) collect_blocks(layer, found);
  else found.layers.push_back(&layer);
}

void collect_blocks(Layer& layer, RecomputeBlocks& found) {
  for (const auto& child : layer.layers()) {
    if (!is_leaf(*child)) visit(*child, found);
  }
  auto* sequence = dynamic_cast<Sequential*>(&layer);
  if (sequence == nullptr) return;
  std::size_t begin = 0;
  const auto& steps = sequence->steps();
  for (std::size_t i = 0; i <= steps.size(); ++i) {
    if (i < steps.size() && is_leaf(*steps[i])) continue;
    cut_run(*sequence, begin, i, found.stretches);
    begin = i + 1;
  }
}

}  // namespace

RecomputeBlocks recompute_blocks(Layer& root) {
  RecomputeBlocks found;
  collect_blocks(root, found);
  return found;
}

}  // namespace mlrun::nn
