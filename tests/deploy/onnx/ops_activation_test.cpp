#include <cmath>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

Tensor above_zero(const Tensor& x) { return torch::where(x > 0, x, torch::zeros_like(x)); }
Tensor below_zero(const Tensor& x) { return torch::where(x > 0, torch::zeros_like(x), x); }
Tensor grown(const Tensor& x) { return torch::expm1(below_zero(x)); }

}  // namespace

TEST_CASE("activations compute ONNX's formulas with its defaults", "[deploy][onnx]") {
  for (const Ints& shape : {Ints{}, Ints{0, 2}, Ints{3, 5, 2}}) {
    const Tensor x = wave(shape) * 5;
    check_node({"Relu", {x}}, {above_zero(x)});
    check_node({"Sigmoid", {x}}, {1 / (1 + (-x).exp())});
    check_node({"Tanh", {x}}, {2 / (1 + (-2 * x).exp()) - 1});
    check_node({"Softplus", {x}}, {(1 + x.exp()).log()});
    check_node({"Softsign", {x}}, {x / (1 + x.abs())});
    check_node({"HardSwish", {x}, {}, 14}, {x * (x / 6 + 0.5).clamp(0, 1)});
    check_node({"Mish", {x}, {}, 18}, {x * torch::tanh((1 + x.exp()).log())});
    check_node({"LeakyRelu", {x}}, {above_zero(x) + 0.01 * below_zero(x)});
    check_node({"Elu", {x}}, {above_zero(x) + grown(x)});
    check_node({"Celu", {x}}, {above_zero(x) + grown(x)});
    check_node({"Selu", {x}}, {1.0507009873554805 * (above_zero(x) + 1.6732632423543772 * grown(x))});
    check_node({"ThresholdedRelu", {x}}, {torch::where(x > 1, x, torch::zeros_like(x))});
    check_node({"HardSigmoid", {x}}, {(0.2 * x + 0.5).clamp(0, 1)});
    check_node({"Gelu", {x}, {}, 20}, {x * 0.5 * torch::erfc(-x / std::sqrt(2.0))}, 1e-4, 1e-5);
    check_node({"Swish", {x}}, {x / (1 + (-x).exp())});
  }
}

TEST_CASE("activations read their attributes", "[deploy][onnx]") {
  const Tensor x = wave({4, 6}) * 5, cubic = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
  check_node({"LeakyRelu", {x}, {{"alpha", 0.5}}}, {above_zero(x) + 0.5 * below_zero(x)});
  check_node({"LeakyRelu", {x}, {{"alpha", -1.0}}}, {x.abs()});
  check_node({"Elu", {x}, {{"alpha", 2.0}}}, {above_zero(x) + 2 * grown(x)});
  check_node({"Celu", {x}, {{"alpha", 2.0}}}, {above_zero(x) + 2 * grown(x / 2)});
  check_node({"Selu", {x}, {{"alpha", 2.0}, {"gamma", 3.0}}}, {3 * (above_zero(x) + 2 * grown(x))});
  check_node({"ThresholdedRelu", {x}, {{"alpha", -2.0}}}, {torch::where(x > -2, x, torch::zeros_like(x))});
  check_node({"HardSigmoid", {x}, {{"alpha", 0.4}, {"beta", 0.1}}}, {(0.4 * x + 0.1).clamp(0, 1)});
  check_node({"Gelu", {x}, {{"approximate", "tanh"}}, 20}, {0.5 * x * (1 + torch::tanh(cubic))}, 1e-4, 1e-5);
  check_node({"Swish", {x}, {{"alpha", 0.5}}}, {x / (1 + (-0.5 * x).exp())});
  check_refused({
      {{"Celu", {x}, {{"alpha", 0.0}}}, "its alpha is zero"},
      {{"Gelu", {x}, {{"approximate", "erf"}}}, "its attribute 'approximate' is neither none nor tanh"},
      {{"Elu", {x}, {{"alpha", "1"}}}, "its attribute 'alpha' has another type than ONNX says"},
  });
}

TEST_CASE("a slope of PRelu is repeated to where its input is negative", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 2, 2});
  for (const Tensor& slope : {wave({3, 1, 1}, 0.7), torch::full({}, 0.25F), torch::full({1}, 0.25F), wave({2}, 0.2)}) {
    check_node({"PRelu", {x, slope}}, {above_zero(x) + slope * below_zero(x)});
  }
  check_refused({
      {{"PRelu", {x, wave({3})}}, "the shapes of its inputs do not fit together"},
      {{"PRelu", {x, torch::ones({3, 1, 1}, torch::kDouble)}}, "its inputs have different types"},
  });
}

TEST_CASE("softmax is along one axis since opset 13, and over all behind it before", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4}) * 3;
  const auto over = [](const Tensor& values, std::int64_t axis) {
    const Tensor powers = values.exp();
    return powers / powers.sum(axis, true);
  };
  for (const std::int64_t axis : {-3, -1, 0, 1, 2}) {
    INFO(axis);
    const std::int64_t front = axis < 0 ? axis + 3 : axis, rows = front == 0 ? 1 : front == 1 ? 2 : 6;
    check_node({"Softmax", {x}, {{"axis", axis}}, 13}, {over(x, axis)});
    check_node({"LogSoftmax", {x}, {{"axis", axis}}, 13}, {over(x, axis).log()});
    check_node({"Softmax", {x}, {{"axis", axis}}, 12}, {over(x.reshape({rows, -1}), 1).reshape({2, 3, 4})});
    check_node({"LogSoftmax", {x}, {{"axis", axis}}, 11}, {over(x.reshape({rows, -1}), 1).log().reshape({2, 3, 4})});
  }
  check_node({"Softmax", {x}, {}, 13}, {over(x, 2)});
  check_node({"Softmax", {x}, {}, 12}, {over(x.reshape({2, 12}), 1).reshape({2, 3, 4})});
  const Tensor far = torch::tensor({1e4F, 1e4F, -1e4F});
  check_node({"Softmax", {far}}, {torch::tensor({0.5F, 0.5F, 0.0F})});
}

TEST_CASE("hardmax marks the first of the largest", "[deploy][onnx]") {
  const Tensor x = torch::tensor({{1.0F, 3.0F, 3.0F}, {2.0F, 0.0F, 2.0F}});
  const Tensor rows = torch::tensor({{0.0F, 1.0F, 0.0F}, {1.0F, 0.0F, 0.0F}});
  check_node({"Hardmax", {x}}, {rows});
  check_node({"Hardmax", {x}, {{"axis", 0}}}, {torch::tensor({{0.0F, 1.0F, 1.0F}, {1.0F, 0.0F, 0.0F}})});
  check_node({"Hardmax", {x}, {{"axis", 0}}, 11}, {torch::tensor({{0.0F, 1.0F, 0.0F}, {0.0F, 0.0F, 0.0F}})});
  for (const char* type : {"Softmax", "LogSoftmax", "Hardmax"}) {
    check_refused({
        {{type, {x}, {{"axis", 2}}}, "there is no axis 2 in 2 dimensions"},
        {{type, {x}, {{"axis", -3}}, 12}, "there is no axis -3 in 2 dimensions"},
        {{type, {torch::empty({0, 2})}}, "its input is empty"},
        {{type, {torch::ones({})}}, "its input is empty"},
    });
  }
}

}  // namespace mlrun::test
