#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/ivalue.h>

#include "nn/layer.h"
#include "quant/float_sums.h"
#include "quant/packed_sizes.h"
#include "quant/plan.h"

/// Running an int8 plan in the place of the model's own layers.
namespace mlrun::quant {

/// At each layer of the plan runs its int8 kernel. Integers flow from layer to layer; what has no kernel gets float
/// tensors, and so does whoever runs the model.
class Int8Runner : public nn::Substitute {
 public:
  /// The plan must fit the model (`check_plan`). Runs on the kernels of `engine`, which this machine must have; where
  /// their sums overflow (`saturates`) and activations have 8 bits, on float32 sums.
  Int8Runner(nn::Layer& model, Int8Plan plan, std::string engine);

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override;

  const Int8Plan& plan() const { return plan_; }
  /// The engine that computes.
  const std::string& engine() const { return engine_; }
  /// Weight and bias of a layer as its kernel takes them, for a trace; None where it has none.
  c10::IValue packed_for_trace(const nn::Layer& layer) const;
  /// Whether the layer's own parameters have no more part in what the model computes.
  bool replaces(const nn::Layer& layer) const;

 private:
  struct Entry {
    const Int8Node* node = nullptr;  // null: the layer is folded into another
    std::unique_ptr<PackedSizes> packed;
    std::unique_ptr<FloatSums> float_sums;  // instead of the kernel
  };
  Entry entry_of(const Int8Node& node, const nn::Layer& layer, bool overflows) const;
  nn::Tensors run_node(const Entry& entry, const nn::Layer& layer, const nn::Tensors& inputs,
                       const Proceed& proceed) const;
  torch::Tensor run_kernel(const Entry& entry, const nn::Layer& layer, const nn::Tensors& inputs) const;
  bool runs_float(const nn::Layer& layer) const;

  const nn::Layer& model_;
  Int8Plan plan_;
  std::string engine_;
  std::map<const nn::Layer*, Entry> entries_;
};

/// Makes `model` run the plan from now on, and own what that takes. Its float weights that int8 ones replace become
/// NaN and give their memory back. What stays float must be in the model already. UserError where the plan does not fit
/// the model; `file` is what it names. An engine that this machine lacks becomes the fastest it has.
void attach_int8(nn::Layer& model, Int8Plan plan, const std::string& file);

/// The runner of a model that attach_int8 was called with; nullptr for a float model.
const Int8Runner* int8_runner(const nn::Layer& model);

/// Whether the layer is no part of the model, but what attach_int8 added to own the runner.
bool holds_runner(const nn::Layer& layer);

/// UserError unless every layer of the plan is one of the model's, of the right kind and shape.
void check_plan(nn::Layer& model, const Int8Plan& plan, const std::string& file);

/// Names of the model's tensors (`nn::state_dict`) that the plan does without.
std::vector<std::string> replaced_tensors(nn::Layer& model, const Int8Plan& plan);

}  // namespace mlrun::quant
