#include "deploy/onnx/model.h"

#include <algorithm>
#include <fstream>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "deploy/onnx/batches.h"
#include "deploy/onnx/plan.h"
#include "weights/finite.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

namespace {

constexpr std::size_t kMostShown = 300;  // characters of what ATen says

bool is_narrow(const Tensor& tensor) {
  return tensor.defined() && (tensor.scalar_type() == torch::kHalf || tensor.scalar_type() == torch::kBFloat16);
}

/// Runs the operator; 16-bit floats are computed with as float32 where it wants that.
Tensors compute(const OnnxStep& step, std::int64_t opset, Tensors inputs, std::int64_t most_bytes) {
  const auto narrow = step.operation.widens ? std::find_if(inputs.begin(), inputs.end(), is_narrow) : inputs.end();
  if (narrow == inputs.end()) return step.operation.run(OnnxCall(step.node, opset, std::move(inputs), most_bytes));
  const torch::ScalarType type = narrow->scalar_type();
  for (auto& input : inputs) {
    if (is_narrow(input)) input = input.to(torch::kFloat);
  }
  Tensors outputs = step.operation.run(OnnxCall(step.node, opset, std::move(inputs), most_bytes));
  for (auto& output : outputs) {
    if (output.scalar_type() == torch::kFloat) output = output.to(type);
  }
  return outputs;
}

UserError node_error(const OnnxGraph& graph, const OnnxStep& step, std::string what) {
  what = what.substr(0, std::min(what.find('\n'), kMostShown));
  return UserError(Problem{graph.file, 0, 0, onnx_place(step.node, graph.opset), weights::printable_name(what), ""});
}

/// The values of one run, and how much memory they take.
class Values {
 public:
  Values(Tensors values, const OnnxLimits& limits) : values_(std::move(values)), limits_(limits) {}

  Tensor& operator[](int index) { return values_[static_cast<std::size_t>(index)]; }

  void set(int index, Tensor tensor) {
    if (tensor.dim() > 16) throw OnnxNodeError("a tensor has more than 16 dimensions");
    live_ += tensor.is_contiguous() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
    if (live_ > limits_.total_bytes) throw OnnxNodeError("this machine has not enough memory for the model");
    (*this)[index] = std::move(tensor);
  }

  void drop(int index) {
    Tensor& tensor = (*this)[index];
    if (tensor.defined() && tensor.is_contiguous()) live_ -= static_cast<std::int64_t>(tensor.nbytes());
    tensor = Tensor();
  }

 private:
  Tensors values_;
  OnnxLimits limits_;
  std::int64_t live_ = 0;
};

bool all_known(const std::vector<int>& indices, Values& values) {
  return std::all_of(indices.begin(), indices.end(), [&](int index) { return index < 0 || values[index].defined(); });
}

std::string shape_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const auto size : sizes)
    text += (text.empty() ? "" : ", ") + (size < 0 ? std::string("any") : std::to_string(size));
  return "[" + text + "]";
}

void check_input(const OnnxGraph& graph, const OnnxValue& wanted, const Tensor& given) {
  bool fits = true;
  if (wanted.shape) {
    const auto& shape = *wanted.shape;
    fits = static_cast<std::size_t>(given.dim()) == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] < 0 || shape[i] == given.size(static_cast<std::int64_t>(i));
    }
  }
  if (!fits) {
    throw file_error(graph.file, "its input '" + weights::printable_name(wanted.name) + "' is " +
                                     shape_text(*wanted.shape) + ", and it is given " +
                                     shape_text(given.sizes().vec()));
  }
  if (wanted.dtype && *wanted.dtype != given.scalar_type()) {
    throw file_error(graph.file, "its input '" + weights::printable_name(wanted.name) + "' takes numbers of type " +
                                     onnx_dtype_name(*wanted.dtype) + ", and it is given " +
                                     onnx_dtype_name(given.scalar_type()));
  }
}

std::int64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  std::int64_t kibibytes = 0;
  while (file >> key >> kibibytes) {
    if (key == "MemAvailable:") return kibibytes * 1024;
    std::getline(file, unit);
  }
  return std::int64_t{4} << 30;
}

}  // namespace

