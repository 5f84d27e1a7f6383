#include "recipes/classification/metrics/accuracy.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "recipes/registry.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::classification;
using Catch::Matchers::ContainsSubstring;
using data::DataInfo;
using metrics::Metric;
using mlrun::test::user_error;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();
const std::vector<std::string> kNames = {"accuracy", "loss", "per_class", "precision", "confusion"};

DataInfo context_of(int classes) {
  DataInfo context;
  for (int i = 0; i < classes; ++i) context.classes.push_back("class" + std::to_string(i));
  return context;
}

std::unique_ptr<Metric> make(const std::string& name, const DataInfo& context) {
  return recipes::metrics().make(recipes::metrics().defaults(name), context);
}

void feed(Metric& metric, const torch::Tensor& logits, const torch::Tensor& labels) {
  data::Fields prediction;
  prediction.set("logits", logits);
  data::Batch batch;
  for (std::int64_t i = 0; i < labels.size(0); ++i) batch.ids.push_back("sample" + std::to_string(i));
  batch.targets.set("label", labels);
  metric.update(prediction, batch);
}

torch::Tensor labels_of(std::vector<std::int64_t> labels) { return torch::tensor(labels, torch::kInt64); }

double figure(const Metric& metric, const std::string& name) {
  const auto figures = metric.compute();
  const report::Figure* found = report::find(figures, name);
  if (found == nullptr) FAIL("no figure " << name);
  return found->value;
}

/// Everything a metric says, to compare two of them to the last bit.
std::string all_of(const Metric& metric) {
  std::string text = json_text(metric.details());
  for (const auto& figure : metric.compute()) text += " " + figure.name + "=" + json_text(Json(figure.value));
  return text;
}

}  // namespace

TEST_CASE("accuracy counts the best and the five best classes", "[metrics]") {
  const auto metric = make("accuracy", context_of(6));
  const torch::Tensor logits = torch::tensor({{9.F, 1.F, 2.F, 3.F, 4.F, 5.F},
                                              {9.F, 1.F, 2.F, 3.F, 4.F, 5.F},
                                              {9.F, 1.F, 2.F, 3.F, 4.F, 5.F},
                                              {0.F, 1.F, 2.F, 3.F, 4.F, 5.F}});
  feed(*metric, logits, labels_of({0, 2, 1, 5}));
  CHECK(figure(*metric, "acc1") == 50);
  CHECK(figure(*metric, "acc5") == 75);
  const Json details = metric->details()["accuracy"];
  CHECK(details["correct"] == 2);
  CHECK(details["total"] == 4);
  CHECK(details["acc1_interval95"][0].get<double>() == Approx(15.0039).epsilon(1e-5));
  CHECK(details["acc1_interval95"][1].get<double>() == Approx(84.9961).epsilon(1e-5));
}

TEST_CASE("ties go to the lowest class index", "[metrics]") {
  const auto accuracy = make("accuracy", context_of(7));
  const auto confusion = make("confusion", context_of(7));
  for (std::int64_t label = 0; label < 7; ++label) {
    feed(*accuracy, torch::zeros({1, 7}), labels_of({label}));
    feed(*confusion, torch::zeros({1, 7}), labels_of({label}));
  }
  CHECK(figure(*accuracy, "acc1") == Approx(100.0 / 7));
  CHECK(figure(*accuracy, "acc5") == Approx(500.0 / 7));
  for (const auto& row : confusion->details()["confusion"]["matrix"]) CHECK(row[0] == 1);
}

TEST_CASE("acc5 is given from five classes on", "[metrics]") {
  CHECK(make("accuracy", context_of(4))->compute().size() == 1);
  CHECK(make("accuracy", context_of(5))->compute().size() == 2);
  const auto unnamed = make("accuracy", {});
  CHECK(unnamed->compute().size() == 1);
  CHECK(std::isnan(figure(*unnamed, "acc1")));
  feed(*unnamed, torch::zeros({1, 5}), labels_of({3}));
  CHECK(figure(*unnamed, "acc5") == 100);
  CHECK(figure(*unnamed, "acc1") == 0);
}

TEST_CASE("the loss is the mean cross-entropy in float64", "[metrics]") {
  const auto metric = make("loss", context_of(3));
  CHECK(std::isnan(figure(*metric, "loss")));
  feed(*metric, torch::zeros({2, 3}), labels_of({0, 2}));
  CHECK(figure(*metric, "loss") == Approx(std::log(3.0)).epsilon(1e-15));
  feed(*metric, torch::tensor({{1000.F, 0.F, -1000.F}}), labels_of({2}));
  CHECK(figure(*metric, "loss") == Approx((2 * std::log(3.0) + 2000) / 3).epsilon(1e-15));

  torch::manual_seed(1);
  const torch::Tensor logits = torch::randn({500, 10}) * 4;
  const torch::Tensor labels = torch::randint(10, {500}, torch::kInt64);
  const auto other = make("loss", context_of(10));
  feed(*other, logits, labels);
  const double expected = torch::cross_entropy_loss(logits.to(torch::kFloat64), labels).item<double>();
  CHECK(figure(*other, "loss") == Approx(expected).epsilon(1e-13));
}

