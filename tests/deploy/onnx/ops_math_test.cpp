#include <cmath>
#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinite = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("arithmetic broadcasts as numpy does, single numbers and empty tensors too", "[deploy][onnx]") {
  const Tensor cube = wave({2, 1, 3}), row = wave({3}, 0.8), column = wave({4, 1}, 0.5), one = torch::full({}, 0.5F);
  const Tensor none = torch::empty({0, 3});
  const std::vector<std::pair<Tensor, Tensor>> pairs = {{cube, row}, {row, cube}, {cube, column}, {one, cube},
                                                        {cube, one}, {none, row}, {one, one},     {none, one}};
  for (const auto& [a, b] : pairs) {
    INFO(a.sizes() << " and " << b.sizes());
    check_node({"Add", {a, b}}, {a + b});
    check_node({"Sub", {a, b}}, {a - b});
    check_node({"Mul", {a, b}}, {a * b});
    check_node({"Div", {a, b}}, {a / b});
    check_node({"Pow", {a.abs(), b}}, {torch::exp(b * a.abs().log())}, 1e-4);
    check_node({"Mod", {a, b}, {{"fmod", 1}}}, {a - (a / b).trunc() * b}, 1e-4, 1e-5);
    check_node({"Max", {a, b}}, {torch::where(a > b, a, b)});
    check_node({"Min", {a, b}}, {torch::where(a < b, a, b)});
  }
}

TEST_CASE("whole numbers divide towards zero, and their remainder has the divisor's sign or fmod's", "[deploy][onnx]") {
  const Ints a = {-7, 7, -7, 7, 6, 0}, b = {2, 2, -2, -2, -1, 5};
  for (const auto type : {torch::kChar, torch::kShort, torch::kInt, torch::kLong}) {
    check_node({"Div", {whole(a, type), whole(b, type)}}, {whole({-3, 3, 3, -3, -6, 0}, type)});
    check_node({"Mod", {whole(a, type), whole(b, type)}}, {whole({1, 1, -1, -1, 0, 0}, type)});
    check_node({"Mod", {whole(a, type), whole(b, type)}, {{"fmod", 1}}}, {whole({-1, 1, -1, 1, 0, 0}, type)});
  }
  const Tensor bytes = whole({255, 200, 7}, torch::kByte), by = whole({255, 7, 255}, torch::kByte);
  check_node({"Div", {bytes, by}}, {whole({1, 28, 0}, torch::kByte)});
  check_node({"Mod", {bytes, by}}, {whole({0, 4, 7}, torch::kByte)});
  const Tensor least = torch::tensor({INT32_MIN}, torch::kInt), minus = torch::tensor({-1}, torch::kInt);
  check_node({"Div", {least, minus}}, {least});  // as sums of two's complement do
  check_node({"Mod", {least, minus}}, {torch::zeros({1}, torch::kInt)});
}

TEST_CASE("a power has the type of its base", "[deploy][onnx]") {
  const Tensor base = whole({2, 3, -4});
  check_node({"Pow", {base, whole({3})}}, {whole({8, 27, -64})});
  check_node({"Pow", {base.abs(), torch::tensor({0.5F})}}, {whole({1, 1, 2})});
  check_node({"Pow", {torch::tensor({2.0F, -2.0F}), whole({2, 3}, torch::kInt)}}, {torch::tensor({4.0F, -8.0F})});
  check_node({"Pow", {torch::tensor({2.0F}), torch::tensor({-1.0}, torch::kDouble)}}, {torch::tensor({0.5F})});
}

TEST_CASE("any number of tensors are summed, averaged and compared", "[deploy][onnx]") {
  const Tensor a = wave({2, 3}), b = wave({3}, 0.9), c = wave({2, 1}, 0.1), one = torch::full({}, 0.25F);
  check_node({"Sum", {a, b, c, one}}, {a + b + c + one});
  check_node({"Mean", {a, b, c, one}}, {(a + b + c + one) / 4});
  check_node({"Max", {a, b, c, one}}, {torch::maximum(torch::maximum(a, b), torch::maximum(c, one))});
  check_node({"Min", {a, b, c, one}}, {torch::minimum(torch::minimum(a, b), torch::minimum(c, one))});
  for (const char* type : {"Sum", "Mean", "Max", "Min"}) check_node({type, {a}}, {a});
  const Tensor holes = torch::tensor({kNan, 1.0F}), full = torch::tensor({0.0F, kNan});
  check_node({"Max", {holes, full}}, {torch::tensor({kNan, kNan})});
  check_node({"Min", {holes, full}}, {torch::tensor({kNan, kNan})});
}

TEST_CASE("bounds of clip are attributes before opset 11 and inputs since; the upper one wins", "[deploy][onnx]") {
  const Tensor x = torch::tensor({-3.0F, -0.5F, 0.5F, 3.0F});
  const auto bound = [](float value) { return torch::full({}, value); };
  check_node({"Clip", {x}, {{"min", -1.0}, {"max", 2.0}}, 10}, {x.clamp(-1, 2)});
  check_node({"Clip", {x}, {{"max", 0.0}}, 7}, {x.clamp_max(0)});
  check_node({"Clip", {x}, {}, 10}, {x});
  check_node({"Clip", {x, bound(-1), bound(2)}, {}, 11}, {x.clamp(-1, 2)});
  check_node({"Clip", {x, {}, bound(0)}}, {x.clamp_max(0)});
  check_node({"Clip", {x, bound(0)}}, {x.clamp_min(0)});
  check_node({"Clip", {x}}, {x});
  check_node({"Clip", {x, torch::tensor({1.0F}), torch::tensor({-1.0F})}}, {torch::full({4}, -1.0F)});
  check_node({"Clip", {whole({-300, 5, 300}), whole({-128}), whole({127})}}, {whole({-128, 5, 127})});
  check_node({"Clip", {torch::tensor({kNan, -kInfinite}), bound(0), bound(1)}}, {torch::tensor({kNan, 0.0F})});
}

