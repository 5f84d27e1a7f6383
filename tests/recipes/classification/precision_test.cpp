#include "recipes/classification/metrics/precision.h"

#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

namespace mlrun::classification {
namespace {

data::DataInfo info_with(std::size_t classes) {
  data::DataInfo info;
  for (std::size_t i = 0; i < classes; ++i) info.classes.push_back("class" + std::to_string(i));
  return info;
}

void feed_precision(metrics::Metric& metric, const torch::Tensor& logits, const std::vector<std::int64_t>& labels) {
  data::Batch batch;
  for (const auto label : labels) batch.ids.push_back(std::to_string(label));
  batch.targets.set("label", torch::tensor(labels, torch::kLong));
  metric.update({{"logits", logits}}, batch);
}

/// Logits by which `predicted` comes first.
torch::Tensor answers(const std::vector<std::int64_t>& predicted, std::int64_t classes) {
  return torch::eye(classes).index_select(0, torch::tensor(predicted, torch::kLong));
}

std::vector<double> values_of(const metrics::Metric& metric) {
  std::vector<double> values;
  for (const auto& figure : metric.compute()) values.push_back(figure.value);
  return values;
}

}  // namespace

// The two examples of scikit-learn's user guide (classification_report, balanced_accuracy_score).
TEST_CASE("precision, recall, F1 and their means are those of scikit-learn", "[metrics]") {
  const std::vector<std::string> names = {"precision_macro", "recall_macro", "f1_macro",    "precision_weighted",
                                          "recall_weighted", "f1_weighted",  "balanced_acc"};
  const auto metric = make_precision(info_with(3), names);
  feed_precision(*metric, answers({0, 0, 2, 2, 1}, 3), {0, 1, 2, 2, 2});
  const auto values = values_of(*metric);
  const std::vector<double> expected = {100 * 1.5 / 3,      100 * (5.0 / 3) / 3, 100 * (2.0 / 3 + 0.8) / 3,
                                        100 * 3.5 / 5,      100 * 3.0 / 5,       100 * (2.0 / 3 + 2.4) / 5,
                                        100 * (5.0 / 3) / 3};
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO(names[i]);
    CHECK(values[i] == Approx(expected[i]).epsilon(1e-12));
    CHECK(metric->compute()[i].name == names[i]);
  }
  CHECK(report::exhibit_csv(metric->exhibits().at(0)) ==
        "class,samples,precision,recall,F1\n"
        "class0,1,50.00,100.00,66.67\nclass1,1,0.00,0.00,0.00\nclass2,3,100.00,66.67,80.00\n"
        "macro mean,5,50.00,55.56,48.89\nweighted mean,5,70.00,60.00,61.33\nbalanced accuracy,5,,55.56,\n");

  const auto balanced = make_precision(info_with(2), {"balanced_acc"});
  feed_precision(*balanced, answers({0, 1, 0, 0, 0, 1}, 2), {0, 1, 0, 0, 1, 0});
  CHECK(values_of(*balanced) == std::vector<double>{62.5});
}

TEST_CASE("what occurs nowhere is in no mean, what was never found counts as 0", "[metrics]") {
  const auto metric = make_precision(info_with(4), {"precision_macro", "balanced_acc"});
  feed_precision(*metric, answers({0, 0, 2}, 4),
                 {0, 1, 0});  // class 3 nowhere, class 2 never true, class 1 never found
  const Json details = metric->details().at("precision");
  CHECK(details.at("classes")[1].at("precision").is_null());
  CHECK(details.at("classes")[2].at("recall").is_null());
  CHECK(details.at("classes")[3] ==
        Json{{"class", "class3"}, {"samples", 0}, {"precision", nullptr}, {"recall", nullptr}, {"f1", nullptr}});
  CHECK(values_of(*metric) == std::vector<double>{50.0 / 3, 25});
  CHECK(std::isnan(values_of(*make_precision(info_with(2), {"f1_macro"})).at(0)));
}

TEST_CASE("any number of likeliest classes can be looked at", "[metrics]") {
  const auto metric = make_precision(info_with(4), {"acc1", "acc2", "acc3", "acc4"});
  const torch::Tensor logits = torch::tensor({{4.F, 3.F, 2.F, 1.F}}).expand({4, 4});
  feed_precision(*metric, logits, {0, 1, 1, 3});
  CHECK(values_of(*metric) == std::vector<double>{25, 75, 75, 100});
  feed_precision(*metric, torch::full({1, 4}, std::numeric_limits<float>::quiet_NaN()), {0});
  for (const double value : values_of(*metric)) CHECK(std::isnan(value));
}

TEST_CASE("figures that there are not are named", "[metrics]") {
  CHECK(figures_fault({"acc3", "f1_macro", "balanced_acc"}, 3).empty());
  CHECK(figures_fault({"acc4"}).empty());
  CHECK(figures_fault({"acc4"}, 3) == "'acc4' looks at more answers than there are classes, 3");
  for (const char* name : {"acc0", "acc", "acc03", "acc1x", "f1", "accuracy"}) {
    CHECK(figures_fault({name}) ==
          "'" + std::string(name) +
              "' is no figure of a classifier; choose precision_macro, recall_macro, f1_macro, precision_weighted, "
              "recall_weighted, f1_weighted, balanced_acc or accK, as acc3");
  }
}

}  // namespace mlrun::classification
