#include "quant/int8_file.h"

#include <algorithm>
#include <map>
#include <set>

#include "quant/plan_json.h"
#include "weights/finite.h"

namespace mlrun::quant {
namespace {

constexpr const char* kMetadata = "quantization";
constexpr const char* kModels = "models";  // in it, where there are several

/// What the metadata say of a plan: of `model`, where the file has several.
std::string plan_text(const weights::Metadata& metadata, const std::string& file, const std::string& model) {
  const auto text = metadata.find(kMetadata);
  if (text == metadata.end()) throw file_error(file, "has no int8 weights", "`mlrun quantize` makes them");
  const Json json = parse_json(text->second);
  const bool several = json.is_object() && json.contains(kModels) && json.at(kModels).is_object();
  if (model.empty() && !several) return text->second;
  if (model.empty() || !several) {
    throw file_error(file,
                     std::string("holds int8 weights of ") + (several ? "several models" : "one model") +
                         ", and this task has " + (model.empty() ? "one" : "several"),
                     "name weights of this task");
  }
  const Json& plans = json.at(kModels);
  if (plans.contains(model)) return json_text(plans.at(model));
  throw file_error(file, "has no int8 weights of the model '" + model + "'", "name weights of this task");
}

/// The tensors of `model`, without its name before theirs; without a model all.
weights::NamedTensors part_of(weights::NamedTensors tensors, const std::string& model) {
  if (model.empty()) return tensors;
  weights::NamedTensors part;
  for (auto& [name, tensor] : tensors) {
    if (name.rfind(model + ".", 0) == 0) part.emplace_back(name.substr(model.size() + 1), std::move(tensor));
  }
  return part;
}

bool has_weight(const Int8Node& node) {
  return node.op == "conv2d" || node.op == "linear" || node.op == "linear_dynamic";
}

/// Hands out a file's tensors by name, each once.
class Shelf {
 public:
  Shelf(weights::NamedTensors tensors, std::string file) : file_(std::move(file)) {
    for (auto& [name, tensor] : tensors) {
      names_.push_back(name);
      tensors_.emplace(name, std::move(tensor));
    }
  }

  torch::Tensor take(const std::string& name, torch::ScalarType type) {
    torch::Tensor tensor = take_if(name, type);
    if (!tensor.defined()) throw file_error(file_, "has no " + weights::printable_name(name));
    return tensor;
  }

  torch::Tensor take_if(const std::string& name, torch::ScalarType type) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return {};
    torch::Tensor tensor = std::move(found->second);
    tensors_.erase(found);
    if (tensor.scalar_type() != type) {
      throw file_error(file_, weights::printable_name(name) + " is " + c10::toString(tensor.scalar_type()) + ", not " +
                                  c10::toString(type));
    }
    return tensor;
  }

  /// What is left, in the file's order.
  weights::NamedTensors rest() {
    weights::NamedTensors left;
    for (const auto& name : names_) {
      const auto found = tensors_.find(name);
      if (found != tensors_.end()) left.emplace_back(name, std::move(found->second));
    }
    return left;
  }

