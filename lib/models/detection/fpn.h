#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "models/backbone.h"
#include "nn/interpolate.h"
#include "nn/layers.h"

/// What detectors look at: maps of one number of channels, the finest first (Lin et al., "Feature Pyramid Networks for
/// Object Detection", CVPR 2017), under torchvision's state-dict names.
namespace mlrun::models {

/// What makes further, coarser maps of the last.
enum class PyramidExtra {
  None,
  Pool,  ///< every second pixel: one map (torchvision's LastLevelMaxPool)
  P6P7   ///< two convolutions of stride 2: two maps (RetinaNet)
};

struct PyramidOptions {
  std::vector<std::int64_t> in{};  ///< channels of the levels, the finest first
  std::int64_t out = 256;          ///< of every map
  PyramidExtra extra = PyramidExtra::Pool;
  bool extra_of_level = false;            ///< P6P7 begin with the coarsest level of the backbone, not with its map
  std::optional<nn::NormOptions> norm{};  ///< behind each convolution of the pyramid; without, they have biases
};

/// From levels of a backbone to as many maps of their sizes, and those that `extra` makes.
class FeaturePyramid : public nn::Layer {
 public:
  explicit FeaturePyramid(const PyramidOptions& options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& levels) override;
  /// P6P7 first: upstream makes them before it makes the pyramid.
  void reset() override;

  /// How many maps come out.
  std::size_t maps() const;

 private:
  PyramidOptions options_;
  std::shared_ptr<nn::Sequential> inner_blocks_, layer_blocks_;
  std::shared_ptr<nn::Layer> extra_blocks_;
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Add> add_;
};

/// A body and the pyramid on its levels, named `body` and `fpn`: images [N, C, H, W] to maps.
class PyramidBackbone : public nn::Layer {
 public:
  /// `options.in` is set to the channels of the backbone's levels.
  PyramidBackbone(const Backbone& backbone, PyramidOptions options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override;

  std::size_t maps() const { return fpn_->maps(); }
  std::int64_t channels() const { return channels_; }  ///< of every map

 private:
  std::shared_ptr<nn::Layer> body_;
  std::shared_ptr<FeaturePyramid> fpn_;
  std::int64_t channels_;
};

}  // namespace mlrun::models
