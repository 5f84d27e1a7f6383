#include "quant/layout.h"

#include <algorithm>
#include <map>

#include "nn/branches.h"
#include "nn/pooling.h"
#include "weights/patterns.h"

namespace mlrun::quant {
namespace {

const nn::Activation* activation_of(const nn::Layer& layer, std::initializer_list<nn::Act> kinds) {
  const auto* activation = dynamic_cast<const nn::Activation*>(&layer);
  if (!activation || std::find(kinds.begin(), kinds.end(), activation->kind()) == kinds.end()) return nullptr;
  return activation;
}

/// The int8 kernel that a layer has; empty: none.
std::string kernel_of(const nn::Layer& layer) {
  if (dynamic_cast<const nn::Conv2d*>(&layer)) return "conv2d";
  if (dynamic_cast<const nn::Linear*>(&layer)) return "linear";
  if (dynamic_cast<const nn::Add*>(&layer)) return "add";
  if (dynamic_cast<const nn::Mul*>(&layer)) return "mul";
  if (dynamic_cast<const nn::Concat*>(&layer)) return "cat";
  if (dynamic_cast<const nn::BatchNorm2d*>(&layer)) return "batch_norm2d";
  if (activation_of(layer, {nn::Act::Hardswish})) return "hardswish";
  if (activation_of(layer, {nn::Act::Hardsigmoid})) return "hardsigmoid";
  if (activation_of(layer, {nn::Act::Sigmoid})) return "sigmoid";
  return "";
}

/// Whether it gives integers of the scale that it takes.
bool keeps_scale(const nn::Layer& layer) {
  return dynamic_cast<const nn::MaxPool2d*>(&layer) || dynamic_cast<const nn::AvgPool2d*>(&layer) ||
         dynamic_cast<const nn::AdaptiveAvgPool2d*>(&layer) || dynamic_cast<const nn::Flatten*>(&layer) ||
         dynamic_cast<const nn::Dropout*>(&layer) || dynamic_cast<const nn::Identity*>(&layer) ||
         dynamic_cast<const nn::StochasticDepth*>(&layer) || dynamic_cast<const nn::ChannelShuffle*>(&layer) ||
         dynamic_cast<const nn::Chunk*>(&layer) || activation_of(layer, {nn::Act::Relu, nn::Act::Relu6});
}

/// Worth int8 although its input has to be made integers first.
bool starts_int8(const std::string& op) { return op == "conv2d" || op == "linear"; }

class LayoutPlanner {
 public:
  LayoutPlanner(Dataflow flow, const std::vector<std::string>& skip) : skip_(skip) {
    layout_.flow = std::move(flow);
    layout_.groups = fusion_groups(layout_.flow);
    layout_.steps.resize(layout_.flow.leaves.size());
    for (std::size_t g = 0; g < layout_.groups.size(); ++g) group_at_[layout_.groups[g].leaf] = static_cast<int>(g);
  }

  Layout plan() {
    for (std::size_t i = 0; i < layout_.flow.leaves.size(); ++i) {
      if (layout_.steps[i].role != Role::Folded) decide(i);
    }
    return std::move(layout_);
  }

 private:
  const Leaf& leaf(std::size_t i) const { return layout_.flow.leaves[i]; }

  bool skipped(const nn::Layer& layer) const {
    return std::any_of(skip_.begin(), skip_.end(),
                       [&](const std::string& pattern) { return weights::matches(pattern, layer.path()); });
  }

  bool is_integer(ValueId value) const { return value != kUnknownValue && site_of_.count(value) > 0; }

  void decide(std::size_t i) {
    const nn::Layer& layer = *leaf(i).layer;
    const bool integers =
        std::all_of(leaf(i).inputs.begin(), leaf(i).inputs.end(), [this](ValueId value) { return is_integer(value); });
    const bool unchanged = leaf(i).inputs == leaf(i).outputs;
    const std::string op = kernel_of(layer);
    Step& step = layout_.steps[i];
    if (skipped(layer)) {
      step.reason = "skipped";
    } else if (keeps_scale(layer) || unchanged) {
      if (integers) pass(i);
      else step.reason = "its input is float";
    } else if (op.empty()) {
      step.reason = "no int8 kernel";
    } else if (integers || starts_int8(op)) {
      kernel(i, op);
    } else {
      step.reason = "its input is float";
    }
  }

