#include "recipes/classification/task.h"

#include <algorithm>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "data/batch_memory.h"
#include "data/image/decode.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/transform.h"
#include "metrics/registry.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "recipes/classification/class_match.h"
#include "recipes/classification/combination.h"
#include "recipes/classification/losses.h"
#include "recipes/classification/mixing.h"
#include "recipes/classification/prepared_source.h"
#include "recipes/classification/size_check.h"

namespace mlrun::classification {
namespace {

struct TaskOptions {
  config::Component loss;
  double aux_weight = 0.3;
  double mixup_alpha = 0, cutmix_alpha = 0;

  static void declare(config::Declare<TaskOptions>& d) {
    d("loss", &TaskOptions::loss, "what training lowers").component("loss", "cross_entropy");
    d("aux_weight", &TaskOptions::aux_weight,
      "weight of the loss of each auxiliary classifier, where the model has any (googlenet, inception_v3)")
        .min(0);
    d("mixup_alpha", &TaskOptions::mixup_alpha,
      "blend images with one another (Zhang et al., ICLR 2018), shares drawn from Beta(alpha, alpha); 0: never")
        .min(0);
    d("cutmix_alpha", &TaskOptions::cutmix_alpha,
      "put a part of one image into another (Yun et al., ICCV 2019), likewise; where both are set, one by chance for "
      "each micro-batch")
        .min(0);
  }
};

}  // namespace

data::TransformContext transform_context(const config::Recipe& recipe, std::int64_t channels) {
  const Json facts = models::preprocessing_facts(recipe.model);
  data::TransformContext context;
  context.input_size = facts.at("input_size").get<std::int64_t>();
  context.resize_size = facts.at("resize_size").get<std::int64_t>();
  context.channels = channels;
  context.interpolation = facts.value("interpolation", context.interpolation);
  context.mean = facts.value("mean", context.mean);
  context.deviation = facts.value("std", context.deviation);
  return context;
}

namespace {

/// Half precision is for the model: losses are taken in float32 at least.
torch::Tensor at_least_single(const torch::Tensor& logits) {
  const bool half = logits.scalar_type() == torch::kHalf || logits.scalar_type() == torch::kBFloat16;
  return half ? logits.to(torch::kFloat) : logits;
}

std::string shape_text(const torch::Tensor& image) {
  return std::to_string(image.size(1)) + "x" + std::to_string(image.size(2));
}

class ClassificationTask : public engine::Task {
 public:
  ClassificationTask(const TaskOptions& options, const engine::TaskRequest& request);

  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override {
    return prepared(split, split == data::Split::Train ? augment_ : preprocess_);
  }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override {
    return prepared(split, preprocess_);
  }
  data::Batch collate(std::vector<data::Sample> samples) const override;
  void train(engine::Step& step, const data::Batch& batch) override;
  data::Fields predict(const data::Batch& batch) override;
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split split) const override;
  std::string headline() const override { return "acc1"; }
  std::string unit() const override { return "images"; }
  data::Sample read(const std::filesystem::path& file) const override;
  Json answers(const data::Fields& prediction, std::int64_t row, std::int64_t most) const override;
  Json preprocessing() const override;
  std::optional<torch::Tensor> picture(const data::Sample& sample, bool augmented) const override {
    return (augmented ? augment_ : preprocess_)->viewable(sample.inputs.tensor("image"));
  }
  std::unique_ptr<engine::Combination> combination() const override { return std::make_unique<MeanProbabilities>(); }

 private:
  std::shared_ptr<const data::Source> prepared(data::Split split, std::shared_ptr<const data::Pipeline> pipeline);
  void open_data();
  /// UserError where the recipe's options do not fit the number of the data's classes.
  void check_classes() const;
  /// Brings data that the model was not trained on to its classes.
  void take_over(const data::DataInfo& now);
  void build_model();

