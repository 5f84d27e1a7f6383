#include "data/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <torch/types.h>

#include "base/random.h"
#include "data/weighted_sampler.h"
#include "support.h"

namespace mlrun::data {
namespace {

using Order = std::vector<std::int64_t>;

/// Labels alone: whoever asks for a sample fails the test.
class LabelSource : public Source {
 public:
  explicit LabelSource(std::vector<std::int64_t> labels) : labels_(std::move(labels)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  Sample get(const SampleKey&) const override { throw InternalError(__FILE__, __LINE__, "a sampler decoded a sample"); }
  SampleFacts facts(std::int64_t index) const override {
    return {"photos/" + std::to_string(index) + ".jpg", {labels_.at(static_cast<std::size_t>(index))}};
  }

 private:
  std::vector<std::int64_t> labels_;
};

SamplerRequest labelled(std::vector<std::int64_t> labels) {
  return {std::make_shared<LabelSource>(std::move(labels)), {"ant", "bee", "cat"}};
}

SamplerRequest unlabelled(std::int64_t samples) {
  return labelled(std::vector<std::int64_t>(static_cast<std::size_t>(samples), 0));
}

std::unique_ptr<Sampler> make_sampler(const std::string& name, const SamplerRequest& of) {
  return samplers().make(samplers().defaults(name), of);
}

std::map<std::int64_t, std::int64_t> tally(const Order& order) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const auto index : order) ++counts[index];
  return counts;
}

std::string weighted_error(const WeightedOptions& options, const SamplerRequest& of) {
  return test::user_error([&] { make_weighted(options, of); });
}

}  // namespace

TEST_CASE("the samplers are registered", "[data][sampler]") {
  CHECK(samplers().names() ==
        std::vector<std::string>{"class_balanced", "repeated_augmentation", "sequential", "shuffle", "weighted"});
}

TEST_CASE("shuffle takes every sample once, in the order it always had", "[data][sampler]") {
  const auto sampler = make_sampler("shuffle", unlabelled(1000));
  CHECK(sampler->size() == 1000);
  CHECK(sampler->order(7, 2) == permutation(1000, KeyedRandom(7, "shuffle", 2)));
  CHECK(sampler->order(7, 2) != sampler->order(7, 3));
  CHECK(sampler->order(7, 2) != sampler->order(8, 2));
  CHECK(make_sampler("sequential", unlabelled(4))->order(7, 2) == Order{0, 1, 2, 3});
}

TEST_CASE("repeated augmentation takes what torchvision's RASampler takes", "[data][sampler]") {
  // references/classification/sampler.py, one process: every index of the shuffled order three times in a
  // row, cut to the number of samples rounded down to a multiple of 256.
  const std::int64_t samples = GENERATE(256, 300, 777, 1024);
  const auto sampler = make_sampler("repeated_augmentation", unlabelled(samples));
  const Order shuffled = make_sampler("shuffle", unlabelled(samples))->order(3, 1);
  Order expected;
  for (const auto index : shuffled) expected.insert(expected.end(), 3, index);
  expected.resize(static_cast<std::size_t>(samples / 256 * 256));
  CHECK(sampler->size() == samples / 256 * 256);
  CHECK(sampler->order(3, 1) == expected);
}

TEST_CASE("where torchvision would take none, all samples are the epoch", "[data][sampler]") {
  const auto sampler = make_sampler("repeated_augmentation", unlabelled(10));
  CHECK(sampler->size() == 10);
  const auto counts = tally(sampler->order(0, 0));
  CHECK(counts.size() == 4);  // 3 + 3 + 3 + 1
}

TEST_CASE("a sample that comes again has other random choices", "[data][sampler]") {
  CHECK(draw_numbers({4, 4, 0, 4, 0}) == std::vector<std::int32_t>{0, 1, 0, 2, 1});
  CHECK(draw_numbers({}).empty());
  std::set<std::uint64_t> numbers;
  for (const std::int64_t index : {0, 4}) {
    for (const std::int64_t draw : {0, 1, 2}) numbers.insert(SampleKey{index, 1, 9, draw}.random("crop").bits64());
  }
  CHECK(numbers.size() == 6);
  CHECK(SampleKey{4, 1, 9, 0}.random("crop").bits64() == KeyedRandom(9, "crop", 1, 4).bits64());
}

