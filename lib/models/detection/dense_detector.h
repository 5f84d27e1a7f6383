#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/detection/samples.h"

/// One stage: a backbone makes maps, a head on all of them says what every anchor sees.
namespace mlrun::models {

/// What the numbers of a dense detector's `raw` mean, for whoever reads them elsewhere.
struct DenseMeaning {
  /// Of an anchor's logits: a sigmoid of each; a softmax over all, of which the first is the background; or the root of
  /// a sigmoid of each times that of the anchor's `centres`.
  enum class Score { Sigmoid, Softmax, SigmoidAndCentre };
  Score score = Score::Sigmoid;
  std::int64_t classes = 91;                     ///< logits of an anchor; found labels are their numbers
  std::array<double, 4> weights = {1, 1, 1, 1};  ///< of nn::BoxCoder, which reads the codes
  bool distances = false;                        ///< codes are nn::LinearBoxCoder's, not BoxCoder's
};

/// Its one part is `raw`: `image` [N, C, H, W] to `logits_0`, `logits_1`, ... of every map, [N, anchors * classes, h,
/// w], then `codes_0`, ... [N, anchors * 4, h, w], and where its meaning says so `centres_0`, ... [N, anchors, h, w].
class DenseDetector : public Detector {
 public:
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) final;

  /// What `raw` gives, by kind: of every map.
  struct Outputs {
    nn::Tensors logits, codes, centres;
  };
  Outputs by_kind(const nn::Tensors& raw) const;

  virtual DenseMeaning meaning() const = 0;
  /// [all, 4] for images of `height` x `width` (padding included): map by map, row by row, at each place one after
  /// another, in the order of the channels.
  torch::Tensor anchors(const nn::Tensors& logits, std::int64_t height, std::int64_t width) const;
  /// The tensors at the ports: what was found in images of `height` x `width` by what `raw` (float) says of them;
  /// `sizes` as at the port.
  nn::Tensors answer(const nn::Tensors& raw, std::int64_t height, std::int64_t width, const torch::Tensor& sizes);

 protected:
  DenseDetector(std::string type, DetectorInput input, DetectionSettings settings)
      : Detector(std::move(type), std::move(input), settings) {}
  /// Makes the layers `backbone` and `head`, and the part; of so many maps, with these kinds of outputs.
  void set_layers(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, std::size_t maps);

  virtual std::vector<torch::Tensor> anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                                     std::int64_t width) const = 0;
  /// The losses.
  virtual nn::Tensors learn(const Outputs& outputs, const std::vector<torch::Tensor>& anchors,
                            const nn::Tensors& inputs) const = 0;
  virtual Found find(const Outputs& outputs, const std::vector<torch::Tensor>& anchors, std::int64_t image,
                     const ImageSize& size) = 0;

 private:
  std::size_t maps_ = 0;
};

}  // namespace mlrun::models
