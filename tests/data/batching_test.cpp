#include "data/batching.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "config/bind.h"
#include "data/images.h"
#include "data/sampler.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

using Numbers = std::vector<std::int64_t>;

/// Samples of which only facts are known.
class Known : public Source {
 public:
  explicit Known(std::vector<SampleFacts> facts) : facts_(std::move(facts)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(facts_.size()); }
  Sample get(const SampleKey&) const override { throw InternalError(__FILE__, __LINE__, "a sample was read"); }
  SampleFacts facts(std::int64_t index) const override { return facts_.at(static_cast<std::size_t>(index)); }

 private:
  std::vector<SampleFacts> facts_;
};

std::shared_ptr<const Source> of_lengths(const Numbers& lengths) {
  std::vector<SampleFacts> facts;
  for (const auto length : lengths) {
    SampleFacts one{"s" + std::to_string(facts.size())};
    one.length = length;
    facts.push_back(one);
  }
  return std::make_shared<Known>(facts);
}

std::shared_ptr<const Source> of_heights(const Numbers& heights, std::int64_t width) {
  std::vector<SampleFacts> facts;
  for (const auto height : heights) {
    SampleFacts one{"s" + std::to_string(facts.size())};
    one.height = height, one.width = width;
    facts.push_back(one);
  }
  return std::make_shared<Known>(facts);
}

std::unique_ptr<Batching> batching(const std::string& name, const std::shared_ptr<const Source>& source,
                                   std::int64_t size, const Json& options = Json::object(), bool drop_last = false) {
  config::Component component = batchings().defaults(name);
  for (const auto& [key, value] : options.items()) {
    batchings().at(name).options->find(key)->set(component.options.get(), value);
  }
  return batchings().make(component, {source, source->size(), size, drop_last});
}

Numbers in_order(std::int64_t size) {
  Numbers order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

std::vector<Numbers> steps_of(const Steps& steps) {
  std::vector<Numbers> list;
  std::int64_t begin = 0;
  for (const auto end : steps.ends) {
    list.emplace_back(steps.samples.begin() + begin, steps.samples.begin() + end);
    begin = end;
  }
  REQUIRE(begin == static_cast<std::int64_t>(steps.samples.size()));
  return list;
}

Numbers drawn_lengths(std::int64_t count) {
  KeyedRandom random(4, "lengths");
  Numbers lengths;
  for (std::int64_t i = 0; i < count; ++i) lengths.push_back(1 + static_cast<std::int64_t>(random.below(90)));
  return lengths;
}

}  // namespace

TEST_CASE("steps in the sampler's order, the last what is left or none", "[data][batching]") {
  const auto source = of_lengths(Numbers(7, 1));
  const auto all = batching("in_order", source, 3);
  CHECK(all->steps() == 3);
  CHECK(steps_of(all->put_together({6, 5, 4, 3, 2, 1, 0}, 1, 2)) == std::vector<Numbers>{{6, 5, 4}, {3, 2, 1}, {0}});
  const auto whole = batching("in_order", source, 3, Json::object(), true);
  CHECK(whole->steps() == 2);
  CHECK(steps_of(whole->put_together({6, 5, 4, 3, 2, 1, 0}, 1, 2)) == std::vector<Numbers>{{6, 5, 4}, {3, 2, 1}});
}

TEST_CASE("aspect ratios fall into torchvision's bins", "[data][batching]") {
  // 2 ** numpy.linspace(-1, 1, 7): 0.5, 0.63, 0.794, 1, 1.26, 1.587, 2
  const std::vector<std::pair<double, std::int64_t>> expected = {{0.49, 0}, {0.5, 1}, {0.62, 1}, {0.64, 2}, {0.8, 3},
                                                                 {0.99, 3}, {1.0, 4}, {1.25, 4}, {1.27, 5}, {1.6, 6},
                                                                 {1.99, 6}, {2.0, 7}, {9.0, 7}};
  for (const auto& [ratio, group] : expected) {
    INFO(ratio);
    CHECK(aspect_group(ratio, 3) == group);
  }
  CHECK(aspect_group(0.99, 0) == 0);
  CHECK(aspect_group(1.0, 0) == 1);
}

