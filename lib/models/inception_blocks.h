#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/registry.h"
#include "nn/layers.h"

/// What GoogLeNet and Inception v3 share.
namespace mlrun::models {

/// Convolution without bias, batch norm, ReLU (children conv, bn, relu): torchvision's BasicConv2d.
std::shared_ptr<nn::Sequential> basic_conv(nn::Conv2dOptions options);

/// Branches side by side over one input, their outputs one after another along the channels. All
/// layers are children of the block itself, registered branch by branch.
class InceptionBlock : public nn::UnaryLayer {
 public:
  explicit InceptionBlock(std::string type) : UnaryLayer(std::move(type)) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  bool is_block() const override { return true; }

  /// Begins a branch; without layers it passes the input on.
  void begin_branch() { branches_.emplace_back(); }
  /// Adds a layer to the newest branch, after those it has.
  void push(const std::string& name, std::shared_ptr<nn::Layer> layer);
  /// Adds a last layer to the newest branch, beside its other last ones.
  void push_end(const std::string& name, std::shared_ptr<nn::Layer> layer);
  /// Call after the last branch.
  void finish();

 private:
  struct Branch {
    std::vector<std::shared_ptr<nn::Layer>> steps, ends;
  };
  std::vector<Branch> branches_;
  std::shared_ptr<nn::Concat> concat_;
};

/// From images normalized by ImageNet's mean and deviation to images normalized by 0.5 and 0.5,
/// which the published weights were trained with. Takes three channels.
class TransformInput : public nn::UnaryLayer {
 public:
  TransformInput() : UnaryLayer("TransformInput") {}
  torch::Tensor forward(const torch::Tensor& input) override;
};

/// A network with auxiliary classifiers, which run while training only. Outputs then are the main
/// logits and those of each auxiliary classifier, all [N, classes]; else the main logits alone.
class InceptionNetwork : public nn::Layer {
 public:
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override;
  /// `output`, and the auxiliary classifiers by their names.
  nn::Interface interface() const override;
  /// The last step, and the auxiliary classifiers.
  std::vector<std::string> heads() const override;

 protected:
  /// With `transform_input`, images must have three channels: UserError otherwise.
  InceptionNetwork(std::string type, bool transform_input, const ModelRequest& request);

  void push(const std::string& name, std::shared_ptr<nn::Layer> layer);
  /// Registers a classifier of what the layer `after` puts out.
  void push_auxiliary(const std::string& name, const std::string& after, std::shared_ptr<nn::Layer> layer);

 private:
  struct Step {
    std::string name;
    std::shared_ptr<nn::Layer> layer;
    std::shared_ptr<nn::Layer> auxiliary;  ///< or none
  };
  std::vector<Step> steps_;
};

/// Second pass of both: weights of convolutions and linear layers from a normal distribution cut off
/// at -2 and 2, of the standard deviation that `std_of` gives; biases stay as they are.
void redraw_inception(nn::Layer& root, const std::function<double(const nn::Layer&)>& std_of);

constexpr const char* kTransformInputHelp =
    "take images normalized as for other ImageNet models to mean 0.5 and deviation 0.5; the published weights want it";

}  // namespace mlrun::models
