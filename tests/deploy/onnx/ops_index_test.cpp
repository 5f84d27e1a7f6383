#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

constexpr std::int64_t kFarLeft = INT64_MIN, kFarRight = INT64_MAX;

}  // namespace

TEST_CASE("rows are gathered by indices of any shape, from the end too", "[deploy][onnx]") {
  const Tensor x = wave({3, 4, 2});
  for (const auto type : {torch::kInt, torch::kLong}) {
    check_node({"Gather", {x, whole({2, -1, 0}, type)}}, {torch::stack({x[2], x[2], x[0]})});
    check_node({"Gather", {x, whole({-4, 3}, type).reshape({1, 2})}, {{"axis", -2}}},
               {torch::stack({x.select(1, 0), x.select(1, 3)}, 1).unsqueeze(1)});
    check_node({"Gather", {x, whole({1}, type).reshape({})}, {{"axis", 2}}}, {x.select(2, 1)});
    check_node({"Gather", {x, whole({}, type)}, {{"axis", 1}}}, {torch::empty({3, 0, 2})});
  }
  check_node({"Gather", {torch::empty({0, 2}), whole({})}}, {torch::empty({0, 2})});
  const std::string range = "an index is out of range";
  check_refused({
      {{"Gather", {x, whole({3})}}, range},
      {{"Gather", {x, whole({-4})}}, range},
      {{"Gather", {x, whole({kFarLeft})}}, range},
      {{"Gather", {torch::empty({0, 2}), whole({0})}}, range},
      {{"Gather", {x, wave({2})}}, "its indices must be whole numbers"},
      {{"Gather", {x, torch::ones({2}, torch::kBool)}}, "its indices must be whole numbers"},
      {{"Gather", {x, whole({0})}, {{"axis", 3}}}, "there is no axis 3 in 3 dimensions"},
      {{"Gather", {torch::ones({}), whole({0})}}, "there is no axis 0 in 0 dimensions"},
  });
}

TEST_CASE("elements are gathered and scattered along one axis", "[deploy][onnx]") {
  const Tensor x = counted({3, 3}), places = whole({0, -1, 2, 1}).reshape({2, 2});
  check_node({"GatherElements", {x, places}}, {torch::tensor({{0.0F, 7.0F}, {6.0F, 4.0F}})});
  check_node({"GatherElements", {x, places}, {{"axis", -1}}}, {torch::tensor({{0.0F, 2.0F}, {5.0F, 4.0F}})});
  const Tensor updates = torch::tensor({{10.0F, 20.0F}, {30.0F, 40.0F}});
  check_node({"ScatterElements", {x, places, updates}},
             {torch::tensor({{10.0F, 1.0F, 2.0F}, {3.0F, 40.0F, 5.0F}, {30.0F, 20.0F, 8.0F}})});
  check_node({"ScatterElements", {x, places, updates}, {{"axis", 1}}},
             {torch::tensor({{10.0F, 1.0F, 20.0F}, {3.0F, 40.0F, 30.0F}, {6.0F, 7.0F, 8.0F}})});
  check_node({"ScatterElements", {torch::zeros({3}), whole({1, 1, -2}), wave({3})}, {{"reduction", "add"}}},
             {torch::stack({torch::zeros({}), wave({3}).sum(), torch::zeros({})})});
  check_refused({
      {{"GatherElements", {x, whole({0, 1})}}, "its indices do not fit its input"},
      {{"GatherElements", {x, whole({0, 0, 0, 0}).reshape({1, 4})}}, "its indices do not fit its input"},
      {{"GatherElements", {x, whole({3}).reshape({1, 1})}}, "an index is out of range"},
      {{"ScatterElements", {x, places, updates[0]}}, "its updates do not fit its indices"},
      {{"ScatterElements", {x, places, updates.to(torch::kDouble)}}, "its updates do not fit its indices"},
      {{"ScatterElements", {x, places, updates}, {{"reduction", "mul"}}}, "mlrun does not compute this reduction"},
      {{"ScatterElements", {x, places.add(2), updates}}, "an index is out of range"},
  });
}

TEST_CASE("parts are gathered and scattered by places of several axes", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4}), pairs = whole({0, -1, 1, 0}).reshape({2, 2});
  check_node({"GatherND", {x, pairs}}, {torch::stack({x[0][2], x[1][0]})});
  check_node({"GatherND", {x, whole({1, 2, -4})}}, {x[1][2][0]});
  check_node({"GatherND", {x, whole({-1}).reshape({1, 1, 1})}}, {x[1].reshape({1, 1, 3, 4})});
  Tensor expected = x.clone();
  expected[0][2] = 5;
  expected[1][0] = 6;
  const Tensor updates = torch::stack({torch::full({4}, 5.0F), torch::full({4}, 6.0F)});
  check_node({"ScatterND", {x, pairs, updates}}, {expected});
  check_node({"ScatterND", {x, torch::empty({0, 2}, torch::kLong), torch::empty({0, 4})}}, {x});
  const std::string indices = "its indices do not fit its input";
  check_refused({
      {{"GatherND", {x, whole({0, 0, 0, 0})}}, indices},
      {{"GatherND", {x, torch::empty({2, 0}, torch::kLong)}}, indices},
      {{"GatherND", {x, whole({0, 3})}}, "an index is out of range"},
      {{"GatherND", {x, whole({0, -4})}}, "an index is out of range"},
      {{"GatherND", {x, pairs}, {{"batch_dims", 1}}}, "mlrun does not compute it with batch_dims"},
      {{"ScatterND", {x, pairs, updates[0]}}, "its updates do not fit its indices"},
      {{"ScatterND", {x, pairs, updates}, {{"reduction", "add"}}}, "mlrun does not compute this reduction"},
      {{"ScatterND", {x, whole({2, 0}).reshape({1, 2}), wave({1, 4})}}, "an index is out of range"},
  });
}

