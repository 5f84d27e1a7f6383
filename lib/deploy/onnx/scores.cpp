#include "deploy/onnx/scores.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <vector>

#include <torch/types.h>

#include "base/log.h"
#include "deploy/onnx/model.h"
#include "deploy/onnx/plan.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;

constexpr double kSumTolerance = 1e-3;    // float16 outputs of 1,000 classes sum to 1 within half of this
constexpr double kGraphTolerance = 2e-2;  // an 8-bit output is off by 1/512, and so are its inputs
constexpr std::size_t kMostSteps = 1000;  // behind the activation

/// What makes an output no logits, by operator.
const std::map<std::string, std::string>& activations() {
  static const std::map<std::string, std::string> kinds = {
      {"Softmax", "softmax"}, {"LogSoftmax", "log_softmax"}, {"Sigmoid", "sigmoid"}};
  return kinds;
}

bool rounds(const OnnxNode& node) { return node.type == "QuantizeLinear" || node.type == "DequantizeLinear"; }

/// Operators whose output has the values of their first input, to rounding.
bool passes_on(const OnnxNode& node) {
  static constexpr std::array kPassing = {"Identity", "Cast",      "Reshape",   "Flatten",
                                          "Squeeze",  "Unsqueeze", "Transpose", "Dropout"};
  return rounds(node) || std::find(kPassing.begin(), kPassing.end(), node.type) != kPassing.end();
}

/// The graph's end: an activation, and the steps from it to the first output.
struct End {
  const OnnxNode* activation = nullptr;
  std::vector<const OnnxNode*> steps;  ///< the activation's neighbour first
};

End end_of(const OnnxGraph& graph) {
  std::map<std::string, const OnnxNode*> makers;
  for (const auto& node : graph.nodes) {
    if (!node.outputs.empty()) makers.emplace(node.outputs.front(), &node);
  }
  End end;
  std::string value = graph.outputs.empty() ? "" : graph.outputs.front().name;
  while (end.steps.size() < kMostSteps) {
    const auto maker = makers.find(value);
    if (maker == makers.end() || !maker->second->domain.empty() || maker->second->inputs.empty()) return {};
    const OnnxNode& node = *maker->second;
    if (activations().count(node.type) != 0) {
      end.activation = &node;
      std::reverse(end.steps.begin(), end.steps.end());
      return end;
    }
    if (!passes_on(node)) return {};
    end.steps.push_back(&node);
    value = node.inputs.front();
  }
  return {};
}

/// Adds an output: what the activation is given, brought through the steps behind it. Those that round are left out, as
/// their scale is that of probabilities.
void add_values_before(OnnxGraph& graph, const End& end) {
  std::string value = end.activation->inputs.front();
  std::vector<OnnxNode> added;
  for (const OnnxNode* step : end.steps) {
    if (rounds(*step)) continue;
    OnnxNode copy = *step;
    copy.inputs.front() = value;
    value = "mlrun.before_activation." + std::to_string(added.size());
    copy.outputs = {value};
    added.push_back(std::move(copy));
  }
  for (auto& node : added) graph.nodes.push_back(std::move(node));
  graph.outputs.push_back({value, {}, {}});
}

/// Whether the activation, over all of an image's values, makes `after` of `before`.
bool explains(const std::string& kind, const Tensor& before, const Tensor& after) {
  if (before.sizes() != after.sizes() || before.dim() < 2) return false;
  const Tensor given = before.flatten(1).to(torch::kFloat);
  const Tensor made = kind == "sigmoid" ? given.sigmoid() : given.softmax(1);
  const Tensor off = (made - after.flatten(1).to(torch::kFloat)).abs();
  return off.nan_to_num(0).max().item<double>() < kGraphTolerance;
}

bool sum_to_one(const Tensor& rows) {
  return rows.min().item<double>() >= -1e-6 && (rows.sum(1) - 1).abs().max().item<double>() < kSumTolerance;
}

}  // namespace

std::string OnnxOutputs::text() const {
  if (kind == "logits") return "";
  const std::string done = taken == "before"       ? "the values before it are taken"
                           : taken == "logarithms" ? "their logarithms are taken"
                                                   : "they are taken as they are";
  return kind + " (" + (node.empty() ? "every row sums to 1" : node) + "): " + done;
}

Json OnnxOutputs::json() const {
  const auto text = [](const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); };
  return {{"kind", kind}, {"seen_in", text(seen_in)}, {"node", text(node)}, {"taken", taken}};
}

OnnxScorer::OnnxScorer(OnnxGraph graph) : file_(graph.file) {
  const End end = end_of(graph);
  if (end.activation != nullptr) {
    outputs_.kind = activations().at(end.activation->type);
    outputs_.seen_in = "graph";
    outputs_.node = weights::printable_name(onnx_place(*end.activation, graph.opset));
    before_ = outputs_.kind != "log_softmax";
    if (before_) outputs_.taken = "before";
    if (before_) add_values_before(graph, end);
  }
  const auto model = std::make_shared<const OnnxModel>(std::move(graph));
  run_ = in_onnx_batches(model->graph(), [this, model](const Tensor& images) {
    std::vector<Tensor> values = model->run({images});
    if (before_ && !explained_) {
      explained_ = explains(outputs_.kind, values[1], values[0]);
      if (!explained_) outputs_ = {};  // it works along another axis
      before_ = explained_;
    }
    return before_ ? values[1] : values[0];
  });
}

void OnnxScorer::look_at(const Tensor& rows) {
  decided_ = true;
  if (outputs_.seen_in.empty() && rows.size(0) > 0 && rows.size(1) > 1 && rows.isfinite().all().item<bool>()) {
    if (sum_to_one(rows)) {
      outputs_ = {"softmax", "rows", "logarithms", ""};
      logarithms_ = true;
    } else if (sum_to_one(rows.exp())) {
      outputs_ = {"log_softmax", "rows", "as_is", ""};
    } else if (rows.size(0) > 1 && rows.min().item<double>() >= 0 && rows.max().item<double>() <= 1) {
      log::warning(file_ + ": its outputs all lie between 0 and 1 and are taken as logits; where they are sigmoids, " +
                   "export the model without them");
    }
  }
  if (const std::string text = outputs_.text(); !text.empty()) log::info(file_ + ": its outputs are " + text);
}

Tensor OnnxScorer::operator()(const Tensor& images) {
  const Tensor rows = run_(images);
  if (!decided_) look_at(rows);
  return logarithms_ ? rows.clamp_min(std::numeric_limits<float>::min()).log() : rows;
}

}  // namespace mlrun::deploy
