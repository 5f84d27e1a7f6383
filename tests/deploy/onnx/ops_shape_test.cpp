#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

}  // namespace

TEST_CASE("what changes nothing gives its input, and dropout a mask that lets all pass", "[deploy][onnx]") {
  for (const Tensor& x : {wave({2, 3}), torch::full({}, 2.0F), torch::empty({0})}) {
    check_node({"Identity", {x}}, {x});
    check_node({"Dropout", {x}, {{"ratio", 0.5}}, 10}, {x});
    check_node({"Dropout", {x, torch::full({}, 0.9F)}, {}, 13, 2}, {x, torch::ones(x.sizes(), torch::kBool)});
    check_node({"Dropout", {x, {}, torch::zeros({}, torch::kBool)}, {}, 13}, {x});
    check_node({"Size", {x}}, {torch::full({}, x.numel(), torch::kLong)});
  }
  CHECK(node_refusal({"Dropout", {wave({2}), {}, torch::ones({}, torch::kBool)}}) ==
        "it is in training mode; export the model for inference");
}

TEST_CASE("flatten makes two axes at any place", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4});
  for (const auto& [axis, shape] : std::vector<std::pair<std::int64_t, Ints>>{
           {0, {1, 24}}, {1, {2, 12}}, {2, {6, 4}}, {3, {24, 1}}, {-1, {6, 4}}, {-3, {1, 24}}}) {
    check_node({"Flatten", {x}, {{"axis", axis}}}, {x.reshape(shape)});
  }
  check_node({"Flatten", {x}}, {x.reshape({2, 12})});
  check_node({"Flatten", {torch::full({}, 3.0F)}, {{"axis", 0}}}, {torch::full({1, 1}, 3.0F)});
  check_node({"Flatten", {torch::empty({0, 3, 2})}}, {torch::empty({0, 6})});
  CHECK(node_refusal({"Flatten", {x}, {{"axis", 4}}}) == "there is no axis 4 in 3 dimensions");
  CHECK(node_refusal({"Flatten", {x}, {{"axis", -4}}}) == "there is no axis -4 in 3 dimensions");
}

TEST_CASE("a shape keeps sizes of 0, fills in one of -1, and must hold all elements", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4}), none = torch::empty({2, 0, 3});
  struct ShapeRow {
    Ints given, made;
  };
  for (const auto& row : std::vector<ShapeRow>{{{6, 4}, {6, 4}},
                                               {{0, -1}, {2, 12}},
                                               {{-1}, {24}},
                                               {{0, 0, 0}, {2, 3, 4}},
                                               {{4, 0, 2}, {4, 3, 2}},
                                               {{1, 1, -1, 4}, {1, 1, 6, 4}}}) {
    check_node({"Reshape", {x, whole(row.given)}}, {x.reshape(row.made)});
  }
  check_node({"Reshape", {none, whole({3, 0, 2})}, {{"allowzero", 1}}}, {torch::empty({3, 0, 2})});
  check_node({"Reshape", {none, whole({0, 0, 5})}}, {torch::empty({2, 0, 5})});
  check_node({"Reshape", {torch::full({1}, 2.0F), whole({})}}, {torch::full({}, 2.0F)});
  const std::string holds = "its shape does not hold the elements of its input";
  check_refused({
      {{"Reshape", {x, whole({5, 5})}}, holds},
      {{"Reshape", {x, whole({5, -1})}}, holds},
      {{"Reshape", {x, whole({0, -1})}, {{"allowzero", 1}}}, holds},
      {{"Reshape", {none, whole({0, 0, -1})}}, holds},
      {{"Reshape", {x, whole({-1, -1})}}, "its shape leaves two sizes open"},
      {{"Reshape", {x, whole({-2, 12})}}, "its shape has a negative size"},
      {{"Reshape", {x, whole({2, 3, 4, 0})}}, "its shape keeps a size that its input does not have"},
      {{"Reshape", {x, whole({INT64_MAX, 2, 2})}}, "its shape is too large"},
      {{"Reshape", {x, wave({2})}}, "an input must have whole numbers"},
      {{"Reshape", {x, whole({2, 12}).reshape({1, 2})}}, "an input must be a short list of numbers"},
  });
}