  config::Recipe recipe_;
  std::unique_ptr<Loss> loss_;
  double aux_weight_;
  Mixing mixing_;
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  std::vector<std::int64_t> labels_;  // what the model calls the classes of other data; empty: as they do
  engine::Models models_;
  std::shared_ptr<const data::Pipeline> augment_, preprocess_;
};

ClassificationTask::ClassificationTask(const TaskOptions& options, const engine::TaskRequest& request)
    : recipe_(request.recipe),
      loss_(losses().make(options.loss)),
      aux_weight_(options.aux_weight),
      mixing_(options.mixup_alpha, options.cutmix_alpha) {
  if (request.known) {
    info_ = *request.known;
  } else {
    open_data();
    info_ = dataset_->info();
    check_classes();
  }
  auto context = transform_context(recipe_, info_.channels);
  context.channels_last = recipe_.train.memory_format == "channels_last";
  context.scaled_decoding = recipe_.data.scaled_decoding;
  augment_ = std::make_shared<data::Pipeline>(recipe_.data.augment, context, "data.augment");
  context.scaled_decoding = false;  // evaluation keeps its bits
  preprocess_ = std::make_shared<data::Pipeline>(recipe_.data.preprocess, context, "data.preprocess");
  build_model();
}

void ClassificationTask::open_data() {
  dataset_ = data::sources().make(
      recipe_.data.source,
      data::OpenRequest{recipe_.data.root, recipe_.data.split, recipe_.data.exif == "apply", recipe_.data.cache});
}

void ClassificationTask::check_classes() const {
  const auto classes = static_cast<std::int64_t>(info_.classes.size());
  const auto outputs = models::integer_option(recipe_.model.architecture, "num_classes");
  if (outputs && *outputs != classes) {
    throw UserError(Problem{"", 0, 0, "model.num_classes",
                            "is " + std::to_string(*outputs) + " where the data have " + std::to_string(classes) +
                                (classes == 1 ? " class" : " classes"),
                            "leave it out: the model gets as many outputs as the data have classes"});
  }
  loss_->check(classes);
}

void ClassificationTask::build_model() {
  const auto classes = static_cast<std::int64_t>(info_.classes.size());
  models_.emplace_back("model", models::models().make(recipe_.model.architecture,
                                                      models::ModelRequest{classes, preprocess_->channels()}));
}

std::shared_ptr<const data::Source> ClassificationTask::prepared(data::Split split,
                                                                 std::shared_ptr<const data::Pipeline> pipeline) {
  if (!dataset_) {
    open_data();
    take_over(dataset_->info());
  }
  auto raw = dataset_->split(split);
  if (!raw) return nullptr;
  return std::make_shared<PreparedSource>(std::move(raw), std::move(pipeline), labels_);
}

void ClassificationTask::take_over(const data::DataInfo& now) {
  const std::string root = recipe_.data.root.string();
  if (now.classes != info_.classes) labels_ = match_classes(info_.classes, now.classes, root);
  if (now.channels != info_.channels) {
    throw file_error(root,
                     "has images of " + std::to_string(now.channels) + " channels where this model was trained on " +
                         std::to_string(info_.channels),
                     "set data.root to data of the same kind");
  }
  info_.name = now.name;  // results are true of this data
  info_.fingerprint = now.fingerprint;
}

data::Batch ClassificationTask::collate(std::vector<data::Sample> samples) const {
  data::Batch batch;
  std::vector<torch::Tensor> images, labels;
  for (auto& sample : samples) {
    const torch::Tensor& image = sample.inputs.tensor("image");
    if (!images.empty() && image.sizes() != images.front().sizes()) {
      throw UserError("sample " + sample.id + " is " + shape_text(image) + " where " + batch.ids.front() + " is " +
                          shape_text(images.front()),
                      "bring all images to one size: add resize or random_resized_crop to data.augment and "
                      "data.preprocess");
    }
    images.push_back(image);
    if (sample.targets.has("label")) labels.push_back(sample.targets.tensor("label"));
    batch.ids.push_back(std::move(sample.id));
    batch.indices.push_back(sample.index);
  }
  batch.inputs.set("image", data::stack(images));
  if (!labels.empty()) batch.targets.set("label", torch::stack(labels));
  return batch;
}

void ClassificationTask::train(engine::Step& step, const data::Batch& batch) {
  const Mixed mixed = mixing_(batch.inputs.tensor("image"), batch.targets.tensor("label"));
  const data::Fields outputs = step.run("model", {{"input", mixed.images}});
  const torch::Tensor logits = at_least_single(outputs.tensor("output"));
  const torch::Tensor targets = mixed.targets(logits.size(1), logits.scalar_type());
  torch::Tensor loss = (*loss_)(logits, targets);
  for (const auto& [name, output] : outputs) {  // of auxiliary classifiers, which some models have
    if (name == "output") continue;
    loss = loss + aux_weight_ * (*loss_)(at_least_single(std::get<torch::Tensor>(output)), targets);
  }
  // Of blended images, the label with the larger share counts, as in torchvision's references.
  const torch::Tensor labels = targets.dim() == 2 ? targets.argmax(1) : targets;
  const double units = loss_->units(targets);
  const torch::Tensor share = logits.detach().argmax(1).eq(labels).to(torch::kFloat).mean();
  step.log({"loss", loss.item<double>(), report::Better::Lower, 4, ""}, units);
  step.log({"acc1", (share * 100).item<double>(), report::Better::Higher, 2, "%"}, static_cast<double>(batch.size()));
  step.minimise("model", loss, units);
}

data::Fields ClassificationTask::predict(const data::Batch& batch) {
  data::Fields prediction;
  prediction.set("logits", (*models_.front().second)(batch.inputs.tensor("image")));
  return prediction;
}

std::vector<std::unique_ptr<metrics::Metric>> ClassificationTask::metrics(data::Split) const {
  std::vector<std::unique_ptr<metrics::Metric>> list;
  const metrics::MetricContext context{info_.classes};
  for (const char* name : {"accuracy", "loss", "calibration", "per_class", "confusion"}) {
    list.push_back(metrics::metrics().make(metrics::metrics().defaults(name), context));
  }
  return list;
}

data::Sample ClassificationTask::read(const std::filesystem::path& file) const {
  torch::Tensor image = data::decode_image(read_file(file), file.string(), recipe_.data.exif == "apply");
  if (info_.channels == 1) {
    KeyedRandom unused(0, "grey");
    image = data::make_grayscale({}, {})->apply(image, unused);
  }
  data::Sample sample;
  sample.id = file.string();
  sample.inputs.set("image", preprocess_->apply(image, {}));
  warn_of_other_size(sample.inputs.tensor("image"), sample.id, augment_->facts(), preprocess_->facts());
  return sample;
}

Json ClassificationTask::answers(const data::Fields& prediction, std::int64_t row, std::int64_t most) const {
  const torch::Tensor shares = prediction.tensor("logits")[row].to(torch::kDouble).softmax(0);
  const auto [values, indices] = shares.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true);
  Json list = Json::array();
  for (std::int64_t i = 0; i < std::min<std::int64_t>(most, shares.size(0)); ++i) {
    const auto index = indices[i].item<std::int64_t>();
    const auto name = static_cast<std::size_t>(index) < info_.classes.size()
                          ? info_.classes[static_cast<std::size_t>(index)]
                          : std::to_string(index);
    list.push_back({{"class", name}, {"index", index}, {"probability", values[i].item<double>()}});
  }
  return list;
}

Json ClassificationTask::preprocessing() const {
  Json json = {{"channels", info_.channels}, {"input_channels", preprocess_->channels()}};
  json.update(preprocess_->facts());
  return json;
}

}  // namespace

void add_task(engine::TaskFactory& tasks) {
  tasks.add<TaskOptions>("classification", "one image in, one of the data set's classes out",
                         [](const TaskOptions& options, const engine::TaskRequest& request) {
                           return std::make_unique<ClassificationTask>(options, request);
                         });
}

}  // namespace mlrun::classification
