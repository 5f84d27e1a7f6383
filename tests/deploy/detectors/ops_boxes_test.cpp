#include "deploy/onnx/one_node.h"
#include "nn/boxes/nms.h"
#include "nn/boxes/roi_align.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

const Tensor& boxes() {
  static const Tensor all =
      torch::tensor({{0.F, 0.F, 10.F, 10.F}, {0.F, 1.F, 10.F, 10.F}, {20.F, 20.F, 30.F, 30.F}}).unsqueeze(0);
  return all;
}

Tensor one_float(double value) { return torch::tensor({value}, torch::kFloat); }

}  // namespace

TEST_CASE("boxes are suppressed class by class, up to a number", "[deploy][onnx]") {
  const Tensor scores = torch::tensor({{0.7F, 0.9F, 0.8F}, {0.9F, 0.1F, 0.3F}}).unsqueeze(0);
  const auto call = [&](std::int64_t most, double iou, double score) {
    return NodeCall{"NonMaxSuppression", {boxes(), scores, whole({most}), one_float(iou), one_float(score)}};
  };
  const auto rows = [](const std::vector<std::int64_t>& numbers) { return whole(numbers).reshape({-1, 3}); };
  check_node(call(9, 0.5, 0), {rows({0, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 2})});
  check_node(call(9, 0.95, 0.2), {rows({0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 1, 2})});
  check_node(call(1, 0.5, 0.85), {rows({0, 0, 1, 0, 1, 0})});
  check_node(call(9, 0.5, 1), {torch::empty({0, 3}, torch::kLong)});
  check_node({"NonMaxSuppression", {boxes(), scores}}, {torch::empty({0, 3}, torch::kLong)});  // 0 of them are wanted
  const Tensor turned = boxes().index_select(2, whole({2, 3, 0, 1}));
  check_node({"NonMaxSuppression", {turned, scores, whole({9}), one_float(0.5)}},
             {rows({0, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 2})});
  const Tensor middles = torch::tensor({{5.F, 5.F, 10.F, 10.F}, {5.F, 5.5F, 10.F, 9.F}, {25.F, 25.F, 10.F, 10.F}});
  check_node({"NonMaxSuppression",
              {middles.unsqueeze(0), scores, whole({9}), one_float(0.5)},
              {{"center_point_box", std::int64_t{1}}}},
             {rows({0, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 2})});
}

TEST_CASE("boxes that fit no scores are refused", "[deploy][onnx]") {
  const Tensor scores = torch::rand({1, 2, 3});
  const std::string fit = "its scores do not fit its boxes";
  check_refused({
      {{"NonMaxSuppression", {boxes(), scores.slice(2, 1)}}, fit},
      {{"NonMaxSuppression", {boxes().squeeze(0), scores}}, fit},
      {{"NonMaxSuppression", {boxes().slice(2, 1), scores}}, fit},
      {{"NonMaxSuppression", {boxes().to(torch::kDouble), scores}}, "its boxes and scores must be float32"},
      {{"NonMaxSuppression", {boxes(), scores, whole({9}), torch::rand({2})}}, "a threshold must be one number"},
  });
}

TEST_CASE("regions are averaged as nn::roi_align does it", "[deploy][onnx]") {
  const Tensor maps = wave({2, 3, 9, 11}), regions = torch::tensor({{1.F, 2.F, 15.F, 17.F}, {-3.F, 4.F, 30.F, 9.F}});
  const Tensor images = whole({1, 0}), all = torch::cat({images.to(torch::kFloat).unsqueeze(1), regions}, 1);
  const std::map<std::string, deploy::OnnxAttribute> sizes = {{"output_height", std::int64_t{3}},
                                                              {"output_width", std::int64_t{2}},
                                                              {"sampling_ratio", std::int64_t{2}},
                                                              {"spatial_scale", 0.5}};
  const Tensor aligned = nn::roi_align(maps, all, {3, 2, 0.5, 2, true});
  const Tensor plain = nn::roi_align(maps, all, {3, 2, 0.5, 2, false});
  auto told = sizes;
  told["coordinate_transformation_mode"] = std::string("output_half_pixel");
  check_node({"RoiAlign", {maps, regions, images}, sizes}, {aligned});
  check_node({"RoiAlign", {maps, regions, images}, told}, {plain});
  check_node({"RoiAlign", {maps, regions, images}, sizes, 13}, {plain});  // opset 16 brought the half pixel
  check_node({"RoiAlign", {maps, regions.slice(0, 0, 0), images.slice(0, 0, 0)}, told}, {torch::empty({0, 3, 3, 2})});
  auto largest = sizes;
  largest["mode"] = std::string("max");
  check_refused({
      {{"RoiAlign", {maps, regions, images}, largest}, "mlrun does not compute its mode"},
      {{"RoiAlign", {maps, regions, whole({1, 2})}, sizes}, "a region names an image that there is not"},
      {{"RoiAlign", {maps, regions, whole({1})}, sizes}, "its regions do not fit their images"},
      {{"RoiAlign", {maps, regions * INFINITY, images}, sizes}, "a region is not finite"},
      {{"RoiAlign", {maps[0], regions, images}, sizes}, "its input is no image"},
  });
}

TEST_CASE("places of what is not zero are found", "[deploy][onnx]") {
  const Tensor x = torch::tensor({{0.F, 2.F}, {0.F, 0.F}, {-1.F, 0.5F}});
  check_node({"NonZero", {x}}, {whole({0, 2, 2, 1, 0, 1}).reshape({2, 3})});
  check_node({"NonZero", {x.gt(1)}}, {whole({0, 1}).reshape({2, 1})});
  check_node({"NonZero", {x * 0}}, {torch::empty({2, 0}, torch::kLong)});
  check_refused({{{"NonZero", {torch::ones({})}}, "its input is a single number"}});
}

}  // namespace mlrun::test
