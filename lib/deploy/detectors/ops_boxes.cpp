#include <algorithm>

#include <torch/types.h>

#include "deploy/onnx/ops.h"
#include "nn/boxes/nms.h"
#include "nn/boxes/roi_align.h"

/// What detectors are made of.
namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

double number_in(const OnnxCall& call, std::size_t index, double otherwise) {
  if (!call.has(index)) return otherwise;
  call.require(call.in(index).numel() == 1, "a threshold must be one number");
  return call.in(index).to(torch::kDouble).item<double>();
}

/// Boxes [N, 4] as corners, the smaller first, whichever corners or middles the node is given.
Tensor corners(const Tensor& boxes, bool middles) {
  const Tensor a = boxes.slice(1, 0, 2), b = boxes.slice(1, 2, 4);
  if (middles) return torch::cat({a - b / 2, a + b / 2}, 1);
  return torch::cat({torch::minimum(a, b), torch::maximum(a, b)}, 1);
}

/// Rows of one class that remain, by falling score.
Tensor remaining(const OnnxCall& call, const Tensor& boxes, const Tensor& scores, std::int64_t most) {
  const Tensor rows =
      call.has(4) ? at::where(scores.gt(number_in(call, 4, 0))).front() : torch::arange(scores.size(0), torch::kLong);
  if (rows.numel() == 0) return rows;
  const Tensor kept = nn::nms(boxes.index_select(0, rows), scores.index_select(0, rows), number_in(call, 3, 0));
  return rows.index_select(0, kept.slice(0, 0, most));
}

/// Of boxes [images, N, 4] and scores [images, classes, N] int64 [kept, 3]: image, class, row.
Tensors non_max_suppression(const OnnxCall& call) {
  const Tensor &boxes = call.in(0), &scores = call.in(1);
  call.require(boxes.dim() == 3 && boxes.size(2) == 4 && scores.dim() == 3 && scores.size(0) == boxes.size(0) &&
                   scores.size(2) == boxes.size(1),
               "its scores do not fit its boxes");
  call.require(boxes.scalar_type() == torch::kFloat && scores.scalar_type() == torch::kFloat,
               "its boxes and scores must be float32");
  const std::int64_t most = call.has(2) ? call.integer_in(2) : 0;
  Tensors kept = {torch::empty({0, 3}, torch::kLong)};
  for (std::int64_t image = 0; image < boxes.size(0); ++image) {
    const Tensor own = corners(boxes[image], call.flag("center_point_box", false));
    for (std::int64_t i = 0; i < scores.size(1) && most > 0; ++i) {
      const Tensor rows = remaining(call, own, scores[image][i], most);
      if (rows.numel() == 0) continue;
      kept.push_back(torch::stack({torch::full_like(rows, image), torch::full_like(rows, i), rows}, 1));
    }
  }
  return {torch::cat(kept)};
}

void check_regions(const OnnxCall& call) {
  const Tensor &maps = call.in(0), &regions = call.in(1), &images = call.in(2);
  call.require(maps.dim() == 4 && maps.numel() > 0, "its input is no image");
  call.require(regions.dim() == 2 && regions.size(1) == 4 && images.dim() == 1 && images.size(0) == regions.size(0),
               "its regions do not fit their images");
  call.require(maps.scalar_type() == torch::kFloat && regions.scalar_type() == torch::kFloat &&
                   images.scalar_type() == torch::kLong,
               "its inputs have other types than mlrun computes with");
  call.require(images.numel() == 0 ||
                   (images.min().item<std::int64_t>() >= 0 && images.max().item<std::int64_t>() < maps.size(0)),
               "a region names an image that there is not");
  call.require(regions.isfinite().all().item<bool>(), "a region is not finite");
}

Tensors roi_align(const OnnxCall& call) {
  check_regions(call);
  call.require(call.text("mode", "avg") == "avg", "mlrun does not compute its mode");
  const bool aligned = call.opset() >= 16 && call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  const nn::RoiAlign how{call.integer("output_height", 1), call.integer("output_width", 1),
                         call.number("spatial_scale", 1), call.integer("sampling_ratio", 0), aligned};
  call.require(how.height >= 1 && how.width >= 1 && how.samples >= 0 && how.samples <= 64,
               "its sizes are out of range");
  call.check_size({call.in(1).size(0), call.in(0).size(1), how.height, how.width}, torch::kFloat);
  const Tensor regions = torch::cat({call.in(2).to(torch::kFloat).unsqueeze(1), call.in(1)}, 1);
  return {nn::roi_align(call.in(0), regions, how)};
}

Tensors non_zero(const OnnxCall& call) {
  call.require(call.in().dim() > 0, "its input is a single number");
  return {torch::nonzero(call.in()).t()};
}

}  // namespace

void add_onnx_boxes(OnnxOperators& operators) {
  operators["NonMaxSuppression"] = {non_max_suppression};
  operators["RoiAlign"] = {roi_align};
  operators["NonZero"] = {non_zero};
}

}  // namespace mlrun::deploy
