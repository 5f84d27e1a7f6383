#include "nn/boxes/nms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <torch/csrc/jit/frontend/tracer.h>

#include "base/error.h"
#include "nn/boxes/columns.h"
#include "nn/boxes/operators.h"
#include "nn/boxes/share.h"

namespace mlrun::nn {
namespace {

torch::Tensor descending(const torch::Tensor& scores) {
  return std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
}

/// The largest number of this type not above `threshold`: no IoU lies between them.
template <class Scalar>
Scalar at_most(double threshold) {
  const auto near = static_cast<Scalar>(threshold);
  return static_cast<double>(near) > threshold ? std::nextafter(near, -std::numeric_limits<Scalar>::infinity()) : near;
}

/// A trace would keep the choice that it saw.
void refuse_tracing() {
  if (!torch::jit::tracer::isTracing()) return;
  throw UserError("which boxes remain depends on their numbers, and a traced file cannot choose",
                  "run the model with mlrun, or export its weights alone (.safetensors, .pth)");
}

/// Rows of boxes on the CPU, all of one class before those of the next, in each ascending.
struct RowsByClass {
  std::vector<std::int64_t> rows;
  std::vector<std::size_t> begins;  ///< of each class, and the end of the last

  explicit RowsByClass(const torch::Tensor& classes) : rows(static_cast<std::size_t>(classes.size(0))) {
    const torch::Tensor plain = classes.to(torch::kLong).contiguous();
    const auto* of = plain.data_ptr<std::int64_t>();
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(), [of](std::int64_t a, std::int64_t b) { return of[a] < of[b]; });
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i == 0 || of[rows[i]] != of[rows[i - 1]]) begins.push_back(i);
    }
    begins.push_back(rows.size());
  }
};

/// Some boxes by coordinate, in an order of their own.
template <class Scalar>
class SomeBoxes {
 public:
  SomeBoxes(const Scalar* boxes, const std::int64_t* rows, std::size_t count) : count_(count), values_(5 * count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Scalar* box = boxes + 4 * rows[i];
      for (std::size_t k = 0; k < 4; ++k) values_[k * count + i] = box[k];
      values_[4 * count + i] = (box[2] - box[0]) * (box[3] - box[1]);
    }
  }
  BoxColumns<Scalar> columns() const {
    const Scalar* first = values_.data();
    return {first, first + count_, first + 2 * count_, first + 3 * count_, first + 4 * count_};
  }

 private:
  std::size_t count_;
  std::vector<Scalar> values_;
};

/// Sorts the rows by falling score, and keeps the order of equal ones; a score that is no number is the largest.
template <class Scalar>
void sort_by_score(const Scalar* scores, std::int64_t* rows, std::size_t count) {
  std::stable_sort(rows, rows + count, [scores](std::int64_t a, std::int64_t b) {
    return (std::isnan(scores[a]) && !std::isnan(scores[b])) || scores[a] > scores[b];
  });
}

/// Places, ascending, of the boxes that remain of boxes in order of their scores.
template <class Scalar>
std::vector<std::int64_t> remaining(const BoxColumns<Scalar>& columns, std::int64_t count, double threshold) {
  std::vector<std::int32_t> gone(static_cast<std::size_t>(count), 0);
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < count; ++i) {
    if (gone[static_cast<std::size_t>(i)]) continue;
    kept.push_back(i);
    suppress(columns, i, count, at_most<Scalar>(threshold), gone.data());
  }
  return kept;
}

/// Which rows remain, class by class: threads share the classes.
template <class Scalar>
torch::Tensor kept_by_class(const torch::Tensor& boxes, const torch::Tensor& scores, const torch::Tensor& classes,
                            double threshold) {
  const torch::Tensor box_values = boxes.contiguous(), score_values = scores.contiguous();
  const auto* box = box_values.data_ptr<Scalar>();
  const auto* score = score_values.data_ptr<Scalar>();
  RowsByClass by_class(classes);
  torch::Tensor kept = torch::zeros({boxes.size(0)}, torch::kBool);
  bool* keeps = kept.data_ptr<bool>();
  share(static_cast<std::int64_t>(by_class.begins.size()) - 1, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::size_t from = by_class.begins[static_cast<std::size_t>(i)];
      const std::size_t count = by_class.begins[static_cast<std::size_t>(i) + 1] - from;
      std::int64_t* rows = by_class.rows.data() + from;
      sort_by_score(score, rows, count);
      const SomeBoxes<Scalar> sorted(box, rows, count);
      for (const std::int64_t at : remaining(sorted.columns(), static_cast<std::int64_t>(count), threshold)) {
        keeps[rows[at]] = true;
      }
    }
  });
  return at::where(kept).front();
}

