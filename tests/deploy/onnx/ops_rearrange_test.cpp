#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

}  // namespace

TEST_CASE("tensors are joined along any axis, empty ones too", "[deploy][onnx]") {
  const Tensor a = wave({2, 3, 4}), b = wave({2, 1, 4}, 0.9), none = torch::empty({2, 0, 4});
  for (const std::int64_t axis : {1, -2}) {
    check_node({"Concat", {a, none, b}, {{"axis", axis}}}, {torch::cat({a, b}, 1)});
  }
  check_node({"Concat", {a}, {{"axis", 0}}}, {a});
  check_node({"Concat", {whole({1}), whole({}), whole({2, 3})}, {{"axis", 0}}}, {whole({1, 2, 3})});
  check_refused({
      {{"Concat", {a, b}}, "its attribute 'axis' is missing"},
      {{"Concat", {a, b}, {{"axis", 3}}}, "there is no axis 3 in 3 dimensions"},
      {{"Concat", {a, wave({2, 3})}, {{"axis", 0}}}, "the shapes of its inputs do not fit together"},
      {{"Concat", {a, b.to(torch::kDouble)}, {{"axis", 1}}}, "its inputs have different types"},
      {{"Concat", {a, wave({2, 3, 5})}, {{"axis", 1}}}, "the shapes of its inputs do not fit together"},
      {{"Concat", {torch::ones({}), torch::ones({})}, {{"axis", 0}}}, "there is no axis 0 in 0 dimensions"},
  });
}

TEST_CASE("padding fills, mirrors, repeats, wraps and cuts", "[deploy][onnx]") {
  const Tensor x = torch::tensor({1.0F, 2.0F, 3.0F}), value = torch::full({}, 9.0F);
  const auto floats = [](const std::vector<float>& numbers) { return torch::tensor(numbers); };
  const auto mode = [](const char* name) { return std::map<std::string, deploy::OnnxAttribute>{{"mode", name}}; };
  check_node({"Pad", {x, whole({1, 2}), value}}, {floats({9, 1, 2, 3, 9, 9})});
  check_node({"Pad", {x, whole({1, 0})}}, {floats({0, 1, 2, 3})});
  check_node({"Pad", {x, whole({-1, 1}), value}}, {floats({2, 3, 9})});
  check_node({"Pad", {x, whole({0, -3})}}, {torch::empty({0})});
  check_node({"Pad", {x, whole({2, 2})}, mode("reflect")}, {floats({3, 2, 1, 2, 3, 2, 1})});
  check_node({"Pad", {x, whole({5, 0})}, mode("reflect")}, {floats({2, 1, 2, 3, 2, 1, 2, 3})});
  check_node({"Pad", {x, whole({2, 1})}, mode("edge")}, {floats({1, 1, 1, 2, 3, 3})});
  check_node({"Pad", {x, whole({2, 4})}, mode("wrap"), 19}, {floats({2, 3, 1, 2, 3, 1, 2, 3, 1})});
  check_node({"Pad", {x, whole({-1, 2})}, mode("edge")}, {floats({2, 3, 3, 3})});
  check_node({"Pad", {torch::full({1}, 4.0F), whole({2, 1})}, mode("reflect")}, {torch::full({4}, 4.0F)});
  check_node({"Pad", {x}, {{"pads", Ints{1, 1}}, {"value", 7.0}}, 10}, {floats({7, 1, 2, 3, 7})});
  check_node({"Pad", {x}, {{"pads", Ints{1, 1}}, {"mode", "edge"}}, 7}, {floats({1, 1, 2, 3, 3})});
}

TEST_CASE("padding names all axes, or those that it is given", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4});
  check_node({"Pad", {x, whole({0, 1, 2, 1, 0, 3})}}, {torch::constant_pad_nd(x, {2, 3, 1, 0, 0, 1})});
  check_node({"Pad", {x, whole({1, 2, 3, 0}), {}, whole({-1, 0})}, {}, 18},
             {torch::constant_pad_nd(x, {1, 3, 0, 0, 2, 0})});
  check_node({"Pad", {counted({2}, torch::kLong), whole({1, 0}), whole({5})}}, {whole({5, 0, 1})});
  const std::string fit = "its padding does not fit its input";
  check_refused({
      {{"Pad", {x, whole({1, 1})}}, fit},
      {{"Pad", {x, whole({0, 0, -2, 0, 0, -3})}}, fit},
      {{"Pad", {torch::empty({0}), whole({1, 1})}, {{"mode", "edge"}}}, fit},
      {{"Pad", {x, whole({0, 0, 1, 0, 0, 1})}, {{"mode", "mirror"}}}, "its mode is not one that ONNX has"},
      {{"Pad", {x, whole({0, 0, 1, 0, 0, 1}), wave({2})}}, "its value must be one number"},
      {{"Pad", {x, whole({0, 0, INT64_MAX, 0, 0, 1})}}, "its padding is out of range"},
      {{"Pad", {x, whole({0, 0, INT64_MIN, 0, 0, 1})}}, "its padding is out of range"},
      {{"Pad", {x, whole({1, 1, 1, 1}), {}, whole({0, -3})}, {}, 18}, "an axis stands twice"},
      {{"Pad", {x, wave({6})}}, "an input must have whole numbers"},
  });
}

TEST_CASE("channels become pixels and pixels channels, in both orders", "[deploy][onnx]") {
  const Tensor x = counted({2, 8, 3, 2});
  const Tensor shuffled = torch::pixel_shuffle(x, 2);
  check_node({"DepthToSpace", {x}, {{"blocksize", 2}, {"mode", "CRD"}}}, {shuffled});
  // DCR is CRD of channels in the other order.
  const Tensor turned = x.reshape({2, 2, 4, 3, 2}).transpose(1, 2).reshape({2, 8, 3, 2});
  check_node({"DepthToSpace", {turned.contiguous()}, {{"blocksize", 2}}}, {shuffled});
  check_node({"SpaceToDepth", {shuffled.contiguous()}, {{"blocksize", 2}}}, {turned});
  check_node({"DepthToSpace", {x}, {{"blocksize", 1}}}, {x});
  check_refused({
      {{"DepthToSpace", {x}, {{"blocksize", 3}}}, "its blocksize does not fit the channels of its input"},
      {{"DepthToSpace", {x}, {{"blocksize", 2}, {"mode", "RCD"}}}, "its mode is not one that ONNX has"},
      {{"DepthToSpace", {wave({4, 2, 2})}, {{"blocksize", 2}}}, "its input must have four dimensions"},
      {{"DepthToSpace", {x}}, "its blocksize is out of range"},
      {{"SpaceToDepth", {x}, {{"blocksize", 2}}}, "its blocksize does not fit its input"},
      {{"SpaceToDepth", {x}, {{"blocksize", 65536}}}, "its blocksize is out of range"},
  });
}

}  // namespace mlrun::test
