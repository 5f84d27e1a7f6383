#include <cmath>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;
using Attributes = std::map<std::string, deploy::OnnxAttribute>;

Tensor scales_of(const std::vector<double>& scales) { return torch::tensor(scales, torch::kFloat); }

NodeCall to_sizes(const Tensor& x, const Ints& sizes, Attributes attributes, std::int64_t opset = 18) {
  return {"Resize", {x, {}, {}, whole(sizes)}, std::move(attributes), opset};
}

NodeCall by_scales(const Tensor& x, const std::vector<double>& scales, Attributes attributes, std::int64_t opset = 18) {
  return {"Resize", {x, {}, scales_of(scales)}, std::move(attributes), opset};
}

/// A row of numbers read at these places, between neighbours in a straight line.
Tensor read_at(const std::vector<float>& row, const std::vector<double>& places) {
  std::vector<float> read;
  const auto last = static_cast<double>(row.size() - 1);
  for (const double place : places) {
    const double inside = std::min(std::max(place, 0.0), last), left = std::floor(inside);
    const double right = std::min(left + 1, last), share = inside - left;
    read.push_back(static_cast<float>(row[static_cast<std::size_t>(left)] * (1 - share) +
                                      row[static_cast<std::size_t>(right)] * share));
  }
  return torch::tensor(read);
}

}  // namespace

TEST_CASE("images are resized as LibTorch resizes them, to sizes and by scales", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 5, 7});
  const Attributes linear = {{"mode", "linear"}}, cubic = {{"mode", "cubic"}};
  const Attributes corners = {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}};
  const Attributes cubic_corners = {{"mode", "cubic"}, {"coordinate_transformation_mode", "align_corners"}};
  for (const Ints& size : {Ints{5, 7}, Ints{10, 14}, Ints{3, 9}, Ints{8, 2}, Ints{1, 1}}) {
    INFO(size[0] << " x " << size[1]);
    const Ints whole_size = {2, 3, size[0], size[1]};
    check_node(to_sizes(x, whole_size, linear), {at::upsample_bilinear2d(x, size, false)}, 1e-4, 1e-5);
    check_node(to_sizes(x, whole_size, cubic), {at::upsample_bicubic2d(x, size, false)}, 1e-4, 1e-5);
    check_node(to_sizes(x, whole_size, corners), {at::upsample_bilinear2d(x, size, true)}, 1e-4, 1e-5);
    check_node(to_sizes(x, whole_size, cubic_corners), {at::upsample_bicubic2d(x, size, true)}, 1e-4, 1e-5);
    check_node(to_sizes(x, whole_size, {{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}}),
               {at::upsample_nearest2d(x, size)});
  }
  for (const auto& [high, wide] : {std::pair(2.0, 3.0), std::pair(1.5, 0.75), std::pair(0.5, 1.0)}) {
    const Ints size = {static_cast<std::int64_t>(5 * high), static_cast<std::int64_t>(7 * wide)};
    INFO(high << " and " << wide);
    check_node(by_scales(x, {1, 1, high, wide}, linear), {at::upsample_bilinear2d(x, size, false, high, wide)}, 1e-4,
               1e-5);
    check_node(by_scales(x, {1, 1, high, wide}, cubic, 13), {at::upsample_bicubic2d(x, size, false, high, wide)}, 1e-4,
               1e-5);
  }
}

TEST_CASE("signals and volumes are resized, and axes that are named alone", "[deploy][onnx]") {
  const Attributes linear = {{"mode", "linear"}};
  const Tensor signal = wave({2, 3, 5}), volume = wave({1, 2, 3, 4, 5}), x = wave({2, 3, 5, 7});
  check_node(to_sizes(signal, {2, 3, 9}, linear), {at::upsample_linear1d(signal, Ints{9}, false)}, 1e-4, 1e-5);
  check_node(to_sizes(volume, {1, 2, 5, 3, 9}, linear), {at::upsample_trilinear3d(volume, Ints{5, 3, 9}, false)}, 1e-4,
             1e-5);
  check_node(to_sizes(x, {9, 4}, {{"mode", "linear"}, {"axes", Ints{-1, 2}}}),
             {at::upsample_bilinear2d(x, Ints{4, 9}, false)}, 1e-4, 1e-5);
  check_node(by_scales(x, {2}, {{"axes", Ints{1}}}), {x.repeat_interleave(2, 1)});
}

