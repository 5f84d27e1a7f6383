#include "deploy/subject.h"

#include "base/error.h"
#include "base/log.h"
#include "data/read_samples.h"
#include "deploy/onnx_weights.h"
#include "engine/export_weights.h"
#include "engine/initial_weights.h"
#include "models/named_model.h"
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

torch::Tensor random_samples(std::int64_t count, std::int64_t channels, std::int64_t size) {
  auto generator = torch::make_generator<torch::CPUGeneratorImpl>(kSampleSeed);
  return torch::randn({count, channels, size, size}, generator);
}

}  // namespace

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
  subject.preprocessing["transforms"] = resolved.values.at("data").at("preprocess");
  try {
    read_samples(subject, *loaded.task, count);
  } catch (const UserError& error) {
    log::warning("random numbers stand in for samples, as the data cannot be opened: " + std::string(error.what()));
  }
  if (!subject.samples.defined()) {
    subject.samples_from = "random numbers";
    subject.samples = random_samples(count, subject.preprocessing.at("channels").get<std::int64_t>(),
                                     subject.preprocessing.at("input_size").get<std::int64_t>());
  }
  subject.metadata["recipe"] = config::to_yaml(resolved.values);
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
  subject.samples = random_samples(count, model.channels, model.input_size);
  const weights::Metadata metadata = engine::model_metadata(model);
  if (const auto classes = metadata.find("classes"); classes != metadata.end()) {
    subject.classes = Json::parse(classes->second).get<std::vector<std::string>>();
  }
  subject.preprocessing = Json::parse(metadata.at("preprocessing"));
  return subject;
}

}  // namespace mlrun::deploy
