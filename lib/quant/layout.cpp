#include "quant/layout.h"

#include <algorithm>
#include <map>
#include <set>

#include "nn/branches.h"
#include "nn/pooling.h"
#include "nn/sized_windows.h"
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
         dynamic_cast<const nn::Chunk*>(&layer) || dynamic_cast<const nn::SamePad2d*>(&layer) ||
         dynamic_cast<const nn::BinPool2d*>(&layer) || activation_of(layer, {nn::Act::Relu, nn::Act::Relu6});
}

constexpr const char* kFloatInput = "its input is float";

/// Worth int8 although its input has to be made integers first.
bool starts_int8(const std::string& op) { return op == "conv2d" || op == "linear"; }

/// What holds for all calls of a layer, though some of them alone would have it otherwise.
struct Verdicts {
  std::set<const nn::Layer*> apart;                ///< no kernel takes them in
  std::map<const nn::Layer*, std::string> floats;  ///< and why
};

class LayoutPlanner {
 public:
  LayoutPlanner(const nn::Dataflow& flow, const std::vector<std::string>& skip, const Verdicts& verdicts)
      : skip_(skip), verdicts_(verdicts) {
    layout_.flow = flow;
    layout_.groups = nn::fusion_groups(flow, verdicts.apart);
    layout_.steps.resize(flow.leaves.size());
    for (std::size_t g = 0; g < layout_.groups.size(); ++g) group_at_[layout_.groups[g].leaf] = static_cast<int>(g);
  }

  Layout plan() {
    for (std::size_t i = 0; i < layout_.flow.leaves.size(); ++i) {
      if (layout_.steps[i].role != Role::Folded) decide(i);
    }
    return std::move(layout_);
  }

 private:
  const nn::Leaf& leaf(std::size_t i) const { return layout_.flow.leaves[i]; }

  bool skipped(const nn::Layer& layer) const {
    return std::any_of(skip_.begin(), skip_.end(),
                       [&](const std::string& pattern) { return weights::matches(pattern, layer.path()); });
  }

  bool is_integer(nn::ValueId value) const { return value != nn::kUnknownValue && site_of_.count(value) > 0; }

  void decide(std::size_t i) {
    const nn::Layer& layer = *leaf(i).layer;
    const bool integers = std::all_of(leaf(i).inputs.begin(), leaf(i).inputs.end(),
                                      [this](nn::ValueId value) { return is_integer(value); });
    const bool unchanged = leaf(i).inputs == leaf(i).outputs;
    const std::string op = kernel_of(layer);
    const auto verdict = verdicts_.floats.find(&layer);
    LayoutStep& step = layout_.steps[i];
    if (skipped(layer)) {
      step.reason = "skipped";
    } else if (verdict != verdicts_.floats.end()) {
      step.reason = verdict->second;
    } else if (keeps_scale(layer) || unchanged) {
      if (integers && !leaf(i).inputs.empty()) pass(i);
      else step.reason = kFloatInput;
    } else if (op.empty()) {
      step.reason = "no int8 kernel";
    } else if (integers || starts_int8(op)) {
      kernel(i, op);
    } else {
      step.reason = kFloatInput;
    }
  }

  void pass(std::size_t i) {
    layout_.steps[i].role = Role::Pass;
    for (const nn::ValueId value : leaf(i).outputs) {
      site_of_[value] = site_of_.at(leaf(i).inputs.front());
      layout_.steps[i].float_output = layout_.steps[i].float_output || escapes(value);
    }
  }

  void kernel(std::size_t i, const std::string& op) {
    LayoutStep& step = layout_.steps[i];
    step.role = Role::Kernel;
    step.op = op;
    for (std::size_t k = 0; k < leaf(i).inputs.size(); ++k) step.inputs.push_back(input_site(i, static_cast<int>(k)));
    nn::ValueId output = leaf(i).outputs.front();
    const auto group = group_at_.find(i);
    if (group != group_at_.end()) output = fold_group(step, group->second);
    step.output = output_site(i, op);
    site_of_[output] = step.output;
    step.float_output = escapes(output);
  }

  /// Returns the value that the group gives.
  nn::ValueId fold_group(LayoutStep& step, int number) {
    nn::FusionGroup& group = layout_.groups[static_cast<std::size_t>(number)];
    step.group = number;
    if (group.norm && skipped(*group.norm)) group.norm = nullptr, group.activation = nullptr;
    if (group.activation && skipped(*group.activation)) group.activation = nullptr;
    if (group.norm) fold_part(group.norm_leaf, number);
    if (group.activation) fold_part(group.activation_leaf, number);
    group.output = leaf(group.last_leaf()).outputs.front();
    return group.output;
  }

  void fold_part(int number, int group) {
    LayoutStep& part = layout_.steps[static_cast<std::size_t>(number)];
    part.role = Role::Folded;
    part.group = group;
  }

