#include <algorithm>
#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;
using Reduce = Tensor (*)(const Tensor& x, const Ints& axes, bool keep);

struct ReduceRow {
  const char* type;
  Reduce reduce;
  std::int64_t input_since;  ///< the opset from which axes are an input
};

Tensor extreme(Tensor x, Ints axes, bool keep, bool largest) {
  std::sort(axes.rbegin(), axes.rend());
  for (const auto axis : axes) x = std::get<0>(largest ? x.max(axis, keep) : x.min(axis, keep));
  return x;
}

Tensor product_over(Tensor x, Ints axes, bool keep) {
  std::sort(axes.rbegin(), axes.rend());
  for (const auto axis : axes) x = x.prod(axis, keep);
  return x;
}

const std::vector<ReduceRow>& reduce_rows() {
  static const std::vector<ReduceRow> rows = {
      {"ReduceSum", [](const Tensor& x, const Ints& a, bool keep) { return x.sum(a, keep); }, 13},
      {"ReduceMean", [](const Tensor& x, const Ints& a, bool keep) { return x.mean(a, keep); }, 18},
      {"ReduceMax", [](const Tensor& x, const Ints& a, bool keep) { return extreme(x, a, keep, true); }, 18},
      {"ReduceMin", [](const Tensor& x, const Ints& a, bool keep) { return extreme(x, a, keep, false); }, 18},
      {"ReduceProd", [](const Tensor& x, const Ints& a, bool keep) { return product_over(x, a, keep); }, 18},
      {"ReduceL1", [](const Tensor& x, const Ints& a, bool keep) { return x.abs().sum(a, keep); }, 18},
      {"ReduceL2", [](const Tensor& x, const Ints& a, bool keep) { return (x * x).sum(a, keep).sqrt(); }, 18},
      {"ReduceSumSquare", [](const Tensor& x, const Ints& a, bool keep) { return (x * x).sum(a, keep); }, 18},
      {"ReduceLogSum", [](const Tensor& x, const Ints& a, bool keep) { return x.sum(a, keep).log(); }, 18},
      {"ReduceLogSumExp", [](const Tensor& x, const Ints& a, bool keep) { return x.exp().sum(a, keep).log(); }, 18}};
  return rows;
}

}  // namespace

TEST_CASE("reductions take axes as attributes of old and inputs of new opsets, and keep axes or drop them",
          "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4}) + 1.5;
  const Ints all = {0, 1, 2};
  for (const auto& row : reduce_rows()) {
    for (const Ints& axes : {Ints{0}, Ints{-1}, Ints{2, 0}, Ints{-2, -3}, all}) {
      Ints front = axes;
      for (auto& axis : front) axis = axis < 0 ? axis + 3 : axis;
      for (const bool keep : {true, false}) {
        const Tensor expected = row.reduce(x, front, keep);
        const std::int64_t keepdims = keep ? 1 : 0;
        check_node({row.type, {x}, {{"axes", axes}, {"keepdims", keepdims}}, row.input_since - 1}, {expected}, 1e-4);
        check_node({row.type, {x, whole(axes)}, {{"keepdims", keepdims}}, row.input_since}, {expected}, 1e-4);
      }
    }
    check_node({row.type, {x}, {}, row.input_since - 1}, {row.reduce(x, all, true)}, 1e-4);
    check_node({row.type, {x}, {{"keepdims", 0}}, row.input_since}, {row.reduce(x, all, false)}, 1e-4);
    check_node({row.type, {x, whole({})}, {}, row.input_since}, {row.reduce(x, all, true)}, 1e-4);
    check_node({row.type, {x, whole({})}, {{"noop_with_empty_axes", 1}}, row.input_since}, {x});
    const Tensor one = torch::full({}, 2.0F);
    check_node({row.type, {one}, {}, row.input_since}, {row.reduce(one.reshape({1}), {0}, false)});
    CHECK(node_refusal({row.type, {x, whole({0, -3})}, {}, row.input_since}) == "an axis stands twice");
    CHECK(node_refusal({row.type, {x, whole({3})}, {}, row.input_since}) == "there is no axis 3 in 3 dimensions");
    CHECK(node_refusal({row.type, {x}, {{"axes", Ints{-4}}}, 11}) == "there is no axis -4 in 3 dimensions");
  }
}

TEST_CASE("reductions of whole numbers stay whole, those of nothing are what sums of nothing are", "[deploy][onnx]") {
  const Tensor i = whole({1, -2, 4}, torch::kInt), axis = whole({0}), none = torch::empty({0, 3});
  const std::vector<std::pair<const char*, std::int64_t>> rows = {
      {"ReduceSum", 3}, {"ReduceMean", 1},  {"ReduceMax", 4},       {"ReduceMin", -2},
      {"ReduceL1", 7},  {"ReduceProd", -8}, {"ReduceSumSquare", 21}};
  for (const auto& [type, expected] : rows) check_node({type, {i, axis}, {}, 18}, {whole({expected}, torch::kInt)});
  check_node({"ReduceSum", {none, axis}}, {torch::zeros({1, 3})});
  check_node({"ReduceProd", {none}, {{"axes", Ints{0}}}}, {torch::ones({1, 3})});
  CHECK(node_refusal({"ReduceMax", {none}, {{"axes", Ints{0}}}}) == "it takes the largest or least of nothing");
  CHECK(node_refusal({"ReduceMin", {none}}) == "it takes the largest or least of nothing");
  check_node({"ReduceMax", {none}, {{"axes", Ints{1}}}}, {torch::empty({0, 1})});
}

