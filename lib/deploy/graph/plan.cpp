#include "deploy/graph/plan.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "deploy/graph/graph.h"
#include "nn/branches.h"
#include "nn/conv_transpose.h"
#include "nn/evaluation_scope.h"
#include "nn/flow/fusion.h"
#include "nn/interpolate.h"
#include "nn/norm.h"
#include "nn/pooling.h"
#include "nn/tensors.h"

namespace mlrun::deploy {
namespace {

using nn::Dataflow;
using nn::FlowValue;
using nn::kUnknownValue;
using nn::Leaf;

const FlowValue& value_of(const Dataflow& flow, ValueId value) { return flow.values[static_cast<std::size_t>(value)]; }

/// Hands on its input as it is: no part of a graph.
bool passes(const Leaf& leaf) {
  return leaf.outputs.size() == 1 && leaf.inputs.size() == 1 && leaf.outputs == leaf.inputs;
}

GraphOp op_of(nn::Layer& layer, const Leaf& leaf) {
  if (dynamic_cast<nn::Conv2d*>(&layer)) return GraphOp::Conv;
  if (dynamic_cast<nn::ConvTranspose2d*>(&layer)) return GraphOp::ConvTranspose;
  if (dynamic_cast<nn::Linear*>(&layer)) return GraphOp::Linear;
  if (dynamic_cast<nn::BatchNorm2d*>(&layer)) return GraphOp::Affine;
  if (dynamic_cast<nn::FrozenBatchNorm2d*>(&layer)) return GraphOp::Affine;
  if (dynamic_cast<nn::GroupNorm*>(&layer)) return GraphOp::GroupNorm;
  if (dynamic_cast<nn::MaxPool2d*>(&layer)) return GraphOp::MaxPool;
  if (dynamic_cast<nn::AvgPool2d*>(&layer) || dynamic_cast<nn::BinPool2d*>(&layer)) return GraphOp::AvgPool;
  if (dynamic_cast<nn::AdaptiveAvgPool2d*>(&layer)) return GraphOp::AdaptivePool;
  if (dynamic_cast<nn::Activation*>(&layer)) return GraphOp::Activation;
  if (dynamic_cast<nn::Add*>(&layer) && leaf.inputs.size() == 2) return GraphOp::Add;
  if (dynamic_cast<nn::Mul*>(&layer) && leaf.inputs.size() == 2) return GraphOp::Mul;
  if (dynamic_cast<nn::Concat*>(&layer)) return GraphOp::Concat;
  if (dynamic_cast<nn::Chunk*>(&layer)) return GraphOp::Chunk;
  if (dynamic_cast<nn::ChannelShuffle*>(&layer)) return GraphOp::Shuffle;
  if (dynamic_cast<nn::Flatten*>(&layer)) return GraphOp::Flatten;
  if (dynamic_cast<nn::Interpolate*>(&layer)) return GraphOp::Resize;
  return GraphOp::Layer;
}

bool is_nearest(const nn::Layer& layer) {
  const auto* resize = dynamic_cast<const nn::Interpolate*>(&layer);
  return resize != nullptr && resize->mode() == nn::InterpolateMode::Nearest;
}

/// What a batch norm does to each channel: x * factor + offset. Not defined for another layer.
struct ChannelAffine {
  torch::Tensor factor, offset;
};

ChannelAffine affine_of(const nn::Layer& layer) {
  const auto made = [](const nn::Norm& norm, const torch::Tensor& mean, const torch::Tensor& var, double eps) {
    const torch::Tensor factor = norm.weight.detach() * torch::rsqrt(var + eps);
    return ChannelAffine{factor, norm.bias.detach() - mean * factor};
  };
  if (const auto* norm = dynamic_cast<const nn::BatchNorm2d*>(&layer)) {
    return made(*norm, norm->running_mean, norm->running_var, norm->options().eps);
  }
  const auto* frozen = dynamic_cast<const nn::FrozenBatchNorm2d*>(&layer);
  return frozen == nullptr ? ChannelAffine{} : made(*frozen, frozen->running_mean, frozen->running_var, frozen->eps());
}

/// A convolution with the norm behind it in its weights.
nn::FoldedConv folded(const nn::Conv2d& conv, const nn::Layer& norm) {
  if (const auto* batch = dynamic_cast<const nn::BatchNorm2d*>(&norm)) return nn::fold(conv, *batch);
  const ChannelAffine affine = affine_of(norm);
  const torch::Tensor weight = conv.weight.detach() * affine.factor.view({-1, 1, 1, 1});
  return {weight, conv.bias.defined() ? conv.bias.detach() * affine.factor + affine.offset : affine.offset};
}

/// Walks over the leaves and lets each take in what follows it alone.
class Planner {
 public:
  Planner(const Dataflow& flow, GraphPlan& plan) : flow_(flow), plan_(plan) {
    for (const ValueId input : flow.inputs) made_.insert(input);
  }

