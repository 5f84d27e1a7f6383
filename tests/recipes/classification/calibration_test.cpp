#include "recipes/classification/metrics/calibration.h"

#include <cmath>
#include <limits>

#include <torch/types.h>

#include "support.h"

using namespace mlrun;

namespace {

data::DataInfo two_classes() {
  data::DataInfo info;
  info.classes = {"a", "b"};
  return info;
}

void feed_probabilities(metrics::Metric& metric, const std::vector<double>& first,
                        const std::vector<std::int64_t>& labels) {
  const auto p = torch::tensor(first, torch::kDouble);
  data::Fields prediction;
  prediction.set("logits", torch::stack({p.log(), (1 - p).log()}, 1));
  data::Batch batch;
  for (const auto label : labels) batch.ids.push_back(std::to_string(label));
  batch.targets.set("label", torch::tensor(labels, torch::kLong));
  metric.update(prediction, batch);
}

double figure_of(const metrics::Metric& metric, const std::string& name) {
  const auto figures = metric.compute();
  const report::Figure* found = report::find(figures, name);
  if (found == nullptr) FAIL("no figure " << name);
  return found->value;
}

}  // namespace

TEST_CASE("brier and calibration error follow their definitions", "[metrics]") {
  const auto metric = classification::make_calibration(two_classes());
  CHECK(std::isnan(figure_of(*metric, "ece")));
  feed_probabilities(*metric, {0.9, 0.9, 0.7, 0.4}, {0, 1, 0, 1});
  // 2 (1 - p of the truth)^2 each.
  CHECK(figure_of(*metric, "brier") == Approx((0.02 + 1.62 + 0.18 + 0.32) / 4).epsilon(1e-12));
  // Bins of 1/15: 0.9 twice (half right), 0.7 (right), 0.6 for class b (right).
  CHECK(figure_of(*metric, "ece") == Approx(100 * (2 * 0.4 + 0.3 + 0.4) / 4).epsilon(1e-12));
  const Json bins = metric->details().at("calibration");
  REQUIRE(bins.size() == 15);
  CHECK(bins[13].at("samples") == 2);
  CHECK(bins[13].at("acc1") == 50);
  CHECK(bins[0].at("acc1").is_null());
}

TEST_CASE("merged and saved calibrations go on as one, and NaN is not hidden", "[metrics]") {
  const auto whole = classification::make_calibration(two_classes()),
             part = classification::make_calibration(two_classes()),
             other = classification::make_calibration(two_classes());
  feed_probabilities(*whole, {0.9, 0.2, 0.6}, {0, 0, 1});
  feed_probabilities(*part, {0.9}, {0});
  feed_probabilities(*other, {0.2, 0.6}, {0, 1});
  part->merge(*other);
  data::State state;
  part->save(state, "m.");
  const auto loaded = classification::make_calibration(two_classes());
  loaded->load(state, "m.");
  for (const char* name : {"brier", "ece"})
    CHECK(figure_of(*loaded, name) == Approx(figure_of(*whole, name)).epsilon(1e-12));
  feed_probabilities(*loaded, {std::numeric_limits<double>::quiet_NaN()}, {1});
  CHECK(std::isnan(figure_of(*loaded, "brier")));
  CHECK(std::isnan(figure_of(*loaded, "ece")));
}

TEST_CASE("figures of calibration are better lower", "[metrics]") {
  const auto figures = classification::make_calibration(two_classes())->compute();
  for (const auto& figure : figures) CHECK(figure.better == report::Better::Lower);
  CHECK(figures.size() == 2);
}
