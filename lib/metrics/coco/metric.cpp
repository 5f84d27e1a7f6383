#include "metrics/coco/metric.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "metrics/coco/findings.h"
#include "metrics/coco/sample_boxes.h"

namespace mlrun::metrics {
namespace {

/// What stands before the names of figures and exhibits, and their titles.
struct KindNames {
  std::string prefix, title;

  explicit KindNames(CocoKind kind) {
    if (kind == CocoKind::Masks) prefix = "mask_", title = "Masks";
    if (kind == CocoKind::Keypoints) prefix = "keypoint_", title = "Keypoints";
  }
  /// Whether a prediction has what is evaluated.
  bool given_by(const data::Fields& prediction) const {
    return prefix.empty() || prediction.has(prefix == "mask_" ? "masks" : "keypoints");
  }
  report::Exhibit named(report::Exhibit exhibit) const {
    if (auto* remark = std::get_if<report::Remark>(&exhibit.content)) {
      remark->figure = prefix + remark->figure;
    } else if (!prefix.empty()) {
      exhibit.title = title + ": " + (exhibit.title.empty() ? exhibit.name : exhibit.title);
      exhibit.name = prefix + exhibit.name;
    }
    return exhibit;
  }
};

/// Whether a figure is of objects of one size alone, and absent where there are none.
bool is_sized(const std::string& name) { return name.find('_') != std::string::npos; }

class CocoMetric final : public Metric {
 public:
  CocoMetric(std::vector<std::string> classes, const CocoSettings& settings)
      : classes_(std::move(classes)), names_(settings.kind), evaluation_(settings, classes_.size()) {}

  void update(const data::Fields& prediction, const data::Batch& batch) override {
    result_.reset();
    absent_ = absent_ || !names_.given_by(prediction);
    if (absent_) return;
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      evaluation_.add(batch.indices[static_cast<std::size_t>(i)], truths_in(batch, i, kind()),
                      detections_in(prediction, batch, i, kind()));
    }
  }
  void merge(const Metric& other) override {
    result_.reset();
    const auto& more = dynamic_cast<const CocoMetric&>(other);
    absent_ = absent_ || more.absent_;
    evaluation_.merge(more.evaluation_);
  }

  Figures compute() const override {
    Figures figures;
    if (absent_) return figures;
    for (const auto& [name, value] : coco_figures(result())) {
      if (is_sized(name) && std::isnan(value)) continue;
      figures.push_back({names_.prefix + name, 100 * value, Better::Higher, 2, "%"});
    }
    return figures;
  }
  Json details() const override {
    Json details = Json::object();
    if (absent_) return details;
    const Json plain = coco_details(evaluation_, result(), classes_);
    for (const auto& [name, value] : plain.items()) details[names_.prefix + name] = value;
    return details;
  }
  std::vector<report::Exhibit> exhibits() const override {
    if (absent_) return {};
    std::vector<report::Exhibit> list = coco_exhibits(evaluation_, result(), classes_);
    for (auto& exhibit : list) exhibit = names_.named(std::move(exhibit));
    return list;
  }

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

  CocoKind kind() const { return evaluation_.settings().kind; }
  const CocoResult& result() const {
    if (!result_) result_ = result_of(evaluation_);
    return *result_;
  }

  std::vector<std::string> classes_;
  KindNames names_;
  CocoEvaluation evaluation_;
  bool absent_ = false;                       // a prediction did not say what this is about
  mutable std::optional<CocoResult> result_;  // of what was added so far
};

}  // namespace

std::unique_ptr<Metric> make_coco_boxes(std::vector<std::string> classes, CocoSettings settings) {
  return std::make_unique<CocoMetric>(std::move(classes), settings);
}

std::unique_ptr<Metric> make_coco_masks(std::vector<std::string> classes) {
  return std::make_unique<CocoMetric>(std::move(classes), CocoSettings::of(CocoKind::Masks));
}

std::unique_ptr<Metric> make_coco_keypoints(std::vector<std::string> classes, std::vector<double> sigmas) {
  CocoSettings settings = CocoSettings::of(CocoKind::Keypoints);
  settings.sigmas = std::move(sigmas);
  return std::make_unique<CocoMetric>(std::move(classes), settings);
}

}  // namespace mlrun::metrics
