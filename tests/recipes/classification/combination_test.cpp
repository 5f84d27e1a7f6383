#include "recipes/classification/combination.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

using namespace mlrun;

namespace {

data::Fields logits_of(const torch::Tensor& logits) {
  data::Fields fields;
  fields.set("logits", logits);
  return fields;
}

}  // namespace

TEST_CASE("an ensemble predicts the mean of its members' probabilities", "[classification]") {
  torch::manual_seed(3);
  classification::MeanProbabilities combination;
  torch::Tensor mean = torch::zeros({6, 5}, torch::kDouble);
  for (int member = 0; member < 7; ++member) {
    const torch::Tensor logits = torch::randn({6, 5}) * 4;
    combination.add(logits_of(logits));
    mean += logits.to(torch::kDouble).softmax(1) / 7;
  }
  const torch::Tensor combined = combination.result().tensor("logits");
  CHECK(combined.scalar_type() == torch::kDouble);
  CHECK((combined.exp() - mean).abs().max().item<double>() < 1e-15);
  CHECK((combined.softmax(1) - mean).abs().max().item<double>() < 1e-15);
}

TEST_CASE("probabilities too small for a number keep their logarithm, and NaN stays", "[classification]") {
  classification::MeanProbabilities far;
  for (int member = 0; member < 2; ++member) far.add(logits_of(torch::tensor({{0.0F, -4000.0F}})));
  CHECK(far.result().tensor("logits")[0][1].item<double>() == Approx(-4000).epsilon(1e-12));
  classification::MeanProbabilities broken;
  broken.add(logits_of(torch::tensor({{0.0F, 1.0F}})));
  broken.add(logits_of(torch::tensor({{NAN, 1.0F}})));
  CHECK(broken.result().tensor("logits").isnan().any().item<bool>());
}
