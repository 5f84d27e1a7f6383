#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

/// Sums of products of rows and columns.
Tensor product_of(const Tensor& a, const Tensor& b) { return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2); }

}  // namespace

TEST_CASE("products of matrices broadcast what stands before them, as numpy's do", "[deploy][onnx]") {
  const Tensor vector = wave({3}, 0.4);
  for (const auto& [left, right] : std::vector<std::pair<Ints, Ints>>{{{2, 3}, {3, 4}},
                                                                      {{5, 2, 3}, {3, 4}},
                                                                      {{2, 3}, {5, 3, 4}},
                                                                      {{5, 1, 2, 3}, {6, 3, 1}},
                                                                      {{1, 2, 3}, {1, 3, 1}}}) {
    const Tensor a = wave(left), b = wave(right, 0.9);
    check_node({"MatMul", {a, b}}, {product_of(a, b)});
    check_node({"MatMul", {vector, b}}, {product_of(vector.unsqueeze(0), b).squeeze(-2)});
    check_node({"MatMul", {a, vector}}, {product_of(a, vector.unsqueeze(1)).squeeze(-1)});
  }
  check_node({"MatMul", {vector, vector}}, {(vector * vector).sum()});
  check_node({"MatMul", {counted({2, 3}, torch::kLong), counted({3, 1}, torch::kLong)}},
             {whole({5, 14}).reshape({2, 1})});
  check_refused({
      {{"MatMul", {wave({2, 3}), wave({2, 3})}}, "the shapes of its inputs do not fit together"},
      {{"MatMul", {wave({2, 2, 3}), wave({3, 3, 2})}}, "the shapes of its inputs do not fit together"},
      {{"MatMul", {vector, torch::ones({})}}, "it multiplies a single number"},
      {{"MatMul", {vector, whole({1, 2, 3})}}, "its inputs have different types"},
      {{"MatMul", {torch::empty({0, 3}), wave({3, 2})}}, "it multiplies empty matrices"},
  });
}

TEST_CASE("gemm turns, scales and adds as its attributes say", "[deploy][onnx]") {
  const Tensor a = wave({2, 3}), b = wave({3, 4}, 0.9), product = product_of(a, b);
  check_node({"Gemm", {a, b}}, {product});
  check_node({"Gemm", {a.t().contiguous(), b}, {{"transA", 1}}}, {product});
  check_node({"Gemm", {a, b.t().contiguous()}, {{"transB", 1}}}, {product});
  check_node({"Gemm", {a, b}, {{"alpha", 0.5}, {"beta", 3.0}}}, {product * 0.5});
  for (const Ints& shape : {Ints{2, 4}, Ints{1, 4}, Ints{2, 1}, Ints{4}, Ints{1}, Ints{}}) {
    const Tensor c = wave(shape, 0.1);
    check_node({"Gemm", {a, b, c}}, {product + c});
    check_node({"Gemm", {a, b, c}, {{"alpha", -2.0}, {"beta", 0.5}}}, {product * -2 + c * 0.5});
  }
  const Tensor holes = torch::full({4}, std::numeric_limits<float>::quiet_NaN());
  check_node({"Gemm", {a, b, holes}, {{"beta", 0.0}}}, {product});  // nothing of it is taken
  const Tensor i = counted({2, 2}, torch::kInt), sums = whole({2, 3, 6, 11}, torch::kInt).reshape({2, 2});
  check_node({"Gemm", {i, i, i}, {{"alpha", 2.0}, {"beta", -1.0}}}, {sums * 2 - i});
  const std::string shapes = "the shapes of its inputs do not fit together";
  check_refused({
      {{"Gemm", {a, a}}, shapes},
      {{"Gemm", {a, b, wave({3})}}, shapes},
      {{"Gemm", {a, b, wave({1, 2, 4})}}, shapes},
      {{"Gemm", {a, wave({3})}}, "its inputs must be matrices"},
      {{"Gemm", {a, b.to(torch::kDouble)}}, "its inputs have different types"},
      {{"Gemm", {a, b, whole({1})}}, "its inputs have different types"},
      {{"Gemm", {i, i}, {{"alpha", 0.5}}}, "its factors must be whole numbers, as its inputs are"},
  });
}

TEST_CASE("einsum sums over the labels that its output lacks", "[deploy][onnx]") {
  const auto equation = [](const char* text) {
    return std::map<std::string, deploy::OnnxAttribute>{{"equation", text}};
  };
  const Tensor a = wave({2, 3}), b = wave({3, 4}, 0.9), stack = wave({5, 2, 3}), square = wave({3, 3});
  check_node({"Einsum", {a, b}, equation("ij,jk->ik")}, {product_of(a, b)});
  check_node({"Einsum", {a, b}, equation(" i j , j k ")}, {product_of(a, b)});
  check_node({"Einsum", {a}, equation("ij->ji")}, {a.t()});
  check_node({"Einsum", {a}, equation("ij->")}, {a.sum()});
  check_node({"Einsum", {square}, equation("ii->i")}, {square.diagonal()});
  check_node({"Einsum", {stack, b}, equation("...ij,jk->...ik")}, {product_of(stack, b)});
  check_node({"Einsum", {stack}, equation("b...->...b")}, {stack.permute({1, 2, 0})});
  check_refused({
      {{"Einsum", {a, b, b}, equation("ij,jk,jk->i")}, "it has more than two inputs"},
      {{"Einsum", {a, b}, equation("ij->ji")}, "its equation does not fit its inputs"},
      {{"Einsum", {a}, equation("ijk->k")}, "its equation does not fit its inputs"},
      {{"Einsum", {a}, equation("i->i")}, "its equation does not fit its inputs"},
      {{"Einsum", {a}, equation("i1->i")}, "its equation is not understood"},
      {{"Einsum", {torch::empty({0, 3})}, equation("ij->ji")}, "its input is empty"},
      {{"Einsum", {a, b.to(torch::kDouble)}, equation("ij,jk->ik")}, "its inputs have different types"},
  });
}

}  // namespace mlrun::test
