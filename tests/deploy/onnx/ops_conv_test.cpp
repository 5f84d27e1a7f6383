#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

struct ConvRow {
  Ints input, weight;
  std::map<std::string, deploy::OnnxAttribute> attributes;
  Ints padding;  ///< as constant_pad_nd takes it, before a convolution without any
  Ints stride, dilation;
  std::int64_t groups = 1;
};

Tensor convolved(const ConvRow& row, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor padded = torch::constant_pad_nd(x, row.padding);
  if (row.stride.size() == 1) return torch::conv1d(padded, weight, bias, row.stride, Ints{0}, row.dilation, row.groups);
  if (row.stride.size() == 2) return torch::conv2d(padded, weight, bias, row.stride, Ints{0}, row.dilation, row.groups);
  return torch::conv3d(padded, weight, bias, row.stride, Ints{0}, row.dilation, row.groups);
}

}  // namespace

TEST_CASE("convolutions pad, step, widen and group as their attributes say", "[deploy][onnx]") {
  const std::vector<ConvRow> rows = {
      {{2, 3, 7}, {4, 3, 3}, {}, {0, 0}, {1}, {1}},
      {{2, 3, 7}, {4, 3, 3}, {{"pads", Ints{2, 0}}, {"strides", Ints{2}}}, {2, 0}, {2}, {1}},
      {{1, 2, 5, 6}, {3, 2, 3, 2}, {{"pads", Ints{1, 2, 1, 2}}}, {2, 2, 1, 1}, {1, 1}, {1, 1}},
      {{1, 2, 5, 6}, {3, 2, 3, 2}, {{"pads", Ints{0, 1, 3, 0}}, {"strides", Ints{2, 3}}}, {1, 0, 0, 3}, {2, 3}, {1, 1}},
      {{1, 2, 9, 8}, {2, 2, 3, 2}, {{"dilations", Ints{3, 2}}}, {0, 0, 0, 0}, {1, 1}, {3, 2}},
      {{2, 4, 5, 5}, {6, 2, 3, 3}, {{"group", 2}, {"pads", Ints{1, 1, 1, 1}}}, {1, 1, 1, 1}, {1, 1}, {1, 1}, 2},
      {{2, 4, 5, 5}, {8, 1, 3, 3}, {{"group", 4}}, {0, 0, 0, 0}, {1, 1}, {1, 1}, 4},
      {{1, 2, 5, 6}, {3, 2, 1, 1}, {{"kernel_shape", Ints{1, 1}}, {"strides", Ints{2, 2}}}, {0, 0}, {2, 2}, {1, 1}},
      {{1, 2, 3, 4, 5}, {2, 2, 2, 2, 2}, {{"pads", Ints{0, 0, 1, 1, 0, 0}}}, {1, 0, 0, 0, 0, 1}, {1, 1, 1}, {1, 1, 1}},
      {{1, 2, 5, 5}, {3, 2, 3, 3}, {{"auto_pad", "VALID"}}, {0, 0}, {1, 1}, {1, 1}},
      {{1, 2, 5, 6}, {3, 2, 3, 3}, {{"auto_pad", "SAME_UPPER"}, {"strides", Ints{2, 2}}}, {0, 1, 1, 1}, {2, 2}, {1, 1}},
      {{1, 2, 5, 6}, {3, 2, 3, 3}, {{"auto_pad", "SAME_LOWER"}, {"strides", Ints{2, 2}}}, {1, 0, 1, 1}, {2, 2}, {1, 1}},
      {{1, 2, 5, 6}, {3, 2, 2, 2}, {{"auto_pad", "SAME_LOWER"}}, {1, 0, 1, 0}, {1, 1}, {1, 1}},
      {{1, 2, 5, 6},
       {3, 2, 2, 2},
       {{"auto_pad", "SAME_UPPER"}, {"dilations", Ints{2, 3}}},
       {1, 2, 1, 1},
       {1, 1},
       {2, 3}},
      {{1, 2, 3, 3}, {3, 2, 1, 1}, {{"auto_pad", "SAME_UPPER"}, {"strides", Ints{4, 4}}}, {0, 0}, {4, 4}, {1, 1}},
  };
  for (const auto& row : rows) {
    const Tensor x = wave(row.input), weight = wave(row.weight, 0.6), bias = wave({row.weight[0]}, 0.1);
    INFO(x.sizes() << " by " << weight.sizes());
    check_node({"Conv", {x, weight, bias}, row.attributes}, {convolved(row, x, weight, bias)}, 1e-4, 1e-5);
    check_node({"Conv", {x, weight}, row.attributes}, {convolved(row, x, weight, {})}, 1e-4, 1e-5);
  }
}

