#include "recipes/segmentation/task.h"

#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/class_colours.h"
#include "data/collate.h"
#include "data/image/decode.h"
#include "data/image_preparation.h"
#include "data/mask_census.h"
#include "engine/ports.h"
#include "models/image_context.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "recipes/segmentation/loss.h"
#include "recipes/segmentation/metrics.h"
#include "report/format.h"
#include "report/png.h"

namespace mlrun::segmentation {
namespace {

class SegmentationTask : public engine::Task {
 public:
  SegmentationTask(LossOptions loss, const engine::TaskRequest& request, const data::TransformFactory& transforms)
      : recipe_(request.recipe), loss_(std::move(loss)) {
    if (request.known) {
      info_ = *request.known;
    } else {
      open_data();
      info_ = dataset_->info();
      if (recipe_.data.on_error != "skip") data::check_some_masks(*dataset_);
      models::check_num_classes(recipe_.model.architecture, static_cast<std::int64_t>(info_.classes.size()));
    }
    check_weights();
    images_.emplace(transforms, recipe_, models::transform_context(recipe_.model, info_.channels),
                    data::Followers{{"mask", data::follow_masks(data::kIgnored)}});
    const models::ModelRequest wanted{static_cast<std::int64_t>(info_.classes.size()), images_->input_channels()};
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
  Json preprocessing() const override { return images_->facts(); }
  std::optional<torch::Tensor> picture(const data::Sample& sample, bool augmented) const override {
    return images_->picture(sample, augmented);
  }

 private:
  void open_data() {
    dataset_ = data::sources().make(
        recipe_.data.source,
        data::OpenRequest{recipe_.data.root, recipe_.data.split, recipe_.data.exif == "apply", recipe_.data.cache});
  }
  void check_weights() const;
  std::shared_ptr<const data::Source> prepared(data::Split split, bool augmented);

  config::Recipe recipe_;
  LossOptions loss_;
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  engine::Models models_;
  std::optional<data::ImagePreparation> images_;
};

void SegmentationTask::check_weights() const {
  const std::size_t count = loss_.class_weights.size();
  if (count == 0 || count == info_.classes.size()) return;
  throw UserError(Problem{"", 0, 0, "task.class_weights",
                          "has " + std::to_string(count) + " values, and the data have " +
                              std::to_string(info_.classes.size()) + " classes",
                          "give one for each class, in the order of data.classes"});
}

std::shared_ptr<const data::Source> SegmentationTask::prepared(data::Split split, bool augmented) {
  if (!dataset_) {
    open_data();
    const data::DataInfo& now = dataset_->info();
    if (now.classes != info_.classes) {
      throw file_error(recipe_.data.root.string(), "has other classes than those that this model was trained for",
                       "name them by data.classes as in the run");
    }
    info_.name = now.name;  // results are true of this data
    info_.fingerprint = now.fingerprint;
  }
  return images_->source(dataset_->split(split), augmented, {});
}

void SegmentationTask::train(engine::Step& step, const data::Batch& batch) {
  const auto* images = std::get_if<torch::Tensor>(&batch.inputs.at("image"));
  if (images == nullptr) {
    throw UserError("the images of a training batch are of several sizes",
                    "end data.augment with random_crop, or take train.batch_size 1");
  }
  const torch::Tensor mask = batch.targets.tensor("mask").to(torch::kLong);
  const data::Fields outputs = step.run("model", {{"input", *images}});
  PixelLoss loss = pixel_loss(outputs.tensor("out"), mask, loss_);
  if (outputs.has("aux"))
    loss.value = loss.value + loss_.aux_weight * pixel_loss(outputs.tensor("aux"), mask, loss_).value;
  step.log({"loss", loss.value.item<double>(), report::Better::Lower, 4, ""}, loss.units);
  step.minimise("model", loss.value, loss.units);
}

/// Images of several sizes run one by one, so that no figure depends on what they are batched with.
data::Fields SegmentationTask::predict(const data::Batch& batch) {
  nn::Layer& model = *models_.front().second;
  const auto run = [&model](const torch::Tensor& images) {
    return engine::run_model(model, {{"input", images}}).tensor("out");
  };
  const data::Value& images = batch.inputs.at("image");
  if (const auto* one = std::get_if<torch::Tensor>(&images)) return {{"logits", run(*one)}};
  std::vector<torch::Tensor> logits;
  for (const auto& image : std::get<std::vector<torch::Tensor>>(images)) logits.push_back(run(image.unsqueeze(0))[0]);
  return {{"logits", logits}};
}

/// Its answer has the size of the file's image.
data::Sample SegmentationTask::read(const std::filesystem::path& file) const {
  data::Sample sample = images_->read(file, /*any_size=*/true);
  const auto image = data::decode_image(read_file(file), file.string(), recipe_.data.exif == "apply");
  sample.inputs.set("size", torch::tensor({image.size(0), image.size(1)}, torch::kLong));
  return sample;
}

engine::Answer SegmentationTask::answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                                        const engine::AnswerOptions&) const {
  const torch::Tensor size = batch.inputs.tensor("size")[row].to(torch::kCPU);
  const std::int64_t height = size[0].item<std::int64_t>(), width = size[1].item<std::int64_t>();
  const torch::Tensor logits = prediction.tensor("logits").narrow(0, row, 1);
  const torch::Tensor mask = at::upsample_bilinear2d(logits, {height, width}, false).argmax(1)[0].to(torch::kByte);
  engine::Answer answer{Json::array(), report::Table({{"class", report::Align::Left}, {"pixels"}, {"share"}}),
                        report::Table({{"class"}, {"pixels"}, {"share"}})};
  const torch::Tensor counts =
      torch::bincount(mask.flatten().to(torch::kLong), {}, static_cast<std::int64_t>(info_.classes.size()));
  for (std::size_t i = 0; i < info_.classes.size(); ++i) {
    const auto pixels = counts[static_cast<std::int64_t>(i)].item<std::int64_t>();
    if (pixels == 0) continue;
    const double share = static_cast<double>(pixels) / static_cast<double>(height * width);
    answer.json.push_back({{"class", info_.classes[i]}, {"index", i}, {"pixels", pixels}, {"share", share}});
    answer.table.add({info_.classes[i], report::grouped(pixels), report::percent(share, 2)});
    answer.records.add({info_.classes[i], std::to_string(pixels), report::shortest(share)});
  }
  answer.files.push_back({"_mask.png", [mask, height, width, palette = data::mask_palette(info_)](const auto& file) {
                            const auto* pixels = mask.data_ptr<std::uint8_t>();
                            write_file(file, report::palette_png(pixels, width, height, palette));
                          }});
  return answer;
}

}  // namespace

void add_task(engine::TaskFactory& factory, const data::TransformFactory& transforms) {
  factory.add<LossOptions>("segmentation", "images to a class for every pixel",
                           [&transforms](const LossOptions& options, const engine::TaskRequest& request) {
                             return std::make_unique<SegmentationTask>(options, request, transforms);
                           });
}

}  // namespace mlrun::segmentation