TEST_CASE("of equal elements the first or the last is found", "[deploy][onnx]") {
  const Tensor x = torch::tensor({{2.0F, 5.0F, 5.0F, 2.0F}, {7.0F, 1.0F, 7.0F, 1.0F}});
  const std::map<std::string, deploy::OnnxAttribute> last = {{"axis", -1}, {"keepdims", 0}, {"select_last_index", 1}};
  const std::map<std::string, deploy::OnnxAttribute> first = {{"axis", -1}, {"keepdims", 0}};
  check_node({"ArgMax", {x}, first}, {whole({1, 0})});
  check_node({"ArgMax", {x}, last}, {whole({2, 2})});
  check_node({"ArgMin", {x}, first}, {whole({0, 1})});
  check_node({"ArgMin", {x}, last}, {whole({3, 3})});
  check_node({"ArgMax", {x}}, {whole({1, 0, 1, 0}).reshape({1, 4})});
  check_node({"ArgMin", {x.to(torch::kInt)}}, {whole({0, 1, 0, 1}).reshape({1, 4})});
  check_refused({
      {{"ArgMax", {torch::empty({0, 2})}}, "its input is empty"},
      {{"ArgMin", {torch::ones({})}}, "its input is empty"},
      {{"ArgMax", {x}, {{"axis", 2}}}, "there is no axis 2 in 2 dimensions"},
  });
}

TEST_CASE("the largest k come in order with their places, of equals the first", "[deploy][onnx]") {
  const Tensor x = torch::tensor({{2.0F, 5.0F, 5.0F, 1.0F}, {7.0F, 1.0F, 7.0F, 3.0F}});
  const Tensor values = torch::tensor({{5.0F, 5.0F, 2.0F}, {7.0F, 7.0F, 3.0F}});
  const Tensor places = whole({1, 2, 0, 0, 2, 3}).reshape({2, 3});
  check_node({"TopK", {x, whole({3})}, {}, 11, 2}, {values, places});
  check_node({"TopK", {x, whole({3})}, {{"axis", 1}, {"largest", 1}}, 10, 2}, {values, places});
  check_node({"TopK", {x}, {{"k", 3}}, 9, 2}, {values, places});
  check_node({"TopK", {x, whole({1})}, {{"largest", 0}}, 11, 2},
             {torch::tensor({{1.0F}, {1.0F}}), whole({3, 1}).reshape({2, 1})});
  check_node({"TopK", {x, whole({1})}, {{"axis", -2}}, 11, 2},
             {torch::tensor({{7.0F, 5.0F, 7.0F, 3.0F}}), whole({1, 0, 1, 1}).reshape({1, 4})});
  check_node({"TopK", {x, whole({0})}, {}, 11, 2}, {torch::empty({2, 0}), torch::empty({2, 0}, torch::kLong)});
  const std::string too_many = "its k is more than there are elements";
  check_refused({
      {{"TopK", {x, whole({5})}, {}, 11, 2}, too_many},
      {{"TopK", {x, whole({-1})}, {}, 11, 2}, too_many},
      {{"TopK", {x, whole({1, 2})}, {}, 11, 2}, "an input must be one number"},
      {{"TopK", {torch::ones({}), whole({1})}, {}, 11, 2}, "its input is a single number"},
  });
}

TEST_CASE("running sums go either way, with themselves or without", "[deploy][onnx]") {
  const Tensor x = whole({1, 2, 3, 4}).reshape({2, 2});
  const auto rows = [](const Ints& values) { return whole(values).reshape({2, 2}); };
  check_node({"CumSum", {x, whole({0})}}, {rows({1, 2, 4, 6})});
  check_node({"CumSum", {x, whole({-1}, torch::kInt)}}, {rows({1, 3, 3, 7})});
  check_node({"CumSum", {x, whole({1})}, {{"reverse", 1}}}, {rows({3, 2, 7, 4})});
  check_node({"CumSum", {x, whole({1})}, {{"exclusive", 1}}}, {rows({0, 1, 0, 3})});
  check_node({"CumSum", {x, whole({1})}, {{"exclusive", 1}, {"reverse", 1}}}, {rows({2, 0, 4, 0})});
  check_node({"CumSum", {torch::empty({0}), whole({0})}}, {torch::empty({0})});
  const float infinite = std::numeric_limits<float>::infinity();
  check_node({"CumSum", {torch::tensor({1.0F, infinite, 2.0F}), whole({0})}, {{"exclusive", 1}}},
             {torch::tensor({0.0F, 1.0F, infinite})});
  check_refused({
      {{"CumSum", {x, whole({2})}}, "there is no axis 2 in 2 dimensions"},
      {{"CumSum", {x, wave({1})}}, "an input must have whole numbers"},
  });
}

}  // namespace mlrun::test