TEST_CASE("accuracy agrees with topk where there are no ties", "[metrics]") {
  torch::manual_seed(2);
  const torch::Tensor logits = torch::randn({1000, 12});
  const torch::Tensor labels = torch::randint(12, {1000}, torch::kInt64);
  const auto metric = make("accuracy", context_of(12));
  feed(*metric, logits, labels);
  const torch::Tensor hits = std::get<1>(logits.topk(5, 1)).eq(labels.unsqueeze(1));
  CHECK(figure(*metric, "acc1") == Approx(hits.select(1, 0).sum().item<std::int64_t>() / 10.0));
  CHECK(figure(*metric, "acc5") == Approx(hits.any(1).sum().item<std::int64_t>() / 10.0));
}

TEST_CASE("a sample whose logits say nothing is not wrong: its figures are not defined", "[metrics]") {
  const float infinity = std::numeric_limits<float>::infinity();
  const float bad = GENERATE_COPY(kNan, infinity);
  const torch::Tensor logits = torch::tensor({{5.F, bad, 0.F, 0.F, 0.F}, {5.F, 0.F, -infinity, 0.F, 0.F}});
  const auto accuracy = make("accuracy", context_of(5));
  const auto loss = make("loss", context_of(5));
  const auto per_class = make("per_class", context_of(5));
  const auto confusion = make("confusion", context_of(5));
  for (auto* metric : {accuracy.get(), loss.get(), per_class.get(), confusion.get()}) {
    feed(*metric, logits, labels_of({0, 0}));
  }
  CHECK(std::isnan(figure(*accuracy, "acc1")));
  CHECK(std::isnan(figure(*accuracy, "acc5")));
  CHECK(accuracy->details()["accuracy"] == Json({{"correct", 1}, {"total", 2}, {"invalid", 1}}));
  CHECK(std::isnan(figure(*loss, "loss")));
  CHECK(per_class->details()["per_class"][0] ==
        Json({{"class", "class0"}, {"total", 2}, {"correct", 1}, {"acc1", nullptr}}));
  CHECK(per_class->details()["per_class"][1]["acc1"].is_null());  // 0 of 0 samples
  CHECK(confusion->details()["confusion"]["invalid"] == 1);
  CHECK(confusion->details()["confusion"]["matrix"][0] == Json({1, 0, 0, 0, 0}));
}

TEST_CASE("a logit of minus infinity is a probability of 0", "[metrics]") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto accuracy = make("accuracy", context_of(3));
  feed(*accuracy, torch::tensor({{-infinity, 0.F, -infinity}, {-infinity, 0.F, 1.F}}), labels_of({1, 1}));
  CHECK(figure(*accuracy, "acc1") == 50);
  feed(*accuracy, torch::full({1, 3}, -infinity), labels_of({1}));  // no probability at all
  CHECK(std::isnan(figure(*accuracy, "acc1")));
}

TEST_CASE("per-class accuracy and the confusion matrix have true classes in their rows", "[metrics]") {
  const auto per_class = make("per_class", context_of(3));
  const auto confusion = make("confusion", context_of(3));
  const torch::Tensor logits = torch::eye(3).index_select(0, labels_of({1, 1, 0, 1}));
  feed(*per_class, logits, labels_of({0, 0, 0, 1}));
  feed(*confusion, logits, labels_of({0, 0, 0, 1}));
  CHECK(
      json_text(per_class->details()) ==
      R"({"per_class":[{"class":"class0","total":3,"correct":1,"acc1":33.333333333333336},)"
      R"({"class":"class1","total":1,"correct":1,"acc1":100.0},{"class":"class2","total":0,"correct":0,"acc1":null}]})");
  CHECK(json_text(confusion->details()) ==
        R"({"confusion":{"classes":["class0","class1","class2"],"matrix":[[1,2,0],[0,1,0],[0,0,0]],"invalid":0}})");
  CHECK(per_class->compute().empty());
  CHECK(confusion->compute().empty());
}

TEST_CASE("results depend neither on batches, nor on merging, nor on a save between", "[metrics]") {
  torch::manual_seed(3);
  const torch::Tensor logits = torch::randn({101, 8});
  const torch::Tensor labels = torch::randint(8, {101}, torch::kInt64);
  for (const auto& name : kNames) {
    INFO(name);
    const auto whole = make(name, context_of(8));
    feed(*whole, logits, labels);
    for (const std::int64_t size : {1, 7, 64}) {
      const auto batched = make(name, context_of(8));
      for (std::int64_t i = 0; i < 101; i += size) {
        data::State state;
        batched->save(state, "m.");
        const auto resumed = make(name, context_of(8));
        resumed->load(state, "m.");
        CHECK(all_of(*resumed) == all_of(*batched));
        feed(*batched, logits.slice(0, i, i + size), labels.slice(0, i, i + size));
      }
      CHECK(all_of(*batched) == all_of(*whole));
    }
    const auto left = make(name, context_of(8)), right = make(name, context_of(8)), none = make(name, context_of(8));
    feed(*left, logits.slice(0, 0, 40), labels.slice(0, 0, 40));
    feed(*right, logits.slice(0, 40), labels.slice(0, 40));
    left->merge(*right);
    left->merge(*none);
    CHECK(left->details() == whole->details());
    for (std::size_t i = 0; i < whole->compute().size(); ++i) {
      CHECK(left->compute()[i].value == Approx(whole->compute()[i].value).epsilon(1e-14));
    }
  }
}

