#include <cmath>

#include <torch/types.h>

#include "deploy/onnx/ops.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

/// ATen's type for the number of a data type in ONNX's TensorProto.
torch::ScalarType type_of(const OnnxCall& call, std::int64_t type) {
  switch (type) {
    case 1: return torch::kFloat;
    case 2: return torch::kByte;
    case 3: return torch::kChar;
    case 5: return torch::kShort;
    case 6: return torch::kInt;
    case 7: return torch::kLong;
    case 9: return torch::kBool;
    case 10: return torch::kHalf;
    case 11: return torch::kDouble;
    case 16: return torch::kBFloat16;
    default: call.fail("it makes numbers of type " + std::to_string(type) + ", which mlrun does not compute with");
  }
}

Tensors cast(const OnnxCall& call) { return {call.in().to(type_of(call, call.integer("to", 0)))}; }

Tensors cast_like(const OnnxCall& call) { return {call.in(0).to(call.in(1).scalar_type())}; }

/// Its value is one of several attributes.
Tensors constant(const OnnxCall& call) {
  if (call.has_attribute("value")) return {call.tensor("value")};
  if (call.has_attribute("value_float")) return {torch::scalar_tensor(call.number("value_float", 0), torch::kFloat)};
  if (call.has_attribute("value_int")) return {torch::scalar_tensor(call.integer("value_int", 0), torch::kLong)};
  if (call.has_attribute("value_floats")) return {torch::tensor(call.numbers("value_floats"), torch::kFloat)};
  if (call.has_attribute("value_ints")) return {torch::tensor(call.integers("value_ints"), torch::kLong)};
  call.fail("its value is of a kind that mlrun does not read");
}

Tensors constant_of_shape(const OnnxCall& call) {
  const auto sizes = call.integers_in(0);
  const Tensor value = call.has_attribute("value") ? call.tensor("value") : torch::zeros({1});
  call.require(value.numel() == 1, "its value must be one number");
  call.check_size(sizes, value.scalar_type());
  return {value.reshape({}).expand(sizes).clone()};
}

Tensors range(const OnnxCall& call) {
  for (std::size_t i = 0; i < 3; ++i) {
    call.require(call.in(i).numel() == 1 && call.in(i).scalar_type() == call.in().scalar_type(),
                 "its inputs must be numbers of one type");
  }
  const auto value = [&](std::size_t i) { return call.in(i).to(torch::kDouble).item<double>(); };
  const double count = std::ceil((value(1) - value(0)) / value(2));
  call.require(std::isfinite(count) && value(2) != 0, "its step is zero, or there is no end");
  call.require(count < 0x1p40, "it asks for more than this machine has memory for");
  const auto elements = static_cast<std::int64_t>(std::max(count, 0.0));
  call.check_size({elements}, torch::kLong);
  const Tensor steps = torch::arange(elements, torch::kLong).to(call.in().scalar_type());
  return {steps.mul(call.in(2).reshape({})).add(call.in(0).reshape({}))};
}

Tensors eye_like(const OnnxCall& call) {
  call.require(call.in().dim() == 2, "its input must be a matrix");
  const auto type = call.has_attribute("dtype") ? type_of(call, call.integer("dtype", 1)) : call.in().scalar_type();
  const std::int64_t rows = call.in().size(0), columns = call.in().size(1);
  const Tensor offset = torch::arange(columns).unsqueeze(0).sub(torch::arange(rows).unsqueeze(1));
  return {offset.eq(call.integer("k", 0)).to(type)};
}

Tensors triangle(const OnnxCall& call) {
  call.require(call.in().dim() >= 2, "its input must be a matrix");
  const std::int64_t rows = call.in().size(-2), columns = call.in().size(-1);
  const std::int64_t k = call.has(1) ? call.integer_in(1) : 0;
  const Tensor offset = torch::arange(columns).unsqueeze(0).sub(torch::arange(rows).unsqueeze(1));
  const Tensor outside = call.flag("upper", true) ? offset.lt(k) : offset.gt(k);
  return {call.in().masked_fill(outside, 0)};
}

}  // namespace

void add_onnx_makers(OnnxOperators& operators) {
  operators["Cast"] = {cast};
  operators["CastLike"] = {cast_like};
  operators["Constant"] = {constant};
  operators["ConstantOfShape"] = {constant_of_shape};
  operators["Range"] = {range};
  operators["EyeLike"] = {eye_like};
  operators["Trilu"] = {triangle};
}

}  // namespace mlrun::deploy
