#include <map>
#include <set>

#include "nn/branches.h"
#include "quant/runner.h"

namespace mlrun::quant {
namespace {

/// Holds the nodes of a plan against the layers of a model.
class PlanCheck {
 public:
  PlanCheck(nn::Layer& model, const Int8Plan& plan, std::string file) : plan_(plan), file_(std::move(file)) {
    for (nn::Layer* layer : model.all_layers()) layers_.emplace(layer->path(), layer);
  }

  void run() {
    for (const Int8Node& node : plan_.nodes) {
      nn::Layer& layer = find(node.path);
      if (!fits(node, layer)) fail(node.path + " is a " + layer.type() + " in this model");
      check_inputs(node);
      for (std::size_t i = 0; i < node.folded.size(); ++i) check_folded(node, i);
      if (dynamic_cast<nn::Conv2d*>(&layer)) check_weight(node, dynamic_cast<nn::Conv2d&>(layer).weight);
      if (dynamic_cast<nn::Linear*>(&layer)) check_weight(node, dynamic_cast<nn::Linear&>(layer).weight);
    }
    for (const FloatLayer& layer : plan_.float_layers) find(layer.path);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw file_error(file_, message, "these int8 weights are of another model");
  }

  nn::Layer& find(const std::string& path) {
    const auto found = layers_.find(path);
    if (path.empty() || found == layers_.end()) fail("this model has no layer " + (path.empty() ? "\"\"" : path));
    return *found->second;
  }

  static bool is(const nn::Layer& layer, nn::Act kind) {
    const auto* activation = dynamic_cast<const nn::Activation*>(&layer);
    return activation && activation->kind() == kind;
  }

  static bool fits(const Int8Node& node, const nn::Layer& layer) {
    if (node.op == "conv2d") return dynamic_cast<const nn::Conv2d*>(&layer) != nullptr;
    if (node.op == "linear" || node.op == "linear_dynamic") return dynamic_cast<const nn::Linear*>(&layer) != nullptr;
    if (node.op == "add") return dynamic_cast<const nn::Add*>(&layer) != nullptr;
    if (node.op == "mul") return dynamic_cast<const nn::Mul*>(&layer) != nullptr;
    if (node.op == "cat") return dynamic_cast<const nn::Concat*>(&layer) != nullptr;
    if (node.op == "batch_norm2d") return dynamic_cast<const nn::BatchNorm2d*>(&layer) != nullptr;
    if (node.op == "hardswish") return is(layer, nn::Act::Hardswish);
    if (node.op == "hardsigmoid") return is(layer, nn::Act::Hardsigmoid);
    if (node.op == "sigmoid") return is(layer, nn::Act::Sigmoid);
    return node.op == "pass";
  }

  /// How many inputs a kernel takes; 0: any number.
  static std::size_t inputs_of(const std::string& op) {
    if (op == "cat") return 0;
    return op == "add" || op == "mul" ? 2 : 1;
  }

  void check_inputs(const Int8Node& node) const {
    const bool none = node.op == "pass" || node.op == "linear_dynamic";
    const std::size_t wanted = none ? 0 : inputs_of(node.op);
    const bool any = !none && wanted == 0;
    if (any ? node.inputs.empty() : node.inputs.size() != wanted) {
      fail(node.path + " takes " + std::to_string(wanted) + " inputs, not " + std::to_string(node.inputs.size()));
    }
  }

  void check_folded(const Int8Node& node, std::size_t i) {
    const nn::Layer& layer = find(node.folded[i]);
    const bool is_activation = i + 1 == node.folded.size() && !node.activation.empty();
    const bool right = is_activation ? is(layer, node.activation == "relu6" ? nn::Act::Relu6 : nn::Act::Relu)
                                     : node.op == "conv2d" && i == 0 && dynamic_cast<const nn::BatchNorm2d*>(&layer);
    if (!right) fail(layer.path() + " is a " + layer.type() + " in this model");
  }

  void check_weight(const Int8Node& node, const torch::Tensor& own) const {
    if (!node.weight.defined() || !node.weight.sizes().equals(own.sizes())) {
      fail(node.path + ".weight has another shape in this model");
    }
    if (node.weight_scale.dim() == 1 && node.weight_scale.size(0) != own.size(0)) {
      fail(node.path + ".weight_scale has another shape in this model");
    }
    if (node.bias.defined() && (node.bias.dim() != 1 || node.bias.size(0) != own.size(0))) {
      fail(node.path + ".bias has another shape in this model");
    }
  }

  const Int8Plan& plan_;
  std::string file_;
  std::map<std::string, nn::Layer*> layers_;
};

}  // namespace

void check_plan(nn::Layer& model, const Int8Plan& plan, const std::string& file) { PlanCheck(model, plan, file).run(); }

}  // namespace mlrun::quant
