#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

/// (x - mean) / sqrt(variance + eps) over `axes`.
Tensor standardized(const Tensor& x, const Ints& axes, double eps) {
  const Tensor centred = x - x.mean(axes, true);
  return centred / (centred.square().mean(axes, true) + eps).sqrt();
}

Tensor per_channel(const Tensor& values, std::int64_t rank) {
  Ints shape(static_cast<std::size_t>(rank), 1);
  shape[1] = values.size(0);
  return values.reshape(shape);
}

}  // namespace

TEST_CASE("batch normalization uses its statistics on any number of dimensions", "[deploy][onnx]") {
  const Tensor scale = wave({3}, 0.2), bias = wave({3}, 0.5), mean = wave({3}, 0.9), variance = wave({3}).abs() + 0.1;
  for (const Ints& shape : {Ints{4, 3}, Ints{2, 3, 5}, Ints{2, 3, 4, 5}, Ints{1, 3, 2, 2, 2}}) {
    const Tensor x = wave(shape);
    const auto rank = static_cast<std::int64_t>(shape.size());
    for (const double eps : {1e-5, 0.1}) {
      const Tensor normed = (x - per_channel(mean, rank)) / (per_channel(variance, rank) + eps).sqrt();
      check_node({"BatchNormalization", {x, scale, bias, mean, variance}, {{"epsilon", eps}}},
                 {normed * per_channel(scale, rank) + per_channel(bias, rank)}, 1e-4, 1e-5);
    }
  }
  const Tensor x = wave({4, 3});
  const std::string training = "it is in training mode; export the model for inference";
  check_refused({
      {{"BatchNormalization", {x, scale, bias, mean, variance}, {{"training_mode", 1}}}, training},
      {{"BatchNormalization", {x, scale, bias, mean, variance}, {}, 9, 2}, training},
      {{"BatchNormalization", {x, scale, bias, mean, variance}, {{"spatial", 0}}, 8},
       "mlrun does not compute it with spatial=0"},
      {{"BatchNormalization", {x, scale, bias, wave({4}), variance}},
       "its parameters do not fit the channels of its input"},
      {{"BatchNormalization", {wave({3}), scale, bias, mean, variance}}, "its input has no channels"},
      {{"BatchNormalization", {torch::empty({0, 3}), scale, bias, mean, variance}},
       "its input is empty or not floating"},
      {{"BatchNormalization", {x, scale, bias, mean}}, "its input 5 is missing"},
  });
}

TEST_CASE("instances, groups and layers are normalized by themselves", "[deploy][onnx]") {
  const Tensor x = wave({2, 6, 3, 4}), scale = wave({6}, 0.2), bias = wave({6}, 0.5);
  const Tensor wide_scale = per_channel(scale, 4), wide_bias = per_channel(bias, 4);
  check_node({"InstanceNormalization", {x, scale, bias}, {{"epsilon", 0.01}}},
             {standardized(x, {2, 3}, 0.01) * wide_scale + wide_bias}, 1e-4, 1e-5);
  const Tensor groups = standardized(x.reshape({2, 3, 2, 3, 4}), {2, 3, 4}, 1e-5).reshape({2, 6, 3, 4});
  check_node({"GroupNormalization", {x, scale, bias}, {{"num_groups", 3}}, 21}, {groups * wide_scale + wide_bias}, 1e-4,
             1e-5);
  const Tensor three = wave({3}, 0.4), moved = wave({3}, 0.8);
  check_node({"GroupNormalization", {x, three, moved}, {{"num_groups", 3}}, 18},
             {groups * per_channel(three.repeat_interleave(2), 4) + per_channel(moved.repeat_interleave(2), 4)}, 1e-4,
             1e-5);
  for (const std::int64_t axis : {-4, -2, -1, 1, 3}) {
    const std::int64_t front = axis < 0 ? axis + 4 : axis;
    Ints axes, shape;
    for (std::int64_t i = front; i < 4; ++i) {
      axes.push_back(i);
      shape.push_back(x.size(i));
    }
    const Tensor weight = wave(shape, 0.7), offset = wave(shape, 0.1), mean = x.mean(axes, true);
    const Tensor normed = standardized(x, axes, 1e-5) * weight;
    const Tensor deviation = ((x - mean).square().mean(axes, true) + 1e-5).rsqrt();
    check_node({"LayerNormalization", {x, weight, offset}, {{"axis", axis}}, 17, 3}, {normed + offset, mean, deviation},
               1e-4, 1e-5);
    check_node({"LayerNormalization", {x, weight}, {{"axis", axis}}}, {normed}, 1e-4, 1e-5);
  }
  check_node({"LayerNormalization", {x, wave({1}), wave({4}, 0.1)}, {{"axis", 2}}},
             {standardized(x, {2, 3}, 1e-5) * wave({1}) + wave({4}, 0.1)}, 1e-4, 1e-5);
}

