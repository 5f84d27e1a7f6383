#include "recipes/segmentation/exhibition.h"

#include <cmath>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/class_colours.h"
#include "data/image/overlay.h"
#include "data/image/thumbnail.h"
#include "metrics/worst.h"
#include "recipes/segmentation/metrics.h"
#include "recipes/segmentation/samples.h"
#include "report/format.h"

namespace mlrun::segmentation {
namespace {

constexpr std::size_t kWorst = 12;
constexpr std::int64_t kPanelWidth = 600;  // pixels of three pictures

/// An image of which the model is wrong.
struct BadImage {
  std::string id;
  std::int64_t index = 0;      ///< position in its split
  double iou = 0, wrong = 0;   ///< the mean over its classes, in per cent; the share of its valid pixels
  torch::Tensor truth, found;  ///< uint8 [H, W]
};

/// Null where the evaluation has none.
const report::Exhibit* exhibit_named(const engine::Evaluation& evaluation, const std::string& name) {
  for (const auto& exhibit : evaluation.exhibits) {
    if (exhibit.name == name) return &exhibit;
  }
  return nullptr;
}

class SegmenterExhibition : public engine::Exhibition {
 public:
  explicit SegmenterExhibition(engine::Task& task)
      : task_(task), classes_(static_cast<std::int64_t>(task.data().classes.size())), worst_(kWorst) {}

  void see(const data::Batch& batch, const data::Fields& prediction) override {
    if (!batch.targets.has("mask")) return;
    for_each_sample(prediction, batch, [&](std::int64_t i, const torch::Tensor& logits, const torch::Tensor& mask) {
      const torch::Tensor found = logits.argmax(0), counts = count_pixels(mask, found, classes_);
      const auto right = counts.trace().item<std::int64_t>(), all = counts.sum().item<std::int64_t>();
      const double iou = mean_iou(counts);
      if (all == right || !worst_.wants(100 - iou)) return;  // nothing to see, or nothing to compare with
      const double wrong = static_cast<double>(all - right) / static_cast<double>(all);
      worst_.add(100 - iou, {batch.ids[static_cast<std::size_t>(i)], batch.indices[static_cast<std::size_t>(i)], iou,
                             wrong, mask.to(torch::kByte), found.to(torch::kByte)});
    });
  }

  std::vector<report::Section> of_evaluation(const engine::Evaluation& evaluation,
                                             const data::Source& source) override {
    std::vector<report::Section> sections;
    if (const auto* classes = exhibit_named(evaluation, "per_class")) {
      sections.push_back({"Classes", absent_text(evaluation.details), {*classes}});
    }
    if (const auto* matrix = exhibit_named(evaluation, "confusion")) {
      const auto& confusion = std::get<report::Confusion>(matrix->content);
      sections.push_back(
          {"Confusion matrix", "Of pixels.", {*matrix, report::confused_pairs_exhibit(confusion)}, true});
    }
    const report::Thumbnails images = bad_images(source);
    if (images.empty()) return sections;
    sections.push_back(
        {"Worst images",
         "Those with the lowest mean IoU of their own classes: the image, its mask, what the model found.",
         {{"worst", "", images}}});
    return sections;
  }

  std::string caption(const data::SampleFacts&) const override { return ""; }

  std::vector<std::pair<std::string, std::string>> data_facts() const override {
    return {{"classes", std::to_string(classes_)}, {"channels", std::to_string(task_.data().channels)}};
  }

  std::vector<report::Exhibit> data_exhibits() override {
    report::Table table({{"split", report::Align::Left}, {"images"}});
    for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
      if (const auto source = task_.evaluation_source(split))
        table.add({data::split_name(split), report::grouped(source->size())});
    }
    return {{"samples", "", table}};
  }

 private:
  static std::string absent_text(const Json& details) {
    std::string names;
    for (const auto& name : details.value("absent", Json::array())) {
      names += (names.empty() ? "" : ", ") + name.get<std::string>();
    }
    return names.empty() ? "" : "Neither in masks nor in predictions, and so in no mean: " + names + ".";
  }

  report::Thumbnails bad_images(const data::Source& source) const {
    const std::string colours = data::mask_palette(task_.data());
    report::Thumbnails thumbnails;
    for (const BadImage& bad : worst_.list()) {
      const auto picture = task_.picture(source.get({bad.index, 0, 0}), false);
      if (!picture || picture->size(2) == 2 || picture->size(2) > 3) continue;
      const torch::Tensor panel = data::beside(
          {*picture, data::overlay(*picture, bad.truth, colours), data::overlay(*picture, bad.found, colours)});
      thumbnails.push_back(
          {data::thumbnail_uri(panel, kPanelWidth),
           {"IoU " + report::fixed(bad.iou, 2) + ", " + report::percent(bad.wrong, 1) + " of the pixels wrong", bad.id},
           true});
    }
    return thumbnails;
  }

  engine::Task& task_;
  std::int64_t classes_;
  metrics::Worst<BadImage> worst_;
};

}  // namespace

std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task) {
  return std::make_unique<SegmenterExhibition>(task);
}

}  // namespace mlrun::segmentation
