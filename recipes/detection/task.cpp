#include "recipes/detection/task.h"

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/boxes/mask_runs.h"
#include "data/image_preparation.h"
#include "data/sources/boxed/boxed_images.h"
#include "engine/ports.h"
#include "engine/result_files.h"
#include "models/detection/detector.h"
#include "models/detection/paste.h"
#include "models/image_context.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/asking.h"
#include "recipes/detection/details.h"
#include "recipes/detection/exhibition.h"
#include "recipes/detection/judging.h"
#include "recipes/detection/known_classes.h"
#include "recipes/detection/learning.h"
#include "recipes/detection/results.h"
#include "recipes/detection/samples.h"
#include "recipes/detection/tiles.h"

namespace mlrun::detection {
namespace {

struct TaskOptions {
  std::string resize = "model", metric = "coco";
  AnswerSettings answer;

  static void declare(config::Declare<TaskOptions>& d) {
    d("resize", &TaskOptions::resize,
      "who says how large training's images are: the model, as it was published, or data.augment alone (as under "
      "torchvision's multiscale and lsj)")
        .choices({"model", "data"});
    d("metric", &TaskOptions::metric,
      "whose figures evaluation gives: coco (ap), or PASCAL VOC's before those, of which difficult objects are no "
      "part: "
      "voc2007 (voc07_ap50, at eleven recalls), voc2012 (voc_ap50, the area below the curve); the first chooses the "
      "best weights")
        .choices({"coco", "voc2007", "voc2012"});
    d("answer", &TaskOptions::answer,
      "how the model is asked: no part of training, `eval` and `predict` may change it");
  }
};

class DetectionTask : public engine::Task, public engine::ResultFiles {
 public:
  DetectionTask(const TaskOptions& options, const engine::TaskRequest& request,
                const data::TransformFactory& transforms)
      : recipe_(request.recipe), options_(options) {
    if (request.known) {
      info_ = *request.known;
    } else {
      dataset_ = data::open_images(recipe_.data);
      info_ = dataset_->info();
    }
    const data::TransformContext context = models::transform_context(recipe_.model, info_.channels);
    images_.emplace(transforms, recipe_, context, data::box_followers(info_));
    keeps_places_ = keeps_places(transforms, recipe_.data.preprocess, context);
    make_model();
  }

  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override {
    return prepared(split, split == data::Split::Train);
  }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return prepared(split, false); }
  data::Batch collate(std::vector<data::Sample> samples) const override { return listed(std::move(samples)); }
  void train(engine::Step& step, const data::Batch& batch) override;
  void look(const data::Batch& batch) override;
  data::Fields predict(const data::Batch& batch) override;
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override {
    return metrics_of(info_.classes, facts(), details_, {options_.metric != "coco", options_.answer.keypoint_sigmas});
  }
  std::string headline() const override {
    return options_.metric == "coco" ? "ap" : options_.metric == "voc2007" ? "voc07_ap50" : "voc_ap50";
  }
  std::string unit() const override { return "images"; }
  data::Sample read(const std::filesystem::path& file) const override;
  engine::Answer answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions&) const override {
    const auto i = static_cast<std::size_t>(row);
    const bool drawn = batch.inputs.has("picture");
    return answer_of(info_, found_in(prediction, i), drawn ? list_of(batch.inputs, "picture").at(i) : torch::Tensor(),
                     options_.answer.shown_score);
  }
  std::vector<std::string> judged() const override { return judged_columns(); }
  std::vector<std::vector<Json>> judge(const data::Batch& batch, const data::Fields& prediction) const override {
    return detection::judge(batch, prediction, options_.answer.shown_score);
  }
  std::unique_ptr<engine::Exhibition> exhibition() override {
    return make_exhibition(*this, options_.answer.shown_score);
  }
  Json preprocessing() const override;
  std::optional<torch::Tensor> picture(const data::Sample& sample, bool augmented) const override {
    return images_->picture(sample, augmented);
  }
  std::vector<engine::ResultForm> result_forms() const override { return detection::result_forms(); }
  std::unique_ptr<engine::ResultWriter> write_results(const engine::ResultTarget& target) const override;
  std::shared_ptr<const data::Source> truths(data::Split split) override {
    return keep_visible(targets_alone(opened().split(split)), data::box_followers(info_));
  }
  std::unique_ptr<engine::ReadResults> read_results(const std::filesystem::path& file,
                                                    const data::Source& truths) const override {
    return detection::read_results(file, info_, truths);
  }

 private:
  void make_model();
  const data::Dataset& opened();
  std::shared_ptr<const data::Source> prepared(data::Split split, bool augmented);
  data::Fields lesson(const data::Batch& batch) const {
    return learnt_from(batch, *detector_, labels_, details_, options_.resize == "model");
  }
  /// What the data say of themselves; a model knows it of those that it was trained with.
  const Json& facts() const { return dataset_ ? dataset_->info().facts : info_.facts; }

  config::Recipe recipe_;
  TaskOptions options_;
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  engine::Models models_;
  std::shared_ptr<models::Detector> detector_;
  HeadLabels labels_;
  Details details_;
  std::optional<data::ImagePreparation> images_;
  bool keeps_places_ = true;  ///< what evaluation sees has the pixels of the file
};

