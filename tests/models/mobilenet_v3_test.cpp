#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>

#include "models/parity.h"
#include "nn/branches.h"
#include "support.h"

using namespace mlrun;

namespace {

std::vector<double> depth_probabilities(const Json& options) {
  const auto model = test::make_model("mobilenet_v3_large", options);
  std::vector<double> probabilities;
  for (nn::Layer* layer : model->all_layers()) {
    if (const auto* depth = dynamic_cast<nn::StochasticDepth*>(layer)) probabilities.push_back(depth->probability());
  }
  return probabilities;
}

}  // namespace

TEST_CASE("MobileNetV3 drops branches where it is told to, the later the more", "[models]") {
  CHECK(depth_probabilities({}).empty());
  const auto probabilities = depth_probabilities({{"stochastic_depth_prob", 0.3}});
  // 15 blocks, of which 10 have a shortcut; the first one's probability is 0, which needs no layer.
  REQUIRE(probabilities.size() == 9);
  CHECK(probabilities.front() == Approx(0.3 * 2 / 15));
  CHECK(probabilities.back() == Approx(0.3 * 14 / 15));
  CHECK(std::is_sorted(probabilities.begin(), probabilities.end()));
}

TEST_CASE("stochastic depth changes neither MobileNetV3's weights nor what it evaluates to", "[models]") {
  const auto plain = test::make_model("mobilenet_v3_small");
  const auto dropping = test::make_model("mobilenet_v3_small", {{"stochastic_depth_prob", 0.5}});
  for (const auto& model : {plain, dropping}) nn::initialise(*model, 3);
  CHECK(test::digest(nn::state_dict(*plain)) == test::digest(nn::state_dict(*dropping)));
  const torch::NoGradGuard no_grad;
  const torch::Tensor input = test::formula({2, 3, 32, 32}).to(torch::kFloat);
  for (const auto& model : {plain, dropping}) model->eval();
  CHECK(torch::equal((*plain)(input), (*dropping)(input)));
}