  int new_site(const Site& site) {
    layout_.sites.push_back(site);
    return static_cast<int>(layout_.sites.size()) - 1;
  }

  int input_site(std::size_t i, int input) {
    const nn::ValueId value = leaf(i).inputs[static_cast<std::size_t>(input)];
    if (is_integer(value)) return site_of_.at(value);
    if (layout_.flow.calls(leaf(i).layer).size() > 1) {
      const auto known = input_site_of_layer_.find({leaf(i).layer, input});
      if (known != input_site_of_layer_.end()) return known->second;
      return input_site_of_layer_[{leaf(i).layer, input}] = new_site({i, input, false});
    }
    const auto known = input_site_of_.find(value);
    if (value != nn::kUnknownValue && known != input_site_of_.end()) return known->second;
    return input_site_of_[value] = new_site({i, input, false});
  }

  int output_site(std::size_t i, const std::string& op) {
    const auto known = output_site_of_.find(leaf(i).layer);
    if (known != output_site_of_.end()) return known->second;
    return output_site_of_[leaf(i).layer] = new_site({i, -1, op == "hardsigmoid" || op == "sigmoid"});
  }

  bool escapes(nn::ValueId value) const { return layout_.flow.values[static_cast<std::size_t>(value)].escapes; }

  const std::vector<std::string>& skip_;
  const Verdicts& verdicts_;
  Layout layout_;
  std::map<std::size_t, int> group_at_;
  std::map<nn::ValueId, int> site_of_;                                   // of values that are integers
  std::map<nn::ValueId, int> input_site_of_;                             // of float values that kernels take
  std::map<std::pair<const nn::Layer*, int>, int> input_site_of_layer_;  // that run several times
  std::map<const nn::Layer*, int> output_site_of_;
};

/// Holds the calls of each layer against one another. Each verdict takes something away from int8, so that planning by
/// them, again and again, ends.
class CallCheck {
 public:
  CallCheck(const Layout& layout, Verdicts& verdicts) : layout_(layout), verdicts_(verdicts) {}

  /// Whether all calls agree; otherwise there are new verdicts.
  bool agree() {
    const std::size_t before = verdicts_.apart.size() + verdicts_.floats.size();
    for (const auto& [layer, calls] : layout_.flow.index) {
      if (calls.size() > 1) check(*layer, calls);
    }
    return verdicts_.apart.size() + verdicts_.floats.size() == before;
  }

 private:
  void check(const nn::Layer& layer, const std::vector<std::size_t>& calls) {
    const auto count = [&](Role role) {
      return static_cast<std::size_t>(std::count_if(
          calls.begin(), calls.end(), [&](std::size_t leaf) { return layout_.steps[leaf].role == role; }));
    };
    const std::size_t folded = count(Role::Folded), kernels = count(Role::Kernel);
    if (folded > 0 && folded < calls.size()) {
      verdicts_.apart.insert(&layer);
    } else if (kernels > 0 && kernels < calls.size()) {
      verdicts_.floats.emplace(&layer, "its input is float in some of its calls");
    } else if (kernels > 0) {
      check_groups(calls);
    }
  }

  /// A kernel takes in the same layers in each of its calls.
  void check_groups(const std::vector<std::size_t>& calls) {
    const nn::FusionGroup none;
    const auto group_at = [&](std::size_t leaf) {
      const nn::FusionGroup* group = layout_.group_of(layout_.steps[leaf]);
      return group ? *group : none;
    };
    const nn::FusionGroup first = group_at(calls.front());
    for (const std::size_t leaf : calls) {
      const nn::FusionGroup group = group_at(leaf);
      if (group.norm != first.norm) set_apart(group.norm, first.norm);
      else if (group.activation != first.activation) set_apart(group.activation, first.activation);
    }
  }

  void set_apart(const nn::Layer* a, const nn::Layer* b) {
    if (a) verdicts_.apart.insert(a);
    if (b) verdicts_.apart.insert(b);
  }

  const Layout& layout_;
  Verdicts& verdicts_;
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

const nn::FusionGroup* Layout::group_of(const LayoutStep& step) const {
  return step.group < 0 ? nullptr : &groups[static_cast<std::size_t>(step.group)];
}

bool Layout::meets(std::size_t leaf, std::size_t input, const Site& site) const {
  return site.input == static_cast<int>(input) && flow.leaves[site.leaf].layer == flow.leaves[leaf].layer;
}

Layout plan_layout(nn::Layer& model, const nn::Tensors& example, const std::vector<std::string>& skip) {
  check_patterns(model, skip);
  const nn::Dataflow flow = nn::trace_dataflow(model, example);
  Verdicts verdicts;
  while (true) {
    Layout layout = LayoutPlanner(flow, skip, verdicts).plan();
    if (CallCheck(layout, verdicts).agree()) return layout;
  }
}

}  // namespace mlrun::quant
