#include "deploy/subject.h"

#include "base/error.h"
#include "base/log.h"
#include "data/read_samples.h"
#include "data/transforms/presets.h"
#include "data/transforms/transform.h"
#include "deploy/image_input.h"
#include "deploy/onnx/weights.h"
#include "engine/run/export_weights.h"
#include "engine/run/run_directory.h"
#include "engine/run/weights_metadata.h"
#include "engine/train/initial_weights.h"
#include "models/named_model.h"
#include "quant/runner.h"
#include "weights/file.h"

namespace mlrun::deploy {
namespace {

constexpr std::int64_t kSampleSeed = 0;

std::shared_ptr<const data::Source> samples_source(engine::Task& task, std::string& from) {
  for (const auto split : {data::Split::Test, data::Split::Val, data::Split::Train}) {
    auto source = task.evaluation_source(split);
    if (!source || source->size() == 0) continue;
    from = task.data().name + " " + data::split_name(split);
    return source;
  }
  return nullptr;
}

/// Reads samples that are spread over the whole split; the subject stays without where none can be read.
void read_samples(Subject& subject, engine::Task& task, std::int64_t count) {
  const auto source = samples_source(task, subject.samples_from);
  if (!source) return;
  const std::int64_t total = source->size();
  std::vector<data::SampleKey> keys;
  for (std::int64_t i = 0; i < std::min(count, total); ++i) keys.push_back({i * total / std::min(count, total), 0, 0});
  data::SamplesRead read = data::read_samples(*source, keys, data::OnError::Skip);
  if (read.samples.empty()) return;
  const data::Batch batch = task.collate(std::move(read.samples));
  for (const auto& field : batch.inputs) {
    if (const auto* tensor = std::get_if<torch::Tensor>(&field.second)) subject.samples = *tensor;
  }
  subject.sample_ids = batch.ids;
}

torch::Tensor random_samples(std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width) {
  auto generator = torch::make_generator<torch::CPUGeneratorImpl>(kSampleSeed);
  return torch::randn({count, channels, height, width}, generator);
}

data::TransformContext context_of(const Json& preprocessing) {
  data::TransformContext context;
  context.channels = preprocessing.at("channels").get<std::int64_t>();
  context.input_size = preprocessing.at("input_size").get<std::int64_t>();
  context.resize_size = preprocessing.value("resize_size", context.input_size);
  context.interpolation = preprocessing.value("interpolation", context.interpolation);
  context.mean = preprocessing.value("mean", context.mean);
  context.deviation = preprocessing.value("std", context.deviation);
  return context;
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

torch::Tensor Subject::outputs(const torch::Tensor& given) const { return (*model)(before ? before(given) : given); }

Subject subject_of(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                   const engine::WeightChoice& weights, std::int64_t count) {
  if (is_onnx(weights.file)) {
    throw file_error(weights.file.string(), "is an ONNX file, which has no layers to export",
                     "export the run or the weight file that it was made from");
  }
  config::Resolved here = resolved;
  here.recipe.train.device = "cpu";
  here.recipe.train.memory_format = "contiguous";
  engine::Loaded loaded = engine::load(tasks, here, weights);
  Subject subject;
  subject.name = resolved.recipe.model.architecture.name;
  subject.weights = loaded.weights;
  subject.model = loaded.task->models().front().second;
  subject.classes = loaded.task->data().classes;
  subject.preprocessing = loaded.task->preprocessing();
  subject.transforms = resolved.recipe.data.preprocess;
  subject.preprocessing["transforms"] = resolved.values.at("data").at("preprocess");
  try {
    read_samples(subject, *loaded.task, count);
  } catch (const UserError& error) {
    log::warning("random numbers stand in for samples, as the data cannot be opened: " + std::string(error.what()));
  }
  if (!subject.samples.defined()) {
    subject.samples_from = "random numbers";
    const auto size = subject.preprocessing.at("input_size").get<std::int64_t>();
    subject.samples = random_samples(count, subject.preprocessing.at("channels").get<std::int64_t>(), size, size);
  }
  subject.metadata["recipe"] = engine::carried_recipe(resolved);
  subject.metadata["data"] = json_text(engine::to_json(loaded.task->data()));
  if (const auto* int8 = quant::int8_runner(*subject.model))
    subject.metadata["quantization"] = int8_settings(int8->plan());
  return subject;
}

Subject subject_of(const std::string& name, const std::vector<config::Override>& overrides, std::uint64_t seed,
                   std::int64_t count) {
  const models::NamedModel model = models::make_named(name, overrides);
  nn::initialise(*model.layer, seed);
  if (model.section.weights.file) engine::load_initial_weights(*model.layer, model.section);
  model.layer->eval();
  Subject subject;
  subject.name = model.section.architecture.name;
  subject.weights = model.section.weights.file ? model.section.weights.file->string() : "seed " + std::to_string(seed);
  subject.model = model.layer;
  subject.samples_from = "random numbers";
  subject.samples = random_samples(count, model.channels, model.input_size, model.input_size);
  const weights::Metadata metadata = engine::model_metadata(model);
  if (const auto classes = metadata.find("classes"); classes != metadata.end()) {
    subject.classes = parse_json(classes->second).get<std::vector<std::string>>();
  }
  subject.preprocessing = parse_json(metadata.at("preprocessing"));
  subject.transforms = {{"classification_eval", std::make_shared<data::ClassificationEvalOptions>()}};
  return subject;
}

void set_size(Subject& subject, std::int64_t height, std::int64_t width) {
  if (subject.samples.size(2) == height && subject.samples.size(3) == width) return;
  subject.samples = random_samples(subject.samples.size(0), subject.samples.size(1), height, width);
  subject.samples_from = "random numbers";
  subject.sample_ids.clear();
  if (height == width) subject.preprocessing["input_size"] = height;
  else subject.preprocessing["input_size"] = {height, width};
}

void take_images(Subject& subject, const std::optional<std::pair<std::int64_t, std::int64_t>>& size) {
  const data::TransformContext context = context_of(subject.preprocessing);
  const auto [height, width] = size.value_or(std::pair(subject.samples.size(2), subject.samples.size(3)));
  const auto input = std::make_shared<const ImageInput>(subject.transforms, context, height, width);
  if (input->resizes() && !size) {
    throw UserError("--with-preprocess: the recipe resizes images, and a file does that for one size alone",
                    "name it by --input-size HxW");
  }
  const auto pipeline = std::make_shared<const data::Pipeline>(subject.transforms, context, "data.preprocess");
  subject.recorded = [input](const torch::Tensor& images) { return (*input)(images); };
  subject.before = [pipeline](const torch::Tensor& images) {
    std::vector<torch::Tensor> done;
    for (const auto& image : images.unbind()) done.push_back(pipeline->apply(image.contiguous(), {0, 0, 0}));
    return torch::stack(done);
  };
  auto generator = torch::make_generator<torch::CPUGeneratorImpl>(kSampleSeed);
  subject.samples =
      torch::randint(256, {subject.samples.size(0), height, width, context.channels}, generator, torch::kByte);
  subject.samples_from = "random numbers";
  subject.sample_ids.clear();
}

}  // namespace mlrun::deploy
