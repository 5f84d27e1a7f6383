#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/ivalue.h>

#include "nn/layer.h"
#include "quant/plan.h"

/// Running an int8 plan in the place of the model's own layers.
namespace mlrun::quant {

/// At each layer of the plan runs its int8 kernel. Integers flow from layer to layer; what has no kernel gets float
/// tensors, and so does whoever runs the model.
class Int8Runner : public nn::Substitute {
 public:
  /// The plan must fit the model (`check_plan`). Packs weights for `engine`, which this machine must have.
  Int8Runner(nn::Layer& model, Int8Plan plan, std::string engine);

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override;

  const Int8Plan& plan() const { return plan_; }
  /// The engine that computes.
  const std::string& engine() const { return engine_; }
  /// Weight and bias of a layer as its kernel takes them (LibTorch's packed parameters); None where it has none.
  c10::IValue packed(const nn::Layer& layer) const;
  /// Whether the layer's own parameters have no more part in what the model computes.
  bool replaces(const nn::Layer& layer) const;

 private:
  struct Entry {
    const Int8Node* node = nullptr;  // null: the layer is folded into another
    c10::IValue packed;
  };
  nn::Tensors run_node(const Entry& entry, const nn::Layer& layer, const nn::Tensors& inputs,
                       const Proceed& proceed) const;
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