void DetectionTask::make_model() {
  const auto classes = static_cast<std::int64_t>(info_.classes.size());
  const auto [architecture, categories] = known_classes(recipe_.model, info_);
  const auto made = models::models().make(architecture, {classes + 1, images_->input_channels()});
  detector_ = std::dynamic_pointer_cast<models::Detector>(made);
  MLRUN_ASSERT(detector_, "'" + architecture.name + "' is of this task and finds no boxes");
  options_.answer.apply(detector_->settings());
  labels_ = HeadLabels(models::integer_option(architecture, "num_classes").value_or(classes + 1), categories, classes);
  models_ = {{"model", made}};
  details_ = details_of(*detector_, recipe_.model, facts());
}

const data::Dataset& DetectionTask::opened() {
  if (!dataset_) {
    dataset_ = data::open_images(recipe_.data);
    const data::DataInfo& now = dataset_->info();
    if (now.classes != info_.classes) {
      throw file_error(recipe_.data.root.string(), "has other classes than those that this model was trained for",
                       "name them by data.classes as in the run");
    }
    info_.name = now.name;  // results are true of this data
    info_.fingerprint = now.fingerprint;
  }
  return *dataset_;
}

std::shared_ptr<const data::Source> DetectionTask::prepared(data::Split split, bool augmented) {
  return keep_visible(images_->source(opened().split(split), augmented, {}), data::box_followers(info_));
}

std::unique_ptr<engine::ResultWriter> DetectionTask::write_results(const engine::ResultTarget& target) const {
  if (!keeps_places_) {
    throw UserError(Problem{"", 0, 0, "data.preprocess",
                            "cuts, resizes, pads or mirrors images, and results are of the images as they lie on disk",
                            "take detection_eval; the model resizes by itself"});
  }
  return detection::write_results(info_, target, options_.answer.shown_score);
}

void DetectionTask::train(engine::Step& step, const data::Batch& batch) {
  for (const auto& [name, wanted] :
       {std::pair("masks", details_.masks), std::pair("keypoints", details_.keypoints > 0)}) {
    if (!wanted || batch.targets.has(name)) continue;
    throw UserError("this model learns " + std::string(name) + ", and the data have none",
                    "choose data with them (of coco: data.masks=true), or a model of boxes alone");
  }
  const data::Fields losses = step.run("model", lesson(batch));
  const auto images = static_cast<double>(batch.size());
  torch::Tensor sum;
  for (const auto& [name, value] : losses) {
    const auto& loss = std::get<torch::Tensor>(value);
    sum = sum.defined() ? sum + loss : loss;
    step.log({name, loss.item<double>(), report::Better::Lower, 4, ""}, images);
  }
  step.log({"loss", sum.item<double>(), report::Better::Lower, 4, ""}, images);
  step.minimise("model", sum, images);
}

void DetectionTask::look(const data::Batch& batch) {
  if (detector_->is_training()) engine::run_model(*detector_, lesson(batch));
  else predict(batch);
}

/// Image by image: padding would make what is found depend on the batch. Masks are kept as runs: those of an image are
/// smaller than one of its bitmaps.
data::Fields DetectionTask::predict(const data::Batch& batch) {
  nn::Tensors boxes, scores, labels, masks, keypoints;
  const auto detect_in = [this](const torch::Tensor& image) { return detect(*detector_, image); };
  for (const auto& image : list_of(batch.inputs, "image")) {
    Found found = detect_tiled(options_.answer, image, detect_in);
    labels_.keep_classes(found);
    boxes.push_back(found.boxes);
    scores.push_back(found.scores);
    labels.push_back(found.labels);
    if (details_.masks) {
      masks.push_back(data::packed_runs(models::pasted_runs(found.masks, found.boxes, image.size(1), image.size(2))));
    }
    if (details_.keypoints > 0) keypoints.push_back(found.keypoints);
  }
  data::Fields fields = {{"boxes", boxes}, {"scores", scores}, {"labels", labels}};
  if (details_.masks) fields.set("masks", masks);
  if (details_.keypoints > 0) fields.set("keypoints", keypoints);
  return fields;
}

data::Sample DetectionTask::read(const std::filesystem::path& file) const {
  const torch::Tensor image = images_->decoded(file);
  data::Sample sample = images_->sample_of(image, file.string(), /*any_size=*/true);
  sample.inputs.set("picture", image);
  return sample;
}

Json DetectionTask::preprocessing() const {
  Json facts = images_->facts();
  const models::DetectorInput& input = detector_->input();
  if (input.fixed_height > 0) facts["size"] = {input.fixed_height, input.fixed_width};
  else facts.update({{"min_size", input.min_sizes.back()}, {"max_size", input.max_size}});
  facts["size_divisible"] = input.divisible;
  return facts;
}

}  // namespace

void add_task(engine::TaskFactory& factory, const data::TransformFactory& transforms) {
  factory.add<TaskOptions>("detection", "images to boxes with a class around every object",
                           [&transforms](const TaskOptions& options, const engine::TaskRequest& request) {
                             return std::make_unique<DetectionTask>(options, request, transforms);
                           });
  const auto recipe = [](const models::NamedModel& model, std::int64_t batch, std::int64_t size) {
    return models::made_up_recipe(model, "synthetic_boxes", batch, size, "detection_eval");
  };
  factory.add_alone("detection", {recipe, {transforms.defaults("detection_eval")}});
}

}  // namespace mlrun::detection
