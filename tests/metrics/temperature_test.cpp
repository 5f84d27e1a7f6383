#include "metrics/temperature.h"

#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/json.h"
#include "support.h"

using namespace mlrun;
using mlrun::test::user_error;

namespace {

/// As scripts/fixtures/temperature.py has it.
std::pair<torch::Tensor, torch::Tensor> sharpened(std::int64_t samples, std::int64_t classes, double sharpness) {
  torch::Tensor logits = torch::empty({samples, classes}, torch::kDouble);
  torch::Tensor labels = torch::empty({samples}, torch::kLong);
  for (std::int64_t i = 0; i < samples; ++i) {
    double* row = logits.data_ptr<double>() + i * classes;
    for (std::int64_t k = 0; k < classes; ++k) {
      row[k] = static_cast<double>((i * 7919 + k * 104729 + (i + 1) * (k + 3) * 1299709) % 10007) / 10007 - 0.5;
    }
    const std::int64_t first = std::max_element(row, row + classes) - row;
    labels.data_ptr<std::int64_t>()[i] = i % 3 == 0 ? (first + 1 + i % (classes - 1)) % classes : first;
  }
  return {logits * sharpness, labels};
}

}  // namespace

TEST_CASE("temperatures are those that SciPy's minimisers find", "[metrics]") {
  const Json cases = parse_json(read_file(test::fixture("metrics/temperature.json")));
  REQUIRE(cases.size() == 6);
  for (const Json& entry : cases) {
    INFO(entry.dump());
    const auto [logits, labels] = sharpened(entry.at("samples"), entry.at("classes"), entry.at("sharpness"));
    const auto fitted = metrics::fit_temperature(logits, labels);
    CHECK(fitted.value == Approx(entry.at("temperature").get<double>()).epsilon(1e-5));
    CHECK(fitted.before == Approx(entry.at("before").get<double>()).epsilon(1e-12));
    CHECK(fitted.after == Approx(entry.at("after").get<double>()).epsilon(1e-12));
    CHECK(fitted.after <= entry.at("after").get<double>() * (1 + 1e-12));
    const auto single = metrics::fit_temperature(logits.to(torch::kFloat), labels);
    CHECK(single.value == Approx(fitted.value).epsilon(1e-4));
  }
}

TEST_CASE("a temperature undoes the sharpness of scores", "[metrics]") {
  const auto [logits, labels] = sharpened(200, 10, 3);
  const double value = metrics::fit_temperature(logits, labels).value;
  for (const double factor : {0.01, 0.5, 7.0}) {
    CHECK(metrics::fit_temperature(logits * factor, labels).value == Approx(value * factor).epsilon(1e-9));
  }
  CHECK(metrics::fit_temperature(logits / value, labels).value == Approx(1).epsilon(1e-9));
}

TEST_CASE("a probability of 0 is no obstacle to a temperature", "[metrics]") {
  auto [logits, labels] = sharpened(100, 4, 5);
  const torch::Tensor never = torch::full({100, 1}, -std::numeric_limits<double>::infinity(), torch::kDouble);
  const auto fitted = metrics::fit_temperature(torch::cat({logits, never}, 1), labels);
  CHECK(fitted.value == Approx(metrics::fit_temperature(logits, labels).value).epsilon(1e-9));
}

TEST_CASE("where no temperature is the best, that is said", "[metrics]") {
  const torch::Tensor labels = torch::tensor({0, 1, 2}, torch::kLong);
  CHECK(user_error([&] { metrics::fit_temperature(torch::eye(3), labels); }) ==
        "no temperature fits: the model is right about every sample, which tells nothing of its mistakes; calibrate on "
        "a larger split");
  for (const torch::Tensor& logits : {torch::zeros({3, 3}), -torch::eye(3)}) {
    CHECK(user_error([&] { metrics::fit_temperature(logits, labels); }) ==
          "no temperature fits: the model says no more than chance about these samples; train it further, or calibrate "
          "on samples like those it learnt");
  }
}
