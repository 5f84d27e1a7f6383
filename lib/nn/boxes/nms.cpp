#include "nn/boxes/nms.h"

#include <cmath>
#include <limits>
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

/// Places, ascending, of the boxes that remain of boxes in order of their scores.
template <class Scalar>
std::vector<std::int64_t> remaining(const torch::Tensor& boxes, double threshold) {
  const Columns sorted(boxes);
  const BoxColumns<Scalar> columns = sorted.of<Scalar>();
  const std::int64_t count = boxes.size(0);
  std::vector<std::int32_t> gone(static_cast<std::size_t>(count), 0);
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < count; ++i) {
    if (gone[static_cast<std::size_t>(i)]) continue;
    kept.push_back(i);
    suppress(columns, i, count, at_most<Scalar>(threshold), gone.data());
  }
  return kept;
}

/// A trace would keep the choice that it saw.
void refuse_tracing() {
  if (!torch::jit::tracer::isTracing()) return;
  throw UserError("which boxes remain depends on their numbers, and a traced file cannot choose",
                  "run the model with mlrun, or export its weights alone (.safetensors, .pth)");
}

torch::Tensor nms_on_cpu(const torch::Tensor& boxes, const torch::Tensor& scores, double threshold) {
  const torch::Tensor order = descending(scores), sorted = boxes.index_select(0, order);
  const auto kept =
      boxes.scalar_type() == torch::kFloat ? remaining<float>(sorted, threshold) : remaining<double>(sorted, threshold);
  return order.index_select(0, torch::tensor(kept, torch::kLong));
}

torch::Tensor rows_of_class(const torch::Tensor& classes, const torch::Tensor& one) {
  return at::where(classes.eq(one)).front();
}

/// Boxes moved so far apart, class by class, that none meets one of another class.
torch::Tensor moved_apart(const torch::Tensor& boxes, const torch::Tensor& classes) {
  const torch::Tensor step = boxes.max() + torch::ones({}, boxes.options());
  return boxes + (classes.to(boxes.options()) * step).unsqueeze(1);
}

torch::Tensor class_by_class(const torch::Tensor& boxes, const torch::Tensor& scores, const torch::Tensor& classes,
                             double threshold) {
  const torch::Tensor present = std::get<0>(at::_unique(classes));
  std::vector<torch::Tensor> kept(static_cast<std::size_t>(present.size(0)));
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    const torch::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) {
      const torch::Tensor rows = rows_of_class(classes, present[i]);
      kept[static_cast<std::size_t>(i)] =
          rows.index_select(0, nms(boxes.index_select(0, rows), scores.index_select(0, rows), threshold));
    }
  };
  if (boxes.is_cpu()) share(present.size(0), 1, run);
  else run(0, present.size(0));
  const torch::Tensor rows = std::get<0>(at::cat(kept).sort());
  return rows.index_select(0, std::get<1>(scores.index_select(0, rows).sort(0, /*descending=*/true)));
}

}  // namespace

torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold) {
  refuse_tracing();
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