  void run() {
    for (std::size_t i = 0; i < flow_.leaves.size(); ++i) {
      const Leaf& leaf = flow_.leaves[i];
      if (passes(leaf) || taken_.count(i) || pads_convolution(leaf)) continue;
      plan_.nodes.push_back(node_from(leaf));
      for (const ValueId output : plan_.nodes.back().outputs) made_.insert(output);
    }
  }

 private:
  GraphNode node_from(const Leaf& leaf) {
    GraphNode node;
    node.op = op_of(*leaf.layer, leaf);
    node.layer = leaf.layer;
    node.inputs = leaf.inputs;
    node.outputs = leaf.outputs;
    switch (node.op) {
      case GraphOp::Conv:
        take_padding(node);
        take_norm(node);
        break;
      case GraphOp::ConvTranspose: set_own_weights(node, static_cast<const nn::ConvTranspose2d&>(*leaf.layer)); break;
      case GraphOp::Linear: set_own_weights(node, static_cast<const nn::Linear&>(*leaf.layer)); break;
      case GraphOp::Affine: set_affine(node); break;
      case GraphOp::Resize:
        if (is_nearest(*node.layer)) take_residual(node);
        return node;
      case GraphOp::GroupNorm:
      case GraphOp::Add: break;
      default: return node;
    }
    node.activation = take_activation(node);
    const bool sums = node.op == GraphOp::Conv || node.op == GraphOp::Linear;
    if (sums && take_residual(node)) node.final_activation = take_activation(node);
    return node;
  }

  /// Makes them at the first of a layer's calls; those with another batch norm behind them have others.
  void set_weights(GraphNode& node, const nn::Layer* norm, const std::function<nn::FoldedConv()>& make) {
    const auto known = weights_.find({node.layer, norm});
    if (known == weights_.end()) {
      nn::FoldedConv made = make();
      made.weight = made.weight.contiguous();
      made.bias = made.bias.defined() ? made.bias.detach().contiguous()
                                      : torch::zeros({made.weight.size(0)}, made.weight.options().requires_grad(false));
      weights_.emplace(std::pair(node.layer, norm), made);
    }
    const nn::FoldedConv& own = weights_.at({node.layer, norm});
    node.weight = own.weight;
    node.bias = own.bias;
  }

  template <class Weighted>
  void set_own_weights(GraphNode& node, const Weighted& layer) {
    set_weights(node, nullptr, [&] { return nn::FoldedConv{layer.weight.detach(), layer.bias}; });
  }

  static void set_affine(GraphNode& node) {
    const ChannelAffine affine = affine_of(*node.layer);
    node.weight = affine.factor;
    node.bias = affine.offset;
  }

  /// Whether it is done by the one convolution that takes its output.
  bool pads_convolution(const Leaf& padding) {
    const auto* pad = dynamic_cast<const nn::SamePad2d*>(padding.layer);
    const int next = pad == nullptr ? -1 : only_consumer(padding.outputs.front());
    const auto* conv = next < 0 ? nullptr : dynamic_cast<const nn::Conv2d*>(leaf(next).layer);
    if (conv == nullptr || (*conv->options().padding)[0] != 0 || (*conv->options().padding)[1] != 0) return false;
    padded_[padding.outputs.front()] = {padding.inputs.front(), pad};
    return true;
  }

  void take_padding(GraphNode& node) {
    const auto found = padded_.find(node.inputs.front());
    if (found == padded_.end()) return;
    node.inputs.front() = found->second.first;
    node.pad = found->second.second;
  }

  void take_norm(GraphNode& node) {
    const auto& conv = static_cast<const nn::Conv2d&>(*node.layer);
    const int next = only_consumer(node.outputs.front());
    const nn::Layer* norm = next < 0 ? nullptr : leaf(next).layer;
    if (!norm || !affine_of(*norm).factor.defined())
      return set_weights(node, nullptr, [&] { return nn::FoldedConv{conv.weight.detach(), conv.bias}; });
    set_weights(node, norm, [&] { return folded(conv, *norm); });
    take(node, next);
  }

  std::optional<nn::Act> take_activation(GraphNode& node) {
    const int next = only_consumer(node.outputs.front());
    const auto* activation = next < 0 ? nullptr : dynamic_cast<const nn::Activation*>(leaf(next).layer);
    if (!activation) return std::nullopt;
    take(node, next);
    return activation->kind();
  }

  /// A sum whose other summand is there before the node runs.
  bool take_residual(GraphNode& node) {
    const ValueId own = node.outputs.front();
    const int next = only_consumer(own);
    if (next < 0 || !dynamic_cast<const nn::Add*>(leaf(next).layer)) return false;
    const auto& inputs = leaf(next).inputs;
    if (inputs.size() != 2) return false;
    const ValueId other = inputs[0] == own ? inputs[1] : inputs[0];
    if (other == own || !made_.count(other)) return false;
    node.residual = other;
    node.summand = own;
    take(node, next);
    return true;
  }

  void take(GraphNode& node, int next) {
    node.outputs = leaf(next).outputs;
    taken_.insert(static_cast<std::size_t>(next));
  }