  void pass(std::size_t i) {
    layout_.steps[i].role = Role::Pass;
    for (const ValueId value : leaf(i).outputs) {
      site_of_[value] = site_of_.at(leaf(i).inputs.front());
      layout_.steps[i].float_output = layout_.steps[i].float_output || escapes(value);
    }
  }

  void kernel(std::size_t i, const std::string& op) {
    Step& step = layout_.steps[i];
    step.role = Role::Kernel;
    step.op = op;
    for (std::size_t k = 0; k < leaf(i).inputs.size(); ++k) step.inputs.push_back(input_site(i, static_cast<int>(k)));
    ValueId output = leaf(i).outputs.front();
    const auto group = group_at_.find(i);
    if (group != group_at_.end()) output = fold_group(step, group->second);
    step.output = static_cast<int>(layout_.sites.size());
    layout_.sites.push_back({i, -1, op == "hardsigmoid" || op == "sigmoid"});
    site_of_[output] = step.output;
    step.float_output = escapes(output);
  }

  /// Returns the value that the group gives.
  ValueId fold_group(Step& step, int number) {
    Group& group = layout_.groups[static_cast<std::size_t>(number)];
    step.group = number;
    if (group.norm && skipped(*group.norm)) group.norm = nullptr, group.activation = nullptr;
    if (group.activation && skipped(*group.activation)) group.activation = nullptr;
    for (const nn::Layer* folded : {static_cast<nn::Layer*>(group.norm), static_cast<nn::Layer*>(group.activation)}) {
      if (!folded) continue;
      Step& part = layout_.steps[static_cast<std::size_t>(layout_.flow.find(folded))];
      part.role = Role::Folded;
      part.group = number;
    }
    group.output = leaf(static_cast<std::size_t>(layout_.flow.find(group.last()))).outputs.front();
    return group.output;
  }

  int input_site(std::size_t i, int input) {
    const ValueId value = leaf(i).inputs[static_cast<std::size_t>(input)];
    if (is_integer(value)) return site_of_.at(value);
    const auto known = input_site_of_.find(value);
    if (value != kUnknownValue && known != input_site_of_.end()) return known->second;
    const int site = static_cast<int>(layout_.sites.size());
    layout_.sites.push_back({i, input, false});
    input_site_of_[value] = site;
    return site;
  }

  bool escapes(ValueId value) const { return layout_.flow.values[static_cast<std::size_t>(value)].escapes; }

  const std::vector<std::string>& skip_;
  Layout layout_;
  std::map<std::size_t, int> group_at_;
  std::map<ValueId, int> site_of_;        // of values that are integers
  std::map<ValueId, int> input_site_of_;  // of float values that kernels take
};

void check_patterns(nn::Layer& model, const std::vector<std::string>& skip) {
  std::vector<std::string> paths;
  for (const nn::Layer* layer : model.all_layers()) {
    if (!layer->path().empty()) paths.push_back(layer->path());
  }
  for (const std::string& pattern : skip) {
    const auto matches = [&](const std::string& path) { return weights::matches(pattern, path); };
    if (std::any_of(paths.begin(), paths.end(), matches)) continue;
    const std::string nearest = weights::nearest_name(pattern, paths);
    throw UserError("quantize.skip: no layer is called " + pattern,
                    nearest.empty() ? "`mlrun inspect` lists the names of a file's layers" : nearest);
  }
}

}  // namespace

Layout plan_layout(nn::Layer& model, const torch::Tensor& example, const std::vector<std::string>& skip) {
  check_patterns(model, skip);
  return LayoutPlanner(trace_dataflow(model, example), skip).plan();
}

}  // namespace mlrun::quant
