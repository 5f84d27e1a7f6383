#include "quant/calibration_data.h"

#include <algorithm>
#include <map>
#include <set>

#include <torch/types.h>

#include "catch.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;

namespace {

/// Samples in the order of their classes, as an image folder lists them.
class Sorted : public data::Source {
 public:
  explicit Sorted(std::vector<std::int64_t> sizes) {
    for (std::size_t label = 0; label < sizes.size(); ++label) {
      labels_.insert(labels_.end(), static_cast<std::size_t>(sizes[label]), static_cast<std::int64_t>(label));
    }
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  data::Sample get(const data::SampleKey&) const override { throw InternalError(__FILE__, __LINE__, "not to be read"); }
  data::SampleFacts facts(std::int64_t index) const override {
    return {std::to_string(index), {labels_.at(static_cast<std::size_t>(index))}};
  }

 private:
  std::vector<std::int64_t> labels_;
};

std::map<std::int64_t, int> classes_of(const data::Source& source, const std::vector<std::int64_t>& positions) {
  std::map<std::int64_t, int> counts;
  for (const auto position : positions) ++counts[source.facts(position).labels.front()];
  return counts;
}

std::unique_ptr<engine::Task> task_of(const config::Resolved& resolved) {
  return recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, std::nullopt});
}

}  // namespace

TEST_CASE("calibration samples come from every class, whatever the folder's order", "[quant][calibration]") {
  const Sorted source({50, 3, 20});
  const auto twelve = quant::spread_over_classes(source, 12, 0);
  CHECK(classes_of(source, twelve) == std::map<std::int64_t, int>{{0, 5}, {1, 3}, {2, 4}});
  CHECK(std::set<std::int64_t>(twelve.begin(), twelve.end()).size() == 12);
  CHECK(quant::spread_over_classes(source, 12, 0) == twelve);
  CHECK(quant::spread_over_classes(source, 12, 1) != twelve);
  CHECK(quant::spread_over_classes(source, 1000, 0).size() == 73);
}

TEST_CASE("calibration batches are training samples as evaluation sees them", "[quant][calibration]") {
  const auto task = task_of(tiny());
  const auto batches = quant::calibration_batches(*task, {.samples = 10, .seed = 1, .batch_size = 4});
  REQUIRE(batches.size() == 3);
  CHECK(batches[0].at("model").front().sizes() == torch::IntArrayRef({4, 1, 8, 8}));
  CHECK(batches[2].at("model").front().size(0) == 2);
  const auto source = task->evaluation_source(data::Split::Train);
  const auto first = quant::spread_over_classes(*source, 10, 1).front();
  const auto image = std::get<torch::Tensor>(source->get({first, 0, 1}).inputs.begin()->second);
  CHECK(torch::equal(batches[0].at("model").front()[0], image));
}

TEST_CASE("calibration data that say nothing are refused", "[quant][calibration]") {
  const auto task = task_of(tiny());
  CHECK(user_error([&] { quant::calibration_batches(*task, {.samples = 1}); }) ==
        "the samples to calibrate with are all the same, so no range can be found on them; take more of them with "
        "quantize.samples, or other data");
}
