#include "recipes/segmentation/task.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/class_colours.h"
#include "data/collate.h"
#include "data/image/overlay.h"
#include "data/image_preparation.h"
#include "data/mask_census.h"
#include "engine/ports.h"
#include "models/image_context.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "recipes/segmentation/answering.h"
#include "recipes/segmentation/exhibition.h"
#include "recipes/segmentation/loss.h"
#include "recipes/segmentation/metrics.h"
#include "recipes/segmentation/samples.h"
#include "report/format.h"
#include "report/png.h"

namespace mlrun::segmentation {
namespace {

struct TaskOptions {
  config::Component loss;
  std::vector<double> class_weights;
  double dice_weight = 0, lovasz_weight = 0, aux_weight = 0.5;
  AnswerSettings answer;

  static void declare(config::Declare<TaskOptions>& d) {
    d("loss", &TaskOptions::loss, "what training lowers of each pixel").component("pixel_loss", "cross_entropy");
    d("class_weights", &TaskOptions::class_weights,
      "factor on the loss of each class's pixels, in class order; the mean is over the weights of a step's pixels; []: "
      "all 1")
        .min(0);
    d("dice_weight", &TaskOptions::dice_weight, "weight of Dice's loss beside the pixels'").min(0);
    d("lovasz_weight", &TaskOptions::lovasz_weight,
      "weight of the Lovasz-softmax loss (Berman et al., CVPR 2018) beside the pixels'")
        .min(0);
    d("aux_weight", &TaskOptions::aux_weight, "weight of the second head's loss, of models that have one").min(0);
    d("answer", &TaskOptions::answer,
      "how the model is asked: no part of training, `eval` and `predict` may change it");
  }
  LossOptions losses() const { return {loss, class_weights, dice_weight, lovasz_weight, aux_weight}; }
};

/// UserError where transforms of evaluation cut or pad images, whose masks could then not be answered whole.
void require_whole_images(const data::TransformFactory& transforms, const std::vector<config::Component>& list,
                          const data::TransformContext& context) {
  constexpr std::int64_t kHeight = 2048, kWidth = 3072;
  data::Window window(kHeight, kWidth);
  KeyedRandom random(0, "whole images");
  for (const auto& component : list) {
    for (const auto& transform : transforms.make(component, context)) transform->plan(window, random);
  }
  const auto kept = [](const data::PointMove& move, std::int64_t from, std::int64_t to) {
    const double covered = move.ratio * static_cast<double>(from);
    return move.start == 0 && move.offset == 0 && !move.mirrored && std::abs(covered - static_cast<double>(to)) < 0.5;
  };
  if (kept(window.down(), kHeight, window.height()) && kept(window.across(), kWidth, window.width())) return;
  throw UserError(Problem{"", 0, 0, "task.answer.size", "is original, and data.preprocess cuts, pads or mirrors images",
                          "let it resize alone, or take size: model"});
}

class SegmentationTask : public engine::Task {
 public:
  SegmentationTask(const TaskOptions& options, const engine::TaskRequest& request,
                   const data::TransformFactory& transforms)
      : recipe_(request.recipe), loss_(options.losses()), settings_(options.answer) {
    if (request.known) {
      info_ = *request.known;
    } else {
      dataset_ = data::open_images(recipe_.data);
      info_ = dataset_->info();
      if (recipe_.data.on_error != "skip") data::check_some_masks(*dataset_);
      models::check_num_classes(recipe_.model.architecture, static_cast<std::int64_t>(info_.classes.size()));
    }
    const auto classes = static_cast<std::int64_t>(info_.classes.size());
    loss_.check(classes);
    const data::TransformContext context = models::transform_context(recipe_.model, info_.channels);
    if (whole()) require_whole_images(transforms, recipe_.data.preprocess, context);
    images_.emplace(transforms, recipe_, context, data::Followers{{"mask", data::follow_masks(data::kIgnored)}});
    const models::ModelRequest wanted{classes, images_->input_channels()};
    models_ = {{"model", models::models().make(recipe_.model.architecture, wanted)}};
  }

  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override {
    return prepared(split, split == data::Split::Train);
  }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return prepared(split, false); }
  data::Batch collate(std::vector<data::Sample> samples) const override {
    data::require_target(samples, "mask");
    return data::stacked(std::move(samples));
  }
  void train(engine::Step& step, const data::Batch& batch) override;
  data::Fields predict(const data::Batch& batch) override;
  void look(const data::Batch& batch) override;
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override {
    std::vector<std::unique_ptr<metrics::Metric>> list;
    list.push_back(make_overlap(info_));
    list.push_back(make_loss());
    return list;
  }
  std::string headline() const override { return "miou"; }
  std::string unit() const override { return "images"; }
  data::Sample read(const std::filesystem::path& file) const override;
  engine::Answer answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions& options) const override;
  std::vector<std::string> judged() const override { return judged_columns(); }
  std::vector<std::vector<Json>> judge(const data::Batch& batch, const data::Fields& prediction) const override {
    return segmentation::judge(static_cast<std::int64_t>(info_.classes.size()), prediction, batch);
  }
  std::unique_ptr<engine::Exhibition> exhibition() override { return make_exhibition(*this); }
  Json preprocessing() const override { return images_->facts(); }
  std::optional<torch::Tensor> picture(const data::Sample& sample, bool augmented) const override {
    return images_->picture(sample, augmented);
  }