TEST_CASE("antialiasing widens its filter where an image shrinks", "[deploy][onnx]") {
  const Tensor x = wave({1, 2, 12, 9});
  const Ints size = {5, 4}, whole_size = {1, 2, 5, 4};
  check_node(to_sizes(x, whole_size, {{"mode", "linear"}, {"antialias", 1}}),
             {at::_upsample_bilinear2d_aa(x, size, false)}, 1e-4, 1e-5);
  check_node(to_sizes(x, whole_size, {{"mode", "cubic"}, {"antialias", 1}, {"cubic_coeff_a", -0.5}}),
             {at::_upsample_bicubic2d_aa(x, size, false)}, 1e-4, 1e-5);
}

TEST_CASE("the nearest pixel is told by two modes", "[deploy][onnx]") {
  const Tensor x = counted({4});
  const auto floats = [](const std::vector<float>& values) { return torch::tensor(values); };
  struct NearestRow {
    const char *coordinates, *nearest;
    std::int64_t size;
    std::vector<float> expected;
  };
  const std::vector<NearestRow> rows = {
      {"asymmetric", "floor", 12, {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}},
      {"asymmetric", "ceil", 12, {0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}},
      {"asymmetric", "round_prefer_floor", 12, {0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3}},
      {"asymmetric", "round_prefer_floor", 8, {0, 0, 1, 1, 2, 2, 3, 3}},
      {"asymmetric", "round_prefer_ceil", 8, {0, 1, 1, 2, 2, 3, 3, 3}},
      {"half_pixel", "round_prefer_floor", 2, {0, 2}},
      {"half_pixel", "round_prefer_ceil", 2, {1, 3}},
      {"half_pixel", "floor", 2, {0, 2}},
      {"half_pixel", "ceil", 8, {0, 1, 1, 2, 2, 3, 3, 3}},
      {"align_corners", "floor", 7, {0, 0, 1, 1, 2, 2, 3}},
      {"align_corners", "round_prefer_ceil", 7, {0, 1, 1, 2, 2, 3, 3}},
      {"align_corners", "floor", 1, {0}},
      {"pytorch_half_pixel", "ceil", 1, {0}},
      {"pytorch_half_pixel", "floor", 2, {0, 2}},
  };
  for (const auto& row : rows) {
    INFO(row.coordinates << ", " << row.nearest << ", " << row.size);
    check_node(
        to_sizes(x, {row.size}, {{"coordinate_transformation_mode", row.coordinates}, {"nearest_mode", row.nearest}}),
        {floats(row.expected)});
  }
  check_node(to_sizes(counted({2, 2}, torch::kLong), {2, 4}, {}), {whole({0, 0, 1, 1, 2, 2, 3, 3}).reshape({2, 4})});
}

TEST_CASE("places of a scale that gives no whole size follow ONNX's formulas", "[deploy][onnx]") {
  const std::vector<float> row = {1, 5, -2, 7};
  const Tensor x = torch::tensor(row);
  const double scale = static_cast<double>(0.7F);  // 2.8 pixels: two
  const auto linear = [](const char* places) {
    return Attributes{{"mode", "linear"}, {"coordinate_transformation_mode", places}};
  };
  check_node(by_scales(x, {0.7}, linear("half_pixel")), {read_at(row, {0.5 / scale - 0.5, 1.5 / scale - 0.5})}, 1e-4);
  check_node(by_scales(x, {0.7}, linear("asymmetric")), {read_at(row, {0, 1 / scale})}, 1e-4);
  const double moved = 2 * (1 - 2 / (4 * scale)) - 0.5;
  check_node(by_scales(x, {0.7}, linear("half_pixel_symmetric"), 19),
             {read_at(row, {moved + 0.5 / scale, moved + 1.5 / scale})}, 1e-4);
  const Tensor cubic = run_node(by_scales(x, {2}, {{"mode", "cubic"}, {"exclude_outside", 1}})).front();
  // The pixel at -0.25: weights of distances 0.25 and 1.25 inside alone, brought to one.
  const double a = -0.75, near = (a + 2) / 64 - (a + 3) / 16 + 1;
  const double far = a * 1.25 * 1.25 * 1.25 - 5 * a * 1.25 * 1.25 + 8 * a * 1.25 - 4 * a;
  CHECK(cubic[0].item<double>() == Approx((near * 1 + far * 5) / (near + far)).epsilon(1e-4));
}

