#include "deploy/parity.h"

#include <cmath>
#include <functional>

#include <torch/types.h>

#include "catch.h"

using namespace mlrun;

namespace {

using OneToOne = std::function<torch::Tensor(const torch::Tensor&)>;

const OneToOne kModel = [](const torch::Tensor& x) { return x.flatten(1) * 2; };

deploy::Parity compare(const std::string& engine, const OneToOne& model, const OneToOne& exported,
                       const torch::Tensor& samples, const deploy::Tolerance& tolerance) {
  const auto runner = [](const OneToOne& run) {
    return [run](const nn::Tensors& inputs) { return nn::Tensors{run(inputs.at(0))}; };
  };
  return deploy::compare(engine, runner(model), runner(exported), {}, {samples}, tolerance);
}

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

TEST_CASE("maps of scores agree pixel by pixel", "[deploy]") {
  const OneToOne map = [](const torch::Tensor& x) { return torch::cat({x, x * 0 + 15.5}, 1); };
  const auto off = [&](const torch::Tensor& x) { return torch::cat({x + 1, x * 0 + 15.5}, 1); };
  CHECK(compare("engine", map, map, samples(), {1e-5}).top1_agreement == 100);
  const auto parity = compare("engine", map, off, samples(), {1});
  CHECK(parity.top1_agreement == Approx(100 * 31.0 / 32));  // 15 becomes 16
  const OneToOne one = [](const torch::Tensor& x) { return x; };
  CHECK_FALSE(compare("engine", one, one, samples(), {1e-5}).top1_agreement);
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
  const OneToOne baked = [](const torch::Tensor& x) {
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
  const OneToOne both = poisoned;
  CHECK_FALSE(compare("engine", both, both, samples(), {1e-5}).met);
}

TEST_CASE("of several outputs each has its own scale, and the farthest is told", "[deploy]") {
  const nn::Interface interface = {{{"image"}}, {{"large"}, {"small"}}};
  const auto runner = [](double large, double small) {
    return [=](const nn::Tensors& inputs) {
      const auto x = inputs.at(0).flatten(1);
      return nn::Tensors{x * 1000 + large, x / 1000 + small};
    };
  };
  const auto against = [&](double large, double small) {
    return deploy::compare("engine", runner(0, 0), runner(large, small), interface, {samples()}, {1e-4});
  };
  CHECK(against(1, 0).met);
  const auto off = against(1, 1e-5);  // of 31,000 and of 0.031
  CHECK_FALSE(off.met);
  CHECK(off.output == "small");
  CHECK_FALSE(off.top1_agreement);
  CHECK(deploy::to_json(off).at("output") == "small");
  CHECK(deploy::text(off) ==
        "engine: largest difference 1e-05 of 'small' (outputs up to 0.031) over 8 samples: differs");
  CHECK(against(std::nan(""), 0).output == "large");
}

TEST_CASE("whole numbers must be equal, and as many tensors be there", "[deploy]") {
  const nn::Interface interface = {{{"image"}}, {{"labels"}, {"scores"}}};
  const auto runner = [](std::int64_t more) {
    return [more](const nn::Tensors& inputs) {
      return nn::Tensors{inputs.at(0).flatten(1).to(torch::kLong) * 1000 + more, inputs.at(0)};
    };
  };
  CHECK(deploy::compare("engine", runner(0), runner(0), interface, {samples()}, {0.5}).met);
  CHECK_FALSE(deploy::compare("engine", runner(0), runner(1), interface, {samples()}, {0.5}).met);
  const auto fewer = [](const nn::Tensors& inputs) { return nn::Tensors{inputs.at(0)}; };
  CHECK_FALSE(deploy::compare("engine", runner(0), fewer, interface, {samples()}, {0.5}).met);
}

TEST_CASE("ragged samples are compared sample by sample", "[deploy]") {
  const nn::Interface interface = {{{"points", true}}, {{"moved", true}}};
  const nn::Tensors clouds = {torch::arange(12, torch::kFloat).view({6, 2}), torch::tensor({3, 0, 1, 2}, torch::kLong)};
  const auto model = [](const nn::Tensors& inputs) { return nn::Tensors{inputs.at(0) + 1, inputs.at(1)}; };
  const auto baked = [](const nn::Tensors& inputs) {  // right for the whole alone
    return nn::Tensors{inputs.at(0) + (inputs.at(1).size(0) == 4 ? 1 : 2), inputs.at(1)};
  };
  const auto met = deploy::compare("engine", model, model, interface, clouds, {1e-6});
  CHECK(met.met);
  CHECK(met.samples == 4);
  const auto off = deploy::compare("engine", model, baked, interface, clouds, {1e-6});
  CHECK_FALSE(off.met);
  CHECK(off.output == "moved");
}

TEST_CASE("an engine that cannot run a batch is told as such", "[deploy]") {
  const OneToOne baked = [](const torch::Tensor& x) { return x.view({8, 4}) * 2; };
  const deploy::Parity parity = compare("engine", kModel, baked, samples(), {1e-5});
  CHECK_FALSE(parity.met);
  CHECK(deploy::text(parity) == "engine: fails: shape '[8, 4]' is invalid for input of size 4 (a batch of 1)");
  CHECK(deploy::to_json(parity).at("failure").is_string());
}
