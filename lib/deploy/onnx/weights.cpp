#include "deploy/onnx/weights.h"

#include <map>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "deploy/onnx/model.h"
#include "engine/run/run_directory.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

/// Runs the graph in the root's place; the layers below are only asked how many classes there are.
class OnnxSubstitute : public nn::Substitute {
 public:
  OnnxSubstitute(const nn::Layer& root, Runner run, std::string file)
      : root_(root), run_(std::move(run)), file_(std::move(file)) {}

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    if (&layer != &root_) return proceed(inputs);
    const torch::Tensor& images = inputs.front();
    if (images.is_meta()) return proceed(inputs);
    const torch::Tensor outputs = run_(images);
    if (!checked_) check_classes(outputs.size(1), expected_classes(images, proceed));
    checked_ = true;
    return {outputs.to(images.device())};
  }

 private:
  /// What the model that the graph stands for would put out; nothing where it does not take such images.
  static std::optional<std::int64_t> expected_classes(const torch::Tensor& images, const Proceed& proceed) {
    try {
      return proceed({images.to(torch::kMeta)}).front().size(1);
    } catch (const UserError&) {
      return std::nullopt;
    }
  }

  void check_classes(std::int64_t outputs, std::optional<std::int64_t> classes) const {
    if (!classes || outputs == *classes) return;
    throw file_error(file_,
                     "has " + std::to_string(outputs) + " outputs, and the recipe's data have " +
                         std::to_string(*classes) + " classes",
                     "evaluate it on the data that it was trained for");
  }

  const nn::Layer& root_;
  Runner run_;
  std::string file_;
  bool checked_ = false;
};

/// The child of a model's root that owns the substitute. Nobody calls it.
class OnnxHolder : public nn::UnaryLayer {
 public:
  explicit OnnxHolder(std::shared_ptr<OnnxSubstitute> substitute)
      : UnaryLayer("OnnxModel"), substitute_(std::move(substitute)) {}
  torch::Tensor forward(const torch::Tensor& input) override { return input; }

 private:
  std::shared_ptr<OnnxSubstitute> substitute_;
};

void attach(nn::Layer& model, const fs::path& file) {
  auto substitute = std::make_shared<OnnxSubstitute>(model, load_onnx(file), file.string());
  model.intercept({substitute.get()});
  model.register_module("onnx_model", std::make_shared<OnnxHolder>(std::move(substitute)));
  nn::name_layers(model);
}

Json describe_values(const std::vector<OnnxValue>& values) {
  Json list = Json::array();
  for (const auto& value : values) {
    Json shape = value.shape ? Json::array() : Json();
    if (value.shape) {
      for (const auto size : *value.shape) shape.push_back(size < 0 ? Json() : Json(size));
    }
    list.push_back({{"name", value.name},
                    {"dtype", value.dtype ? Json(onnx_dtype_name(*value.dtype)) : Json()},
                    {"shape", shape}});
  }
  return list;
}

}  // namespace

bool is_onnx(const fs::path& file) { return file.extension() == ".onnx"; }

engine::WeightChoice onnx_weights(const fs::path& file, const std::string& name) {
  engine::WeightChoice choice{name, file};
  choice.install = [file](const engine::Models& models, const engine::Context&) {
    MLRUN_ASSERT(models.size() == 1, "an ONNX file holds one model");
    attach(*models.front().second, file);
  };
  const auto metadata = read_onnx_header(file).metadata;
  if (const auto data = metadata.find("data"); data != metadata.end()) {
    choice.known = engine::data_info(parse_json(data->second));
  }
  return choice;
}

std::string onnx_recipe(const fs::path& file) {
  const auto metadata = read_onnx_header(file).metadata;
  const auto found = metadata.find("recipe");
  return found == metadata.end() ? "" : found->second;
}

Json describe_onnx(const fs::path& file) {
  const OnnxGraph graph = read_onnx(file);
  std::map<std::string, int> operators;
  for (const auto& node : graph.nodes) ++operators[node.domain.empty() ? node.type : node.domain + "." + node.type];
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : graph.constants) parameters += tensor.numel();
  return {{"format", "onnx"},
          {"opset", graph.opset},
          {"ir_version", graph.ir_version},
          {"producer", graph.producer},
          {"sha256", sha256_file(file)},
          {"bytes", fs::file_size(file)},
          {"params", parameters},
          {"inputs", describe_values(graph.inputs)},
          {"outputs", describe_values(graph.outputs)},
          {"operators", operators},
          {"metadata", graph.metadata}};
}

}  // namespace mlrun::deploy
