#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/registry.h"
#include "models/network.h"

/// Backbones: what detectors and segmenters stand on. The body of a classifier, which gives maps of features from
/// several depths, under the state-dict names that torchvision's IntermediateLayerGetter gives them: below
/// `backbone.body` or `backbone` of a model, `layer1.0.conv1.weight` of a ResNet, `4.block.0.0.weight` of a
/// MobileNet's `features`.
namespace mlrun::models {

/// Maps of features that a body gives.
struct Level {
  std::string name;  ///< of the layer that makes it, as `layer1`; of the body's port
  std::int64_t channels = 0;
  std::int64_t stride = 0;  ///< pixels of the image for one of the map, on each side
};

struct Backbone {
  std::shared_ptr<nn::Layer> body;  ///< images [N, C, H, W] to the levels, [N, channels, H / stride, W / stride] each
  std::vector<Level> levels;        ///< in the order of the body's outputs
};

/// What recipes say of a backbone, beside its name.
struct BackboneOptions {
  std::optional<std::string> norm;
  std::optional<double> norm_eps, norm_momentum;
  std::optional<std::int64_t> norm_groups;
  std::vector<bool> replace_stride_with_dilation;
  std::optional<std::int64_t> trainable_stages;
  std::vector<std::string> levels;

  static void declare(config::Declare<BackboneOptions>& d);
};

/// What else decides how it is built.
struct BackboneRequest {
  std::int64_t inputs = 3;             ///< channels of the images
  std::string key = "model.backbone";  ///< where in a recipe the options stand
  bool reduced_tail = false;           ///< half the channels in a MobileNetV3's last stage
};

/// Builds the body of `name` and freezes the stages that are not to train. `reset` draws what upstream's constructor of
/// the classifier draws (for its 1000 classes), head and second pass too, and keeps the body's. UserErrors name the
/// option that does not fit.
Backbone make_backbone(const std::string& name, const BackboneOptions& options = {},
                       const BackboneRequest& request = {});

/// The same taken apart, for what arranges the layers in another way.
struct BackboneSteps {
  std::vector<BodyStep> steps;
  std::function<void()> reset;  ///< draws them as the whole body's `reset` does
};
BackboneSteps make_backbone_steps(const std::string& name, const BackboneOptions& options = {},
                                  const BackboneRequest& request = {});

/// What a family is asked for by `make_backbone`.
struct BodyRequest {
  std::int64_t inputs = 3;
  BackboneOptions options;
  bool reduced_tail = false;

  static constexpr std::int64_t kOutputs = 1000;  ///< of the head that upstream draws too
  /// The norm that was chosen; `own` is the architecture's.
  nn::NormOptions norm(const nn::NormOptions& own = {}) const;
};

/// Networks by name. Facts of an entry: `norms`, whether it has batch norms, which others can take the place of;
/// `dilated`, how many of its last stages can have dilation in place of their stride.
using BodyFactory = config::Factory<Network(const BodyRequest&)>;
const BodyFactory& backbones();

}  // namespace mlrun::models