TEST_CASE("a loss that is NaN or infinite is saved as it is", "[metrics]") {
  for (const float value : {kNan, std::numeric_limits<float>::infinity()}) {
    const auto metric = make("loss", context_of(2));
    feed(*metric, torch::tensor({{0.F, std::isnan(value) ? value : -value}}), labels_of({1}));
    data::State state;
    metric->save(state, "");
    const auto resumed = make("loss", context_of(2));
    resumed->load(state, "");
    CHECK(std::isnan(figure(*resumed, "loss")) == std::isnan(value));
    CHECK(std::isinf(figure(*resumed, "loss")) == std::isinf(value));
  }
}

TEST_CASE("half precision and strided logits are read", "[metrics]") {
  const auto metric = make("accuracy", context_of(3));
  feed(*metric, torch::eye(3).to(torch::kBFloat16), labels_of({0, 1, 2}));
  feed(*metric, torch::eye(3).to(torch::kFloat16).t().flip(0), labels_of({2, 1, 0}));
  CHECK(figure(*metric, "acc1") == 100);
  feed(*metric, torch::empty({0, 3}), labels_of({}));
  CHECK(metric->details()["accuracy"]["total"] == 6);
}

TEST_CASE("labels and classes that do not fit are named", "[metrics]") {
  for (const auto& name : kNames) {
    const auto metric = make(name, context_of(3));
    CHECK_THAT(user_error([&] {
                 feed(*metric, torch::zeros({2, 3}), labels_of({0, 3}));
               }),
               ContainsSubstring("sample 'sample1' has label 3, but there are 3 classes"));
    CHECK_THAT(user_error([&] {
                 feed(*metric, torch::zeros({1, 3}), labels_of({-1}));
               }),
               ContainsSubstring("has label -1"));
    CHECK_THAT(user_error([&] {
                 feed(*metric, torch::zeros({1, 4}), labels_of({0}));
               }),
               ContainsSubstring("the model tells 4 classes apart, the data has 3"));
    CHECK_THROWS_AS(feed(*metric, torch::zeros({2, 3}), labels_of({0})), InternalError);
    CHECK_THROWS_AS(feed(*metric, torch::zeros({3}), labels_of({0})), InternalError);
  }
  CHECK_THROWS_AS(make("per_class", {}), InternalError);
  CHECK_THROWS_AS(make("confusion", {}), InternalError);
}

TEST_CASE("metrics of another kind or of other classes are not merged or loaded", "[metrics]") {
  const auto accuracy = make("accuracy", context_of(3)), loss = make("loss", context_of(3));
  CHECK_THROWS_AS(accuracy->merge(*loss), InternalError);
  const auto small = make("confusion", context_of(3)), large = make("confusion", context_of(4));
  CHECK_THROWS_AS(small->merge(*large), InternalError);
  data::State state;
  small->save(state, "");
  CHECK_THAT(user_error([&] { large->load(state, ""); }), ContainsSubstring("'matrix' is of other classes"));
  CHECK_THAT(user_error([&] { large->load(state, "x."); }), ContainsSubstring("has no 'x.matrix'"));
}

TEST_CASE("the Wilson interval stays within 0 to 100 and matches published values", "[metrics]") {
  CHECK(wilson_interval(0, 0).low == 0);
  CHECK(wilson_interval(0, 0).high == 100);
  CHECK(wilson_interval(0, 10).low == 0);
  CHECK(wilson_interval(0, 10).high == Approx(27.7533).epsilon(1e-5));
  CHECK(wilson_interval(10, 10).high == 100);
  // R. G. Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, 15/148, 1/29.
  CHECK(wilson_interval(81, 263).low == Approx(25.53).margin(0.005));
  CHECK(wilson_interval(81, 263).high == Approx(36.62).margin(0.005));
  CHECK(wilson_interval(15, 148).low == Approx(6.24).margin(0.005));
  CHECK(wilson_interval(15, 148).high == Approx(16.05).margin(0.005));
  CHECK(wilson_interval(1, 29).low == Approx(0.61).margin(0.005));
  CHECK(wilson_interval(1, 29).high == Approx(17.18).margin(0.005));
}

TEST_CASE("metrics are registered by name", "[metrics]") {
  CHECK(recipes::metrics().names() ==
        std::vector<std::string>{"accuracy", "loss", "calibration", "per_class", "precision", "confusion"});
  CHECK(recipes::metrics().kind() == "metric");
  CHECK_THAT(user_error([] { recipes::metrics().at("acuracy"); }), ContainsSubstring("accuracy"));
}