TEST_CASE("classes are drawn as often as their weights say", "[data][sampler]") {
  // 600 ants, 300 bees, 100 cats with weights 1, 2 and 0: half ants, half bees, no cats.
  std::vector<std::int64_t> labels(1000, 0);
  std::fill(labels.begin() + 600, labels.begin() + 900, 1);
  std::fill(labels.begin() + 900, labels.end(), 2);
  WeightedOptions options;
  options.weights = {1, 2, 0};
  options.samples = 40000;
  const auto sampler = make_weighted(options, labelled(labels));
  REQUIRE(sampler->size() == 40000);
  std::map<std::int64_t, double> drawn;
  const Order order = sampler->order(1, 5);
  REQUIRE(order.size() == 40000);
  for (const auto index : order) ++drawn[labels.at(static_cast<std::size_t>(index))];
  CHECK(drawn.count(2) == 0);
  CHECK(std::abs(drawn[0] - 20000) < 5 * std::sqrt(40000 * 0.25));  // five standard deviations
  const auto counts = tally(order);
  CHECK(counts.size() > 890);  // nearly every ant and bee, about 33 and 67 times
  CHECK(order == sampler->order(1, 5));
  CHECK(order != sampler->order(1, 6));
}

TEST_CASE("balanced classes are drawn alike, however few samples they have", "[data][sampler]") {
  std::vector<std::int64_t> labels(1000, 0);
  labels[500] = 2;  // one cat, no bee
  const auto sampler = make_sampler("class_balanced", labelled(labels));
  CHECK(sampler->size() == 1000);
  const auto counts = tally(sampler->order(4, 0));
  CHECK(std::abs(static_cast<double>(counts.at(500)) - 500) < 5 * std::sqrt(1000 * 0.25));
}

TEST_CASE("a file gives each sample its weight", "[data][sampler]") {
  const test::TempDir folder;
  WeightedOptions options;
  const auto three = labelled({0, 1, 2});
  options.file =
      folder.write("w.csv", "weight,path\n0,photos/0.jpg\n1.5,photos/1.jpg\n0.5,photos/2.jpg\n9,of/val.jpg\n");
  options.samples = 4000;
  const auto counts = tally(make_weighted(options, three)->order(0, 0));
  CHECK(counts.count(0) == 0);
  CHECK(std::abs(static_cast<double>(counts.at(1)) - 3000) < 5 * std::sqrt(4000 * 0.1875));

  const auto with = [&](const std::string& text) {
    options.file = folder.write("w.csv", text);
    return weighted_error(options, three);
  };
  const std::string file = (folder / "w.csv").string();
  CHECK(with("path,weight\nphotos/0.jpg,1\n") ==
        file +
            ": has no weight for the training sample 'photos/1.jpg'; give one for each, named by its path below "
            "data.root");
  CHECK(with("path\nphotos/0.jpg\n") == file + ": has no column 'weight'; begin the file with: path,weight");
  CHECK(with("") == file + ": has no column 'path'; begin the file with: path,weight");
  CHECK(with("path,weight\nphotos/0.jpg,-1\n") == file + ":2: '-1' is no weight; give a number, 0 or above");
  CHECK(with("path,weight\nphotos/0.jpg,nan\n") == file + ":2: 'nan' is no weight; give a number, 0 or above");
  CHECK(with("path,weight\na,1\na,1\n") == file + ":3: 'a' stands in the file twice; keep one of the rows");
  CHECK(with("path,weight\na,1,2\n") == file + ":2: 3 cells where the header has 2; quote cells that hold commas");
  CHECK(with("path,weight\nphotos/0.jpg,0\nphotos/1.jpg,0\nphotos/2.jpg,0\n") ==
        "data.sampler.file: every training sample has weight 0; give some a weight above 0");
}

TEST_CASE("weights that do not fit the classes are refused", "[data][sampler]") {
  WeightedOptions options;
  options.weights = {1, 2};
  CHECK(weighted_error(options, unlabelled(3)) ==
        "data.sampler.weights: has 2 numbers where the data set has 3 classes; give one for each, in this order: ant, "
        "bee, cat");
  options.weights = {0, 1, 1};
  CHECK(weighted_error(options, unlabelled(3)) ==
        "data.sampler.weights: every training sample has weight 0; give some a weight above 0");
}

}  // namespace mlrun::data
