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
torch::Tensor some_samples(const torch::Tensor& samples, std::int64_t count) {
  return samples.index_select(0, torch::arange(count).remainder(samples.size(0)));
}

std::map<std::string, std::string> metadata(const Subject& subject, const Json& input) {
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

std::vector<std::filesystem::path> export_onnx(const Subject& subject, const ExportRequest& request, const Json& input,
                                               const std::filesystem::path& file) {
  // With two samples: what holds for one alone would show with one and three.
  TraceOptions options;
  options.out_of_place = true;
  options.before = subject.recorded;
  const auto traced = trace(*subject.model, some_samples(subject.samples, request.batch.value_or(2)), options);
  OnnxValue value{"input", subject.samples.scalar_type(), subject.samples.sizes().vec()};
  value.shape->front() = request.batch.value_or(-1);
  OnnxGraph graph = onnx_graph_of(traced, value, request.opset);
  graph.producer = "mlrun";
  graph.metadata = metadata(subject, input);
  return write_onnx(file, graph, request.embedded_weights);
}

}  // namespace mlrun::deploy