torch::Tensor rows_of_class(const torch::Tensor& classes, const torch::Tensor& one) {
  return at::where(classes.eq(one)).front();
}

/// Boxes moved so far apart, class by class, that none meets one of another class.
torch::Tensor moved_apart(const torch::Tensor& boxes, const torch::Tensor& classes) {
  const torch::Tensor step = boxes.max() + torch::ones({}, boxes.options());
  return boxes + (classes.to(boxes.options()) * step).unsqueeze(1);
}

/// Whether the kernels here take these.
bool on_cpu(const torch::Tensor& boxes, const torch::Tensor& scores) {
  const auto type = boxes.scalar_type();
  return boxes.is_cpu() && (type == torch::kFloat || type == torch::kDouble) && scores.scalar_type() == type;
}

torch::Tensor nms_on_cpu(const torch::Tensor& boxes, const torch::Tensor& scores, double threshold) {
  const torch::Tensor order = descending(scores);
  const Columns sorted(boxes.index_select(0, order));
  const auto kept = boxes.scalar_type() == torch::kFloat ? remaining(sorted.of<float>(), boxes.size(0), threshold)
                                                         : remaining(sorted.of<double>(), boxes.size(0), threshold);
  return order.index_select(0, torch::tensor(kept, torch::kLong));
}

/// Ascending rows of those that remain of each class.
torch::Tensor rows_kept(const torch::Tensor& boxes, const torch::Tensor& scores, const torch::Tensor& classes,
                        double threshold) {
  if (on_cpu(boxes, scores)) {
    return boxes.scalar_type() == torch::kFloat ? kept_by_class<float>(boxes, scores, classes, threshold)
                                                : kept_by_class<double>(boxes, scores, classes, threshold);
  }
  const torch::Tensor present = std::get<0>(at::_unique(classes));
  std::vector<torch::Tensor> kept;
  for (std::int64_t i = 0; i < present.size(0); ++i) {
    const torch::Tensor rows = rows_of_class(classes, present[i]);
    kept.push_back(rows.index_select(0, nms(boxes.index_select(0, rows), scores.index_select(0, rows), threshold)));
  }
  return std::get<0>(at::cat(kept).sort());
}

torch::Tensor class_by_class(const torch::Tensor& boxes, const torch::Tensor& scores, const torch::Tensor& classes,
                             double threshold) {
  refuse_tracing();
  const torch::Tensor rows = rows_kept(boxes, scores, classes, threshold);
  return rows.index_select(0, std::get<1>(scores.index_select(0, rows).sort(0, /*descending=*/true)));
}

}  // namespace

torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold) {
  refuse_tracing();
  return nms_of_numbers(boxes, scores, iou_threshold);
}

torch::Tensor nms_of_numbers(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold) {
  const torch::NoGradGuard no_grad;
  const auto type = boxes.scalar_type();
  if (boxes.is_cpu() && (type == torch::kFloat || type == torch::kDouble)) {
    return nms_on_cpu(boxes, scores, iou_threshold);
  }
  return nms_by_operators(boxes, scores, iou_threshold);
}

torch::Tensor batched_nms(const torch::Tensor& boxes, const torch::Tensor& scores, const torch::Tensor& classes,
                          double iou_threshold) {
  const torch::NoGradGuard no_grad;
  if (boxes.numel() == 0) return torch::empty({0}, boxes.options().dtype(torch::kLong));
  if (boxes.numel() > (boxes.is_cpu() ? 4000 : 20000)) return class_by_class(boxes, scores, classes, iou_threshold);
  return nms(moved_apart(boxes, classes), scores, iou_threshold);
}

}  // namespace mlrun::nn
