// RoIAlign as torchvision computes it (scripts/fixtures/boxes.py).
#include "nn/boxes/roi_align.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/boxes/cases.h"
#include "nn/boxes/operators.h"

using namespace mlrun;

namespace {

struct Alignment {
  torch::Tensor maps, regions;
  nn::RoiAlign how;
};

Alignment alignment_of(const Json& expected, torch::ScalarType type) {
  const auto shape = expected.at("shape").get<std::vector<std::int64_t>>();
  const auto count = expected.at("count").get<std::int64_t>();
  const auto out = expected.at("out").get<std::vector<std::int64_t>>();
  const auto images = torch::arange(count).remainder(shape[0]).to(type).unsqueeze(1);
  return {test::formula(shape).to(type),
          torch::cat({images, test::boxes(count, 80, type) - 6}, 1),
          {out[0], out[1], expected.at("scale"), expected.at("samples"), expected.at("aligned")}};
}

struct Aligned {
  torch::Tensor values, gradient;
};

template <class Function>
Aligned aligned(const Alignment& c, const torch::Tensor& maps, Function function) {
  const auto variable = maps.detach().clone().requires_grad_();
  const auto values = function(variable, c.regions, c.how);
  values.backward(test::formula(values.sizes().vec()).to(values.scalar_type()));
  return {values.detach(), variable.grad()};
}

double furthest(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST_CASE("regions and their gradients equal torchvision's to the bit", "[nn][boxes]") {
  const std::string type = GENERATE("float32", "float64");
  for (const Json& expected : test::box_cases("roi_align")) {
    INFO(type << " " << expected.dump());
    const Alignment c = alignment_of(expected, test::type_named(type));
    const Json& wanted = expected.at(type);
    for (const auto format : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
      const Aligned found = aligned(c, c.maps.contiguous(format), nn::roi_align);
      CHECK(test::digest(found.values) == wanted.at("values"));
      CHECK(test::digest(found.gradient) == wanted.at("gradient"));
    }
    // So few regions that the maps stay as they are.
    const auto one = nn::roi_align(c.maps, c.regions.slice(0, 3, 4), {1, 2, c.how.scale, c.how.samples, c.how.aligned});
    const auto last = nn::roi_align(c.maps.contiguous(torch::MemoryFormat::ChannelsLast), c.regions.slice(0, 3, 4),
                                    {1, 2, c.how.scale, c.how.samples, c.how.aligned});
    CHECK(one.equal(last));
  }
}

TEST_CASE("regions by operators are the kernel's, gradients too", "[nn][boxes]") {
  for (const Json& expected : test::box_cases("roi_align")) {
    INFO(expected.dump());
    const Alignment c = alignment_of(expected, torch::kDouble);
    const Aligned wanted = aligned(c, c.maps, nn::roi_align), found = aligned(c, c.maps, nn::roi_align_by_operators);
    CHECK(furthest(found.values, wanted.values) < 1e-14);
    CHECK(furthest(found.gradient, wanted.gradient) < 1e-12);
  }
}

TEST_CASE("no regions give nothing, and half floats are pooled", "[nn][boxes]") {
  const auto maps = test::formula({1, 3, 8, 8}).to(torch::kFloat);
  const nn::RoiAlign how;
  CHECK(nn::roi_align(maps, torch::zeros({0, 5}), how).sizes() == torch::IntArrayRef({0, 3, 7, 7}));
  CHECK(nn::roi_align_by_operators(maps, torch::zeros({0, 5}), how).sizes() == torch::IntArrayRef({0, 3, 7, 7}));
  const auto region = torch::tensor({0.0, 1.0, 1.0, 6.0, 7.0}, torch::kFloat).view({1, 5});
  const auto half = nn::roi_align(maps.to(torch::kBFloat16), region, how);
  REQUIRE(half.scalar_type() == torch::kBFloat16);
  CHECK(furthest(half.to(torch::kFloat), nn::roi_align(maps, region, how)) < 0.01);
}
