#include "recipes/detection/task.h"

#include <algorithm>
#include <limits>
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
#include "metrics/coco/metric.h"
#include "models/detection/detector.h"
#include "models/detection/paste.h"
#include "models/detection/transform.h"
#include "models/image_context.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/asking.h"
#include "recipes/detection/exhibition.h"
#include "recipes/detection/known_classes.h"
#include "recipes/detection/samples.h"

namespace mlrun::detection {
namespace {

constexpr std::int64_t kPersonKeypoints = 17;

struct TaskOptions {
  std::string resize = "model";
  AnswerSettings answer;

  static void declare(config::Declare<TaskOptions>& d) {
    d("resize", &TaskOptions::resize,
      "who says how large training's images are: the model, as it was published, or data.augment alone (as under "
      "torchvision's multiscale and lsj)")
        .choices({"model", "data"});
    d("answer", &TaskOptions::answer,
      "how the model is asked: no part of training, `eval` and `predict` may change it");
  }
};

class DetectionTask : public engine::Task {
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
    std::vector<std::unique_ptr<metrics::Metric>> list;
    list.push_back(metrics::make_coco_boxes(info_.classes));
    if (masks_ && facts().value("masks", false)) list.push_back(metrics::make_coco_masks(info_.classes));
    if (keypoints_ > 0 && facts().contains("keypoint_count")) {
      list.push_back(metrics::make_coco_keypoints(info_.classes, sigmas()));
    }
    return list;
  }
  std::string headline() const override { return "ap"; }
  std::string unit() const override { return "images"; }
  data::Sample read(const std::filesystem::path& file) const override;
  engine::Answer answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions&) const override {
    const auto i = static_cast<std::size_t>(row);
    const bool drawn = batch.inputs.has("picture");
    return answer_of(info_, found_in(prediction, i), drawn ? list_of(batch.inputs, "picture").at(i) : torch::Tensor(),
                     options_.answer.shown_score);
  }
  std::unique_ptr<engine::Exhibition> exhibition() override {
    return make_exhibition(*this, options_.answer.shown_score);
  }
  Json preprocessing() const override;
  std::optional<torch::Tensor> picture(const data::Sample& sample, bool augmented) const override {
    return images_->picture(sample, augmented);
  }

 private:
  void make_model();
  std::shared_ptr<const data::Source> prepared(data::Split split, bool augmented);
  data::Fields learnt_from(const data::Batch& batch) const;
  data::Fields followed(const data::Batch& batch, const models::DetectorBatch& prepared) const;
  void find_details();
  /// What the data say of themselves; a model knows it of those that it was trained with.
  const Json& facts() const { return dataset_ ? dataset_->info().facts : info_.facts; }
  std::vector<double> sigmas() const;

  config::Recipe recipe_;
  TaskOptions options_;
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  engine::Models models_;
  std::shared_ptr<models::Detector> detector_;
  HeadLabels labels_;
  bool masks_ = false;          // that the model gives
  std::int64_t keypoints_ = 0;  // of each thing, that it gives
  std::optional<data::ImagePreparation> images_;
};

/// Masks [n, H, W] in the size of their image, by nearest pixels, with the padding of its batch.
torch::Tensor resized_masks(const torch::Tensor& masks, std::pair<std::int64_t, std::int64_t> size,
                            const torch::Tensor& batch) {
  torch::Tensor padded = torch::zeros({masks.size(0), batch.size(2), batch.size(3)}, torch::kByte);
  if (masks.size(0) == 0) return padded;
  const torch::Tensor resized =
      at::upsample_nearest2d(masks.unsqueeze(1).to(torch::kFloat), {size.first, size.second}).squeeze(1);
  padded.slice(1, 0, size.first).slice(2, 0, size.second).copy_(resized);
  return padded.to(batch.device());
}

void DetectionTask::make_model() {
  const auto classes = static_cast<std::int64_t>(info_.classes.size());
  const auto [architecture, categories] = known_classes(recipe_.model, info_);
  const auto made = models::models().make(architecture, {classes + 1, images_->input_channels()});
  detector_ = std::dynamic_pointer_cast<models::Detector>(made);
  MLRUN_ASSERT(detector_, "'" + architecture.name + "' is of this task and finds no boxes");
  options_.answer.apply(detector_->settings());
  labels_ = HeadLabels(models::integer_option(architecture, "num_classes").value_or(classes + 1), categories, classes);
  models_ = {{"model", made}};
  find_details();
}

/// What the model gives beside boxes: what it learns from. The data must have as many keypoints.
void DetectionTask::find_details() {
  detector_->train();
  const auto ports = detector_->interface().inputs;
  const auto takes = [&ports](const char* name) {
    return std::any_of(ports.begin(), ports.end(), [name](const nn::Port& port) { return port.name == name; });
  };
  masks_ = takes("masks");
  if (!takes("keypoints")) return;
  keypoints_ = models::integer_option(recipe_.model.architecture, "num_keypoints").value_or(kPersonKeypoints);
  const std::int64_t known = facts().value("keypoint_count", keypoints_);
  if (known == keypoints_) return;
  throw UserError(Problem{
      "", 0, 0, "model.num_keypoints",
      "is " + std::to_string(keypoints_) + ", and things of the data have " + std::to_string(known) + " keypoints",
      "set it to " + std::to_string(known)});
}

