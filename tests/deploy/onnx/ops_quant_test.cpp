#include <cmath>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

Tensor number_of(double value) { return torch::full({}, value, torch::kFloat); }
Tensor small_whole(const Ints& shape, torch::ScalarType type) {
  return (wave(shape) * 60 + (type == torch::kByte ? 90 : 0)).to(type);
}

/// [C, 1, 1] and the like: along `axis` of `rank` dimensions.
Tensor along_axis(const Tensor& values, std::int64_t axis, std::int64_t rank) {
  Ints shape(static_cast<std::size_t>(rank), 1);
  shape[static_cast<std::size_t>(axis)] = values.numel();
  return values.reshape(shape);
}

}  // namespace

TEST_CASE("quantizing rounds halves to even and saturates, into the type of its zero point", "[deploy][onnx]") {
  const Tensor x = torch::tensor({-1000.0F, -1.25F, -0.75F, -0.25F, 0.0F, 0.25F, 0.75F, 1.25F, 1000.0F});
  check_node({"QuantizeLinear", {x, number_of(0.5), whole({100}, torch::kByte)}},
             {whole({0, 98, 98, 100, 100, 100, 102, 102, 255}, torch::kByte)});
  check_node({"QuantizeLinear", {x, number_of(0.5), whole({-3}, torch::kChar)}},
             {whole({-128, -5, -5, -3, -3, -3, -1, -1, 127}, torch::kChar)});
  check_node({"QuantizeLinear", {x * 100, number_of(0.5), whole({0}, torch::kShort)}, {}, 21},
             {whole({-32768, -250, -150, -50, 0, 50, 150, 250, 32767}, torch::kShort)});
  check_node({"QuantizeLinear", {x, number_of(0.5)}}, {whole({0, 0, 0, 0, 0, 0, 2, 2, 255}, torch::kByte)});
  check_node({"QuantizeLinear", {torch::full({}, 3.0F), number_of(1)}}, {torch::full({}, 3, torch::kByte)});
  check_node({"QuantizeLinear", {torch::empty({0}), number_of(1)}}, {torch::empty({0}, torch::kByte)});
}

TEST_CASE("a quantizer without zero point follows its output_dtype", "[deploy][onnx]") {
  const Tensor x = torch::tensor({-200.0F, -3.0F, 4.0F, 200.0F});
  check_node({"QuantizeLinear", {x, number_of(1)}, {{"output_dtype", 3}}, 21},
             {whole({-128, -3, 4, 127}, torch::kChar)});
  check_node({"QuantizeLinear", {x, number_of(1)}, {{"output_dtype", 2}}, 21}, {whole({0, 0, 4, 200}, torch::kByte)});
  check_node({"QuantizeLinear", {x, number_of(1)}, {{"output_dtype", 5}}, 21},
             {whole({-200, -3, 4, 200}, torch::kShort)});
  check_node({"QuantizeLinear", {x, number_of(1)}, {{"output_dtype", 0}}, 21}, {whole({0, 0, 4, 200}, torch::kByte)});
  check_node({"QuantizeLinear", {x, number_of(1), whole({1}, torch::kByte)}, {{"output_dtype", 2}}, 21},
             {whole({0, 0, 5, 201}, torch::kByte)});
  check_refused({
      {{"QuantizeLinear", {x, number_of(1)}, {{"output_dtype", 4}}, 21},
       "it quantizes to numbers that mlrun does not compute with"},
      {{"QuantizeLinear", {x, number_of(1), whole({1}, torch::kByte)}, {{"output_dtype", 3}}, 21},
       "its output_dtype is not the type of its zero point"},
  });
}