 private:
  /// Whether masks are answered as the data have them.
  bool whole() const { return settings_.size == "original"; }
  torch::Tensor run(const torch::Tensor& images) {
    return engine::run_model(*models_.front().second, {{"input", images}}).tensor("out");
  }
  std::shared_ptr<const data::Source> prepared(data::Split split, bool augmented);

  config::Recipe recipe_;
  MaskLoss loss_;
  AnswerSettings settings_;
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  engine::Models models_;
  std::optional<data::ImagePreparation> images_;
};

std::shared_ptr<const data::Source> SegmentationTask::prepared(data::Split split, bool augmented) {
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
  const auto raw = dataset_->split(split);
  if (augmented || !whole()) return images_->source(raw, augmented, {});
  return use_whole_masks(images_->source(keep_whole_masks(raw), augmented, {}));
}

void SegmentationTask::train(engine::Step& step, const data::Batch& batch) {
  const auto* images = std::get_if<torch::Tensor>(&batch.inputs.at("image"));
  if (images == nullptr) {
    throw UserError("the images of a training batch are of several sizes",
                    "end data.augment with random_crop, or take train.batch_size 1");
  }
  const torch::Tensor mask = batch.targets.tensor("mask").to(torch::kLong);
  const data::Fields outputs = step.run("model", {{"input", *images}});
  Loss loss = loss_(outputs.tensor("out"), mask);
  if (outputs.has("aux")) loss.value = loss.value + loss_.aux_weight() * loss_(outputs.tensor("aux"), mask).value;
  step.log({"loss", loss.value.item<double>(), report::Better::Lower, 4, ""}, loss.units);
  step.minimise("model", loss.value, loss.units);
}

/// Images of several sizes run one by one, so that no figure depends on what they are batched with.
data::Fields SegmentationTask::predict(const data::Batch& batch) {
  const RunModel model = [this](const torch::Tensor& images) { return run(images); };
  const auto size_of = [&batch](std::int64_t i) {
    const torch::Tensor size = batch.inputs.tensor("size")[i].to(torch::kCPU);
    return Size{size[0].item<std::int64_t>(), size[1].item<std::int64_t>()};
  };
  const bool resized = batch.inputs.has("size");
  std::vector<torch::Tensor> logits;
  const data::Value& images = batch.inputs.at("image");
  if (const auto* one = std::get_if<torch::Tensor>(&images)) {
    const Views views(settings_, model, *one);
    if (!resized) return {{"logits", views.all()}};
    for (std::int64_t i = 0; i < one->size(0); ++i) logits.push_back(views.of(i, size_of(i)));
    return {{"logits", logits}};
  }
  for (const auto& image : std::get<std::vector<torch::Tensor>>(images)) {
    const Views views(settings_, model, image.unsqueeze(0));
    const auto i = static_cast<std::int64_t>(logits.size());
    logits.push_back(resized ? views.of(0, size_of(i)) : views.all()[0]);
  }
  return {{"logits", logits}};
}

