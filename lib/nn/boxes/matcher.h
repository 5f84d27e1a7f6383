#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <torch/types.h>

namespace mlrun::nn {

/// Says which true box each predicted one answers for.
class Matcher {
 public:
  static constexpr std::int64_t kBelow = -1, kBetween = -2;

  /// Below `low` none, from `high` on the best, between them neither. With `low_quality` every true box gets back those
  /// predictions, of any IoU, that no other overlaps it more than.
  Matcher(double high, double low, bool low_quality) : high_(high), low_(low), low_quality_(low_quality) {}
  /// From IoUs [true boxes (at least one), predictions] to int64 [predictions]: a true box, kBelow or kBetween.
  torch::Tensor operator()(const torch::Tensor& iou) const;

 private:
  double high_, low_;
  bool low_quality_;
};

/// SSD's: of those below `threshold` none, but every true box gets its best prediction, the last of several.
torch::Tensor match_ssd(const torch::Tensor& iou, double threshold);

/// Rows, int64, of what is learnt from: up to `count`, of which up to `positive_share` are positive (labels [N] >= 1),
/// the rest negative (label 0). Draws two permutations from the default generator, as upstream's sampler does.
std::pair<torch::Tensor, torch::Tensor> sample_balanced(const torch::Tensor& labels, std::int64_t count,
                                                        double positive_share);

}  // namespace mlrun::nn