 private:
  std::string file_;
  std::vector<std::string> names_;
  std::map<std::string, torch::Tensor> tensors_;
};

void take_weight(Int8Node& node, Shelf& shelf, const std::string& file) {
  const std::string name = node.path + ".weight";
  node.weight = shelf.take(name, torch::kChar);
  node.weight_scale = shelf.take(name + "_scale", torch::kFloat);
  const torch::Tensor zero_point = shelf.take_if(name + "_zero_point", torch::kChar);  // in files of version 1
  node.bias = shelf.take_if(node.path + ".bias", torch::kFloat);
  const auto& scale = node.weight_scale;
  const bool shaped = node.weight.dim() >= 1 && (scale.dim() == 0 || (scale.dim() == 1 && scale.size(0) > 0));
  if (!shaped) throw file_error(file, weights::printable_name(name) + "_scale has a wrong shape");
  if (!((scale > 0) & scale.isfinite()).all().item<bool>()) {
    throw file_error(file, weights::printable_name(name) + "_scale has values that are no scale");
  }
  if (zero_point.defined() && zero_point.any().item<bool>()) {
    throw file_error(file, weights::printable_name(name) + "_zero_point is not 0, which int8 kernels need");
  }
  if (node.bias.defined() && !node.bias.isfinite().all().item<bool>()) {
    throw file_error(file, weights::printable_name(node.path) + ".bias has values that are not finite");
  }
}

void load_float(nn::Layer& model, const Int8File& content, const std::string& file) {
  const auto replaced = replaced_tensors(model, content.plan);
  const std::set<std::string> without(replaced.begin(), replaced.end());
  std::map<std::string, torch::Tensor> found(content.tensors.begin(), content.tensors.end());
  for (auto& [name, tensor] : nn::state_dict(model)) {
    if (without.count(name) > 0) continue;
    const auto value = found.find(name);
    if (value == found.end() || !value->second.sizes().equals(tensor.sizes())) {
      throw file_error(file, (value == found.end() ? "has no " : "has another shape of ") + name,
                       "these int8 weights are of another model");
    }
    tensor.copy_(value->second);
    found.erase(value);
  }
  if (!found.empty()) {
    throw file_error(file, "this model has no " + weights::printable_name(found.begin()->first),
                     "these int8 weights are of another model");
  }
}

}  // namespace

bool is_int8(const std::filesystem::path& file) {
  return weights::read_safetensors_header(file).metadata.count(kMetadata) > 0;
}

weights::NamedTensors int8_tensors(nn::Layer& model, const Int8Plan& plan) {
  const auto replaced = replaced_tensors(model, plan);
  const std::set<std::string> without(replaced.begin(), replaced.end());
  weights::NamedTensors tensors;
  for (const Int8Node& node : plan.nodes) {
    if (!node.weight.defined()) continue;
    const std::string name = node.path + ".weight";
    tensors.emplace_back(name, node.weight);
    tensors.emplace_back(name + "_scale", node.weight_scale);
    if (node.bias.defined()) tensors.emplace_back(node.path + ".bias", node.bias);
  }
  for (const auto& [name, tensor] : nn::state_dict(model)) {
    if (without.count(name) == 0) tensors.emplace_back(name, tensor.detach());
  }
  return tensors;
}

void write_int8(const std::filesystem::path& file, const std::vector<Int8Part>& parts,
                const weights::Metadata& metadata) {
  weights::NamedTensors tensors;
  Json plans = Json::object();
  for (const Int8Part& part : parts) {
    for (auto& [name, tensor] : int8_tensors(part.model, part.plan)) {
      tensors.emplace_back(parts.size() > 1 ? part.name + "." + name : name, std::move(tensor));
    }
    plans[part.name] = plan_json(part.plan);
  }
  weights::Metadata all = metadata;
  all[kMetadata] = json_text(parts.size() > 1 ? Json{{kModels, plans}} : plans.front());
  weights::write_safetensors(file, tensors, all);
}

Int8File read_int8(const std::filesystem::path& file, const std::string& model) {
  weights::Safetensors content = weights::read_safetensors(file);
  const std::string text = plan_text(content.metadata, file.string(), model);
  Int8File result{parse_plan(text, file.string()), {}, content.metadata};
  Shelf shelf(part_of(std::move(content.tensors), model), file.string());
  for (Int8Node& node : result.plan.nodes) {
    if (has_weight(node)) take_weight(node, shelf, file.string());
  }
  result.tensors = shelf.rest();
  weights::refuse_not_finite(result.tensors, file.string());
  return result;
}

void install_int8(const std::filesystem::path& file, const engine::Models& models) {
  const torch::NoGradGuard no_gradients;
  for (const auto& [name, model] : models) {
    Int8File content = read_int8(file, models.size() > 1 ? name : "");
    check_plan(*model, content.plan, file.string());
    load_float(*model, content, file.string());
    attach_int8(*model, std::move(content.plan), file.string());
  }
}

}  // namespace mlrun::quant
