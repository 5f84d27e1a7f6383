#include "nn/boxes/kept_operators.h"

#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "nn/boxes/operators.h"

namespace mlrun::nn::kept {
namespace {

torch::Tensor run_nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold) {
  return nms_of_numbers(boxes, scores, iou_threshold);
}

torch::Tensor run_roi_align(const torch::Tensor& maps, const torch::Tensor& regions, double scale, std::int64_t height,
                            std::int64_t width, std::int64_t samples, bool aligned) {
  return roi_align_of_numbers(maps, regions, {height, width, scale, samples, aligned});
}

torch::Tensor run_class_nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold,
                            double least) {
  std::vector<torch::Tensor> kept = {torch::empty({0, 2}, boxes.options().dtype(torch::kLong))};
  for (std::int64_t i = 0; i < scores.size(0); ++i) {
    const torch::Tensor rows = at::where(scores[i].gt(least)).front();
    if (rows.numel() == 0) continue;
    const torch::Tensor remaining =
        nms_of_numbers(boxes.index_select(0, rows), scores[i].index_select(0, rows), iou_threshold);
    kept.push_back(at::stack({torch::full_like(remaining, i), rows.index_select(0, remaining)}, 1));
  }
  return at::cat(kept);
}

template <class Signature>
auto found(const char* name) {
  register_operators();
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace

void register_operators() {
  static const auto upstream = [] {
    torch::Library library(torch::Library::FRAGMENT, "torchvision", c10::nullopt, __FILE__, __LINE__);
    library.def("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor");
    library.def(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, int "
        "sampling_ratio, bool aligned) -> Tensor");
    library.impl("nms", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(run_nms)));
    library.impl("roi_align", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(run_roi_align)));
    return library;
  }();
  static const auto own = [] {
    torch::Library library(torch::Library::FRAGMENT, "mlrun", c10::nullopt, __FILE__, __LINE__);
    library.def("class_nms(Tensor boxes, Tensor scores, float iou_threshold, float least) -> Tensor");
    library.impl("class_nms", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(run_class_nms)));
    return library;
  }();
}

torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold) {
  static const auto op = found<torch::Tensor(const torch::Tensor&, const torch::Tensor&, double)>("torchvision::nms");
  return op.call(boxes, scores, iou_threshold);
}

torch::Tensor roi_align(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how) {
  static const auto op = found<torch::Tensor(const torch::Tensor&, const torch::Tensor&, double, std::int64_t,
                                             std::int64_t, std::int64_t, bool)>("torchvision::roi_align");
  return op.call(maps, regions, how.scale, how.height, how.width, how.samples, how.aligned);
}

torch::Tensor class_nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold, double least) {
  static const auto op =
      found<torch::Tensor(const torch::Tensor&, const torch::Tensor&, double, double)>("mlrun::class_nms");
  return op.call(boxes, scores, iou_threshold, least);
}

}  // namespace mlrun::nn::kept
