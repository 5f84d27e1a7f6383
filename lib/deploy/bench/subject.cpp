#include "deploy/bench/subject.h"

#include <tuple>

#include "base/error.h"
#include "base/log.h"
#include "data/transforms/transform.h"
#include "deploy/onnx/weights.h"
#include "deploy/task_samples.h"
#include "engine/ports.h"
#include "engine/run/initial_weights.h"
#include "models/named_model.h"
#include "nn/profile.h"
#include "quant/runner.h"

namespace mlrun::deploy {
namespace {

constexpr const char* kWeightsKey = "model.weights";

std::vector<config::Override> of_model(const std::vector<config::Override>& overrides) {
  std::vector<config::Override> found;
  for (const auto& override : overrides) {
    if (override.key == "model" || override.key.rfind("model.", 0) == 0) found.push_back(override);
  }
  return found;
}

/// Height and width of the images that the task's model `name` sees: its transforms tell, or else its data.
std::pair<std::int64_t, std::int64_t> own_size(engine::Task& task, const std::string& name,
                                               const config::Recipe& recipe) {
  const Json facts = task.preprocessing();
  if (facts.contains("input_size")) return data::sides_of(facts.at("input_size"));
  std::string reason = "there are no samples";
  try {
    const TaskSamples samples = read_task_samples(task, 1);
    if (!samples.inputs.empty()) {
      const torch::Tensor& images = samples.inputs.at(name).at(0);
      return {images.size(2), images.size(3)};
    }
  } catch (const UserError& error) {
    reason = error.what();
  }
  const auto published = models::preprocessing_facts(recipe.model).at("input_size").get<std::int64_t>();
  log::warning("the run's transforms leave images as large as the data have them, and the data cannot be read (" +
               reason + "): measuring at " + std::to_string(published) + " px, for which " +
               recipe.model.architecture.name + " was published; --size names another");
  return {published, published};
}

/// What a model without images is measured on: its data's first sample.
BenchSubject with_sample(BenchSubject subject, engine::Task& task, const std::string& name, std::int64_t size) {
  if (size > 0) throw UserError("--size is of images, and this task has none", "leave it out");
  TaskSamples read = read_task_samples(task, 1);
  if (!read.inputs.empty()) {
    subject.sample = std::move(read.inputs.at(name));
    return subject;
  }
  throw UserError("the data set '" + task.data().name + "' has no sample that can be read", "mend the data");
}

/// An ONNX file's input is what it is.
void take_file_size(BenchSubject& subject, const std::filesystem::path& file, std::int64_t size) {
  const OnnxImages images = onnx_images(file);
  subject.engine = kOnnxEngine;
  subject.bytes = images.bytes;
  if (images.channels > 0) subject.channels = images.channels;
  if (images.height <= 0 || images.width <= 0) return;
  if (size > 0 && (size != images.height || size != images.width)) {
    throw file_error(file.string(),
                     "takes images of " + std::to_string(images.height) + "x" + std::to_string(images.width) +
                         " px alone, not of --size " + std::to_string(size),
                     "leave --size out");
  }
  subject.height = images.height;
  subject.width = images.width;
}

}  // namespace

BenchSubject bench_subject(const std::string& name, const std::vector<config::Override>& overrides, std::int64_t size) {
  const models::NamedModel model = models::make_named(name, overrides);
  nn::initialise(*model.layer, 0);
  if (model.section.weights.file) engine::load_initial_weights(*model.layer, model.section);
  model.layer->eval();
  const std::string weights = model.section.weights.file ? model.section.weights.file->string() : "seed 0";
  const std::int64_t side = size > 0 ? size : model.input_size;
  return {name, weights, model.layer, model.channels, side, side, false, ""};
}

BenchSubject bench_subject(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                           const engine::WeightChoice& weights, std::int64_t size, const std::string& submodel) {
  config::Resolved here = resolved;
  here.recipe.train.device = "cpu";
  here.recipe.train.memory_format = "contiguous";
  const engine::Loaded loaded = engine::load(tasks, here, weights);
  BenchSubject subject;
  const auto& [name, model] = engine::chosen_model(loaded.task->models(), submodel);
  subject.name = submodel.empty() ? resolved.recipe.model.architecture.name : name;
  subject.weights = loaded.weights;
  subject.model = model;
  subject.model->eval();
  if (quant::int8_runner(*subject.model) != nullptr) subject.engine = "int8";
  const Json facts = loaded.task->preprocessing();
  const bool images = facts.contains("input_channels") && nn::tensor_count(model->interface().inputs) == 1;
  if (!images) return with_sample(std::move(subject), *loaded.task, name, size);
  subject.channels = facts.at("input_channels").get<std::int64_t>();
  if (is_onnx(weights.file)) take_file_size(subject, weights.file, size);
  if (subject.height > 0) return subject;
  if (size > 0) subject.height = subject.width = size;
  else std::tie(subject.height, subject.width) = own_size(*loaded.task, name, resolved.recipe);
  return subject;
}

config::Resolved bench_recipe(const engine::TaskFactory& tasks, const config::Catalogue& catalogue,
                              const std::string& name, const std::vector<config::Override>& overrides,
                              std::int64_t batch, std::int64_t size) {
  const models::NamedModel model = models::make_named(name, of_model(overrides));
  const std::string text = tasks.alone(model.task, name).recipe(model, batch, size > 0 ? size : model.input_size);
  config::LayerRequest request{"--model " + name, {}};
  for (const auto& override : overrides) {
    if (override.key != kWeightsKey) request.overrides.push_back(override);  // speed does not depend on them
  }
  return config::resolve(text, request, catalogue);
}

void add_made_up_sample(BenchSubject& subject, const engine::TaskFactory& tasks, const config::Catalogue& catalogue,
                        const std::vector<config::Override>& overrides, std::int64_t size) {
  if (nn::tensor_count(subject.model->interface().inputs) == 1) return;
  const config::Resolved resolved = bench_recipe(tasks, catalogue, subject.name, overrides, 1, size);
  const auto task = tasks.make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  subject.sample = read_task_samples(*task, 1).inputs.at(task->models().front().first);
}

std::int64_t count_macs(nn::Layer& model, const std::string& name, std::int64_t channels, std::int64_t height,
                        std::int64_t width) {
  const std::string pixels =
      height == width ? std::to_string(height) : std::to_string(height) + "x" + std::to_string(width);
  const std::string what = name + " takes no images of " + pixels + " px";
  try {
    return nn::profile_anyhow(model, {1, channels, height, width}).macs;
  } catch (const UserError& error) {
    throw UserError(what + ": " + error.problems().front().message, "choose another --size");
  } catch (const c10::Error&) {
    throw UserError(what, "choose another --size, or leave it out");
  }
}

void check_size(const std::string& name, const std::vector<config::Override>& overrides, std::int64_t size) {
  const models::NamedModel model = models::make_named(name, overrides);
  count_macs(*model.layer, name, model.channels, size, size);
}

}  // namespace mlrun::deploy
