#include <limits>

#include <torch/types.h>

#include "deploy/traced_operator.h"

/// Operators of detectors (nn/boxes/kept_operators.h).
namespace mlrun::deploy {
namespace {

/// All that remain, [kept, 3]: image, class and row.
std::string suppressed(TracedOperator& op, const std::string& boxes, const std::string& scores,
                       const std::vector<std::string>& threshold) {
  const auto all = static_cast<double>(std::numeric_limits<std::int32_t>::max());
  std::vector<std::string> inputs = {boxes, scores, op.onnx.scalar(all, torch::kLong),
                                     op.onnx.scalar(op.number("iou_threshold"), torch::kFloat)};
  inputs.insert(inputs.end(), threshold.begin(), threshold.end());
  return op.onnx.add("NonMaxSuppression", inputs);
}

std::string unsqueezed(TracedOperator& op, const std::string& argument, std::vector<std::int64_t> axes) {
  if (op.dtype(argument) != torch::kFloat) op.refuse("takes other numbers than float32");
  return op.onnx.add("Unsqueeze", {op.tensor(argument), op.onnx.ints(axes)});
}

void map_nms(TracedOperator& op) {
  const std::string kept = suppressed(op, unsqueezed(op, "dets", {0}), unsqueezed(op, "scores", {0, 1}), {});
  op.give(op.onnx.add("Gather", {kept, op.onnx.scalar(2, torch::kLong)}, {{"axis", std::int64_t{1}}}));
}

void map_class_nms(TracedOperator& op) {
  const std::string kept = suppressed(op, unsqueezed(op, "boxes", {0}), unsqueezed(op, "scores", {0}),
                                      {op.onnx.scalar(op.number("least"), torch::kFloat)});
  op.give(op.onnx.add("Slice", {kept, op.onnx.ints({1}), op.onnx.ints({3}), op.onnx.ints({1})}));
}

/// ONNX takes the images of regions beside them. Before opset 16 it takes half a pixel off no corner, and has no word
/// for that.
void map_roi_align(TracedOperator& op) {
  OnnxBuilder& onnx = op.onnx;
  const bool aligned = op.flag("aligned");
  if (aligned && onnx.opset() < 16) op.refuse("takes half a pixel off corners, which opset 16 has first");
  const std::string regions = op.tensor("rois");
  const std::string corners = onnx.add("Slice", {regions, onnx.ints({1}), onnx.ints({5}), onnx.ints({1})});
  const std::string first = onnx.add("Gather", {regions, onnx.scalar(0, torch::kLong)}, {{"axis", std::int64_t{1}}});
  const std::string image = onnx.add("Cast", {first}, {{"to", onnx_element_type(torch::kLong)}});
  OnnxAttributes how = {{"mode", std::string("avg")},
                        {"output_height", op.integer("pooled_height")},
                        {"output_width", op.integer("pooled_width")},
                        {"sampling_ratio", op.integer("sampling_ratio")},
                        {"spatial_scale", op.number("spatial_scale")}};
  if (onnx.opset() >= 16)
    how["coordinate_transformation_mode"] = std::string(aligned ? "half_pixel" : "output_half_pixel");
  op.give(onnx.add("RoiAlign", {op.tensor("input"), corners, image}, how));
}

}  // namespace

void add_box_mappings(OnnxMappings& mappings) {
  mappings.insert(
      {{"torchvision::nms", map_nms}, {"torchvision::roi_align", map_roi_align}, {"mlrun::class_nms", map_class_nms}});
}

}  // namespace mlrun::deploy