/// Statistics are those of whole images, however the model is asked.
void SegmentationTask::look(const data::Batch& batch) {
  const data::Value& images = batch.inputs.at("image");
  if (const auto* one = std::get_if<torch::Tensor>(&images)) {
    run(*one);
    return;
  }
  for (const auto& image : std::get<std::vector<torch::Tensor>>(images)) run(image.unsqueeze(0));
}

/// Its answer has the size of the file's image.
data::Sample SegmentationTask::read(const std::filesystem::path& file) const {
  const torch::Tensor image = images_->decoded(file);
  data::Sample sample = images_->sample_of(image, file.string(), /*any_size=*/true);
  sample.inputs.set("size", torch::tensor({image.size(0), image.size(1)}, torch::kLong));
  if (settings_.overlays) sample.inputs.set("picture", image);
  return sample;
}

void write_overlay(const torch::Tensor& picture, const torch::Tensor& mask, const std::string& palette,
                   const std::filesystem::path& file) {
  const torch::Tensor shown = data::overlay(picture, mask, palette);
  write_file(file, report::png(shown.data_ptr<std::uint8_t>(), shown.size(1), shown.size(0), shown.size(2)));
}

void write_mask(const torch::Tensor& mask, const std::string& palette, const std::filesystem::path& file) {
  write_file(file, report::palette_png(mask.data_ptr<std::uint8_t>(), mask.size(1), mask.size(0), palette));
}

engine::Answer SegmentationTask::answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                                        const engine::AnswerOptions&) const {
  const torch::Tensor mask = sample_row(prediction.at("logits"), row).argmax(0).to(torch::kByte).contiguous();
  engine::Answer answer{Json::array(), report::Table({{"class", report::Align::Left}, {"pixels"}, {"share"}}),
                        report::Table({{"class"}, {"pixels"}, {"share"}})};
  const torch::Tensor counts =
      torch::bincount(mask.flatten().to(torch::kLong), {}, static_cast<std::int64_t>(info_.classes.size()));
  for (std::size_t i = 0; i < info_.classes.size(); ++i) {
    const auto pixels = counts[static_cast<std::int64_t>(i)].item<std::int64_t>();
    if (pixels == 0) continue;
    const double share = static_cast<double>(pixels) / static_cast<double>(mask.numel());
    answer.json.push_back({{"class", info_.classes[i]}, {"index", i}, {"pixels", pixels}, {"share", share}});
    answer.table.add({info_.classes[i], report::grouped(pixels), report::percent(share, 2)});
    answer.records.add({info_.classes[i], std::to_string(pixels), report::shortest(share)});
  }
  const std::string palette = data::mask_palette(info_);
  answer.files.push_back({"_mask.png", [mask, palette](const auto& file) { write_mask(mask, palette, file); }});
  if (!batch.inputs.has("picture")) return answer;
  const torch::Tensor picture = sample_row(batch.inputs.at("picture"), row).to(torch::kCPU);
  answer.files.push_back(
      {"_overlay.png", [mask, picture, palette](const auto& file) { write_overlay(picture, mask, palette, file); }});
  return answer;
}

}  // namespace

void add_task(engine::TaskFactory& factory, const data::TransformFactory& transforms) {
  factory.add<TaskOptions>("segmentation", "images to a class for every pixel",
                           [&transforms](const TaskOptions& options, const engine::TaskRequest& request) {
                             return std::make_unique<SegmentationTask>(options, request, transforms);
                           });
  const auto recipe = [](const models::NamedModel& model, std::int64_t batch, std::int64_t size) {
    return models::made_up_recipe(model, "synthetic_shapes", batch, size);
  };
  factory.add_alone("segmentation", {recipe, {transforms.defaults("segmentation_eval")}});
}

}  // namespace mlrun::segmentation
