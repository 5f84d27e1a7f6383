#include "deploy/subject.h"

#include "base/error.h"
#include "base/log.h"
#include "data/transforms/transform.h"
#include "deploy/detectors/subject.h"
#include "deploy/image_input.h"
#include "deploy/onnx/weights.h"
#include "deploy/task_samples.h"
#include "engine/ports.h"
#include "engine/run/export_weights.h"
#include "engine/run/initial_weights.h"
#include "engine/run/run_directory.h"
#include "engine/run/weights_metadata.h"
#include "models/image_context.h"
#include "models/named_model.h"
#include "quant/runner.h"
#include "weights/file.h"

namespace mlrun::deploy {
namespace {

constexpr std::int64_t kSampleSeed = 0;

torch::Tensor random_samples(std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width) {
  auto generator = torch::make_generator<torch::CPUGeneratorImpl>(kSampleSeed);
  return torch::randn({count, channels, height, width}, generator);
}

/// Samples of the task's data as its model `name` sees them; random numbers, and a warning, where they cannot be
/// opened.
void take_samples(ExportSubject& subject, engine::Task& task, const std::string& name, std::int64_t count) {
  const bool images = subject.preprocessing.contains("input_channels");
  try {
    TaskSamples read = read_task_samples(task, count);
    if (!read.inputs.empty()) subject.samples = std::move(read.inputs.at(name));
    subject.sample_ids = read.ids;
    subject.samples_from = read.from;
  } catch (const UserError& error) {
    if (!images) throw;
    log::warning("random numbers stand in for samples, as the data cannot be opened: " + std::string(error.what()));
  }
  if (!subject.samples.empty()) return;
  if (!images) throw UserError("the data set '" + task.data().name + "' has no samples to check with", "give it some");
  const Json& facts = subject.preprocessing;
  const auto [height, width] = data::sides_of(facts.value("input_size", Json(subject.context.input_size)));
  subject.samples_from = "random numbers";
  subject.sample_ids.clear();
  subject.samples = {random_samples(count, facts.at("input_channels").get<std::int64_t>(), height, width)};
}

void require_images(const ExportSubject& subject, const std::string& option) {
  if (subject.takes_images()) return;
  throw UserError(option + " is for models that take images, and " + subject.name + " takes none", "leave it out");
}

/// How an int8 model was made, and what of it is float.
std::string int8_settings(const quant::Int8Plan& plan) {
  Json layers = Json::array();
  for (const auto& layer : plan.float_layers) layers.push_back(layer.path);
  return json_text({{"method", plan.method},
                    {"engine", plan.engine},
                    {"reduce_range", plan.reduce_range},
                    {"int8_layers", quant::int8_layers(plan)},
                    {"float_layers", layers}});
}

}  // namespace

nn::Tensors ExportSubject::outputs(const nn::Tensors& given) const {
  return model->run(before ? nn::Tensors{before(given.at(0))} : given);
}

ExportSubject subject_of(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                         const engine::WeightChoice& weights, std::int64_t count, const std::string& submodel) {
  if (is_onnx(weights.file)) {
    throw file_error(weights.file.string(), "is an ONNX file, which has no layers to export",
                     "export the run or the weight file that it was made from");
  }
  config::Resolved here = resolved;
  here.recipe.train.device = "cpu";
  here.recipe.train.memory_format = "contiguous";
  engine::Loaded loaded = engine::load(tasks, here, weights);
  const auto& [name, model] = engine::chosen_model(loaded.task->models(), submodel);
  ExportSubject subject;
  subject.name = submodel.empty() ? resolved.recipe.model.architecture.name : name;
  subject.weights = loaded.weights;
  subject.model = model;
  subject.interface = nn::lasting(model->interface());
  subject.classes = loaded.task->data().classes;
  subject.preprocessing = loaded.task->preprocessing();
  if (subject.preprocessing.contains("channels")) {  // of images
    subject.transforms = resolved.recipe.data.preprocess;
    subject.preprocessing["transforms"] = resolved.values.at("data").at("preprocess");
    subject.context =
        models::transform_context(resolved.recipe.model, subject.preprocessing.at("channels").get<std::int64_t>());
  }
  take_samples(subject, *loaded.task, name, count);
  if (subject.takes_images()) {
    subject.preprocessing["input_size"] = data::size_json(subject.samples[0].size(2), subject.samples[0].size(3));
  }
  subject.metadata["recipe"] = engine::carried_recipe(resolved);
  subject.metadata["data"] = json_text(engine::to_json(loaded.task->data()));
  if (const auto* int8 = quant::int8_runner(*subject.model))
    subject.metadata["quantization"] = int8_settings(int8->plan());
  return subject;
}

ExportSubject subject_of(const engine::TaskFactory& tasks, const data::TransformFactory& transforms,
                         const std::string& name, const std::vector<config::Override>& overrides, std::uint64_t seed,
                         std::int64_t count) {
  const models::NamedModel model = models::make_named(name, overrides);
  model.layer->eval();
  ExportSubject subject;
  subject.model = model.layer;
  if (nn::tensor_count(model.layer->interface().inputs) > 1 && !is_detector(subject)) {
    throw UserError("--model " + name + ": it takes more than an image, and has no samples to check an export with",
                    "export a run of it");
  }
  nn::initialise(*model.layer, seed);
  if (model.section.weights.file) engine::load_initial_weights(*model.layer, model.section);
  subject.name = model.section.architecture.name;
  subject.weights = model.section.weights.file ? model.section.weights.file->string() : "seed " + std::to_string(seed);
  subject.interface = nn::lasting(model.layer->interface());
  subject.samples_from = "random numbers";
  if (is_detector(subject)) subject.samples = random_images(*model.layer, count);
  else subject.samples = {random_samples(count, model.channels, model.input_size, model.input_size)};
  const weights::Metadata metadata = engine::model_metadata(model);
  if (const auto classes = metadata.find("classes"); classes != metadata.end()) {
    subject.classes = parse_json(classes->second).get<std::vector<std::string>>();
  }
  subject.transforms = tasks.alone(model.task, name).preprocess;
  subject.context = models::transform_context(model.section, model.channels);
  const data::Pipeline pipeline(transforms, subject.transforms, subject.context, "data.preprocess");
  subject.preprocessing = {{"channels", model.channels}, {"input_channels", pipeline.channels()}};
  subject.preprocessing.update(pipeline.facts());
  return subject;
}

void set_size(ExportSubject& subject, std::int64_t height, std::int64_t width) {
  require_images(subject, "--size");
  torch::Tensor& images = subject.samples.front();
  if (images.size(2) == height && images.size(3) == width) return;
  images = random_samples(images.size(0), images.size(1), height, width);
  subject.samples_from = "random numbers";
  subject.sample_ids.clear();
  subject.preprocessing["input_size"] = data::size_json(height, width);
}

void take_images(ExportSubject& subject, const data::TransformFactory& transforms,
                 const std::optional<std::pair<std::int64_t, std::int64_t>>& size) {
  require_images(subject, "--with-preprocess");
  const data::TransformContext& context = subject.context;
  torch::Tensor& samples = subject.samples.front();
  const auto [height, width] = size.value_or(std::pair(samples.size(2), samples.size(3)));
  const auto input = std::make_shared<const ImageInput>(transforms, subject.transforms, context, height, width);
  if (input->resizes() && !size) {
    throw UserError("--with-preprocess: the recipe resizes images, and a file does that for one size alone",
                    "name it by --input-size HxW");
  }
  const auto pipeline =
      std::make_shared<const data::Pipeline>(transforms, subject.transforms, context, "data.preprocess");
  subject.recorded = [input](const torch::Tensor& images) { return (*input)(images); };
  subject.before = [pipeline](const torch::Tensor& images) {
    std::vector<torch::Tensor> done;
    for (const auto& image : images.unbind()) done.push_back(pipeline->apply(image.contiguous(), {0, 0, 0}));
    return torch::stack(done);
  };
  auto generator = torch::make_generator<torch::CPUGeneratorImpl>(kSampleSeed);
  samples = torch::randint(256, {samples.size(0), height, width, context.channels}, generator, torch::kByte);
  subject.samples_from = "random numbers";
  subject.sample_ids.clear();
}

}  // namespace mlrun::deploy
