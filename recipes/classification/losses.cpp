#include "recipes/classification/losses.h"

#include <torch/torch.h>

namespace mlrun::classification {
namespace {

struct CrossEntropyOptions {
  double label_smoothing = 0;

  static void declare(config::Declare<CrossEntropyOptions>& d) {
    d("label_smoothing", &CrossEntropyOptions::label_smoothing,
      "share of the target spread evenly over all classes (Szegedy et al., CVPR 2016)")
        .min(0)
        .below(1);
  }
};

class CrossEntropy : public Loss {
 public:
  explicit CrossEntropy(const CrossEntropyOptions& options) : options_(options) {}

  torch::Tensor operator()(const torch::Tensor& logits, const torch::Tensor& labels) const override {
    return torch::nn::functional::cross_entropy(
        logits, labels, torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(options_.label_smoothing));
  }

 private:
  CrossEntropyOptions options_;
};

}  // namespace

const LossFactory& losses() {
  static const LossFactory factory = [] {
    LossFactory losses("loss");
    losses.add<CrossEntropyOptions>(
        "cross_entropy", "negative log-likelihood of the softmax, as torch.nn.CrossEntropyLoss",
        [](const CrossEntropyOptions& options) { return std::make_unique<CrossEntropy>(options); });
    return losses;
  }();
  return factory;
}

}  // namespace mlrun::classification
