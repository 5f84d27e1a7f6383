#include "quant/observer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>

#include "base/files.h"
#include "base/json.h"
#include "catch.h"
#include "support.h"

using namespace mlrun;

namespace {

constexpr std::int64_t kUpdates = 5, kRows = 12, kColumns = 300;

// The formulas of scripts/fixtures/observers.py.
double uniform(std::int64_t i, std::int64_t t, std::int64_t salt) {
  const std::int64_t number = (i + 1) * 7919 + (t + 1) * 104729 + salt * 15485863 + i * i % 1009 * 31;
  return static_cast<double>(number % 10007) / 10007;
}

double bell(std::int64_t i, std::int64_t t) {
  double sum = 0;
  for (std::int64_t salt = 0; salt < 6; ++salt) sum += uniform(i, t, salt);
  return (sum - 3) * 1.4142135;
}

double number(const std::string& kind, std::int64_t i, std::int64_t t) {
  const double x = bell(i, t);
  const auto at = static_cast<std::size_t>(t);
  if (kind == "positive") return std::abs(x) + 0.25;
  if (kind == "negative") return -std::abs(x) * 3 - 1.5;
  if (kind == "relu") return std::max(x, 0.0) * 2;
  if (kind == "mixed") return x * 2 + 0.5;
  if (kind == "constant") return 0.75;
  if (kind == "negative_constant") return -3.5;
  if (kind == "zeros") return 0;
  if (kind == "zeros_first") return x * static_cast<double>(t);
  if (kind == "tiny") return x * 1e-6;
  if (kind == "vanishing") return x * 1e-9;
  if (kind == "huge") return x * 1e7;
  if (kind == "growing") return x * std::vector<double>{1, 3, 2, 17, 5}[at];
  if (kind == "outliers") return i % 97 == 0 ? x * std::vector<double>{1, 2, 40, 300, 2}[at] : x;
  if (kind == "shrinking") return x * std::vector<double>{9, 5, 2, 1, 0.5}[at];
  REQUIRE(kind == "heavy");
  return x * x * x;
}

torch::Tensor values(const std::string& kind, std::int64_t t) {
  std::vector<double> list;
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) list.push_back(number(kind, i, t));
  return torch::tensor(list, torch::kDouble).to(torch::kFloat).reshape({kRows, kColumns});
}

torch::Tensor scales(const Json& list) { return torch::tensor(list.get<std::vector<double>>()).to(torch::kFloat); }

/// Every update of one reference, through a saved and loaded copy half-way.
void check_case(const Json& reference, const std::function<std::unique_ptr<quant::Observer>()>& make) {
  auto tested = make();
  for (std::int64_t t = 0; t < kUpdates; ++t) {
    INFO("update " << t);
    tested->observe(values(reference["kind"], t));
    const auto at = static_cast<std::size_t>(t);
    const quant::Affine affine = tested->affine();
    const torch::Tensor expected = scales(reference["scales"][at]);
    INFO(affine.scale << " against " << expected);
    CHECK(torch::equal(affine.scale.reshape({-1}), expected));
    CHECK(torch::equal(affine.zero_point.reshape({-1}),
                       torch::tensor(reference["zero_points"][at].get<std::vector<std::int64_t>>())));
    CHECK(affine.scale.scalar_type() == torch::kFloat);
    CHECK(affine.zero_point.scalar_type() == torch::kLong);
    if (t != 2) continue;
    data::State state;
    tested->save(state, "a.");
    tested = make();
    tested->load(state, "a.");
  }
}

Json references() { return Json::parse(read_file(test::fixture("quant/observers.json"))); }

}  // namespace

TEST_CASE("ranges of activations are torch.ao's to the bit", "[quant]") {
  const Json cases = references()["activations"];
  REQUIRE(cases.size() == 90);
  for (const auto& reference : cases) {
    INFO(reference["kind"] << ' ' << reference["observer"] << ' ' << reference["reduce_range"]);
    const auto target = quant::activation_target(reference["reduce_range"]);
    check_case(reference, [&] { return quant::make_activation_observer(reference["observer"], target); });
  }
}

TEST_CASE("ranges of weights are torch.ao's to the bit", "[quant]") {
  const Json cases = references()["weights"];
  REQUIRE(cases.size() == 24);
  for (const auto& reference : cases) {
    INFO(reference["kind"] << ' ' << reference["weights"] << ' ' << reference["moving"]);
    check_case(reference, [&] { return quant::make_weight_observer(reference["weights"], reference["moving"]); });
  }
}

TEST_CASE("a range that grows beyond any grid keeps what was counted", "[quant]") {
  const auto observer = quant::make_activation_observer("histogram", quant::activation_target(false));
  observer->observe(torch::linspace(1, 1 + 1e-5, 100));
  observer->observe(torch::linspace(-1e30, 1e30, 100));
  const quant::Affine affine = observer->affine();
  CHECK(std::isfinite(affine.scale.item<double>()));
  data::State state;
  observer->save(state, "");
  CHECK(state.tensor("counts").sum().item<double>() == 200);
}

TEST_CASE("what was never observed, or cannot be int8, is an error", "[quant]") {
  for (const char* kind : {"min_max", "moving_average", "histogram"}) {
    INFO(kind);
    const auto observer = quant::make_activation_observer(kind, quant::activation_target(false));
    observer->observe(torch::empty({0, 3}));
    CHECK_FALSE(observer->ready());
    data::State state;
    observer->save(state, "");
    observer->load(state, "");
    CHECK(test::user_error([&] { found_affine(*observer, "features.3"); }) ==
          "the range of what features.3 puts out is not known: no sample went through it; calibrate with samples that "
          "reach it, or leave it float32 with quantize.skip");
    CHECK(test::user_error([&] {
            observer->observe(torch::tensor({0.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F}));
          }) == "values that are to become int8 are not finite; look at the model's weights and at the samples");
  }
  const auto wide = quant::make_activation_observer("min_max", quant::activation_target(false));
  wide->observe(torch::tensor({-3e38F, 3e38F}));
  CHECK(test::user_error([&] { found_affine(*wide, "stem"); }).find("the values of stem span more") == 0);
}
