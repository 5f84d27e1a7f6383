#include "recipes/segmentation/region_losses.h"

#include <tuple>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/sources/segmentation_folder.h"

namespace mlrun::segmentation {
namespace {

/// The lesson of one class: errors [P] of its pixels, the largest first, times what the Jaccard loss gains with each.
torch::Tensor lovasz_of_class(const torch::Tensor& shares, const torch::Tensor& truth) {
  const auto [errors, order] = (truth - shares).abs().sort(/*dim=*/0, /*descending=*/true);
  const torch::Tensor sorted = truth.index_select(0, order), total = truth.sum();
  const torch::Tensor intersection = total - sorted.cumsum(0), united = total + (1 - sorted).cumsum(0);
  const torch::Tensor loss = 1 - intersection / united;
  const torch::Tensor gain = torch::cat({loss.slice(0, 0, 1), loss.slice(0, 1) - loss.slice(0, 0, -1)});
  return errors.dot(gain.detach());
}

}  // namespace

torch::Tensor dice_loss(const torch::Tensor& logits, const torch::Tensor& mask) {
  const torch::Tensor valid = mask.ne(data::kIgnored).unsqueeze(1);
  const torch::Tensor shares = logits.softmax(1) * valid;
  const torch::Tensor classes = torch::arange(logits.size(1), mask.options()).view({1, -1, 1, 1});
  const torch::Tensor truth = mask.unsqueeze(1).eq(classes).to(logits.scalar_type());
  const torch::Tensor both = (shares * truth).sum({0, 2, 3}), all = (shares + truth).sum({0, 2, 3});
  const torch::Tensor there = truth.sum({0, 2, 3}).gt(0).to(logits.scalar_type());
  return ((1 - 2 * both / all.clamp_min(1e-7)) * there).sum() / there.sum().clamp_min(1);
}

torch::Tensor lovasz_loss(const torch::Tensor& logits, const torch::Tensor& mask) {
  const torch::Tensor valid = mask.ne(data::kIgnored);
  const torch::Tensor labels = mask.masked_select(valid);
  const torch::Tensor all = logits.softmax(1).permute({0, 2, 3, 1}).flatten(0, 2);  // [N H W, C]
  const torch::Tensor shares = all.index_select(0, valid.flatten().nonzero().squeeze(1));
  torch::Tensor sum = (logits * 0).sum();
  std::int64_t there = 0;
  for (std::int64_t label = 0; label < logits.size(1); ++label) {
    const torch::Tensor truth = labels.eq(label).to(logits.scalar_type());
    if (truth.sum().item<double>() == 0) continue;
    sum = sum + lovasz_of_class(shares.select(1, label), truth);
    ++there;
  }
  return there == 0 ? sum : sum / there;
}

}  // namespace mlrun::segmentation
