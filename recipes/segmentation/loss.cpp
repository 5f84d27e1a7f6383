#include "recipes/segmentation/loss.h"

#include <string>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/sources/segmentation_folder.h"
#include "recipes/segmentation/region_losses.h"

namespace mlrun::segmentation {

MaskLoss::MaskLoss(LossOptions options) : options_(std::move(options)) {
  if (!options_.pixels.options) options_.pixels = pixel_terms().defaults(options_.pixels.name);
  term_ = pixel_terms().make(options_.pixels);
}

Loss MaskLoss::operator()(const torch::Tensor& logits, const torch::Tensor& mask) const {
  Loss loss = of_pixels(logits, mask);
  if (loss.units == 0) return {(logits * 0).sum(), 0};
  if (options_.dice_weight > 0) loss.value = loss.value + options_.dice_weight * dice_loss(logits, mask);
  if (options_.lovasz_weight > 0) loss.value = loss.value + options_.lovasz_weight * lovasz_loss(logits, mask);
  return loss;
}

Loss MaskLoss::of_pixels(const torch::Tensor& logits, const torch::Tensor& mask) const {
  const torch::Tensor valid = mask.ne(data::kIgnored);
  torch::Tensor weights, of_pixels;
  if (!options_.class_weights.empty()) {
    weights = torch::tensor(options_.class_weights, logits.options());
    of_pixels = weights.index_select(0, (mask * valid).flatten()).view(mask.sizes());
  }
  const auto counted = [&](const torch::Tensor& chosen) { return of_pixels.defined() ? of_pixels * chosen : chosen; };
  if (term_->plain()) {
    const double units = counted(valid).sum().item<double>();
    if (units == 0) return {};
    return {at::cross_entropy_loss(logits, mask, weights, at::Reduction::Mean, data::kIgnored), units};
  }
  const torch::Tensor each = at::cross_entropy_loss(logits, mask, {}, at::Reduction::None, data::kIgnored);
  const torch::Tensor share = counted(term_->chosen(each, valid)).to(each.scalar_type());
  const double units = share.sum().item<double>();
  if (units == 0) return {};
  return {(term_->losses(each) * share).sum() / units, units};
}

void MaskLoss::check(std::int64_t classes) const {
  const auto count = static_cast<std::int64_t>(options_.class_weights.size());
  if (count == 0 || count == classes) return;
  throw UserError(
      Problem{"", 0, 0, "task.class_weights",
              "has " + std::to_string(count) + " values, and the data have " + std::to_string(classes) + " classes",
              "give one for each class, in the order of data.classes"});
}

}  // namespace mlrun::segmentation
