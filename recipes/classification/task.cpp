#include "recipes/classification/task.h"

#include <algorithm>

#include <torch/types.h>

#include "base/error.h"
#include "data/collate.h"
#include "data/image_batch.h"
#include "data/image_preparation.h"
#include "models/image_context.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "recipes/classification/class_match.h"
#include "recipes/classification/combination.h"
#include "recipes/classification/exhibition.h"
#include "recipes/classification/losses.h"
#include "recipes/classification/metrics/judgement.h"
#include "recipes/classification/metrics/precision.h"
#include "recipes/classification/mixing.h"
#include "report/format.h"

namespace mlrun::classification {
namespace {

struct TaskOptions {
  config::Component loss;
  double aux_weight = 0.3;
  double mixup_alpha = 0, cutmix_alpha = 0;
  std::vector<std::string> figures;

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
    d("figures", &TaskOptions::figures,
      "figures beside acc1, acc5, loss and calibration, in percent: accK (one of the K likeliest classes is right), "
      "precision, recall or f1 with _macro or _weighted, balanced_acc");
    d.rule("figures", [](const TaskOptions& o) { return figures_fault(o.figures); });
  }
};

/// Half precision is for the model: losses are taken in float32 at least.
torch::Tensor at_least_single(const torch::Tensor& logits) {
  const bool half = logits.scalar_type() == torch::kHalf || logits.scalar_type() == torch::kBFloat16;
  return half ? logits.to(torch::kFloat) : logits;
}

class ClassificationTask : public engine::Task {
 public:
  ClassificationTask(const TaskOptions& options, const engine::TaskRequest& request, const Registries& registries);

  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override {
    return prepared(split, split == data::Split::Train);
  }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return prepared(split, false); }
  data::Batch collate(std::vector<data::Sample> samples) const override {
    data::require_target(samples, "label");
    return data::batch_of_images(std::move(samples));
  }
  void train(engine::Step& step, const data::Batch& batch) override;
  data::Fields predict(const data::Batch& batch) override;
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split split) const override;
  std::string headline() const override { return "acc1"; }
  std::string unit() const override { return "images"; }
  data::Sample read(const std::filesystem::path& file) const override {
    return images_->sample_of(images_->decoded(file), file.string());
  }
  engine::Answer answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions& options) const override;
  std::vector<std::string> answer_options() const override { return {"topk"}; }
  std::vector<std::string> judged() const override { return judged_columns(); }
  std::vector<std::vector<Json>> judge(const data::Batch& batch, const data::Fields& prediction) const override {
    return classification::judge(info_, prediction, batch);
  }
  std::optional<engine::ClassScores> class_scores(const data::Batch& batch,
                                                  const data::Fields& prediction) const override {
    return engine::ClassScores{prediction.tensor("logits"), batch.targets.tensor("label")};
  }
  Json preprocessing() const override { return images_->facts(); }
  std::optional<torch::Tensor> picture(const data::Sample& sample, bool augmented) const override {
    return images_->picture(sample, augmented);
  }
  std::unique_ptr<engine::Exhibition> exhibition() override { return make_exhibition(*this); }
  std::unique_ptr<engine::Combination> combination() const override { return std::make_unique<MeanProbabilities>(); }

 private:
  std::shared_ptr<const data::Source> prepared(data::Split split, bool augmented);
  /// UserError where the recipe's options do not fit the number of the data's classes.
  void check_classes() const;
  /// The figures that the recipe names and that are not there anyway.
  std::vector<std::string> more_figures(std::vector<std::string> named) const;
  /// Brings data that the model was not trained on to its classes.
  void take_over(const data::DataInfo& now);
  void build_model();

  const metrics::MetricFactory& metrics_;
  config::Recipe recipe_;
  std::unique_ptr<Loss> loss_;
  double aux_weight_;
  Mixing mixing_;
  std::vector<std::string> figures_;
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  std::vector<std::int64_t> labels_;  // what the model calls the classes of other data; empty: as they do
  engine::Models models_;
  std::optional<data::ImagePreparation> images_;
};

