#include <torch/types.h>

#include <algorithm>
#include <map>

#include "models/parity.h"
#include "nn/branches.h"
#include "support.h"

using namespace mlrun;

namespace {

double default_dropout(const std::string& name) {
  const config::Entry& entry = models::models().at(name);
  return entry.options->find("dropout")->get(entry.options->make().get()).get<double>();
}

}  // namespace

TEST_CASE("each EfficientNet has its own dropout by default", "[models]") {
  const std::map<std::string, double> published = {{"b0", 0.2},   {"b1", 0.2},   {"b2", 0.3},  {"b3", 0.3},
                                                   {"b4", 0.4},   {"b5", 0.4},   {"b6", 0.5},  {"b7", 0.5},
                                                   {"v2_s", 0.2}, {"v2_m", 0.3}, {"v2_l", 0.4}};
  for (const auto& [name, dropout] : published) {
    INFO(name);
    CHECK(default_dropout("efficientnet_" + name) == dropout);
  }
}

TEST_CASE("stochastic depth grows with the block", "[models]") {
  const auto model = test::make_model("efficientnet_b0", {{"stochastic_depth_prob", 0.8}});
  std::vector<double> probabilities;
  for (nn::Layer* layer : model->all_layers()) {
    if (const auto* depth = dynamic_cast<nn::StochasticDepth*>(layer)) probabilities.push_back(depth->probability());
  }
  // 16 blocks, of which 9 have a shortcut: the first of each stage has none.
  REQUIRE(probabilities.size() == 9);
  CHECK(probabilities.front() == Approx(0.8 * 2 / 16));
  CHECK(probabilities.back() == Approx(0.8 * 14 / 16));
  CHECK(std::is_sorted(probabilities.begin(), probabilities.end()));
}
