#include "engine/average/files.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "config/layers.h"
#include "optim/averaging.h"
#include "report/format.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostDifferences = 5;

std::string sizes_text(const torch::Tensor& tensor) {
  std::string text = "[";
  for (std::int64_t i = 0; i < tensor.dim(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(tensor.size(i));
  return text + "]";
}

/// The seed of a training that drew its first weights; empty where weights began with others, or do not tell.
std::string drawn_from(const weights::Metadata& metadata) {
  const auto recipe = metadata.find("recipe");
  if (recipe == metadata.end()) return "";
  const config::Node root = config::parse_yaml(recipe->second, "recipe");
  const auto value = [&root](const char* section, const char* key) -> const config::Node* {
    const config::Node* found = root.find(section);
    return found != nullptr ? found->find(key) : nullptr;
  };
  const config::Node* weights = value("model", "weights");
  const config::Node* file =
      weights != nullptr && weights->type == config::Node::Type::Map ? weights->find("file") : weights;
  const config::Node* seed = value("train", "seed");
  const bool drawn = file == nullptr || file->type == config::Node::Type::Null;
  return drawn && seed != nullptr ? seed->scalar : "";
}

/// How a set differs from the first one; empty where it does not.
std::vector<std::string> differences(const weights::NamedTensors& first, const weights::NamedTensors& other) {
  std::map<std::string, torch::Tensor> given(other.begin(), other.end());
  std::vector<std::string> found;
  for (const auto& [name, tensor] : first) {
    const auto at = given.find(name);
    if (at == given.end()) {
      found.push_back("lacks " + name);
      continue;
    }
    if (at->second.sizes() != tensor.sizes()) {
      found.push_back(name + " is " + sizes_text(at->second) + " instead of " + sizes_text(tensor));
    } else if (at->second.is_floating_point() != tensor.is_floating_point()) {
      found.push_back(name + " is " + torch::toString(at->second.scalar_type()) + " instead of " +
                      torch::toString(tensor.scalar_type()));
    }
    given.erase(at);
  }
  for (const auto& item : given) found.push_back("has " + item.first + " besides");
  return found;
}

void check_like_first(const AverageInput& input, const AverageInput& first, const weights::NamedTensors& expected,
                      const weights::NamedTensors& given) {
  const auto found = differences(expected, given);
  if (found.empty()) return;
  std::string text;
  for (std::size_t i = 0; i < found.size() && i < kMostDifferences; ++i) text += (i == 0 ? "" : ", ") + found[i];
  if (found.size() > kMostDifferences) text += " and " + std::to_string(found.size() - kMostDifferences) + " more";
  throw file_error(input.file.string(), "is not of the same model as " + first.file.string() + ": " + text,
                   "average weights of one architecture with one number of classes");
}

void refuse_quantized(const AverageInput& input, const weights::WeightFile& file) {
  const bool quantized = file.metadata.count("quantization") != 0 ||
                         std::any_of(file.tensors.begin(), file.tensors.end(), [](const auto& item) {
                           return item.second.is_quantized() || item.second.scalar_type() == torch::kChar;
                         });
  if (quantized) {
    throw file_error(input.file.string(), "is a quantized model, whose weights cannot be averaged",
                     "average the float weights and quantize the result");
  }
}

/// `other`, which is given up, in the order of `first`.
weights::NamedTensors in_order(const weights::NamedTensors& first, weights::NamedTensors other) {
  std::map<std::string, torch::Tensor> given(std::make_move_iterator(other.begin()),
                                             std::make_move_iterator(other.end()));
  weights::NamedTensors ordered;
  for (const auto& item : first) ordered.emplace_back(item.first, std::move(given.at(item.first)));
  return ordered;
}

/// A file by its name and its place in a run: what is given away does not say where the run lay.
std::string place_in_run(const fs::path& file) {
  if (file.is_relative()) return file.string();
  constexpr std::ptrdiff_t kParts = 4;  // RUN/checkpoints/step-00000100/model.safetensors
  auto part = file.begin();
  std::advance(part, std::max<std::ptrdiff_t>(1, std::distance(file.begin(), file.end()) - kParts));
  fs::path place;
  for (; part != file.end(); ++part) place /= *part;
  return place.string();
}

/// Names and shapes without the bytes.
weights::NamedTensors outline(const weights::NamedTensors& tensors) {
  weights::NamedTensors shapes;
  for (const auto& [name, tensor] : tensors) {
    shapes.emplace_back(name, torch::empty(tensor.sizes(), tensor.options().device(torch::kMeta)));
  }
  return shapes;
}

}  // namespace

AveragedWeights average_files(const std::vector<AverageInput>& inputs, std::optional<double> ema_decay) {
  MLRUN_ASSERT(!inputs.empty(), "an average of nothing");
  optim::EqualAverage equal;
  optim::ExponentialAverage exponential(ema_decay.value_or(0));
  AveragedWeights result;
  const bool uniform =
      std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.share == inputs.front().share; });
  weights::NamedTensors first;
  Json sources = Json::array();
  for (const auto& input : inputs) {
    weights::WeightFile file = weights::read_weights(input.file, input.entry);
    refuse_quantized(input, file);
    weights::refuse_not_finite(file.tensors, input.file.string());
    if (first.empty()) {
      first = outline(file.tensors);
      result.metadata = file.metadata;
    }
    check_like_first(input, inputs.front(), first, file.tensors);
    if (const std::string seed = drawn_from(file.metadata); !seed.empty()) result.seeds.insert(seed);
    auto ordered = in_order(first, std::move(file.tensors));
    if (ema_decay) exponential.add(ordered);
    else equal.add(std::move(ordered), uniform ? 1 : input.share);
    sources.push_back(
        {{"file", place_in_run(input.file)}, {"sha256", sha256_file(input.file)}, {"share", input.share}});
  }
  result.tensors = ema_decay ? exponential.mean() : equal.release_mean();
  result.metadata["averaged_from"] = json_text(sources);
  result.metadata["averaging"] = ema_decay ? "ema, decay " + report::shortest(*ema_decay) : "equal";
  result.metadata.emplace("format", "pt");
  return result;
}

}  // namespace mlrun::engine