ClassificationTask::ClassificationTask(const TaskOptions& options, const engine::TaskRequest& request,
                                       const Registries& registries)
    : metrics_(registries.metrics),
      recipe_(request.recipe),
      loss_(losses().make(options.loss)),
      aux_weight_(options.aux_weight),
      mixing_(options.mixup_alpha, options.cutmix_alpha) {
  if (request.known) {
    info_ = *request.known;
  } else {
    dataset_ = data::open_images(recipe_.data);
    info_ = dataset_->info();
    check_classes();
  }
  figures_ = more_figures(options.figures);
  images_.emplace(registries.transforms, recipe_, models::transform_context(recipe_.model, info_.channels));
  build_model();
}

void ClassificationTask::check_classes() const {
  const auto classes = static_cast<std::int64_t>(info_.classes.size());
  models::check_num_classes(recipe_.model.architecture, classes);
  loss_->check(classes);
}

std::vector<std::string> ClassificationTask::more_figures(std::vector<std::string> named) const {
  const std::string fault = figures_fault(named, static_cast<std::int64_t>(info_.classes.size()));
  if (!fault.empty()) throw UserError(Problem{"", 0, 0, "task.figures", fault, "take fewer"});
  const bool top5 = info_.classes.size() >= 5;
  named.erase(std::remove_if(named.begin(), named.end(),
                             [&](const auto& name) { return name == "acc1" || (name == "acc5" && top5); }),
              named.end());
  return named;
}

void ClassificationTask::build_model() {
  const auto classes = static_cast<std::int64_t>(info_.classes.size());
  models_.emplace_back("model", models::models().make(recipe_.model.architecture,
                                                      models::ModelRequest{classes, images_->input_channels()}));
}

std::shared_ptr<const data::Source> ClassificationTask::prepared(data::Split split, bool augmented) {
  if (!dataset_) {
    dataset_ = data::open_images(recipe_.data);
    take_over(dataset_->info());
  }
  return images_->source(dataset_->split(split), augmented, labels_);
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
  for (const char* name : {"accuracy", "loss", "calibration", "per_class"}) {
    list.push_back(metrics_.make(metrics_.defaults(name), info_));
  }
  list.push_back(make_precision(info_, figures_));
  list.push_back(metrics_.make(metrics_.defaults("confusion"), info_));
  return list;
}

/// The likeliest classes, the first of them first.
engine::Answer ClassificationTask::answer(const data::Batch&, const data::Fields& prediction, std::int64_t row,
                                          const engine::AnswerOptions& options) const {
  constexpr std::int64_t kMost = 5;
  const torch::Tensor shares = prediction.tensor("logits")[row].to(torch::kDouble).softmax(0);
  const auto [values, indices] = shares.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true);
  engine::Answer answer{Json::array(), report::Table({{"class", report::Align::Left}, {"probability"}}),
                        report::Table({{"rank"}, {"class"}, {"probability"}})};
  for (std::int64_t i = 0; i < std::min<std::int64_t>(options.topk.value_or(kMost), shares.size(0)); ++i) {
    const auto index = indices[i].item<std::int64_t>();
    const auto name = static_cast<std::size_t>(index) < info_.classes.size()
                          ? info_.classes[static_cast<std::size_t>(index)]
                          : std::to_string(index);
    const auto probability = values[i].item<double>();
    answer.json.push_back({{"class", name}, {"index", index}, {"probability", probability}});
    answer.table.add({name, report::percent(probability, 2)});
    answer.records.add({std::to_string(i + 1), name, report::shortest(probability)});
  }
  return answer;
}

}  // namespace

void add_task(engine::TaskFactory& tasks, const Registries& registries) {
  tasks.add<TaskOptions>("classification", "one image in, one of the data set's classes out",
                         [registries](const TaskOptions& options, const engine::TaskRequest& request) {
                           return std::make_unique<ClassificationTask>(options, request, registries);
                         });
  const auto recipe = [](const models::NamedModel& model, std::int64_t batch, std::int64_t size) {
    return models::made_up_recipe(model, "synthetic", batch, size);
  };
  tasks.add_alone("classification", {recipe, {registries.transforms.defaults("classification_eval")}});
}

}  // namespace mlrun::classification
