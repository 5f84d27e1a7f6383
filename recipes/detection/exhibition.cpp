#include "recipes/detection/exhibition.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes/mask_runs.h"
#include "data/image/overlay.h"
#include "data/image/thumbnail.h"
#include "metrics/worst.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/judging.h"
#include "recipes/detection/mistakes.h"
#include "recipes/detection/samples.h"
#include "report/format.h"

namespace mlrun::detection {
namespace {

constexpr std::size_t kWorst = 12;
constexpr std::int64_t kPanelWidth = 900;  // pixels of two pictures

/// An image whose objects are not all found, or where there are more.
struct BadImage {
  std::shared_ptr<const JudgedImage> judged;
  Found truth, found;  ///< with masks and keypoints
};

/// Whether masks are of the picture's size: those of a file of results are not where data.preprocess resizes.
bool fits(const Found& found, const torch::Tensor& picture) {
  return std::all_of(found.shapes.begin(), found.shapes.end(), [&picture](const data::RunLengths& mask) {
    return mask.height == picture.size(0) && mask.width == picture.size(1);
  });
}

class DetectorExhibition : public engine::Exhibition {
 public:
  DetectorExhibition(engine::Task& task, double shown) : task_(task), shown_(shown), worst_(kWorst) {}

  void see(const data::Batch& batch, const data::Fields& prediction) override {
    if (!batch.targets.has("boxes")) return;
    for (std::size_t i = 0; i < batch.ids.size(); ++i) {
      const auto judged = std::make_shared<const JudgedImage>(judged_image(batch, prediction, i, shown_));
      mistakes_.see(judged);
      const auto wrong = static_cast<double>(judged->missed() + judged->false_alarms());
      if (wrong == 0 || !worst_.wants(wrong)) continue;
      BadImage image{judged, judged->truth.rows(judged->single), of_score(found_in(prediction, i), shown_)};
      if (prediction.has("masks") && batch.targets.has("masks")) {
        image.truth.shapes = data::runs_of_masks(list_of(batch.targets, "masks")[i].cpu().index({judged->single}));
      }
      if (prediction.has("keypoints") && batch.targets.has("keypoints")) {
        image.truth.keypoints = list_of(batch.targets, "keypoints")[i].cpu().index({judged->single});
      }
      worst_.add(wrong, std::move(image));
    }
  }

  std::vector<report::Section> of_evaluation(const engine::Evaluation& evaluation,
                                             const data::Source& source) override {
    std::vector<report::Section> sections;
    for (report::Exhibit exhibit : evaluation.exhibits) {
      const std::string title = exhibit.title.empty() ? exhibit.name : exhibit.title;
      exhibit.title.clear();  // the section's heading
      sections.push_back({title, "", {std::move(exhibit)}});
    }
    const std::string least = "a score of at least " + report::shortest(shown_);
    const auto mistakes = mistakes_.pictures(task_, source);
    if (!mistakes.empty()) {
      sections.push_back({"Worst mistakes",
                          "What is there, and beside it what the model found with " + least +
                              ": of each kind of mistake those that it is surest of, and the largest objects missed.",
                          mistakes});
    }
    const report::Thumbnails images = bad_images(source);
    if (images.empty()) return sections;
    sections.push_back(
        {"Worst images",
         "Those with the most objects missed and boxes too many: what is there, what the model found with " + least +
             ".",
         {{"worst", "", images}}});
    return sections;
  }

  std::string caption(const data::SampleFacts&) const override { return ""; }

  std::vector<std::pair<std::string, std::string>> data_facts() const override {
    return {{"classes", std::to_string(task_.data().classes.size())},
            {"channels", std::to_string(task_.data().channels)}};
  }

  std::vector<report::Exhibit> data_exhibits() override {
    report::Table table({{"split", report::Align::Left}, {"images"}});
    for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
      if (const auto source = task_.evaluation_source(split)) {
        table.add({data::split_name(split), report::grouped(source->size())});
      }
    }
    return {{"samples", "", table}};
  }

 private:
  report::Thumbnails bad_images(const data::Source& source) const {
    report::Thumbnails thumbnails;
    for (const BadImage& bad : worst_.list()) {
      const auto picture = task_.picture(source.get({bad.judged->index, 0, 0}), false);
      if (!picture || picture->size(2) == 2 || picture->size(2) > 3) continue;
      if (!fits(bad.truth, *picture) || !fits(bad.found, *picture)) continue;
      const torch::Tensor panel = data::beside(
          {drawn(task_.data(), bad.truth, *picture, false), drawn(task_.data(), bad.found, *picture, true)});
      thumbnails.push_back({data::thumbnail_uri(panel, kPanelWidth),
                            {std::to_string(bad.judged->missed()) + " missed, " +
                                 std::to_string(bad.judged->false_alarms()) + " too many",
                             bad.judged->id},
                            true});
    }
    return thumbnails;
  }

  engine::Task& task_;
  double shown_;
  metrics::Worst<BadImage> worst_;
  MistakeGallery mistakes_;
};

}  // namespace

std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task, double shown) {
  return std::make_unique<DetectorExhibition>(task, shown);
}

}  // namespace mlrun::detection