TEST_CASE("steps of one aspect ratio come as GroupedBatchSampler gives them", "[data][batching]") {
  // Lying (L), standing (S): L L S L S S L L S S, steps of 3.
  const auto source = of_heights({5, 5, 20, 5, 20, 20, 5, 5, 20, 20}, 10);
  const auto grouped = batching("aspect_ratio", source, 3, {{"groups", 0}});
  CHECK(grouped->steps() == 3);
  // Both have two left: the group that gave a step first comes first, and is filled with what it began with.
  CHECK(steps_of(grouped->put_together(in_order(10), 0, 0)) == std::vector<Numbers>{{0, 1, 3}, {2, 4, 5}, {6, 7, 0}});
  CHECK(steps_of(grouped->put_together({9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, 0, 0)) ==
        std::vector<Numbers>{{9, 8, 5}, {7, 6, 3}, {4, 2, 9}});
  // A group with fewer samples than a step has repeats them.
  const auto rare = batching("aspect_ratio", of_heights({5, 20, 5, 5, 5, 5, 20, 5}, 10), 4, {{"groups", 0}});
  CHECK(steps_of(rare->put_together(in_order(8), 0, 0)) == std::vector<Numbers>{{0, 2, 3, 4}, {1, 6, 1, 6}});
}

TEST_CASE("image files tell their sizes by their heads", "[data][batching]") {
  std::vector<SampleFacts> facts(1);
  facts[0].id = "a";
  facts[0].file = test::fixture("data/jpeg_parts/ramp.jpg");
  CHECK(batching("aspect_ratio", std::make_shared<Known>(facts), 1)->steps() == 1);
  facts[0].file.clear();
  CHECK(test::user_error([&] { batching("aspect_ratio", std::make_shared<Known>(facts), 1); }) ==
        "data.batching: the height and width of sample a are not known before it is read; choose another batching");
  CHECK(test::user_error([&] { batching("length", std::make_shared<Known>(facts), 1); }) ==
        "data.batching: the length of sample a is not known before it is read; choose another batching");
}

TEST_CASE("steps of like length take every sample once, in an order of the epoch's own", "[data][batching]") {
  const Numbers lengths = drawn_lengths(203);
  const auto source = of_lengths(lengths);
  const auto by_length = batching("length", source, 8, {{"pool", 100}});
  const auto shuffle = samplers().make(samplers().defaults("shuffle"), {source, {}});
  const auto steps = [&](std::int64_t epoch) {
    return steps_of(by_length->put_together(shuffle->order(5, epoch), 5, epoch));
  };
  REQUIRE(by_length->steps() == 26);
  Numbers seen;
  std::int64_t short_steps = 0;
  for (const Numbers& step : steps(0)) {
    const auto [least, most] = std::minmax_element(step.begin(), step.end(), [&](auto a, auto b) {
      return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)];
    });
    CHECK(lengths[static_cast<std::size_t>(*most)] - lengths[static_cast<std::size_t>(*least)] < 20);
    short_steps += step.size() == 8 ? 0 : 1;
    seen.insert(seen.end(), step.begin(), step.end());
  }
  CHECK(short_steps == 1);
  std::sort(seen.begin(), seen.end());
  CHECK(seen == in_order(203));
  CHECK(steps(0) == steps(0));
  CHECK(steps(0) != steps(1));
}

TEST_CASE("no step has more tokens than it may, and every epoch as many steps", "[data][batching]") {
  const Numbers lengths = drawn_lengths(500);
  const auto source = of_lengths(lengths);
  const auto tokens = batching("tokens", source, 16, {{"most", 400}});
  const auto shuffle = samplers().make(samplers().defaults("shuffle"), {source, {}});
  std::set<std::vector<Numbers>> epochs;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    const auto steps = steps_of(tokens->put_together(shuffle->order(5, epoch), 5, epoch));
    REQUIRE(static_cast<std::int64_t>(steps.size()) == tokens->steps());
    Numbers seen;
    for (const Numbers& step : steps) {
      std::int64_t longest = 0;
      for (const auto index : step) longest = std::max(longest, lengths[static_cast<std::size_t>(index)]);
      CHECK(longest * static_cast<std::int64_t>(step.size()) <= 400);
      CHECK(step.size() <= 16);
      seen.insert(seen.end(), step.begin(), step.end());
    }
    std::sort(seen.begin(), seen.end());
    REQUIRE(seen == in_order(500));
    epochs.insert(steps);
  }
  CHECK(epochs.size() == 5);
  CHECK(test::user_error([&] {
          batching("tokens", of_lengths({3, 900, 4}), 16, {{"most", 400}});
        }) ==
        "data.batching.most: sample s1 alone has 900, more than the 400 of a step; raise it, or leave out longer "
        "samples");
  CHECK(test::user_error([&] {
          tokens->put_together(Numbers(500, 7), 5, 0);
        }).find("data.batching: 'tokens' needs an epoch that takes every sample once") == 0);
}
