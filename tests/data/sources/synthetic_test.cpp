#include "data/sources/synthetic.h"

#include <chrono>
#include <map>

#include <torch/types.h>

#include "support.h"

namespace mlrun::data {
namespace {

std::shared_ptr<const Dataset> open_patterns(const SyntheticOptions& options, const config::SplitOptions& split = {}) {
  return open_synthetic(options, {{}, split});
}

torch::Tensor image(const Source& source, std::int64_t index) {
  return source.get({index, 0, 0}).inputs.tensor("image");
}

std::int64_t label(const Source& source, std::int64_t index) {
  return source.get({index, 0, 0}).targets.tensor("label").item<std::int64_t>();
}

}  // namespace

TEST_CASE("synthetic samples have the shapes asked for", "[data][synthetic]") {
  SyntheticOptions options;
  options.height = 9;
  options.width = 21;
  options.channels = GENERATE(1, 3);
  options.num_classes = 7;
  options.train_samples = 20;
  options.val_samples = 10;
  options.test_samples = 0;
  const auto data = open_patterns(options);
  REQUIRE(data->info().name == "synthetic");
  REQUIRE(data->info().classes.size() == 7);
  REQUIRE(data->info().channels == options.channels);
  REQUIRE(data->split(Split::Train)->size() == 20);
  REQUIRE(data->split(Split::Val)->size() == 10);
  REQUIRE(data->split(Split::Test) == nullptr);
  const Sample sample = data->split(Split::Train)->get({16, 0, 0});
  REQUIRE(sample.id == "16");
  REQUIRE(sample.index == 16);
  REQUIRE(sample.targets.tensor("label").scalar_type() == torch::kLong);
  REQUIRE(sample.targets.tensor("label").item<std::int64_t>() == 2);
  const auto& pixels = sample.inputs.tensor("image");
  REQUIRE(pixels.scalar_type() == torch::kByte);
  REQUIRE(pixels.sizes() == torch::IntArrayRef({9, 21, options.channels}));
}

TEST_CASE("a synthetic sample can be made again, in any order", "[data][synthetic]") {
  const auto one = open_patterns({})->split(Split::Train);
  const auto two = open_patterns({})->split(Split::Train);
  const auto late = image(*two, 1000);
  for (const std::int64_t index : {5, 3, 5}) REQUIRE(torch::equal(image(*one, index), image(*two, index)));
  REQUIRE(torch::equal(image(*one, 1000), late));
  REQUIRE_FALSE(torch::equal(image(*one, 3), image(*one, 13)));  // same class, other noise
  // Neither the epoch nor the run's seed changes the data.
  REQUIRE(torch::equal(one->get({3, 9, 77}).inputs.tensor("image"), image(*one, 3)));
}

TEST_CASE("splits and seeds hold different synthetic samples", "[data][synthetic]") {
  SyntheticOptions options;
  options.val_samples = 10;
  const auto data = open_patterns(options);
  REQUIRE_FALSE(torch::equal(image(*data->split(Split::Train), 0), image(*data->split(Split::Test), 0)));
  REQUIRE_FALSE(torch::equal(image(*data->split(Split::Val), 0), image(*data->split(Split::Test), 0)));
  const auto fingerprint = data->info().fingerprint;
  options.seed = 1;
  const auto other = open_patterns(options);
  REQUIRE_FALSE(torch::equal(image(*data->split(Split::Train), 0), image(*other->split(Split::Train), 0)));
  REQUIRE(fingerprint != other->info().fingerprint);
  options.seed = 0;
  REQUIRE(fingerprint == open_patterns(options)->info().fingerprint);
}

TEST_CASE("shares divide the synthetic training samples", "[data][synthetic]") {
  SyntheticOptions options;
  options.train_samples = 100;
  options.test_samples = 50;
  config::SplitOptions split;
  split.val = 0.2;
  const auto data = open_patterns(options, split);
  const auto whole = open_patterns(options)->split(Split::Train);
  REQUIRE(data->split(Split::Train)->size() == 80);
  const auto val = data->split(Split::Val);
  REQUIRE(val->size() == 20);
  const Sample held_out = val->get({4, 0, 0});
  REQUIRE(torch::equal(held_out.inputs.tensor("image"), image(*whole, std::stoll(held_out.id))));
  split.test = 0.2;
  REQUIRE(test::user_error([&] { open_patterns(options, split); }).find("data.split.test: ") == 0);
}

TEST_CASE("synthetic classes can be learnt", "[data][synthetic]") {
  SyntheticOptions options;
  options.height = 16;
  options.width = 16;
  options.train_samples = 1000;
  const auto data = open_patterns(options);
  const auto train = data->split(Split::Train);
  auto means = torch::zeros({10, 16 * 16 * 3});
  for (std::int64_t i = 0; i < train->size(); ++i) {
    means[label(*train, i)] += image(*train, i).reshape({-1}).to(torch::kFloat) / 100;
  }
  const auto test = data->split(Split::Test);
  int right = 0;
  for (std::int64_t i = 0; i < test->size(); ++i) {
    const auto distances = (means - image(*test, i).reshape({1, -1})).pow(2).sum(1);
    right += distances.argmin().item<std::int64_t>() == label(*test, i) ? 1 : 0;
  }
  REQUIRE(static_cast<double>(right) > 0.95 * static_cast<double>(test->size()));
}

TEST_CASE("noise stays within its amplitude", "[data][synthetic]") {
  SyntheticOptions options;
  options.height = 8;
  options.width = 8;
  options.num_classes = 1;
  options.train_samples = 200;
  options.noise = 0;
  const auto clean = open_patterns(options)->split(Split::Train);
  options.noise = 0.1;
  const auto noisy = open_patterns(options)->split(Split::Train);
  int largest = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const auto difference = image(*noisy, i).to(torch::kInt) - image(*clean, i).to(torch::kInt);
    largest = std::max(largest, difference.abs().max().item<int>());
  }
  REQUIRE(largest == 26);  // 0.1 x 255, rounded
}

TEST_CASE("a small synthetic sample takes microseconds", "[data][synthetic][.bench]") {
  SyntheticOptions options;
  options.height = 8;
  options.width = 8;
  options.channels = 1;
  const auto train = open_patterns(options)->split(Split::Train);
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < 10000; ++i) train->get({i % 1024, 0, 0});
  const double microseconds =
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / 10000;
  WARN("8 x 8 x 1: " << microseconds << " us a sample");
  REQUIRE(microseconds < 50);
}

}  // namespace mlrun::data