TEST_CASE("scales lie along any axis, counted from the end where negative", "[deploy][onnx]") {
  const Tensor x = wave({2, 3, 4}) * 4;
  for (const std::int64_t axis : {-3, -1, 0, 1, 2}) {
    const std::int64_t front = axis < 0 ? axis + 3 : axis, size = x.size(front);
    const Tensor scale = counted({size}).add(1).mul(0.0625), zero = counted({size}, torch::kChar).sub(1);
    const Tensor at_scale = along_axis(scale, front, 3), at_zero = along_axis(zero, front, 3).to(torch::kFloat);
    const Tensor values = ((x / at_scale).round() + at_zero).clamp(-128, 127);
    check_node({"QuantizeLinear", {x, scale, zero}, {{"axis", axis}}}, {values.to(torch::kChar)});
    check_node({"DequantizeLinear", {values.to(torch::kChar), scale, zero}, {{"axis", axis}}},
               {(values - at_zero) * at_scale});
    check_node({"DequantizeLinear", {values.to(torch::kChar), scale}, {{"axis", axis}}}, {values * at_scale});
  }
}

TEST_CASE("dequantizing takes sums of 32 bits and gives the type of its scale", "[deploy][onnx]") {
  const Tensor sums = whole({-2147483647, -5, 0, 5, 1 << 30}, torch::kInt);
  check_node({"DequantizeLinear", {sums, number_of(0.5)}},
             {torch::tensor({-1073741824.0F, -2.5F, 0.0F, 2.5F, 536870912.0F})});
  const Tensor bytes = whole({0, 128, 255}, torch::kByte);
  check_node({"DequantizeLinear", {bytes, number_of(0.5), whole({128}, torch::kByte)}},
             {torch::tensor({-64.0F, 0.0F, 63.5F})});
  const Tensor half = number_of(0.5).to(torch::kHalf);
  check_node({"DequantizeLinear", {bytes, half}, {}, 19}, {torch::tensor({0.0F, 64.0F, 127.5F}).to(torch::kHalf)});
}

TEST_CASE("dynamic quantization includes zero in its range", "[deploy][onnx]") {
  const std::vector<std::vector<float>> inputs = {{-1, 0.5, 2}, {3, 4, 5}, {-5, -4, -3}, {0, 0, 0}};
  for (const auto& numbers : inputs) {
    const Tensor x = torch::tensor(numbers);
    const double least = std::min(0.0, x.min().item<double>()), most = std::max(0.0, x.max().item<double>());
    const auto scale = most == least ? 1.0F : static_cast<float>((most - least) / 255);
    const auto zero = static_cast<std::int64_t>(std::nearbyint(-least / scale));
    const Tensor y = ((x / scale).round() + zero).clamp(0, 255).to(torch::kByte);
    check_node({"DynamicQuantizeLinear", {x}, {}, 17, 3},
               {y, torch::full({}, scale), torch::full({}, zero, torch::kByte)});
  }
}

TEST_CASE("products and convolutions of integers are exact", "[deploy][onnx]") {
  const Tensor a = small_whole({2, 3}, torch::kByte), b = small_whole({3, 4}, torch::kChar);
  const Tensor exact_a = a.to(torch::kLong) - 12, exact_b = b.to(torch::kLong) + 7;
  const Tensor zero_a = whole({12}, torch::kByte), zero_b = whole({-7}, torch::kChar);
  check_node({"MatMulInteger", {a, b, zero_a, zero_b}}, {exact_a.matmul(exact_b).to(torch::kInt)});
  check_node({"MatMulInteger", {a, b}}, {a.to(torch::kLong).matmul(b.to(torch::kLong)).to(torch::kInt)});
  const Tensor columns = whole({-7, 0, 3, 1}, torch::kChar), rows = whole({12, 200}, torch::kByte);
  check_node({"MatMulInteger", {a, b, rows, columns}}, {(a.to(torch::kLong) - rows.to(torch::kLong).reshape({2, 1}))
                                                            .matmul(b.to(torch::kLong) - columns.to(torch::kLong))
                                                            .to(torch::kInt)});
  const Tensor x = small_whole({2, 4, 5, 5}, torch::kByte), w = small_whole({6, 2, 3, 3}, torch::kChar);
  const Tensor padded = torch::constant_pad_nd(x.to(torch::kDouble) - 12, {1, 1, 0, 0});
  const Tensor sums = torch::conv2d(padded, w.to(torch::kDouble) + 7, {}, 1, Ints{0}, 1, 2).to(torch::kInt);
  check_node({"ConvInteger", {x, w, zero_a, zero_b}, {{"group", 2}, {"pads", Ints{0, 1, 0, 1}}}}, {sums});
}

