#include "recipes/segmentation/metrics.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/random.h"
#include "support.h"

namespace mlrun::segmentation {
namespace {

struct Pixels {
  torch::Tensor logits, mask;  // [N, C, H, W], [N, H, W]
};

/// Some classes absent, some pixels ignored.
Pixels random_pixels(KeyedRandom& random, std::int64_t classes) {
  const std::int64_t count = 1 + static_cast<std::int64_t>(random.below(3)), side = 1 + random.below(6);
  const auto logits = torch::empty({count, classes, side, side}),
             mask = torch::empty({count, side, side}, torch::kLong);
  const auto most = 1 + random.below(static_cast<std::uint64_t>(classes));
  for (std::int64_t i = 0; i < logits.numel(); ++i) logits.data_ptr<float>()[i] = random.uniform(-1, 1);
  for (std::int64_t i = 0; i < mask.numel(); ++i) {
    mask.data_ptr<std::int64_t>()[i] = random.below(4) == 0 ? 255 : random.below(most);
  }
  return {logits, mask};
}

/// miou and pixel_acc by counting pixel by pixel.
std::pair<double, double> counted(const std::vector<Pixels>& all, std::int64_t classes) {
  std::vector<std::int64_t> both(classes), either(classes);
  std::int64_t right = 0, valid = 0;
  for (const auto& [logits, mask] : all) {
    const auto found = logits.argmax(1).contiguous();
    for (std::int64_t i = 0; i < mask.numel(); ++i) {
      const auto truth = mask.data_ptr<std::int64_t>()[i], said = found.data_ptr<std::int64_t>()[i];
      if (truth == 255) continue;
      ++valid;
      right += truth == said;
      if (truth == said) ++both[truth];
      ++either[truth];
      if (truth != said) ++either[said];
    }
  }
  double sum = 0;
  std::int64_t occurring = 0;
  for (std::int64_t i = 0; i < classes; ++i) {
    if (either[i] == 0) continue;
    sum += static_cast<double>(both[i]) / static_cast<double>(either[i]);
    ++occurring;
  }
  return {100 * sum / static_cast<double>(occurring), 100 * static_cast<double>(right) / static_cast<double>(valid)};
}

data::Batch batch_of(const torch::Tensor& mask) {
  data::Batch batch;
  batch.targets.set("mask", mask);
  for (std::int64_t i = 0; i < mask.size(0); ++i) {
    batch.ids.push_back(std::to_string(i));
    batch.indices.push_back(i);
  }
  return batch;
}

data::DataInfo info_of(std::int64_t classes) {
  data::DataInfo info;
  for (std::int64_t i = 0; i < classes; ++i) info.classes.push_back("class " + std::to_string(i));
  return info;
}

TEST_CASE("overlap counts what a count pixel by pixel gives, merged in any partition", "[recipes][segmentation]") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO(seed);
    KeyedRandom random(seed, "pixels");
    const auto classes = 2 + static_cast<std::int64_t>(random.below(4));
    std::vector<Pixels> all;
    const auto whole = make_overlap(info_of(classes)), other = make_overlap(info_of(classes));
    for (int part = 0; part < 5; ++part) {
      all.push_back(random_pixels(random, classes));
      auto& metric = part < 2 ? *whole : *other;
      metric.update({{"logits", all.back().logits}}, batch_of(all.back().mask));
    }
    whole->merge(*other);
    data::State state;
    whole->save(state, "m.");
    const auto again = make_overlap(info_of(classes));
    again->load(state, "m.");
    const auto [miou, accuracy] = counted(all, classes);
    const auto figures = again->compute();
    REQUIRE(figures.size() == 2);
    CHECK(figures[0].value == Approx(miou).epsilon(1e-12));
    CHECK(figures[1].value == Approx(accuracy).epsilon(1e-12));
  }
}

TEST_CASE("a class that nowhere occurs has no share in the mean, and is shown as absent", "[recipes][segmentation]") {
  const auto metric = make_overlap(info_of(3));
  const auto logits = torch::tensor({1.0F, 0.0F, 0.0F, 1.0F, -1.0F, -1.0F}).view({1, 3, 1, 2});
  metric->update({{"logits", logits}}, batch_of(torch::tensor({0, 0}, torch::kLong).view({1, 1, 2})));
  CHECK(metric->compute()[0].value == Approx(25));  // 1/2 and 0/1
  CHECK(metric->details().at("per_class")[2].at("iou").is_null());
  const auto exhibits = metric->exhibits();
  CHECK(report::exhibit_csv(exhibits.at(0)).find("class 2,0,-,-,-,-\n") != std::string::npos);
}

TEST_CASE("images of several sizes are one list", "[recipes][segmentation]") {
  const auto metric = make_overlap(info_of(2)), loss = make_loss();
  data::Batch batch = batch_of(torch::zeros({2, 1, 1}, torch::kLong));
  const std::vector<torch::Tensor> masks = {torch::zeros({1, 2}, torch::kByte), torch::full({2, 2}, 255, torch::kByte)};
  const std::vector<torch::Tensor> logits = {torch::zeros({2, 1, 2}), torch::zeros({2, 2, 2})};
  batch.targets.set("mask", masks);
  metric->update({{"logits", logits}}, batch);
  loss->update({{"logits", logits}}, batch);
  CHECK(metric->compute()[1].value == 100);
  CHECK(loss->compute()[0].value == Approx(std::log(2.0)).epsilon(1e-12));
}

}  // namespace
}  // namespace mlrun::segmentation
