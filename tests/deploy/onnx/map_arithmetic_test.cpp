#include "deploy/onnx/mapped.h"

namespace mlrun::test {

using torch::Tensor;

TEST_CASE("activations are written so that they compute the same", "[deploy]") {
  check_mapped({
      {"erf", [](const Tensor& x) { return torch::erf(x); }},
      {"relu", [](const Tensor& x) { return torch::relu(x); }},
      {"sigmoid", [](const Tensor& x) { return torch::sigmoid(x); }},
      {"tanh", [](const Tensor& x) { return torch::tanh(x); }},
      {"relu6", [](const Tensor& x) { return torch::relu6(x * 5); }},
      {"hardtanh", [](const Tensor& x) { return torch::hardtanh(x, -0.5, 0.7); }},
      {"both bounds", [](const Tensor& x) { return torch::clamp(x, -0.2, 0.3); }},
      {"lower bound", [](const Tensor& x) { return torch::clamp(x, -0.2); }},
      {"upper bound", [](const Tensor& x) { return torch::clamp(x, c10::nullopt, 0.3); }},
      {"hardsigmoid", [](const Tensor& x) { return torch::hardsigmoid(x * 3); }},
      {"hardswish", [](const Tensor& x) { return torch::hardswish(x * 3); }},
      {"silu", [](const Tensor& x) { return torch::silu(x); }},
      {"gelu", [](const Tensor& x) { return torch::gelu(x); }},
      {"leaky relu", [](const Tensor& x) { return torch::leaky_relu(x, 0.3); }},
      {"softmax of channels", [](const Tensor& x) { return torch::softmax(x, 1); }},
      {"softmax from the end", [](const Tensor& x) { return torch::softmax(x, -2); }},
      {"log softmax", [](const Tensor& x) { return torch::log_softmax(x, -1); }},
  });
  check_unmapped({
      {{"gelu", [](const Tensor& x) { return torch::gelu(x, "tanh"); }}, "is the approximation by tanh"},
      {{"softmax", [](const Tensor& x) { return torch::softmax(x, 1, torch::kDouble); }}, "changes the dtype"},
      {{"elu", [](const Tensor& x) { return torch::elu(x); }}, "has no mapping"},
  });
}

TEST_CASE("arithmetic with tensors and numbers on either side is written", "[deploy]") {
  const Tensor weight = torch::rand({8}) + 0.5;
  check_mapped({
      {"abs", [](const Tensor& x) { return torch::abs(x); }},
      {"exp", [](const Tensor& x) { return torch::exp(x); }},
      {"floor", [](const Tensor& x) { return torch::floor(x * 3); }},
      {"round", [](const Tensor& x) { return torch::round(x * 3); }},
      {"log", [](const Tensor& x) { return torch::log(x.abs() + 1); }},
      {"neg", [](const Tensor& x) { return torch::neg(x); }},
      {"sqrt", [](const Tensor& x) { return torch::sqrt(x.abs()); }},
      {"add with alpha", [](const Tensor& x) { return torch::add(x, x.abs(), 3); }},
      {"sub with alpha", [](const Tensor& x) { return torch::sub(x, x.abs(), 0.5); }},
      {"add a number", [](const Tensor& x) { return x + 2; }},
      {"number minus", [](const Tensor& x) { return torch::rsub(x, 2); }},
      {"mul by a row", [=](const Tensor& x) { return x * weight; }},
      {"div by a row", [=](const Tensor& x) { return x / weight; }},
      {"row by values", [=](const Tensor& x) { return weight / (x.abs() + 1); }},
      {"square", [](const Tensor& x) { return torch::pow(x, 2); }},
      {"broken power", [](const Tensor& x) { return torch::pow(x.abs() + 0.5, 0.3); }},
      {"power of a number", [](const Tensor& x) { return torch::pow(2, x); }},
      {"whole numbers between", [](const Tensor& x) { return ((x * 10).to(torch::kLong) * 2 + 3).to(torch::kFloat); }},
      {"float64 between", [](const Tensor& x) { return (x.to(torch::kDouble) / 3 + 1).to(torch::kFloat); }},
      {"types meet", [](const Tensor& x) { return x + (x * 4).to(torch::kInt); }},
  });
  check_unmapped({
      {{"div", [](const Tensor& x) { return torch::div(x, 0.3, "floor"); }}, "is of no whole numbers"},
      {{"sin", [](const Tensor& x) { return torch::sin(x); }}, "has no mapping"},
  });
}

TEST_CASE("products and reductions are written for any axes", "[deploy]") {
  const Tensor square = torch::rand({8, 8});
  check_mapped({
      {"matmul with a weight", [=](const Tensor& x) { return torch::matmul(x, square); }},
      {"matmul of values", [](const Tensor& x) { return torch::matmul(x, x.transpose(-1, -2)); }},
      {"bmm", [](const Tensor& x) { return torch::bmm(x, x.transpose(1, 2)); }, {4, 8}},
      {"mm", [=](const Tensor& x) { return torch::mm(x, square); }, {8}},
      {"mean", [](const Tensor& x) { return x.mean({-1}); }},
      {"mean of two",
       [](const Tensor& x) {
         return x.mean({2, 3}, true);
       }},
      {"sum",
       [](const Tensor& x) {
         return x.sum({1, -1});
       }},
      {"sum that keeps", [](const Tensor& x) { return x.sum({-2}, true); }},
      {"length", [](const Tensor& x) { return x.norm(2, {1}, true); }},
      {"length of rows", [](const Tensor& x) { return torch::linalg_vector_norm(x, 2, at::IntArrayRef{-1}); }},
  });
  CHECK(user_error([] {
          graph_of(*model_of([](const Tensor& x) { return x.norm(1, {1}, true); }), {6, 6, 8});
        }).find("is no Euclidean norm") != std::string::npos);
}

}  // namespace mlrun::test
