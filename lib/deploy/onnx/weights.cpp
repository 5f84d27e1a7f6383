#include "deploy/onnx/weights.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "deploy/onnx/graph.h"
#include "deploy/onnx/model.h"
#include "engine/run/run_directory.h"
#include "nn/tensors.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

std::string tensors(std::size_t count) { return std::to_string(count) + (count == 1 ? " tensor" : " tensors"); }

/// Runs the graph in the root's place. Where that scores images, the layers below are only asked how many classes there
/// are.
class OnnxSubstitute : public nn::Substitute {
 public:
  OnnxSubstitute(const nn::Layer& root, const fs::path& file) : root_(root), file_(file.string()) {
    OnnxGraph graph = read_onnx(file);
    check_doors(graph);
    const auto& shape = graph.inputs.front().shape;
    const bool images = graph.inputs.size() == 1 && (!shape || shape->size() == 4);
    if (images) scorer_ = std::make_unique<OnnxScorer>(std::move(graph));
    else model_ = std::make_unique<OnnxModel>(std::move(graph));
  }

  /// Of a graph that scores images.
  std::optional<OnnxOutputs> outputs() const { return scorer_ ? std::optional(scorer_->outputs()) : std::nullopt; }

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    if (&layer != &root_ || nn::on_meta(inputs)) return proceed(inputs);
    if (model_) return run_model(inputs);
    const torch::Tensor& images = inputs.front();
    const torch::Tensor outputs = (*scorer_)(images);
    if (!checked_) check_classes(outputs.size(1), expected_classes(images, proceed));
    checked_ = true;
    return {outputs.to(images.device())};
  }

 private:
  /// UserError where the graph takes or gives another number of tensors than the model that it stands for.
  void check_doors(const OnnxGraph& graph) const {
    const nn::Interface wanted = nn::lasting(root_.interface());
    const std::size_t inputs = nn::tensor_count(wanted.inputs), outputs = nn::tensor_count(wanted.outputs);
    if (graph.inputs.size() == inputs && graph.outputs.size() >= outputs) return;
    throw file_error(file_,
                     "takes " + tensors(graph.inputs.size()) + " and gives " + std::to_string(graph.outputs.size()) +
                         ", and the recipe's model takes " + tensors(inputs) + " and gives " + std::to_string(outputs),
                     "name the recipe that it was exported from");
  }

  nn::Tensors run_model(const nn::Tensors& inputs) const {
    nn::Tensors given;
    for (const auto& input : inputs) given.push_back(input.to(torch::kCPU));
    nn::Tensors outputs = model_->run(given);
    outputs.resize(nn::tensor_count(nn::lasting(root_.interface()).outputs));
    for (auto& output : outputs) output = output.to(inputs.front().device());
    return outputs;
  }

  /// What the model that the graph stands for would put out; nothing where it does not take such images.
  static std::optional<std::int64_t> expected_classes(const torch::Tensor& images, const Proceed& proceed) {
    try {
      return proceed({images.to(torch::kMeta)}).front().size(1);
    } catch (const UserError&) {
      return std::nullopt;
    } catch (const c10::Error&) {  // it does not run on shapes alone
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
  std::unique_ptr<OnnxScorer> scorer_;  // this, or
  std::unique_ptr<OnnxModel> model_;    // that
  std::string file_;
  bool checked_ = false;
};

/// The child of a model's root that owns the substitute. Nobody calls it.
class OnnxHolder : public nn::UnaryLayer {
 public:
  explicit OnnxHolder(std::shared_ptr<OnnxSubstitute> substitute)
      : UnaryLayer("OnnxModel"), substitute_(std::move(substitute)) {}
  torch::Tensor forward(const torch::Tensor& input) override { return input; }
  std::optional<OnnxOutputs> outputs() const { return substitute_->outputs(); }

 private:
  std::shared_ptr<OnnxSubstitute> substitute_;
};

void attach(nn::Layer& model, const fs::path& file) {
  auto substitute = std::make_shared<OnnxSubstitute>(model, file);
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
    if (models.size() > 1) {
      throw file_error(file.string(), "holds one model, and this task has " + std::to_string(models.size()),
                       "use the weights of the run");
    }
    attach(*models.front().second, file);
  };
  const auto metadata = read_onnx_header(file).metadata;
  if (const auto data = metadata.find("data"); data != metadata.end()) {
    choice.known = engine::data_info(parse_json(data->second));
  }
  return choice;
}

std::optional<OnnxOutputs> onnx_outputs(const engine::Models& models) {
  for (const auto& model : models) {
    for (const auto& layer : model.second->layers()) {
      if (const auto* holder = dynamic_cast<const OnnxHolder*>(layer.get())) return holder->outputs();
    }
  }
  return std::nullopt;
}

OnnxImages onnx_images(const fs::path& file) {
  OnnxImages found;
  const OnnxGraph header = read_onnx_header(file);
  if (header.inputs.empty()) return found;
  const OnnxValue& input = header.inputs.front();
  found.bytes = input.dtype == torch::kByte;
  if (!input.shape || input.shape->size() != 4) return found;
  std::vector<std::int64_t> sizes(input.shape->begin() + 1, input.shape->end());
  const auto few = [](std::int64_t channels) { return channels == 1 || channels == 3; };
  if (!few(sizes.front()) && few(sizes.back())) std::rotate(sizes.begin(), sizes.end() - 1, sizes.end());
  found.channels = sizes[0];
  found.height = sizes[1];
  found.width = sizes[2];
  return found;
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
