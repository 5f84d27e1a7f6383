#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/detection/samples.h"
#include "nn/boxes/box_coder.h"
#include "nn/boxes/matcher.h"
#include "nn/layers.h"

/// What a region that was proposed shows, and its box (Girshick, "Fast R-CNN", ICCV 2015), as torchvision builds it.
namespace mlrun::models {

constexpr double kLeastBoxSide = 1e-2;  ///< pixels; what is smaller is not found

/// What more is said of what was found.
enum class RegionDetail { None, Masks, Keypoints };

struct RegionOptions {
  std::int64_t channels = 256, classes = 91;
  std::int64_t side = 7;         ///< of a pooled region
  bool convolutions = false;     ///< four with batch norm before one fully connected layer; else two of the latter
  double high = 0.5, low = 0.5;  ///< IoUs of an object and of the background
  std::int64_t batch = 512;      ///< regions of an image that are learnt from
  double positive_share = 0.25;
  RegionDetail detail = RegionDetail::None;
  std::int64_t detail_side = 14;  ///< of a region pooled for it
  std::int64_t keypoints = 17;
};

/// Regions of one image that are learnt from.
struct RegionSamples {
  torch::Tensor boxes;    ///< [n, 4], the proposals
  torch::Tensor matched;  ///< int64 [n], rows of the truth; 0 where there is none
  torch::Tensor labels;   ///< int64 [n], 0 for the background
};

/// Those that show an object.
RegionSamples objects_of(const RegionSamples& samples);

/// From pooled regions [K, channels, side, side] to logits [K, classes] and codes [K, classes * 4].
class RegionHeads : public nn::Layer {
 public:
  explicit RegionHeads(const RegionOptions& options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& pooled) override;

  const RegionOptions& options() const { return options_; }
  /// Draws which of the proposals and the true boxes are learnt from.
  std::vector<RegionSamples> sample(const std::vector<torch::Tensor>& proposals,
                                    const std::vector<Truth>& truths) const;
  /// Losses of classes and of boxes.
  nn::Tensors losses(const nn::Tensors& outputs, const std::vector<RegionSamples>& samples,
                     const std::vector<Truth>& truths) const;
  /// What is found in each image.
  std::vector<Found> find(const nn::Tensors& outputs, const std::vector<torch::Tensor>& proposals,
                          const std::vector<ImageSize>& sizes, const DetectionSettings& how) const;

  /// Logits of masks or keypoints from regions [K, channels, detail_side, detail_side].
  torch::Tensor detail(const torch::Tensor& pooled) const;

  /// Draws the head of boxes and what predicts; upstream constructs them at different times.
  void reset_head() { head_->reset(); }
  void reset_predictor() { predictor_->reset(); }
  void reset_detail();

 private:
  RegionOptions options_;
  nn::BoxCoder coder_;
  nn::Matcher matcher_;
  std::shared_ptr<nn::Layer> head_, predictor_, detail_head_, detail_predictor_;
};

}  // namespace mlrun::models
