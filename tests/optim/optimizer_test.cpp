#include "optim/optimizer.h"

#include "optim/optimizers.h"

using namespace mlrun;
using mlrun::optim::NamedTensors;
using mlrun::test::optimizer;

namespace {

/// The largest relative difference from torch.optim over all updates of one fixture.
double difference_from_reference(const Json& reference, torch::Dtype dtype, const char* rows) {
  auto parameter = test::start_values(6).to(dtype).requires_grad_();
  const auto tested = optimizer(reference["name"], reference["options"], {{"w", parameter}});
  const auto skip = reference["skip"].get<std::int64_t>();
  double worst = 0;
  REQUIRE(reference[rows].size() == 50);
  for (std::int64_t t = 0; t < 50; ++t) {
    parameter.mutable_grad() = test::gradient_values(6, t).to(dtype);
    if (skip > 0 && t % skip == skip - 1) tested->zero_grad();
    tested->step(tested->base_lr() * (1 - static_cast<double>(t) / 100));
    const auto expected =
        torch::tensor(reference[rows][static_cast<std::size_t>(t)].get<std::vector<double>>(), torch::kFloat64);
    worst = std::max(worst, test::relative_difference(parameter, expected));
  }
  return worst;
}

}  // namespace

TEST_CASE("every optimizer follows torch.optim through 50 updates", "[optim]") {
  const auto references = Json::parse(read_file(test::fixture("optim/optimizers.json")));
  REQUIRE(references.size() == 20);
  for (const auto& reference : references) {
    INFO(reference["name"] << ' ' << reference["options"].dump());
    CHECK(difference_from_reference(reference, torch::kFloat64, "float64") < 1e-12);
    CHECK(difference_from_reference(reference, torch::kFloat32, "float32") < 1e-6);
  }
}

TEST_CASE("the list of optimizers", "[optim]") {
  CHECK(optim::optimizers().kind() == "optimizer");
  CHECK(optim::optimizers().names() == std::vector<std::string>{"sgd", "adam", "adamw", "rmsprop"});
  for (const auto& [name, rate] :
       std::vector<std::pair<std::string, double>>{{"sgd", 0.1}, {"adam", 1e-3}, {"adamw", 1e-3}, {"rmsprop", 1e-2}}) {
    INFO(name);
    CHECK(optimizer(name, Json::object(), {})->base_lr() == rate);
    CHECK(optimizer(name, {{"lr", 0.25}}, {})->base_lr() == 0.25);
  }
}

TEST_CASE("zero_grad leaves no gradient", "[optim]") {
  auto with = torch::ones({2}, torch::requires_grad());
  auto without = torch::ones({2}, torch::requires_grad());
  auto frozen = torch::ones({2});
  (with * 3).sum().backward();
  const auto tested = optimizer("sgd", Json::object(), {{"a", with}, {"b", without}, {"c", frozen}});
  REQUIRE(with.grad().defined());
  tested->zero_grad();
  CHECK_FALSE(with.grad().defined());
  CHECK_FALSE(without.grad().defined());
  CHECK_FALSE(frozen.grad().defined());
  (with * 2).sum().backward();
  CHECK(torch::equal(with.grad(), torch::full({2}, 2.0)));
}

TEST_CASE("a parameter without a gradient is passed over", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    auto moved = torch::ones({3}, torch::requires_grad());
    auto kept = torch::ones({3}, torch::requires_grad());
    const auto tested = optimizer(name, options, {{"moved", moved}, {"kept", kept}});
    moved.mutable_grad() = torch::ones({3});
    tested->step(0.1);
    CHECK(moved.lt(1).all().item<bool>());
    CHECK(torch::equal(kept.detach(), torch::ones({3})));
  }
}

TEST_CASE("a step records no gradient and is seen by autograd", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    auto parameter = torch::ones({3}, torch::requires_grad());
    const auto tested = optimizer(name, options, {{"w", parameter}});
    auto loss = (parameter * parameter).sum();  // keeps `parameter` for its backward pass
    parameter.mutable_grad() = torch::ones({3});
    tested->step(0.1);
    CHECK(parameter.is_leaf());
    CHECK(parameter.requires_grad());
    CHECK_THROWS_AS(loss.backward(), c10::Error);
  }
}

TEST_CASE("parameters without elements and of no dimension are updated", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    auto empty = torch::ones({0, 4}, torch::requires_grad());
    auto scalar = torch::ones({}, torch::requires_grad());
    const auto tested = optimizer(name, options, {{"empty", empty}, {"scalar", scalar}});
    empty.mutable_grad() = torch::ones({0, 4});
    scalar.mutable_grad() = torch::ones({});
    tested->step(0.1);
    tested->step(0.1);
    CHECK(empty.sizes() == torch::IntArrayRef{0, 4});
    CHECK(scalar.item<double>() < 1);
  }
}
