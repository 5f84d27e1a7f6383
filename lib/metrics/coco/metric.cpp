#include "metrics/coco/metric.h"

#include <cmath>
#include <optional>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "metrics/coco/findings.h"
#include "metrics/coco/sample_boxes.h"

namespace mlrun::metrics {
namespace {

class CocoBoxes final : public Metric {
 public:
  CocoBoxes(std::vector<std::string> classes, const CocoSettings& settings)
      : classes_(std::move(classes)), evaluation_(settings, classes_.size()) {}

  void update(const data::Fields& prediction, const data::Batch& batch) override {
    result_.reset();
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      evaluation_.add(batch.indices[static_cast<std::size_t>(i)], truths_in(batch, i),
                      detections_in(prediction, batch, i));
    }
  }
  void merge(const Metric& other) override {
    result_.reset();
    evaluation_.merge(dynamic_cast<const CocoBoxes&>(other).evaluation_);
  }

  Figures compute() const override {
    Figures figures;
    for (const auto& [name, value] : coco_figures(result())) {
      const bool sized = name.find('_') != std::string::npos;
      if (!sized || !std::isnan(value)) figures.push_back({name, 100 * value, Better::Higher, 2, "%"});
    }
    return figures;
  }
  Json details() const override { return coco_details(evaluation_, result(), classes_); }
  std::vector<report::Exhibit> exhibits() const override { return coco_exhibits(evaluation_, result(), classes_); }

  void save(data::State& state, const std::string& prefix) const override {
    CocoState kept = evaluation_.state();
    for (const auto& [name, list] : lists_of(kept)) state.put(prefix + name, tensor_of(*list));
    state.put(prefix + "scores", tensor_of(kept.scores));
    state.put(prefix + "farthest", tensor_of(kept.farthest));
  }
  void load(const data::State& state, const std::string& prefix) override {
    CocoState kept;
    const auto all = [&](const std::string& name) { return state.tensor(prefix + name); };
    for (const auto& [name, list] : lists_of(kept)) *list = numbers_of<std::int64_t>(all(name), all(name).numel());
    kept.scores = numbers_of<double>(all("scores"), all("scores").numel());
    kept.farthest = numbers_of<double>(all("farthest"), all("farthest").numel());
    result_.reset();
    if (!evaluation_.restore(kept)) {
      throw UserError("the saved state '" + prefix + "rows' is of other classes", "resume with the data of the run");
    }
  }

 private:
  static std::vector<std::pair<std::string, std::vector<std::int64_t>*>> lists_of(CocoState& kept) {
    return {{"rows", &kept.rows},     {"images", &kept.images},       {"ranks", &kept.ranks},
            {"hits", &kept.hits},     {"left_out", &kept.left_out},   {"errors", &kept.errors},
            {"mended", &kept.mended}, {"truths", &kept.truths},       {"missed", &kept.missed},
            {"seen", &kept.seen},     {"confusion", &kept.confusion}, {"counts", &kept.counts}};
  }

  const CocoResult& result() const {
    if (!result_) result_ = result_of(evaluation_);
    return *result_;
  }

  std::vector<std::string> classes_;
  CocoEvaluation evaluation_;
  mutable std::optional<CocoResult> result_;  // of what was added so far
};

}  // namespace

std::unique_ptr<Metric> make_coco_boxes(std::vector<std::string> classes, CocoSettings settings) {
  return std::make_unique<CocoBoxes>(std::move(classes), settings);
}

}  // namespace mlrun::metrics