TEST_CASE("lengths, neighbours and whole images are normalized by ONNX's formulas", "[deploy][onnx]") {
  const Tensor x = wave({2, 5, 3, 4});
  for (const std::int64_t size : {1, 2, 3, 4, 13}) {
    INFO("size " << size);
    const std::int64_t before = (size - 1) / 2, after = size - 1 - before;
    const Tensor squares = torch::constant_pad_nd(x * x, {0, 0, 0, 0, before, after});
    Tensor sums = torch::zeros_like(x);
    for (std::int64_t i = 0; i < size; ++i) sums += squares.narrow(1, i, 5);
    check_node({"LRN", {x}, {{"size", size}, {"alpha", 0.5}, {"beta", 0.6}, {"bias", 2.0}}},
               {x / (2 + 0.5 / static_cast<double>(size) * sums).pow(0.6)}, 1e-4, 1e-5);
    check_node({"LRN", {x}, {{"size", size}}}, {x / (1 + 1e-4 / static_cast<double>(size) * sums).pow(0.75)});
  }
  const Tensor rows = torch::tensor({{3.0F, -4.0F}, {0.0F, 0.0F}});
  check_node({"LpNormalization", {rows}}, {torch::tensor({{0.6F, -0.8F}, {0.0F, 0.0F}})});
  check_node({"LpNormalization", {rows}, {{"p", 1}}}, {torch::tensor({{3.0F / 7, -4.0F / 7}, {0.0F, 0.0F}})});
  check_node({"LpNormalization", {rows}, {{"axis", 0}}}, {torch::tensor({{1.0F, -1.0F}, {0.0F, 0.0F}})});
  check_node({"MeanVarianceNormalization", {x}}, {standardized(x, {0, 2, 3}, 0)}, 1e-4, 1e-5);
  check_node({"MeanVarianceNormalization", {x}, {{"axes", Ints{-1}}}}, {standardized(x, {3}, 0)}, 1e-4, 1e-5);
}

TEST_CASE("normalizations whose parameters do not fit are refused", "[deploy][onnx]") {
  const Tensor x = wave({2, 6, 3}), six = wave({6}), whole_x = counted({2, 6, 3}, torch::kInt);
  check_refused({
      {{"InstanceNormalization", {wave({2, 6}), six, six}}, "its input is no image"},
      {{"InstanceNormalization", {x, wave({5}), six}}, "its parameters do not fit the channels of its input"},
      {{"GroupNormalization", {x, six, six}}, "its groups do not fit the channels of its input"},
      {{"GroupNormalization", {x, six, six}, {{"num_groups", 4}}}, "its groups do not fit the channels of its input"},
      {{"GroupNormalization", {x, six, six}, {{"num_groups", 3}}, 18}, "its parameters do not fit its groups"},
      {{"GroupNormalization", {x, wave({3}), wave({3})}, {{"num_groups", 3}}, 21},
       "its parameters do not fit its groups"},
      {{"LayerNormalization", {x, wave({4})}}, "the shapes of its inputs do not fit together"},
      {{"LayerNormalization", {x, wave({6, 3})}}, "its parameters do not fit its input"},
      {{"LayerNormalization", {x, wave({3}).to(torch::kDouble)}}, "its inputs have different types"},
      {{"LayerNormalization", {whole_x, six}}, "its input is empty or not floating"},
      {{"LayerNormalization", {x, wave({3})}, {{"axis", 3}}}, "there is no axis 3 in 3 dimensions"},
      {{"LRN", {x}}, "its attribute 'size' must be 1 or more"},
      {{"LRN", {six}, {{"size", 3}}}, "its input has no channels"},
      {{"LpNormalization", {x}, {{"p", 3}}}, "its p must be 1 or 2"},
      {{"MeanVarianceNormalization", {x}}, "there is no axis 3 in 3 dimensions"},
      {{"MeanVarianceNormalization", {whole_x}, {{"axes", Ints{0}}}}, "its input must be floating numbers"},
      {{"MeanVarianceNormalization", {x}, {{"axes", Ints{1, -2}}}}, "an axis stands twice"},
  });
}

}  // namespace mlrun::test