TEST_CASE("quantized products and convolutions round their exact sums once", "[deploy][onnx]") {
  const Tensor x = small_whole({1, 4, 5, 5}, torch::kByte), w = small_whole({6, 4, 3, 3}, torch::kChar);
  const Tensor bias = whole({100, -2000, 0, 7, 30, 500}, torch::kInt), zero_x = whole({90}, torch::kByte);
  const Tensor scale_w = counted({6}).add(1).mul(0.0078125), none = torch::zeros({6}, torch::kChar);
  const Tensor zero_y = whole({120}, torch::kByte);
  const Tensor sums = torch::conv2d(x.to(torch::kDouble) - 90, w.to(torch::kDouble), bias.to(torch::kDouble), 2, 1);
  const Tensor scaled = sums * scale_w.reshape({1, 6, 1, 1}) * 0.125;
  const NodeCall conv = {"QLinearConv",
                         {x, number_of(0.125), zero_x, w, scale_w, none, number_of(2), zero_y, bias},
                         {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}};
  check_node(conv, {((scaled / 2).round() + 120).clamp(0, 255).to(torch::kByte)});
  const Tensor a = small_whole({2, 3}, torch::kByte), b = small_whole({3, 4}, torch::kChar);
  const Tensor scale_b = counted({4}).add(1).mul(0.0625), zero_b = whole({0, 3, -2, 1}, torch::kChar);
  const Tensor product = (a.to(torch::kDouble) - 90).matmul(b.to(torch::kDouble) - zero_b.to(torch::kDouble));
  check_node({"QLinearMatMul", {a, number_of(0.5), zero_x, b, scale_b, zero_b, number_of(4), zero_y}},
             {((product * scale_b * 0.5 / 4).round() + 120).clamp(0, 255).to(torch::kByte)});
}

TEST_CASE("quantization that does not fit its input is refused", "[deploy][onnx]") {
  const Tensor x = wave({2, 3}), q = counted({2, 3}, torch::kByte), two = wave({2}), one = number_of(1);
  const std::string scales = "its scales do not fit its input";
  check_refused({
      {{"QuantizeLinear", {x, two}}, scales},
      {{"QuantizeLinear", {x, one, counted({2}, torch::kByte)}}, scales},
      {{"QuantizeLinear", {x, two}, {{"axis", 2}}}, "there is no axis 2 in 2 dimensions"},
      {{"QuantizeLinear", {x, wave({2, 3})}}, scales},
      {{"QuantizeLinear", {x, one, whole({0})}}, "it quantizes to numbers that mlrun does not compute with"},
      {{"QuantizeLinear", {x, one}, {{"block_size", 2}}, 21}, "mlrun does not compute it by blocks"},
      {{"DequantizeLinear", {q, two}, {{"axis", 1}}}, scales},
      {{"DequantizeLinear", {x, one}}, "its input must be whole numbers"},
      {{"DequantizeLinear", {q, one}, {{"block_size", 2}}, 21}, "mlrun does not compute it by blocks"},
      {{"DynamicQuantizeLinear", {q}, {}, 17, 3}, "its input must be floating numbers"},
      {{"DynamicQuantizeLinear", {torch::empty({0})}, {}, 17, 3}, "its input must be floating numbers"},
      {{"MatMulInteger", {q, q}}, "the shapes of its inputs do not fit together"},
      {{"MatMulInteger", {x, q}}, "its inputs must be int8 or uint8"},
      {{"MatMulInteger", {q, counted({3}, torch::kByte)}}, "its inputs must be matrices"},
      {{"ConvInteger", {q, whole({1})}}, "its inputs must be int8 or uint8"},
      {{"QLinearMatMul", {q, one, whole({0}, torch::kByte), q}}, "its input 6 is missing"},
  });
}

}  // namespace mlrun::test