TEST_CASE("functions of one number keep shapes of any kind", "[deploy][onnx]") {
  using Function = Tensor (*)(const Tensor&);
  const std::vector<std::pair<const char*, Function>> functions = {
      {"Abs", [](const Tensor& x) { return torch::where(x < 0, -x, x); }},
      {"Neg", [](const Tensor& x) { return 0 - x; }},
      {"Reciprocal", [](const Tensor& x) { return 1 / x; }},
      {"Exp", [](const Tensor& x) { return torch::pow(M_E, x.to(torch::kDouble)).to(torch::kFloat); }},
      {"Erf", [](const Tensor& x) { return 1 - torch::erfc(x); }},
      {"Floor", [](const Tensor& x) { return -torch::ceil(-x); }},
      {"Ceil", [](const Tensor& x) { return -torch::floor(-x); }},
      {"Sign", [](const Tensor& x) { return (x > 0).to(torch::kFloat) - (x < 0).to(torch::kFloat); }},
      {"Sin", [](const Tensor& x) { return torch::cos(x - M_PI / 2); }},
      {"Cos", [](const Tensor& x) { return torch::sin(x + M_PI / 2); }},
      {"Tan", [](const Tensor& x) { return x.sin() / x.cos(); }},
      {"Asin", [](const Tensor& x) { return torch::atan2(x, (1 - x * x).sqrt()); }},
      {"Acos", [](const Tensor& x) { return torch::atan2((1 - x * x).sqrt(), x); }},
      {"Atan", [](const Tensor& x) { return torch::atan2(x, torch::ones_like(x)); }},
      {"Sinh", [](const Tensor& x) { return (x.exp() - (-x).exp()) / 2; }},
      {"Cosh", [](const Tensor& x) { return (x.exp() + (-x).exp()) / 2; }},
  };
  for (const auto& [name, function] : functions) {
    for (const Ints& shape : {Ints{}, Ints{0}, Ints{7}, Ints{2, 0, 3}, Ints{2, 1, 3, 2}}) {
      const Tensor x = wave(shape);
      check_node({name, {x}}, {function(x)}, 1e-4, 1e-5);
    }
  }
  const Tensor x = torch::tensor({4.0F, 0.0F, -1.0F, kInfinite});
  check_node({"Sqrt", {x}}, {torch::tensor({2.0F, 0.0F, kNan, kInfinite})});
  check_node({"Log", {x}}, {torch::tensor({std::log(4.0F), -kInfinite, kNan, kInfinite})});
  check_node({"Round", {torch::tensor({-2.5F, -1.5F, -0.5F, 0.5F, 1.5F, 2.4999F})}},
             {torch::tensor({-2.0F, -2.0F, 0.0F, 0.0F, 2.0F, 2.0F})});
}

TEST_CASE("16-bit floats are computed with as float32 and stay what they are", "[deploy][onnx]") {
  for (const auto type : {torch::kHalf, torch::kBFloat16}) {
    const Tensor x = wave({40}).to(type), y = wave({40}, 0.9).to(type), wide = x.to(torch::kFloat);
    check_node({"Exp", {x}}, {wide.exp().to(type)}, 0, 0);
    check_node({"Sum", {x, y, y}}, {(wide + y.to(torch::kFloat) + y.to(torch::kFloat)).to(type)}, 0, 0);
    check_node({"ReduceSum", {x}}, {wide.sum(0, true).to(type)}, 0, 0);
    check_node({"Equal", {x, x}}, {torch::ones({40}, torch::kBool)});
  }
}

TEST_CASE("arithmetic that has no answer is refused", "[deploy][onnx]") {
  const Tensor x = wave({2, 3}), truth = torch::ones({2, 3}, torch::kBool), zero = whole({0});
  check_refused({
      {{"Add", {x, wave({2})}}, "the shapes of its inputs do not fit together"},
      {{"Max", {x, x, wave({4, 3})}}, "the shapes of its inputs do not fit together"},
      {{"Mul", {x, whole({1})}}, "its inputs have different types"},
      {{"Sum", {x, whole({1})}}, "its inputs have different types"},
      {{"Sub", {truth, truth}}, "it subtracts truth values"},
      {{"Div", {truth, truth}}, "it divides truth values"},
      {{"Div", {whole({1}), zero}}, "it divides whole numbers by zero"},
      {{"Mod", {whole({1}), zero}}, "it divides whole numbers by zero"},
      {{"Mod", {whole({1}, torch::kByte), whole({0}, torch::kByte)}}, "it divides whole numbers by zero"},
      {{"Mod", {x, x}}, "the remainder of floating numbers is only defined with fmod=1"},
      {{"Mean", {whole({1}), whole({2})}}, "its inputs must be floating numbers"},
      {{"Clip", {x, wave({2})}}, "its bounds must be single numbers"},
      {{"Clip", {x, {}, whole({2})}}, "its inputs have different types"},
      {{"Clip", {x}, {{"min", 1}}, 10}, "its attribute 'min' has another type than ONNX says"},
      {{"Div", {x, {}}}, "its input 2 is missing"},
  });
}

}  // namespace mlrun::test
