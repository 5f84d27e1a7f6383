#include "recipes/segmentation/pixel_terms.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <torch/types.h>
#include <torch/utils.h>

namespace mlrun::segmentation {
namespace {

class CrossEntropy : public PixelTerm {
 public:
  bool plain() const override { return true; }
};

struct FocalOptions {
  double gamma = 2;

  static void declare(config::Declare<FocalOptions>& d) {
    d("gamma", &FocalOptions::gamma, "how little pixels count that are right already; 0: cross-entropy").min(0);
  }
};

/// Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), of the softmax: (1 - p)^gamma times -log p.
class Focal : public PixelTerm {
 public:
  explicit Focal(const FocalOptions& options) : gamma_(options.gamma) {}
  torch::Tensor losses(const torch::Tensor& cross_entropy) const override {
    if (gamma_ == 0) return cross_entropy;
    // 1 - p by expm1, which keeps its digits near 0; above it, for the power's slope at 0 may be infinite.
    const torch::Tensor doubt = (-torch::expm1(-cross_entropy)).clamp_min(1e-12);
    return doubt.pow(gamma_) * cross_entropy;
  }

 private:
  double gamma_;
};

struct OhemOptions {
  double thresh = 0.7;
  std::int64_t min_kept = 100000;

  static void declare(config::Declare<OhemOptions>& d) {
    d("thresh", &OhemOptions::thresh, "pixels count whose own class has a lower probability").above(0).max(1);
    d("min_kept", &OhemOptions::min_kept, "so many pixels of an image count at least, the hardest").min(0);
  }
};

/// Shrivastava et al., "Training Region-based Object Detectors with Online Hard Example Mining" (CVPR 2016), of pixels.
/// Chosen image by image, so that nothing depends on micro-batches.
class Ohem : public PixelTerm {
 public:
  explicit Ohem(const OhemOptions& options) : options_(options) {}

  torch::Tensor chosen(const torch::Tensor& cross_entropy, const torch::Tensor& valid) const override {
    const torch::Tensor losses = cross_entropy.detach().flatten(1), of = valid.flatten(1);
    const torch::Tensor hard = of & losses.gt(-std::log(options_.thresh));
    for (std::int64_t i = 0; i < hard.size(0); ++i) {
      const std::int64_t wanted = std::min(options_.min_kept, of[i].sum().item<std::int64_t>());
      if (hard[i].sum().item<std::int64_t>() >= wanted) continue;
      const torch::Tensor ranked = losses[i].masked_fill(of[i].logical_not(), -1);
      hard[i].zero_().index_fill_(0, std::get<1>(ranked.topk(wanted)), true);
    }
    return hard.view_as(valid);
  }

 private:
  OhemOptions options_;
};

}  // namespace

const PixelTermFactory& pixel_terms() {
  static const PixelTermFactory factory = [] {
    PixelTermFactory terms("pixel_loss");
    terms.add<config::NoOptions>("cross_entropy", "negative log-likelihood of each valid pixel",
                                 [](const config::NoOptions&) { return std::make_unique<CrossEntropy>(); });
    terms.add<FocalOptions>("focal",
                            "cross-entropy that pixels count little in which are right already (Lin et al., 2017)",
                            [](const FocalOptions& options) { return std::make_unique<Focal>(options); });
    terms.add<OhemOptions>("ohem", "cross-entropy of each image's hardest pixels (Shrivastava et al., 2016)",
                           [](const OhemOptions& options) { return std::make_unique<Ohem>(options); });
    return terms;
  }();
  return factory;
}

}  // namespace mlrun::segmentation