TEST_CASE("a convolution whose shapes or attributes do not fit together is refused", "[deploy][onnx]") {
  const Tensor x = wave({1, 4, 5, 5}), w = wave({6, 4, 3, 3});
  const std::string channels = "its weights do not fit the channels of its input";
  check_refused({
      {{"Conv", {x}}, "its input 2 is missing"},
      {{"Conv", {x, wave({6, 3, 3, 3})}}, channels},
      {{"Conv", {x, w}, {{"group", 2}}}, channels},
      {{"Conv", {x, wave({3, 2, 3, 3})}, {{"group", 2}}}, channels},
      {{"Conv", {x, w}, {{"group", 0}}}, channels},
      {{"Conv", {x, wave({6, 4, 3})}}, "its weights do not fit the shape of its input"},
      {{"Conv", {wave({4, 5}), wave({6, 4})}}, "its weights do not fit the shape of its input"},
      {{"Conv", {x, torch::empty({0, 4, 3, 3})}}, "its weights are empty"},
      {{"Conv", {torch::empty({0, 4, 5, 5}), w}}, "its input is empty"},
      {{"Conv", {x, w.to(torch::kDouble)}}, "its inputs have different types"},
      {{"Conv", {x, w, wave({5})}}, "its bias does not fit its weights"},
      {{"Conv", {x, w, wave({6, 1})}}, "its bias does not fit its weights"},
      {{"Conv", {x, w}, {{"kernel_shape", Ints{3, 2}}}}, "its kernel_shape is not that of its weights"},
      {{"Conv", {x, wave({6, 4, 6, 3})}}, "its input is smaller than its window"},
      {{"Conv", {x, w}, {{"dilations", Ints{3, 1}}}}, "its input is smaller than its window"},
      {{"Conv", {x, w}, {{"strides", Ints{1}}}}, "its attribute 'strides' has the wrong number of values"},
      {{"Conv", {x, w}, {{"strides", Ints{1, 0}}}}, "its attribute 'strides' has a value out of range"},
      {{"Conv", {x, w}, {{"dilations", Ints{1, -1}}}}, "its attribute 'dilations' has a value out of range"},
      {{"Conv", {x, w}, {{"pads", Ints{1, 1}}}}, "its attribute 'pads' has the wrong number of values"},
      {{"Conv", {x, w}, {{"pads", Ints{0, 0, 0, -1}}}}, "its attribute 'pads' has a value out of range"},
      {{"Conv", {x, w}, {{"auto_pad", "SAME"}}}, "its attribute 'auto_pad' is not one that ONNX has"},
      {{"Conv", {wave({1, 1, 2, 2, 2, 2}), wave({1, 1, 1, 1, 1, 1})}},
       "it is not of one, two or three spatial dimensions"},
  });
  const std::string huge =
      node_refusal({"Conv", {x, w}, {{"pads", Ints{0, std::int64_t{1} << 39, 0, std::int64_t{1} << 39}}}});
  CHECK(huge.find("more than this machine has memory for") != std::string::npos);
}

TEST_CASE("an operator that the reader lacks is named with its opset", "[deploy][onnx]") {
  for (const char* type : {"ConvTranspose", "Loop", "conv", "StringNormalizer"}) {
    CHECK(node_refusal({type, {wave({1, 4, 5, 5}), wave({4, 2, 3, 3})}, {}, 15}) ==
          "mlrun does not have this operator; run the file with ONNX Runtime instead");
  }
}

}  // namespace mlrun::test