TEST_CASE("axes are turned, taken away and added where they are named, from the end too", "[deploy][onnx]") {
  const Tensor x = wave({2, 1, 3, 1});
  check_node({"Transpose", {x}}, {x.permute({3, 2, 1, 0})});
  check_node({"Transpose", {x}, {{"perm", Ints{0, -1, 1, 2}}}}, {x.permute({0, 3, 1, 2})});
  check_node({"Transpose", {torch::full({}, 1.0F)}}, {torch::full({}, 1.0F)});
  check_node({"Squeeze", {x}}, {x.reshape({2, 3})});
  check_node({"Squeeze", {x, whole({-1})}}, {x.reshape({2, 1, 3})});
  check_node({"Squeeze", {x}, {{"axes", Ints{1, -1}}}, 12}, {x.reshape({2, 3})});
  check_node({"Squeeze", {x, whole({})}}, {x});
  check_node({"Unsqueeze", {x, whole({-1, 0})}}, {x.reshape({1, 2, 1, 3, 1, 1})});
  check_node({"Unsqueeze", {x}, {{"axes", Ints{1, 2}}}, 11}, {x.reshape({2, 1, 1, 1, 3, 1})});
  check_node({"Unsqueeze", {torch::full({}, 1.0F), whole({0})}}, {torch::full({1}, 1.0F)});
  check_refused({
      {{"Transpose", {x}, {{"perm", Ints{0, 1}}}}, "its order does not fit the shape of its input"},
      {{"Transpose", {x}, {{"perm", Ints{0, 1, 1, 2}}}}, "an axis stands twice"},
      {{"Squeeze", {x, whole({0})}}, "it squeezes an axis that is not of size 1"},
      {{"Squeeze", {x, whole({1, -3})}}, "an axis stands twice"},
      {{"Squeeze", {x, whole({4})}}, "there is no axis 4 in 4 dimensions"},
      {{"Unsqueeze", {x, whole({0, 0})}}, "an axis stands twice"},
      {{"Unsqueeze", {x, whole({5})}}, "there is no axis 5 in 5 dimensions"},
      {{"Unsqueeze", {x}}, "its input 2 is missing"},
      {{"Unsqueeze", {x, counted({17}, torch::kLong)}}, "a tensor has more than 16 dimensions"},
  });
}

TEST_CASE("tensors are expanded to a shape both ways, and repeated", "[deploy][onnx]") {
  const Tensor x = wave({3, 1});
  check_node({"Expand", {x, whole({2, 1, 4})}}, {x.expand({2, 3, 4}).contiguous()});
  check_node({"Expand", {x, whole({4})}}, {x.expand({3, 4}).contiguous()});
  check_node({"Expand", {x, whole({1, 1})}}, {x});
  check_node({"Expand", {x, whole({3, 0})}}, {torch::empty({3, 0})});
  check_node({"Expand", {torch::full({}, 2.0F), whole({2, 2})}}, {torch::full({2, 2}, 2.0F)});
  check_node({"Tile", {x, whole({2, 3})}}, {x.repeat({2, 3})});
  check_node({"Tile", {x, whole({1, 0})}}, {torch::empty({3, 0})});
  check_refused({
      {{"Expand", {x, whole({2, 2})}}, "its shape does not fit its input"},
      {{"Expand", {x, whole({3, -1})}}, "a tensor has a negative size"},
      {{"Tile", {x, whole({2})}}, "its repeats do not fit its input"},
      {{"Tile", {x, whole({2, -1})}}, "its repeats are out of range"},
      {{"Tile", {x, whole({INT64_MAX, 1})}}, "its repeats are out of range"},
  });
}

TEST_CASE("a shape is told from and to any place", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4});
  struct Part {
    std::int64_t start, end;
    Ints expected;
  };
  for (const auto& part :
       std::vector<Part>{{0, 3, {2, 3, 4}}, {1, 2, {3}}, {-1, 9, {4}}, {-9, -1, {2, 3}}, {2, 1, {}}, {3, 3, {}}}) {
    check_node({"Shape", {x}, {{"start", part.start}, {"end", part.end}}}, {whole(part.expected)});
  }
  check_node({"Shape", {x}}, {whole({2, 3, 4})});
  check_node({"Shape", {torch::full({}, 1.0F)}}, {whole({})});
  check_node({"Shape", {torch::empty({0, 5})}}, {whole({0, 5})});
}

}  // namespace mlrun::test