TEST_CASE("slices begin and end inside, wherever they are said to", "[deploy][onnx]") {
  struct SliceRow {
    std::int64_t start, end, step;
    Ints expected;  ///< of 0, 1, 2, 3, 4
  };
  const std::vector<SliceRow> rows = {
      {1, 3, 1, {1, 2}},
      {0, kFarRight, 1, {0, 1, 2, 3, 4}},
      {-2, kFarRight, 1, {3, 4}},
      {-99, 2, 1, {0, 1}},
      {kFarLeft, -3, 1, {0, 1}},
      {3, 1, 1, {}},
      {9, 12, 1, {}},
      {0, 5, 2, {0, 2, 4}},
      {1, 5, kFarRight, {1}},
      {4, 0, -1, {4, 3, 2, 1}},
      {-1, kFarLeft, -1, {4, 3, 2, 1, 0}},
      {99, kFarLeft, -2, {4, 2, 0}},
      {3, 3, -1, {}},
      {1, 4, -1, {}},
      {3, -99, -5, {3}},
      {-99, kFarLeft, -1, {0}},  // begins at the first element, as ONNX says
      {-99, -98, -1, {0}},
  };
  const Tensor x = counted({5}, torch::kLong);
  for (const auto& row : rows) {
    INFO(row.start << " to " << row.end << " by " << row.step);
    check_node({"Slice", {x, whole({row.start}), whole({row.end}), whole({0}), whole({row.step})}},
               {whole(row.expected)});
    const Tensor wide = x.reshape({1, 5, 1}).expand({2, 5, 3}).contiguous();
    check_node({"Slice", {wide, whole({row.start}), whole({row.end}), whole({-2}), whole({row.step})}},
               {wide.index_select(1, whole(row.expected))});
    if (row.step != 1) continue;
    check_node({"Slice", {x}, {{"starts", Ints{row.start}}, {"ends", Ints{row.end}}}, 9}, {whole(row.expected)});
  }
}

TEST_CASE("slices of several axes, of nothing, and those that cannot be", "[deploy][onnx]") {
  const Tensor x = wave({4, 5, 6}), none = torch::empty({0, 3});
  check_node({"Slice", {x, whole({1, -2}), whole({3, 99})}}, {x.slice(0, 1, 3).slice(1, 3)});
  check_node({"Slice", {x, whole({1, 0}), whole({4, 4}), whole({-1, 0}), whole({2, 3})}},
             {x.slice(2, 1, 4, 2).slice(0, 0, 4, 3)});
  check_node({"Slice", {x}, {{"starts", Ints{1}}, {"ends", Ints{2}}, {"axes", Ints{2}}}, 7}, {x.slice(2, 1, 2)});
  check_node({"Slice", {none, whole({0}), whole({5})}}, {none});
  check_node({"Slice", {none, whole({3}), whole({-9}), whole({0}), whole({-1})}}, {none});
  const std::string lists = "its lists have different lengths";
  check_refused({
      {{"Slice", {x, whole({1}), whole({2, 3})}}, lists},
      {{"Slice", {x, whole({1}), whole({2}), whole({0, 1})}}, lists},
      {{"Slice", {x, whole({1}), whole({2}), whole({0}), whole({1, 1})}}, lists},
      {{"Slice", {x, whole({1}), whole({2}), whole({0}), whole({0})}}, "its step is zero"},
      {{"Slice", {x, whole({1}), whole({2}), whole({3})}}, "there is no axis 3 in 3 dimensions"},
      {{"Slice", {x, whole({1, 1}), whole({2, 2}), whole({0, -3})}}, "an axis stands twice"},
  });
}

TEST_CASE("tensors are split into parts that are given, equal or as equal as they can be", "[deploy][onnx]") {
  const Tensor x = wave({2, 7});
  const auto parts = [&](const Ints& sizes) { return x.split_with_sizes(sizes, 1); };
  check_node({"Split", {x, whole({3, 0, 4})}, {{"axis", 1}}, 13, 3}, parts({3, 0, 4}));
  check_node({"Split", {x}, {{"axis", -1}, {"split", Ints{5, 2}}}, 11, 2}, parts({5, 2}));
  check_node({"Split", {x}, {}, 13, 2}, {x.narrow(0, 0, 1), x.narrow(0, 1, 1)});
  check_node({"Split", {x}, {{"axis", 1}, {"num_outputs", 3}}, 18, 3}, parts({3, 3, 1}));
  check_node({"Split", {x}, {{"axis", 1}, {"num_outputs", 5}}, 18, 5}, parts({2, 2, 2, 1, 0}));
  const std::string fit = "its parts do not fit its input";
  check_refused({
      {{"Split", {x, whole({3, 3})}, {{"axis", 1}}, 13, 2}, fit},
      {{"Split", {x, whole({3, 5})}, {{"axis", 1}}, 13, 2}, fit},
      {{"Split", {x, whole({8, -1})}, {{"axis", 1}}, 13, 2}, fit},
      {{"Split", {x, whole({3, 4})}, {{"axis", 1}}, 13, 3}, "it has another number of parts than of outputs"},
      {{"Split", {x}, {{"axis", 1}}, 13, 2}, "its input cannot be split into equal parts"},
      {{"Split", {x}, {{"num_outputs", 3}}, 18, 2}, "its num_outputs is not that of its outputs"},
      {{"Split", {x}, {{"axis", 2}}, 13, 2}, "there is no axis 2 in 2 dimensions"},
  });
}

}  // namespace mlrun::test