/// COCO's for people; of other things nobody has measured them.
std::vector<double> DetectionTask::sigmas() const {
  constexpr double kPlain = 0.05;
  const std::vector<double>& own = options_.answer.keypoint_sigmas;
  if (own.empty()) {
    if (keypoints_ == kPersonKeypoints) return metrics::CocoSettings::of(metrics::CocoKind::Keypoints).sigmas;
    return std::vector<double>(static_cast<std::size_t>(keypoints_), kPlain);
  }
  if (static_cast<std::int64_t>(own.size()) == keypoints_) return own;
  throw UserError(
      Problem{"", 0, 0, "task.answer.keypoint_sigmas",
              "has " + std::to_string(own.size()) + " numbers for " + std::to_string(keypoints_) + " keypoints",
              "give one for each"});
}

std::shared_ptr<const data::Source> DetectionTask::prepared(data::Split split, bool augmented) {
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
  return keep_visible(images_->source(dataset_->split(split), augmented, {}), data::box_followers(info_));
}

/// The model's inputs in training. Upstream draws a size for each image, also where there is one alone.
data::Fields DetectionTask::learnt_from(const data::Batch& batch) const {
  nn::Tensors images;
  for (const auto& image : list_of(batch.inputs, "image")) images.push_back(normalised(image, detector_->input()));
  models::DetectorInput input = detector_->input();
  const bool own = options_.resize == "model";
  if (!own) input.max_size = std::numeric_limits<std::int64_t>::max(), input.fixed_height = input.fixed_width = 0;
  const auto choices = static_cast<std::int64_t>(input.min_sizes.size());
  std::vector<std::int64_t> min_sizes;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto choice =
        static_cast<std::int64_t>(torch::empty(1).uniform_(0, static_cast<double>(choices)).item<double>());
    min_sizes.push_back(own ? input.min_sizes.at(static_cast<std::size_t>(choice))
                            : std::min(images[i].size(1), images[i].size(2)));
  }
  return followed(batch, models::prepare(images, input, min_sizes));
}

/// Images with what is in them, in their pixels. Crowds are not learnt from, nor what has no area in float32 any more.
data::Fields DetectionTask::followed(const data::Batch& batch, const models::DetectorBatch& prepared) const {
  const torch::Tensor sizes = prepared.sizes.to(torch::kCPU);
  nn::Tensors boxes, labels, masks, keypoints;
  const bool with_masks = masks_, with_keypoints = keypoints_ > 0;
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    const auto of = [&batch, i](const char* name) { return list_of(batch.targets, name)[i]; };
    const torch::Tensor size = sizes[static_cast<std::int64_t>(i)];
    const torch::Tensor& image = list_of(batch.inputs, "image")[i];
    const std::pair from(image.size(1), image.size(2)), to(size[0].item<std::int64_t>(), size[1].item<std::int64_t>());
    const torch::Tensor all = models::rescaled_boxes(of("boxes"), from, to);
    const torch::Tensor single = of("crowd").logical_not().logical_and(data::has_area(all));
    boxes.push_back(all.index({single}));
    labels.push_back(labels_.of_classes(of("labels").index({single})));
    if (with_masks) masks.push_back(resized_masks(of("masks").index({single}), to, prepared.image));
    if (with_keypoints) keypoints.push_back(models::rescaled_keypoints(of("keypoints").index({single}), from, to));
  }
  data::Fields fields = {{"image", prepared.image}, {"sizes", prepared.sizes}, {"boxes", boxes}, {"labels", labels}};
  if (with_masks) fields.set("masks", masks);
  if (with_keypoints) fields.set("keypoints", keypoints);
  return fields;
}

void DetectionTask::train(engine::Step& step, const data::Batch& batch) {
  for (const auto& [name, wanted] : {std::pair("masks", masks_), std::pair("keypoints", keypoints_ > 0)}) {
    if (!wanted || batch.targets.has(name)) continue;
    throw UserError("this model learns " + std::string(name) + ", and the data have none",
                    "choose data with them (of coco: data.masks=true), or a model of boxes alone");
  }
  const data::Fields losses = step.run("model", learnt_from(batch));
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
  if (detector_->is_training()) engine::run_model(*detector_, learnt_from(batch));
  else predict(batch);
}

/// Image by image: padding would make what is found depend on the batch. Masks are kept as runs: those of an image are
/// smaller than one of its bitmaps.
data::Fields DetectionTask::predict(const data::Batch& batch) {
  nn::Tensors boxes, scores, labels, masks, keypoints;
  for (const auto& image : list_of(batch.inputs, "image")) {
    Found found = detect(*detector_, image);
    labels_.keep_classes(found);
    boxes.push_back(found.boxes);
    scores.push_back(found.scores);
    labels.push_back(found.labels);
    if (masks_) {
      masks.push_back(data::packed_runs(models::pasted_runs(found.masks, found.boxes, image.size(1), image.size(2))));
    }
    if (keypoints_ > 0) keypoints.push_back(found.keypoints);
  }
  data::Fields fields = {{"boxes", boxes}, {"scores", scores}, {"labels", labels}};
  if (masks_) fields.set("masks", masks);
  if (keypoints_ > 0) fields.set("keypoints", keypoints);
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
