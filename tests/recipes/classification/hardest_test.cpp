#include "recipes/classification/metrics/hardest.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>

#include "support.h"

using namespace mlrun;
using classification::HardestSamples;

namespace {

data::DataInfo info_of(std::vector<std::string> classes) {
  data::DataInfo info;
  info.classes = std::move(classes);
  return info;
}

void feed_hard(HardestSamples& hardest, const torch::Tensor& logits, const std::vector<std::int64_t>& labels,
               std::int64_t first) {
  data::Fields prediction;
  prediction.set("logits", logits);
  data::Batch batch;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    batch.indices.push_back(first + static_cast<std::int64_t>(i));
    batch.ids.push_back("s" + std::to_string(batch.indices.back()));
  }
  batch.targets.set("label", torch::tensor(labels, torch::kLong));
  hardest.update(prediction, batch);
}

}  // namespace

TEST_CASE("the misclassified samples with the highest loss are kept, over batches", "[metrics]") {
  torch::manual_seed(3);
  const auto logits = torch::randn({200, 5}, torch::kDouble) * 3;
  const auto labels = torch::randint(5, {200}, torch::kLong);
  const auto losses = torch::cross_entropy_loss(logits, labels, {}, at::Reduction::None);
  const auto wrong = logits.argmax(1).ne(labels);
  const auto order = losses.masked_fill(wrong.logical_not(), -1).argsort(0, /*descending=*/true);
  HardestSamples hardest(info_of({"a", "b", "c", "d", "e"}), 7);
  for (std::int64_t i = 0; i < 200; i += 32) {
    const std::int64_t end = std::min<std::int64_t>(200, i + 32);
    std::vector<std::int64_t> some;
    for (std::int64_t k = i; k < end; ++k) some.push_back(labels[k].item<std::int64_t>());
    feed_hard(hardest, logits.slice(0, i, end), some, i);
  }
  const auto kept = hardest.list();
  REQUIRE(kept.size() == 7);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto index = order[static_cast<std::int64_t>(i)].item<std::int64_t>();
    CHECK(kept[i].index == index);
    CHECK(kept[i].id == "s" + std::to_string(index));
    CHECK(kept[i].label == labels[index].item<std::int64_t>());
    CHECK(kept[i].predicted == logits[index].argmax().item<std::int64_t>());
    CHECK(kept[i].loss == Approx(losses[index].item<double>()));
    CHECK(kept[i].probability == Approx(logits[index].softmax(0).max().item<double>()));
  }
}

TEST_CASE("right answers and NaN are not hard samples", "[metrics]") {
  HardestSamples hardest(info_of({"a", "b"}), 4);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  feed_hard(hardest, torch::tensor({{5.0, 0.0}, {nan, 1.0}, {0.0, 2.0}}, torch::kDouble), {0, 0, 0}, 0);
  REQUIRE(hardest.list().size() == 1);
  CHECK(hardest.list()[0].index == 2);
  CHECK(hardest.list()[0].loss == Approx(2 + std::log1p(std::exp(-2.0))));
  HardestSamples none(info_of({"a", "b"}), 0);
  feed_hard(none, torch::tensor({{0.0, 2.0}}, torch::kDouble), {0}, 0);
  CHECK(none.list().empty());
}
