#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

const std::vector<std::pair<std::int64_t, torch::ScalarType>>& numbered_types() {
  static const std::vector<std::pair<std::int64_t, torch::ScalarType>> types = {
      {1, torch::kFloat}, {2, torch::kByte}, {3, torch::kChar},  {5, torch::kShort},   {6, torch::kInt},
      {7, torch::kLong},  {9, torch::kBool}, {10, torch::kHalf}, {11, torch::kDouble}, {16, torch::kBFloat16}};
  return types;
}

}  // namespace

TEST_CASE("numbers are cast between all types that mlrun computes with, towards zero", "[deploy][onnx]") {
  for (const auto& [from_number, from] : numbered_types()) {
    for (const auto& [number, type] : numbered_types()) {
      const Tensor x = whole({0, 1, 3, 100}).to(from);
      INFO(from_number << " to " << number);
      const Tensor expected = from == torch::kBool ? whole({0, 1, 1, 1}).to(type) : whole({0, 1, 3, 100}).to(type);
      check_node({"Cast", {x}, {{"to", number}}}, {expected});
      check_node({"CastLike", {x, torch::ones({1}, type)}, {}, 15}, {expected});
    }
  }
  const Tensor x = torch::tensor({-2.9F, -0.5F, 0.5F, 2.9F});
  check_node({"Cast", {x}, {{"to", 6}}}, {whole({-2, 0, 0, 2}, torch::kInt)});
  check_node({"Cast", {x}, {{"to", 9}}}, {torch::ones({4}, torch::kBool)});
  check_node({"Cast", {torch::full({}, 1e6F)}, {{"to", 10}}},
             {torch::full({}, std::numeric_limits<float>::infinity()).to(torch::kHalf)});
  check_refused({
      {{"Cast", {x}, {{"to", 8}}}, "it makes numbers of type 8, which mlrun does not compute with"},
      {{"Cast", {x}}, "it makes numbers of type 0, which mlrun does not compute with"},
      {{"Cast", {x}, {{"to", "float"}}}, "its attribute 'to' has another type than ONNX says"},
  });
}

TEST_CASE("constants are any of their attributes", "[deploy][onnx]") {
  check_node({"Constant", {}, {{"value", wave({2, 3})}}}, {wave({2, 3})});
  check_node({"Constant", {}, {{"value_float", 0.5}}}, {torch::full({}, 0.5F)});
  check_node({"Constant", {}, {{"value_int", -7}}}, {torch::full({}, -7, torch::kLong)});
  check_node({"Constant", {}, {{"value_floats", std::vector<double>{0.5, -2}}}}, {torch::tensor({0.5F, -2.0F})});
  check_node({"Constant", {}, {{"value_ints", Ints{}}}}, {whole({})});
  check_node({"ConstantOfShape", {whole({2, 0, 3})}}, {torch::zeros({2, 0, 3})});
  check_node({"ConstantOfShape", {whole({2, 2})}, {{"value", whole({5}, torch::kInt)}}},
             {torch::full({2, 2}, 5, torch::kInt)});
  check_node({"ConstantOfShape", {whole({})}, {{"value", whole({5})}}}, {torch::full({}, 5, torch::kLong)});
  check_refused({
      {{"Constant", {}, {{"value_string", "words"}}}, "its value is of a kind that mlrun does not read"},
      {{"Constant", {}, {{"value", 3}}}, "its attribute 'value' has another type than ONNX says"},
      {{"ConstantOfShape", {whole({2})}, {{"value", wave({2})}}}, "its value must be one number"},
      {{"ConstantOfShape", {whole({-1})}}, "a tensor has a negative size"},
      {{"ConstantOfShape", {whole({1 << 20, 1 << 20})}},
       "it asks for a tensor of 1048576x1048576 elements, more than this machine has memory for"},
  });
}

TEST_CASE("ranges count up and down to before their end", "[deploy][onnx]") {
  const auto number = [](double value) { return torch::full({}, value, torch::kFloat); };
  const auto integer = [](std::int64_t value) { return torch::full({}, value, torch::kLong); };
  check_node({"Range", {integer(3), integer(9), integer(3)}}, {whole({3, 6})});
  check_node({"Range", {integer(3), integer(10), integer(3)}}, {whole({3, 6, 9})});
  check_node({"Range", {integer(2), integer(-3), integer(-2)}}, {whole({2, 0, -2})});
  check_node({"Range", {integer(2), integer(-3), integer(1)}}, {whole({})});
  check_node({"Range", {number(0), number(1), number(0.25)}}, {torch::tensor({0.0F, 0.25F, 0.5F, 0.75F})});
  const std::string endless = "its step is zero, or there is no end";
  check_refused({
      {{"Range", {integer(0), integer(1), integer(0)}}, endless},
      {{"Range", {number(0), number(std::numeric_limits<double>::infinity()), number(1)}}, endless},
      {{"Range", {integer(0), integer(INT64_MAX), integer(1)}}, "it asks for more than this machine has memory for"},
      {{"Range", {integer(0), number(1), number(1)}}, "its inputs must be numbers of one type"},
      {{"Range", {integer(0), whole({1, 2}), integer(1)}}, "its inputs must be numbers of one type"},
      {{"Range", {integer(0), integer(1)}}, "its input 3 is missing"},
  });
}

TEST_CASE("diagonals and triangles lie where they are said to, of wide, high and empty matrices", "[deploy][onnx]") {
  for (const Ints& shape : {Ints{3, 5}, Ints{5, 3}, Ints{1, 4}, Ints{0, 3}}) {
    for (const std::int64_t k : {-6, -2, 0, 1, 6}) {
      INFO(shape[0] << " x " << shape[1] << ", " << k);
      const Tensor x = wave(shape), stack = torch::stack({x, x * 2});
      const Tensor offset = torch::full({}, k, torch::kLong);
      check_node({"Trilu", {stack, offset}}, {torch::stack({torch::triu(x, k), torch::triu(x * 2, k)})});
      check_node({"Trilu", {x, offset}, {{"upper", 0}}}, {torch::tril(x, k)});
      const Tensor ones = torch::ones(shape), line = torch::triu(ones, k) * torch::tril(ones, k);
      check_node({"EyeLike", {x}, {{"k", k}}}, {line});
      check_node({"EyeLike", {x}, {{"k", k}, {"dtype", 7}}}, {line.to(torch::kLong)});
    }
  }
  check_node({"Trilu", {counted({2, 2}, torch::kInt)}}, {whole({0, 1, 0, 3}, torch::kInt).reshape({2, 2})});
  check_refused({
      {{"EyeLike", {wave({3})}}, "its input must be a matrix"},
      {{"Trilu", {wave({3})}}, "its input must be a matrix"},
      {{"EyeLike", {wave({2, 2})}, {{"dtype", 14}}}, "it makes numbers of type 14, which mlrun does not compute with"},
      {{"Trilu", {wave({2, 2}), wave({1})}}, "an input must have whole numbers"},
  });
}

}  // namespace mlrun::test
