#include "recipes/classification/losses.h"

#include <optional>
#include <vector>

#include <torch/types.h>

#include "base/error.h"

namespace mlrun::classification {
namespace {

struct CrossEntropyOptions {
  double label_smoothing = 0;
  std::vector<double> class_weights;

  static void declare(config::Declare<CrossEntropyOptions>& d) {
    d("label_smoothing", &CrossEntropyOptions::label_smoothing,
      "share of the target spread evenly over all classes (Szegedy et al., CVPR 2016)")
        .min(0)
        .below(1);
    d("class_weights", &CrossEntropyOptions::class_weights,
      "factor on each class's loss, in class order; the mean is over the weights of a step's labels; []: all 1")
        .min(0);
  }
};

class CrossEntropy : public Loss {
 public:
  explicit CrossEntropy(const CrossEntropyOptions& options) : options_(options) {}

  torch::Tensor operator()(const torch::Tensor& logits, const torch::Tensor& targets) const override {
    return torch::cross_entropy_loss(logits, targets, weighted() ? weights().to(logits.options()) : torch::Tensor(),
                                     at::Reduction::Mean, /*ignore_index=*/-100, options_.label_smoothing);
  }

  /// Of shares, torch takes the mean over the samples whatever the weights are.
  double units(const torch::Tensor& targets) const override {
    if (!weighted() || targets.dim() == 2) return Loss::units(targets);
    return weights().index_select(0, targets.to(torch::kCPU)).sum().item<double>();
  }

  void check(std::int64_t classes) const override {
    const auto count = static_cast<std::int64_t>(options_.class_weights.size());
    if (!weighted() || count == classes) return;
    throw UserError(
        Problem{"", 0, 0, "task.loss.class_weights",
                "has " + std::to_string(count) + " values where the model has " + std::to_string(classes) + " classes",
                "give one for each class"});
  }

 private:
  bool weighted() const { return !options_.class_weights.empty(); }
  torch::Tensor weights() const { return torch::tensor(options_.class_weights, torch::kDouble); }

  CrossEntropyOptions options_;
};

struct BceOptions {
  double label_smoothing = 0;
  std::optional<double> target_threshold;
  bool sum_classes = false;

  static void declare(config::Declare<BceOptions>& d) {
    d("label_smoothing", &BceOptions::label_smoothing, "share of the target spread evenly over all classes")
        .min(0)
        .below(1);
    d("target_threshold", &BceOptions::target_threshold,
      "targets above become 1, all others 0, after smoothing and mixing; null: they stay as they are")
        .min(0)
        .below(1);
    d("sum_classes", &BceOptions::sum_classes, "add up an image's losses; false: their mean");
  }
};

/// timm's BinaryCrossEntropy, where shares are smoothed as labels are.
class Bce : public Loss {
 public:
  explicit Bce(const BceOptions& options) : options_(options) {}

  torch::Tensor operator()(const torch::Tensor& logits, const torch::Tensor& targets) const override {
    const std::int64_t classes = logits.size(1);
    torch::Tensor shares = soft_targets(targets, classes, logits.scalar_type());
    if (options_.label_smoothing > 0) {
      shares = shares * (1 - options_.label_smoothing) + options_.label_smoothing / static_cast<double>(classes);
    }
    if (options_.target_threshold) shares = shares.gt(*options_.target_threshold).to(logits.scalar_type());
    const torch::Tensor mean = torch::binary_cross_entropy_with_logits(logits, shares);
    return options_.sum_classes ? mean * classes : mean;
  }

 private:
  BceOptions options_;
};

}  // namespace

torch::Tensor soft_targets(const torch::Tensor& targets, std::int64_t classes, torch::ScalarType dtype) {
  if (targets.dim() == 2) return targets.to(dtype);
  return torch::one_hot(targets, classes).to(dtype);
}

const LossFactory& losses() {
  static const LossFactory factory = [] {
    LossFactory losses("loss");
    losses.add<CrossEntropyOptions>(
        "cross_entropy", "negative log-likelihood of the softmax, as torch.nn.CrossEntropyLoss",
        [](const CrossEntropyOptions& options) { return std::make_unique<CrossEntropy>(options); });
    losses.add<BceOptions>("bce", "binary cross-entropy of each class by itself (Wightman et al., 2021), as timm",
                           [](const BceOptions& options) { return std::make_unique<Bce>(options); });
    return losses;
  }();
  return factory;
}

}  // namespace mlrun::classification
