#include "metrics/coco/metric.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "metrics/coco/findings.h"

namespace mlrun::metrics {
namespace {

/// The ragged list `name`, one tensor for each of `count` samples, on the CPU.
const std::vector<torch::Tensor>& ragged(const data::Fields& fields, const std::string& name, std::int64_t count) {
  const auto* list = std::get_if<std::vector<torch::Tensor>>(&fields.at(name));
  MLRUN_ASSERT(list != nullptr, "the field '" + name + "' is no list");
  MLRUN_ASSERT(static_cast<std::int64_t>(list->size()) == count, "the field '" + name + "' has not one item a sample");
  return *list;
}

template <class Number>
std::vector<Number> numbers(const torch::Tensor& tensor, std::int64_t count) {
  const torch::Tensor plain = tensor.to(torch::kCPU, c10::CppTypeToScalarType<Number>::value).contiguous();
  MLRUN_ASSERT(plain.numel() == count, "boxes, scores and labels of a sample are not of one number");
  const auto* first = plain.data_ptr<Number>();
  return {first, first + count};
}

/// From two corners.
CocoBox box_at(const std::vector<double>& corners, std::int64_t i) {
  const double* corner = corners.data() + 4 * i;
  return {corner[0], corner[1], corner[2] - corner[0], corner[3] - corner[1]};
}

/// The annotation's own number, where float32 lost no more than its last digits: it has three decimals at most.
double restored(double value, double farthest) {
  const double round = std::round(value * 1000) / 1000;
  return std::abs(value - round) <= farthest * std::numeric_limits<float>::epsilon() ? round : value;
}

/// The same of a truth, so that overlaps at a threshold are on the side on which the annotations have them.
CocoBox truth_at(const std::vector<double>& corners, std::int64_t i) {
  const CocoBox box = box_at(corners, i);
  const auto* corner = corners.data() + 4 * i;
  const double farthest =
      std::abs(*std::max_element(corner, corner + 4, [](double a, double b) { return std::abs(a) < std::abs(b); }));
  return {restored(box.x, farthest), restored(box.y, farthest), restored(box.width, farthest),
          restored(box.height, farthest)};
}

/// Nothing, which no class is, for what is below 0.
std::size_t category_of(std::int64_t label) { return static_cast<std::size_t>(label); }

template <class Number>
torch::Tensor tensor_of(const std::vector<Number>& values) {
  return torch::tensor(c10::ArrayRef<Number>(values), torch::TensorOptions(c10::CppTypeToScalarType<Number>::value));
}

class CocoBoxes final : public Metric {
 public:
  CocoBoxes(std::vector<std::string> classes, const CocoSettings& settings)
      : classes_(std::move(classes)), evaluation_(settings, classes_.size()) {}

  void update(const data::Fields& prediction, const data::Batch& batch) override {
    result_.reset();
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      evaluation_.add(batch.indices[static_cast<std::size_t>(i)], truths_of(batch, i), found_of(prediction, batch, i));
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
    for (const auto& [name, list] : lists_of(kept)) *list = numbers<std::int64_t>(all(name), all(name).numel());
    kept.scores = numbers<double>(all("scores"), all("scores").numel());
    kept.farthest = numbers<double>(all("farthest"), all("farthest").numel());
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

  static std::vector<CocoDetection> found_of(const data::Fields& prediction, const data::Batch& batch, std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const torch::Tensor& boxes = ragged(prediction, "boxes", batch.size())[at];
    const std::int64_t count = boxes.size(0);
    const auto corners = numbers<double>(boxes, 4 * count);
    const auto scores = numbers<double>(ragged(prediction, "scores", batch.size())[at], count);
    const auto labels = numbers<std::int64_t>(ragged(prediction, "labels", batch.size())[at], count);
    std::vector<CocoDetection> found(static_cast<std::size_t>(count));
    for (std::int64_t k = 0; k < count; ++k) {
      CocoDetection& one = found[static_cast<std::size_t>(k)];
      one.category = category_of(labels[static_cast<std::size_t>(k)]);
      one.score = scores[static_cast<std::size_t>(k)];
      one.shape.box = box_at(corners, k);
      one.area = area_of(CocoKind::Boxes, one.shape);
    }
    return found;
  }

  static std::vector<CocoTruth> truths_of(const data::Batch& batch, std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const torch::Tensor& boxes = ragged(batch.targets, "boxes", batch.size())[at];
    const std::int64_t count = boxes.size(0);
    const auto corners = numbers<double>(boxes, 4 * count);
    const auto labels = numbers<std::int64_t>(ragged(batch.targets, "labels", batch.size())[at], count);
    std::vector<double> areas;
    std::vector<std::int64_t> crowds;
    if (batch.targets.has("area")) areas = numbers<double>(ragged(batch.targets, "area", batch.size())[at], count);
    if (batch.targets.has("crowd")) {
      crowds = numbers<std::int64_t>(ragged(batch.targets, "crowd", batch.size())[at], count);
    }
    std::vector<CocoTruth> truths(static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < truths.size(); ++k) {
      CocoTruth& one = truths[k];
      one.category = category_of(labels[k]);
      one.shape.box = truth_at(corners, static_cast<std::int64_t>(k));
      one.area = areas.empty() ? area_of(CocoKind::Boxes, one.shape) : areas[k];
      one.crowd = !crowds.empty() && crowds[k] != 0;
    }
    return truths;
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