TEST_CASE("a size is the scale's in float32, as files have it and other engines compute", "[deploy][onnx]") {
  for (const auto& [in, scale, out] : std::vector<std::tuple<std::int64_t, double, std::int64_t>>{
           {10, 0.7, 7}, {10, 0.3, 3}, {5, 0.6, 3}, {7, 1.2, 8}, {9, 1.0 / 3, 3}, {4, 2.5, 10}}) {
    INFO(in << " times " << scale);
    CHECK(run_node(by_scales(wave({in}), {scale}, {})).front().size(0) == out);
    CHECK(run_node({"Upsample", {wave({in})}, {{"scales", std::vector<double>{static_cast<float>(scale)}}}, 8})
              .front()
              .size(0) == out);
  }
}

TEST_CASE("resizing of old opsets takes the pixels before", "[deploy][onnx]") {
  const Tensor x = wave({1, 2, 3, 4}), scales = scales_of({1, 1, 2, 1.5});
  const Tensor nearest = at::upsample_nearest2d(x, Ints{6, 6});
  check_node({"Resize", {x, scales}, {}, 10}, {nearest});
  check_node({"Upsample", {x, scales}, {}, 9}, {nearest});
  check_node({"Upsample", {x}, {{"scales", std::vector<double>{1, 1, 2, 1.5}}}, 7}, {nearest});
  const Tensor row = torch::tensor({1.0F, 5.0F});
  check_node({"Resize", {row, scales_of({2})}, {{"mode", "linear"}}, 10}, {read_at({1, 5}, {0, 0.5, 1, 1})}, 1e-5);
  check_node({"Upsample", {row, scales_of({2})}, {{"mode", "linear"}}, 9}, {read_at({1, 5}, {0, 0.5, 1, 1})}, 1e-5);
}

TEST_CASE("resizing that mlrun does not know, or to no size, is refused", "[deploy][onnx]") {
  const Tensor x = wave({1, 2, 4, 4}), i = counted({4}, torch::kInt);
  const Attributes linear = {{"mode", "linear"}};
  const std::string out_of_range = "its scales are out of range", fit = "its sizes do not fit its input";
  check_refused({
      {to_sizes(x, {1, 2, 8, 8}, {{"mode", "area"}}), "its mode is not one that ONNX has"},
      {to_sizes(x, {1, 2, 8, 8}, {{"coordinate_transformation_mode", "tf_crop_and_resize"}}),
       "mlrun does not know its coordinate_transformation_mode 'tf_crop_and_resize'"},
      {to_sizes(x, {1, 2, 8, 8}, {{"nearest_mode", "simple"}}), "its nearest_mode is not one that ONNX has"},
      {to_sizes(x, {1, 2, 8, 8}, {{"keep_aspect_ratio_policy", "not_larger"}}), "mlrun does not keep aspect ratios"},
      {to_sizes(x, {8, 8}, {}), fit},
      {to_sizes(x, {8, 8, 8}, {{"axes", Ints{2, 3}}}), fit},
      {by_scales(x, {2, 2}, {}), fit},
      {to_sizes(x, {1, 2, 0, 8}, {}), "its sizes are out of range"},
      {to_sizes(x, {1, 2, -1, 8}, {}), "its sizes are out of range"},
      {by_scales(x, {1, 1, 0.1, 1}, {}), "its sizes are out of range"},
      {by_scales(x, {1, 1, 0, 1}, {}), out_of_range},
      {by_scales(x, {1, 1, -2, 1}, {}), out_of_range},
      {by_scales(x, {1, 1, 1e10, 1}, {}), out_of_range},
      {to_sizes(torch::empty({0}), {4}, {}), "its input is empty"},
      {to_sizes(i, {8}, linear), "its input must be floating numbers"},
      {{"Resize", {x, {}, whole({1, 1, 2, 2})}}, "its scales are no short list"},
      {{"Resize", {x}}, "its input 3 is missing"},
      {by_scales(wave({4}), {0.7}, {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}}),
       "mlrun aligns corners only where scales give whole sizes"},
      {to_sizes(x, {8, 8}, {{"axes", Ints{2, -2}}}), "an axis stands twice"},
  });
}

}  // namespace mlrun::test
