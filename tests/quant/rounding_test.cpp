#include "quant/rounding.h"

#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.h"
#include "quant/kernels.h"

using namespace mlrun;

TEST_CASE("floats become uint8 as LibTorch rounds them", "[quant]") {
  torch::manual_seed(0);
  const quant::Scale scale{GENERATE(0.25, 0.0371, 2.0), GENERATE(0, 63, 255)};
  torch::Tensor values = torch::randn({2, 3, 37, 41}).mul(40 * scale.scale);
  values.flatten().slice(0, 0, 601).copy_(torch::arange(-300, 301).mul(scale.scale / 2));  // halves too
  if (GENERATE(false, true)) values = values.contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor found = quant::quantize(values, scale);
  const torch::Tensor expected = torch::quantize_per_tensor(values, scale.scale, scale.zero_point, torch::kQUInt8);
  CHECK(found.equal(expected));
  CHECK(found.strides() == expected.strides());
  CHECK(found.q_scale() == expected.q_scale());
  CHECK(found.q_zero_point() == expected.q_zero_point());
}

TEST_CASE("uint8 has ends", "[quant]") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {inf, -inf, std::numeric_limits<float>::quiet_NaN(), 1e30F, -1e30F, 0.5F, 1.5F};
  std::vector<std::uint8_t> found(values.size());
  quant::round_to_uint8(values.data(), found.data(), values.size(), 1, 10);
  CHECK(found == std::vector<std::uint8_t>{255, 0, 0, 255, 0, 10, 12});
}
