#include "deploy/onnx/export.h"

#include <sstream>

#include "base/files.h"
#include "base/version.h"
#include "deploy/onnx/translation.h"
#include "deploy/onnx/write_onnx.h"
#include "deploy/trace.h"
#include "quant/int8_file.h"

namespace mlrun::deploy {
namespace {

/// `count` samples; where there are fewer, they repeat.
nn::Tensors repeated_samples(const std::vector<nn::Port>& ports, const nn::Tensors& samples, std::int64_t count) {
  const std::int64_t total = nn::sample_count(ports, samples);
  std::vector<nn::Tensors> parts;
  for (std::int64_t i = 0; i < count; ++i) parts.push_back(nn::some_samples(ports, samples, i % total, 1));
  return nn::joined_samples(ports, parts);
}

/// What stands at the ports, by name. The first size of each is `batch`, and that of ragged rows any.
std::vector<OnnxValue> values_at(const std::vector<nn::Port>& ports, const nn::Tensors& tensors, std::int64_t batch) {
  std::vector<OnnxValue> values;
  for (const nn::Port& port : ports) {
    for (const auto& name : nn::tensor_names({port})) {
      OnnxValue value{name, {}, std::vector<std::int64_t>{batch}};
      if (const std::size_t at = values.size(); at < tensors.size()) {
        value.dtype = tensors[at].scalar_type();
        value.shape = tensors[at].sizes().vec();
        value.shape->front() = batch;
      }
      if (port.ragged && name == port.name) {
        value.shape->front() = -1;
        value.rows = name + "_rows";
      }
      values.push_back(std::move(value));
    }
  }
  return values;
}

std::map<std::string, std::string> metadata(const ExportSubject& subject, const Json& input) {
  std::map<std::string, std::string> found(subject.metadata.begin(), subject.metadata.end());
  found["mlrun"] = kVersion;
  found["model"] = subject.name;
  found["weights"] = subject.weights;
  found["weights_sha256"] = weights_sha256(*subject.model);
  found["input"] = json_text(input);
  found["preprocessing"] = json_text(subject.preprocessing);
  if (!subject.classes.empty()) found["classes"] = json_text(Json(subject.classes));
  return found;
}

}  // namespace

std::string weights_sha256(nn::Layer& model) {
  const quant::Int8Runner* int8 = quant::int8_runner(model);
  std::ostringstream lines;
  for (const auto& [name, given] : int8 ? quant::int8_tensors(model, int8->plan()) : nn::state_dict(model)) {
    const torch::Tensor tensor = given.detach().to(torch::kCPU).contiguous();
    lines << name << ' ' << torch::toString(tensor.scalar_type()) << ' ' << tensor.sizes() << ' '
          << sha256(tensor.data_ptr(), tensor.nbytes()) << '\n';
  }
  const std::string text = lines.str();
  return sha256(text.data(), text.size());
}

std::vector<std::filesystem::path> export_onnx(const ExportSubject& subject, const ExportRequest& request,
                                               const Json& input, const std::filesystem::path& file) {
  // With two samples: what holds for one alone would show with one and three.
  TraceOptions options;
  options.out_of_place = true;
  options.before = subject.recorded;
  const auto& [inputs, outputs] = subject.interface;
  const auto traced =
      trace(*subject.model, repeated_samples(inputs, subject.samples, request.batch.value_or(2)), options);
  const std::int64_t batch = request.batch.value_or(-1);
  OnnxDoors doors = {values_at(inputs, subject.samples, batch), values_at(outputs, {}, batch)};
  if (subject.finds) {
    for (OnnxValue& output : doors.outputs) output.shape->front() = -1, output.rows = "detections";
  }
  if (request.any_size) (*doors.inputs.front().shape)[2] = (*doors.inputs.front().shape)[3] = -1;
  OnnxGraph graph = onnx_graph_of(traced, doors, request.opset);
  graph.producer = "mlrun";
  graph.metadata = metadata(subject, input);
  return write_onnx(file, graph, request.embedded_weights);
}

}  // namespace mlrun::deploy