OnnxLimits onnx_limits() {
  const std::int64_t total = std::max<std::int64_t>(available_memory() / 4 * 3, std::int64_t{256} << 20);
  return {total / 2, total};
}

struct OnnxModel::Plan {
  OnnxGraph graph;
  OnnxLimits limits;
  OnnxPlan plan;

  void run_step(const OnnxStep& step, Values& values) const {
    Tensors inputs;
    for (const int index : step.inputs) inputs.push_back(index < 0 ? Tensor() : values[index]);
    try {
      Tensors outputs = compute(step, graph.opset, std::move(inputs), limits.tensor_bytes);
      for (std::size_t i = 0; i < step.outputs.size(); ++i) {
        if (step.outputs[i] < 0) continue;
        if (i >= outputs.size()) throw OnnxNodeError("it has more outputs than its operator");
        values.set(step.outputs[i], std::move(outputs[i]));
      }
    } catch (const c10::Error& error) {
      throw node_error(graph, step, error.what_without_backtrace());
    } catch (const UserError&) {
      throw;
    } catch (const std::exception& error) {  // of this reader, of the standard library, of oneDNN
      throw node_error(graph, step, error.what());
    }
  }

  /// Computes what depends on constants alone, now and for good.
  void fold() {
    Values values(plan.constants, limits);
    std::vector<OnnxStep> rest;
    for (auto& step : plan.steps) {
      if (all_known(step.inputs, values)) run_step(step, values);
      else rest.push_back(std::move(step));
    }
    for (std::size_t i = 0; i < plan.constants.size(); ++i) plan.constants[i] = values[static_cast<int>(i)];
    plan.steps = std::move(rest);
    mark_last_uses(plan);
  }
};

OnnxModel::OnnxModel(OnnxGraph graph, const OnnxLimits& limits) : plan_(std::make_unique<Plan>()) {
  const torch::NoGradGuard no_gradients;
  plan_->plan = plan_onnx(graph);
  plan_->graph = std::move(graph);
  plan_->graph.nodes.clear();
  plan_->graph.constants.clear();
  plan_->limits = limits;
  plan_->fold();
}

OnnxModel::~OnnxModel() = default;
OnnxModel::OnnxModel(OnnxModel&&) noexcept = default;

const OnnxGraph& OnnxModel::graph() const { return plan_->graph; }

Tensors OnnxModel::run(const Tensors& inputs) const {
  const torch::NoGradGuard no_gradients;
  const OnnxGraph& graph = plan_->graph;
  MLRUN_ASSERT(inputs.size() == graph.inputs.size(), "an ONNX model is given another number of inputs than it has");
  Values values(plan_->plan.constants, plan_->limits);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_input(graph, graph.inputs[i], inputs[i]);
    values[plan_->plan.inputs[i]] = inputs[i];
  }
  for (const auto& step : plan_->plan.steps) {
    plan_->run_step(step, values);
    for (const int index : step.done) values.drop(index);
  }
  Tensors outputs;
  for (const int index : plan_->plan.outputs) outputs.push_back(values[index]);
  return outputs;
}

namespace {

/// A graph may hold infinities for good, as a mask's; a NaN is a spoilt weight.
void refuse_nan(const OnnxGraph& graph, const std::string& file) {
  for (const auto& [name, tensor] : graph.constants) {
    if (weights::is_finite(tensor) || !tensor.isnan().any().item<bool>()) continue;
    throw UserError(Problem{file, 0, 0, weights::printable_name(name), "holds numbers that are NaN",
                            "such weights are spoilt: take another file"});
  }
}

std::shared_ptr<const OnnxModel> sound_model(const std::filesystem::path& file) {
  OnnxGraph graph = read_onnx(file);
  refuse_nan(graph, file.string());
  return std::make_shared<const OnnxModel>(std::move(graph));
}

}  // namespace

Runner load_onnx_graph(const std::filesystem::path& file) {
  const auto model = sound_model(file);
  return [model](const Tensors& inputs) { return model->run(inputs); };
}

ImageScorer load_onnx(const std::filesystem::path& file) {
  const auto model = sound_model(file);
  return in_onnx_batches(model->graph(), [model](const Tensor& input) { return model->run({input}).front(); });
}

}  // namespace mlrun::deploy
