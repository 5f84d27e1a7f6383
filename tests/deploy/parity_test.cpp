#include "deploy/parity.h"

#include <cmath>

#include <torch/types.h>

#include "catch.h"

using namespace mlrun;
using deploy::compare;

namespace {

const deploy::Runner kModel = [](const torch::Tensor& x) { return x.flatten(1) * 2; };

torch::Tensor samples() { return torch::arange(32, torch::kFloat).view({8, 1, 2, 2}); }

}  // namespace

TEST_CASE("what computes the same is met", "[deploy]") {
  const deploy::Parity parity = compare("engine", kModel, kModel, samples(), {1e-5});
  CHECK(parity.met);
  CHECK(parity.samples == 8);
  CHECK(parity.max_difference == 0);
  CHECK(parity.scale == 62);
  CHECK(parity.top1_agreement == 100);
  CHECK(deploy::to_json(parity).at("verdict") == "met");
}

TEST_CASE("a difference counts against the largest output", "[deploy]") {
  const auto off = [](double by) { return [by](const torch::Tensor& x) { return x.flatten(1) * 2 + by; }; };
  CHECK(compare("engine", kModel, off(0.0061), samples(), {1e-4}).met);
  const deploy::Parity parity = compare("engine", kModel, off(0.0063), samples(), {1e-4});
  CHECK_FALSE(parity.met);
  CHECK(parity.max_difference == Approx(0.0063).epsilon(1e-3));
  CHECK(parity.mean_difference == Approx(0.0063).epsilon(1e-3));
  CHECK(deploy::text(parity).find("differs") != std::string::npos);
}

TEST_CASE("what is off on average is found out where single outputs may be", "[deploy]") {
  const auto one = [](const torch::Tensor& x) {
    return torch::cat({x.flatten(1) * 2, torch::full({x.size(0), 1}, 6.2)}, 1);
  };
  const auto off = [&](double first, double all) {
    return [=](const torch::Tensor& x) {
      torch::Tensor y = one(x) + all;
      y.select(1, 0) += first;
      return y;
    };
  };
  const deploy::Tolerance loose{0.1, 0.02};
  CHECK(compare("engine", one, off(5, 0), samples(), loose).met);
  CHECK_FALSE(compare("engine", one, off(7, 0), samples(), loose).met);
  const deploy::Parity parity = compare("engine", one, off(0, 1.5), samples(), loose);
  CHECK_FALSE(parity.met);
  CHECK(deploy::to_json(parity).at("mean_tolerance") == 0.02);
  CHECK(deploy::text(parity) ==
        "engine: largest difference 1.5, on average 1.5 (outputs up to 62) over 8 samples, the same answer for 100 %: "
        "differs");
}

TEST_CASE("an engine that is right for one batch alone is found out", "[deploy]") {
  const deploy::Runner baked = [](const torch::Tensor& x) {
    return x.size(0) == 3 ? x.flatten(1).flip(0) : x.flatten(1) * 2;
  };
  CHECK_FALSE(compare("engine", kModel, baked, samples(), {1e-5}).met);
}

TEST_CASE("outputs that are all 0, as a fresh ViT's, are met by 0 alone", "[deploy]") {
  const auto constant = [](double value) {
    return [value](const torch::Tensor& x) { return torch::full_like(x.flatten(1), value); };
  };
  const deploy::Parity parity = compare("engine", constant(0), constant(0), samples(), {1e-4});
  CHECK(parity.met);
  CHECK(deploy::text(parity).find(": met, which shows nothing where all outputs are 0") != std::string::npos);
  CHECK(compare("engine", constant(0), constant(0), samples(), {1e-4, 1e-5}).met);
  CHECK_FALSE(compare("engine", constant(0), constant(1e-9), samples(), {1e-4}).met);
}

TEST_CASE("NaN and other shapes are never met", "[deploy]") {
  const auto poisoned = [](const torch::Tensor& x) { return x.flatten(1) * 2 * std::nan(""); };
  const auto narrower = [](const torch::Tensor& x) { return x.flatten(1).narrow(1, 0, 3) * 2; };
  CHECK_FALSE(compare("engine", kModel, poisoned, samples(), {1e-5}).met);
  CHECK_FALSE(compare("engine", kModel, narrower, samples(), {1e-5}).met);
  const deploy::Runner both = poisoned;
  CHECK_FALSE(compare("engine", both, both, samples(), {1e-5}).met);
}
