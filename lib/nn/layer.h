#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/expanding_array.h>
#include <torch/nn/module.h>
#include <torch/types.h>

#include "base/error.h"
#include "nn/ports.h"

/// Every layer runs through one door: a parent runs a child only by `call(child, inputs)`, and
/// interceptors stand at that door (observe, time, recompute, fake-quantize).
namespace mlrun::nn {

/// One number for both sides of an image, or {height, width}.
using Pair = torch::ExpandingArray<2>;

class Layer;

/// Stands around every call of every layer of the model it is installed in. An activation may work
/// in place on what the layer before it returned: keep a clone of what must outlive the call.
class Interceptor {
 public:
  using Proceed = std::function<Tensors(const Tensors&)>;

  virtual ~Interceptor() = default;
  /// Returns the layer's outputs; `proceed` runs the next interceptor and in the end the layer.
  virtual Tensors around(Layer& layer, const Tensors& inputs, const Proceed& proceed) = 0;
};

/// An interceptor that computes in the layers' place (int8): whatever is installed later stands outside it, and so sees
/// its results.
class Substitute : public Interceptor {};

/// A part of a model, from one activation to a whole network. Parameters, buffers and children are
/// registered under upstream's state-dict names, in upstream's order. Constructors declare shapes
/// (uninitialised tensors); `initialise` of the root draws the weights. A layer may run several
/// times in a pass. Where sizes do not depend on numbers, models take an input on the meta device
/// too, wherever their parameters are: the output then is a shape without numbers.
class Layer : public torch::nn::Module {
 public:
  /// `type` is the layer's upstream class, as `Conv2d`.
  explicit Layer(std::string type) : torch::nn::Module(std::move(type)) {}

  /// The computation. Only the door invokes it.
  virtual Tensors forward(const Tensors& inputs) = 0;
  /// The same from one tensor to one: what the door takes where nobody intercepts.
  virtual torch::Tensor forward(const torch::Tensor& input);

  /// Of a whole model: the places of what `forward` takes and gives.
  virtual Interface interface() const { return {}; }
  /// Of a whole model: paths of the parts that make its answers of what comes before, auxiliary ones too, as `fc`.
  /// Empty where it does not say.
  virtual std::vector<std::string> heads() const { return {}; }
  /// Whether it is what an architecture repeats: a residual, dense, fire, inception or transformer block. A learning
  /// rate that falls with depth counts the outermost.
  virtual bool is_block() const { return false; }

  /// Draws the weights as upstream's constructor does, in its order, from the default generator.
  /// By default the children's in registration order. Layers with parameters of their own override
  /// it, and so do those whose upstream constructs children in another order than it registers them.
  virtual void reset();

  /// Upstream's second pass over the finished network (the loop over `self.modules()` at the end
  /// of torchvision's constructors); overridden by root layers.
  virtual void initialise_weights() {}

  /// Multiply-adds of one call from the shapes of its inputs and outputs, convolutions and matrix
  /// products only (what torchvision publishes as operations); children count for themselves.
  virtual int64_t macs(const Tensors& inputs, const Tensors& outputs) const;

  const std::string& type() const { return name(); }
  /// Dotted path below the root, as in state-dict keys; empty for the root itself.
  const std::string& path() const { return path_; }

  /// Runs `child` through the door.
  Tensors call(Layer& child, const Tensors& inputs) const { return child.enter(inputs); }
  torch::Tensor call(Layer& child, const torch::Tensor& input) const { return child.enter(input); }
  torch::Tensor call(Layer& child, const torch::Tensor& a, const torch::Tensor& b) const {
    return child.enter(Tensors{a, b}).front();
  }

  /// Runs the whole model: what the engine uses on a root.
  torch::Tensor operator()(const torch::Tensor& input) { return enter(input); }
  Tensors run(const Tensors& inputs) { return enter(inputs); }

  /// Children in registration order.
  std::vector<std::shared_ptr<Layer>> layers() const;
  /// This layer and all below it, in upstream's `modules()` order (parents first).
  std::vector<Layer*> all_layers();

  /// Installs the interceptors, outermost first, in this layer and all below; an empty list
  /// removes them. The pointers must outlive their installation.
  void intercept(const std::vector<Interceptor*>& interceptors);

 protected:
  /// Registers a child and returns it.
  template <class L>
  std::shared_ptr<L> add(std::string name, std::shared_ptr<L> layer) {
    return register_module(std::move(name), std::move(layer));
  }

 private:
  friend class InterceptorScope;
  friend void name_layers(Layer& root);
  Tensors enter(const Tensors& inputs);
  torch::Tensor enter(const torch::Tensor& input);
  Tensors pass(std::size_t interceptor, const Tensors& inputs);

  std::string path_;
  std::vector<Interceptor*> interceptors_;
};

/// A layer from one tensor to one tensor.
class UnaryLayer : public Layer {
 public:
  using Layer::Layer;
  torch::Tensor forward(const torch::Tensor& input) override = 0;
  Tensors forward(const Tensors& inputs) final;
};

/// Adds an interceptor inside those already installed (but outside a Substitute), for as long as the scope lives.
class InterceptorScope {
 public:
  InterceptorScope(Layer& root, Interceptor& interceptor);
  ~InterceptorScope();
  InterceptorScope(const InterceptorScope&) = delete;
  InterceptorScope& operator=(const InterceptorScope&) = delete;

 private:
  std::vector<std::pair<Layer*, std::vector<Interceptor*>>> before_;
};

/// What a layer throws where its windows do not fit into `input`, [..., H, W].
UserError too_small(const Layer& layer, const torch::Tensor& input);

/// Finishes construction: gives every layer its path. Call once on a finished root.
void name_layers(Layer& root);

/// Draws all weights of `root` as upstream's Python constructor does after `manual_seed(seed)`:
/// `reset`, then the root's `initialise_weights`. The model is on the CPU. Leaves the default
/// generators where the draws ended.
void initialise(Layer& root, std::uint64_t seed);

/// Parameters and persistent buffers in the order of Python's `state_dict()`: for each module its
/// parameters, its buffers, then its children. The tensors alias the model's.
std::vector<std::pair<std::string, torch::Tensor>> state_dict(const Layer& root);

}  // namespace mlrun::nn