  /// The one leaf that computes with the value; -1 where there are more, or the value leaves the model.
  int only_consumer(ValueId value) const {
    const FlowValue& v = value_of(flow_, value);
    if (v.escapes || v.returned) return -1;
    int found = -1;
    for (const std::size_t consumer : v.consumers) {
      if (passes(flow_.leaves[consumer])) continue;
      if (found >= 0) return -1;
      found = static_cast<int>(consumer);
    }
    return found;
  }

  const Leaf& leaf(int number) const { return flow_.leaves[static_cast<std::size_t>(number)]; }

  const Dataflow& flow_;
  GraphPlan& plan_;
  std::map<std::pair<const nn::Layer*, const nn::Layer*>, nn::FoldedConv> weights_;  // layer, norm
  std::map<ValueId, std::pair<ValueId, const nn::SamePad2d*>> padded_;               // to what is padded
  std::set<std::size_t> taken_;
  std::set<ValueId> made_;
};

/// What keeps this flow from being a graph, if anything does.
std::string obstacle_in(const Dataflow& flow) {
  for (const auto& value : flow.values) {
    if (!value.escapes) continue;
    if (value.producer < 0) return "code outside its layers works on its input";
    const Leaf& leaf = flow.leaves[static_cast<std::size_t>(value.producer)];
    return "code outside its layers works on what " + leaf.layer->path() + " gives";
  }
  for (const Leaf& leaf : flow.leaves) {
    for (const ValueId input : leaf.inputs) {
      if (input == kUnknownValue) return leaf.layer->path() + " takes a value that no layer gives";
    }
  }
  const bool known = std::all_of(flow.outputs.begin(), flow.outputs.end(), [](ValueId v) { return v >= 0; });
  return known && !flow.outputs.empty() ? "" : "its output is not one layer's";
}

/// A graph pays where most of what it does is its own.
std::string too_foreign(const GraphPlan& plan) {
  std::size_t foreign = 0;
  const nn::Layer* first = nullptr;
  for (const auto& node : plan.nodes) {
    if (node.op != GraphOp::Layer) continue;
    foreign += 1;
    if (!first) first = node.layer;
  }
  if (foreign * 4 <= plan.nodes.size()) return "";
  return std::to_string(foreign) + " of its " + std::to_string(plan.nodes.size()) + " operations, as " + first->path() +
         " (" + first->type() + "), are none that a graph has";
}

/// Notes the leaves of a pass and the sizes of what they give.
class SizeRecorder : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    if (!ran_others_.empty()) ran_others_.back() = true;
    ran_others_.push_back(false);
    nn::Tensors outputs = proceed(inputs);
    if (!ran_others_.back()) {
      leaves.push_back(&layer);
      sizes.push_back(nn::shapes_of(outputs));
    }
    ran_others_.pop_back();
    return outputs;
  }
  std::vector<const nn::Layer*> leaves;
  std::vector<ValueSizes> sizes;

 private:
  std::vector<bool> ran_others_;
};

void run_without_numbers(nn::Layer& model, const ValueSizes& inputs) {
  nn::Tensors blank;
  for (const auto& sizes : inputs) blank.push_back(torch::empty(sizes, torch::TensorOptions().device(torch::kMeta)));
  try {
    model.run(blank);
  } catch (const c10::Error&) {
    throw NoGraph("it does not run on shapes alone: its sizes may depend on its numbers");
  }
}

}  // namespace

GraphPlan plan_graph(nn::Layer& model, const nn::Tensors& example) {
  const torch::NoGradGuard no_gradients;
  const Dataflow flow = nn::trace_dataflow(model, example);
  GraphPlan plan;
  plan.obstacle = obstacle_in(flow);
  if (!plan.obstacle.empty()) return plan;
  plan.sources.resize(flow.values.size());
  plan.inputs = flow.inputs.size();
  for (std::size_t i = 0; i < plan.inputs; ++i) plan.sources[i].output = i;
  for (std::size_t i = 0; i < flow.leaves.size(); ++i) {
    const Leaf& leaf = flow.leaves[i];
    plan.leaves.push_back(leaf.layer);
    for (std::size_t k = 0; k < leaf.outputs.size() && !passes(leaf); ++k) {
      plan.sources[static_cast<std::size_t>(leaf.outputs[k])] = {static_cast<int>(i), k};
    }
  }
  plan.outputs = flow.outputs;
  Planner(flow, plan).run();
  plan.obstacle = too_foreign(plan);
  return plan;
}

ValueSizes value_sizes(nn::Layer& model, const GraphPlan& plan, const ValueSizes& inputs) {
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(model);
  SizeRecorder recorder;
  const nn::InterceptorScope scope(model, recorder);
  run_without_numbers(model, inputs);
  if (recorder.leaves != plan.leaves) throw NoGraph("which of its layers run depends on the size of its input");
  ValueSizes sizes(plan.sources.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const GraphSource& source = plan.sources[i];
    sizes[i] = source.leaf < 0 ? inputs.at(source.output)
                               : recorder.sizes[static_cast<std::size_t>(source.leaf)].at(source.output);
  }
  return sizes;
}

}  // namespace mlrun::deploy
