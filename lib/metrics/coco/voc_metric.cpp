#include <cmath>
#include <utility>

#include "base/error.h"
#include "metrics/coco/metric.h"
#include "metrics/coco/sample_boxes.h"
#include "metrics/coco/voc.h"
#include "report/format.h"

namespace mlrun::metrics {
namespace {

class VocBoxes final : public Metric {
 public:
  VocBoxes(std::vector<std::string> classes, const VocSettings& settings)
      : classes_(std::move(classes)), evaluation_(settings, classes_.size()) {}

  void update(const data::Fields& prediction, const data::Batch& batch) override {
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      evaluation_.add(batch.indices[static_cast<std::size_t>(i)], truths_in(batch, i),
                      detections_in(prediction, batch, i));
    }
  }
  void merge(const Metric& other) override { evaluation_.merge(dynamic_cast<const VocBoxes&>(other).evaluation_); }

  Figures compute() const override {
    return {{"voc07_ap50", 100 * evaluation_.mean(VocRule::ElevenPoints), Better::Higher, 2, "%"},
            {"voc_ap50", 100 * evaluation_.mean(VocRule::AllPoints), Better::Higher, 2, "%"}};
  }

  Json details() const override {
    Json list = Json::array();
    const auto number = [](double value) { return std::isnan(value) ? Json() : Json(100 * value); };
    for (std::size_t k = 0; k < classes_.size(); ++k) {
      list.push_back({{"class", classes_[k]},
                      {"voc07_ap50", number(evaluation_.average_precision(k, VocRule::ElevenPoints))},
                      {"voc_ap50", number(evaluation_.average_precision(k, VocRule::AllPoints))}});
    }
    return {{"voc_per_class", std::move(list)}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    report::Table table({{"class", report::Align::Left}, {"AP50, VOC 2007"}, {"AP50, VOC 2012"}});
    const auto text = [](double value) { return std::isnan(value) ? "-" : report::fixed(100 * value, 2); };
    for (std::size_t k = 0; k < classes_.size(); ++k) {
      table.add({classes_[k], text(evaluation_.average_precision(k, VocRule::ElevenPoints)),
                 text(evaluation_.average_precision(k, VocRule::AllPoints))});
    }
    return {{"voc_per_class", "By class, as PASCAL VOC counts", table}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    VocState kept = evaluation_.state();
    for (const auto& [name, list] : lists_of(kept)) state.put(prefix + name, tensor_of(*list));
    state.put(prefix + "scores", tensor_of(kept.scores));
  }
  void load(const data::State& state, const std::string& prefix) override {
    VocState kept;
    const auto all = [&](const std::string& name) { return state.tensor(prefix + name); };
    for (const auto& [name, list] : lists_of(kept)) *list = numbers_of<std::int64_t>(all(name), all(name).numel());
    kept.scores = numbers_of<double>(all("scores"), all("scores").numel());
    if (!evaluation_.restore(kept)) {
      throw UserError("the saved state '" + prefix + "rows' is of other classes", "resume with the data of the run");
    }
  }

 private:
  static std::vector<std::pair<std::string, std::vector<std::int64_t>*>> lists_of(VocState& kept) {
    return {{"rows", &kept.rows},         {"images", &kept.images}, {"ranks", &kept.ranks},
            {"verdicts", &kept.verdicts}, {"truths", &kept.truths}, {"seen", &kept.seen}};
  }

  std::vector<std::string> classes_;
  VocEvaluation evaluation_;
};

}  // namespace

std::unique_ptr<Metric> make_voc_boxes(std::vector<std::string> classes, bool inclusive) {
  VocSettings settings;
  settings.pixels = inclusive ? 1 : 0;
  return std::make_unique<VocBoxes>(std::move(classes), settings);
}

}  // namespace mlrun::metrics
