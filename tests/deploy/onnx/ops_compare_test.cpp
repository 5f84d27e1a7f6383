#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

Tensor truths(const std::vector<int>& values) { return torch::tensor(values, torch::kInt).to(torch::kBool); }

}  // namespace

TEST_CASE("comparisons of floats, whole numbers and NaN give truth values", "[deploy][onnx]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor a = torch::tensor({1.0F, 2.0F, 3.0F, nan}), b = torch::tensor({3.0F, 2.0F, 1.0F, nan});
  const std::vector<std::pair<const char*, std::vector<int>>> rows = {{"Equal", {0, 1, 0, 0}},
                                                                      {"Less", {1, 0, 0, 0}},
                                                                      {"LessOrEqual", {1, 1, 0, 0}},
                                                                      {"Greater", {0, 0, 1, 0}},
                                                                      {"GreaterOrEqual", {0, 1, 1, 0}}};
  for (const auto& [type, expected] : rows) {
    check_node({type, {a, b}}, {truths(expected)});
    for (const auto whole_type : {torch::kByte, torch::kInt, torch::kLong}) {
      check_node({type, {whole({1, 2, 3}, whole_type), whole({3, 2, 1}, whole_type)}},
                 {truths({expected[0], expected[1], expected[2]})});
    }
    check_node({type, {a.reshape({4, 1}), b.reshape({1, 4}).narrow(1, 0, 0)}}, {torch::empty({4, 0}, torch::kBool)});
    CHECK(node_refusal({type, {a, wave({3})}}) == "the shapes of its inputs do not fit together");
    CHECK(node_refusal({type, {a, whole({1, 2, 3, 4})}}) == "its inputs have different types");
  }
}

TEST_CASE("truth values are joined and turned, broadcast to one another", "[deploy][onnx]") {
  const Tensor a = truths({0, 0, 1, 1}), b = truths({0, 1, 0, 1}), column = truths({0, 1}).reshape({2, 1});
  check_node({"And", {a, b}}, {truths({0, 0, 0, 1})});
  check_node({"Or", {a, b}}, {truths({0, 1, 1, 1})});
  check_node({"Xor", {a, b}}, {truths({0, 1, 1, 0})});
  check_node({"Not", {a}}, {truths({1, 1, 0, 0})});
  check_node({"Xor", {column, b}}, {truths({0, 1, 0, 1, 1, 0, 1, 0}).reshape({2, 4})});
  check_node({"Not", {torch::ones({}, torch::kBool)}}, {torch::zeros({}, torch::kBool)});
}

TEST_CASE("where takes all three inputs to one shape", "[deploy][onnx]") {
  const Tensor column = truths({1, 0}).reshape({2, 1}), row = torch::tensor({1.0F, 2.0F, 3.0F}), one = torch::zeros({});
  check_node({"Where", {column, row, one}}, {torch::tensor({{1.0F, 2.0F, 3.0F}, {0.0F, 0.0F, 0.0F}})});
  check_node({"Where", {column, one, row}}, {torch::tensor({{0.0F, 0.0F, 0.0F}, {1.0F, 2.0F, 3.0F}})});
  check_node({"Where", {torch::ones({}, torch::kBool), whole({4, 5}), whole({6})}}, {whole({4, 5})});
  check_refused({
      {{"Where", {row, row, row}}, "its condition must be truth values"},
      {{"Where", {column, row, whole({1})}}, "its inputs have different types"},
      {{"Where", {truths({1, 0}), row, row}}, "the shapes of its inputs do not fit together"},
  });
}

}  // namespace mlrun::test
