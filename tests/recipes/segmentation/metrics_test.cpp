#include "recipes/segmentation/metrics.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/random.h"
#include "support.h"

namespace mlrun::segmentation {
namespace {

/// One image: what is true and what was found, int64 [H, W].
struct Pair {
  torch::Tensor truth, found;
};

/// Of any size; some classes absent, some pixels ignored, now and then all.
Pair random_pair(KeyedRandom& random, std::int64_t classes) {
  const auto below = [&random](std::int64_t count) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(count)));
  };
  const std::int64_t height = 1 + below(7), width = 1 + below(7), ignored = below(5), most = 1 + below(classes);
  const auto truth = torch::empty({height, width}, torch::kLong), found = torch::empty({height, width}, torch::kLong);
  for (std::int64_t i = 0; i < truth.numel(); ++i) {
    truth.data_ptr<std::int64_t>()[i] = below(4) < ignored ? 255 : below(most);
    found.data_ptr<std::int64_t>()[i] = below(3) == 0 ? below(classes) : below(most);
  }
  return {truth, found};
}

/// An independent count: pixel by pixel, in whole numbers, class by class.
struct Counted {
  explicit Counted(std::int64_t classes) : right(classes), truth(classes), found(classes) {}
  void add(const Pair& pair) {
    for (std::int64_t i = 0; i < pair.truth.numel(); ++i) {
      const auto is = pair.truth.data_ptr<std::int64_t>()[i], said = pair.found.data_ptr<std::int64_t>()[i];
      if (is == 255) continue;
      ++valid;
      ++truth[is];
      ++found[said];
      if (is == said) ++right[is];
    }
  }
  double iou(std::size_t i) const { return 100.0 * right[i] / static_cast<double>(truth[i] + found[i] - right[i]); }
  double dice(std::size_t i) const { return 200.0 * right[i] / static_cast<double>(truth[i] + found[i]); }
  bool absent(std::size_t i) const { return truth[i] == 0 && found[i] == 0; }

  std::vector<std::int64_t> right, truth, found;
  std::int64_t valid = 0;
};

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

/// Some of the pairs as a batch: logits whose largest is that of the found class.
void feed(metrics::Metric& metric, const std::vector<Pair>& pairs, std::int64_t classes) {
  data::Batch batch = batch_of(torch::zeros({static_cast<std::int64_t>(pairs.size()), 1, 1}, torch::kLong));
  std::vector<torch::Tensor> masks, logits;
  bool one_size = true;
  for (const Pair& pair : pairs) {
    masks.push_back(pair.truth.to(torch::kByte));
    logits.push_back(torch::one_hot(pair.found, classes).permute({2, 0, 1}).to(torch::kFloat) * 3 - 1);
    one_size = one_size && masks.back().sizes() == masks.front().sizes();
  }
  if (one_size) batch.targets.set("mask", torch::stack(masks));
  else batch.targets.set("mask", masks);
  metric.update({{"logits", one_size ? data::Value(torch::stack(logits)) : data::Value(logits)}}, batch);
}

void check_counts(const metrics::Metric& metric, const Counted& counted) {
  const Json details = metric.details();
  double iou = 0, dice = 0;
  std::int64_t right = 0, occurring = 0;
  std::vector<std::string> absent;
  for (std::size_t i = 0; i < counted.truth.size(); ++i) {
    const Json& row = details.at("per_class")[i];
    CHECK(row.at("pixels") == counted.truth[i]);
    CHECK(row.at("iou").is_null() == counted.absent(i));
    right += counted.right[i];
    if (counted.absent(i)) {
      absent.push_back("class " + std::to_string(i));
      continue;
    }
    CHECK(row.at("iou").get<double>() == counted.iou(i));
    CHECK(row.at("dice").get<double>() == counted.dice(i));
    iou += counted.iou(i);
    dice += counted.dice(i);
    ++occurring;
  }
  CHECK(details.at("absent") == Json(absent));
  const auto figures = metric.compute();
  REQUIRE(figures.size() == 3);
  if (occurring == 0) {
    for (const auto& figure : figures) CHECK(std::isnan(figure.value));
    return;
  }
  CHECK(figures[0].value == iou / static_cast<double>(occurring));
  CHECK(figures[1].value == dice / static_cast<double>(occurring));
  CHECK(figures[2].value == 100.0 * static_cast<double>(right) / static_cast<double>(counted.valid));
}

TEST_CASE("overlap is what an independent count gives, whatever the sizes and batches", "[recipes][segmentation]") {
  std::int64_t pairs = 0;
  for (std::uint64_t seed = 0; pairs < 1000; ++seed) {
    INFO(seed);
    KeyedRandom random(seed, "pixels");
    const auto classes = 2 + static_cast<std::int64_t>(random.below(9));
    const auto metric = make_overlap(info_of(classes)), other = make_overlap(info_of(classes));
    Counted counted(classes);
    for (auto batches = 1 + random.below(4); batches > 0; --batches) {
      std::vector<Pair> batch;
      for (auto count = 1 + random.below(3); count > 0; --count) {
        batch.push_back(random_pair(random, classes));
        counted.add(batch.back());
      }
      pairs += static_cast<std::int64_t>(batch.size());
      feed(random.below(2) == 0 ? *metric : *other, batch, classes);
    }
    metric->merge(*other);
    data::State state;
    metric->save(state, "m.");
    const auto again = make_overlap(info_of(classes));
    again->load(state, "m.");
    check_counts(*again, counted);
  }
}

TEST_CASE("pixels are counted in whole numbers beyond what a float holds", "[recipes][segmentation]") {
  const auto metric = make_overlap(info_of(2)), much = make_overlap(info_of(2));
  data::State state;
  state.put("m.counts", torch::tensor({(std::int64_t{1} << 40) + 1, std::int64_t{0}, std::int64_t{1}, std::int64_t{3}},
                                      torch::kLong)
                            .view({2, 2}));
  much->load(state, "m.");
  metric->merge(*much);
  CHECK(metric->details().at("per_class")[0].at("pixels") == (std::int64_t{1} << 40) + 1);
  CHECK(report::exhibit_csv(metric->exhibits().at(1)) ==
        "true,class 0,class 1\nclass 0,1099511627777,0\nclass 1,1,3\n");
}

TEST_CASE("a class that nowhere occurs has no share in the mean, and is shown as absent", "[recipes][segmentation]") {
  const auto metric = make_overlap(info_of(3));
  const auto logits = torch::tensor({1.0F, 0.0F, 0.0F, 1.0F, -1.0F, -1.0F}).view({1, 3, 1, 2});
  metric->update({{"logits", logits}}, batch_of(torch::tensor({0, 0}, torch::kLong).view({1, 1, 2})));
  CHECK(metric->compute()[0].value == Approx(25));  // 1/2 and 0/1
  CHECK(metric->details().at("per_class")[2].at("iou").is_null());
  const auto exhibits = metric->exhibits();
  CHECK(report::exhibit_csv(exhibits.at(0)).find("class 2,0,-,-,-,-\n") != std::string::npos);
  CHECK(std::get<report::Remark>(exhibits.at(2).content).text == "absent, and in no mean: class 2");
}

TEST_CASE("images of several sizes are one list", "[recipes][segmentation]") {
  const auto metric = make_overlap(info_of(2)), loss = make_loss();
  data::Batch batch = batch_of(torch::zeros({2, 1, 1}, torch::kLong));
  const std::vector<torch::Tensor> masks = {torch::zeros({1, 2}, torch::kByte), torch::full({2, 2}, 255, torch::kByte)};
  const std::vector<torch::Tensor> logits = {torch::zeros({2, 1, 2}), torch::zeros({2, 2, 2})};
  batch.targets.set("mask", masks);
  metric->update({{"logits", logits}}, batch);
  loss->update({{"logits", logits}}, batch);
  CHECK(metric->compute()[2].value == 100);
  CHECK(loss->compute()[0].value == Approx(std::log(2.0)).epsilon(1e-12));
}

TEST_CASE("each image is judged by itself", "[recipes][segmentation]") {
  data::Batch batch = batch_of(torch::zeros({2, 1, 1}, torch::kLong));
  batch.targets.set("mask", std::vector<torch::Tensor>{torch::tensor({{0, 1, 1, 255}}, torch::kByte),
                                                       torch::full({1, 1}, 255, torch::kByte)});
  const std::vector<torch::Tensor> logits = {
      torch::tensor({1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 1.0F, 0.0F}).view({2, 1, 4}), torch::zeros({2, 1, 1})};
  const auto rows = judge(2, {{"logits", logits}}, batch);
  CHECK(judged_columns() == std::vector<std::string>{"pixels", "wrong", "miou", "loss"});
  REQUIRE(rows.size() == 2);
  CHECK((rows[0][0] == 3 && rows[0][1] == 1));
  CHECK(rows[0][2].get<double>() == Approx(50));  // 1/2 and 1/2
  const double right = std::log(1 + std::exp(-1.0)), wrong = 1 + right;
  CHECK(rows[0][3].get<double>() == Approx((2 * right + wrong) / 3));
  CHECK(rows[1] == std::vector<Json>{0, 0, nullptr, nullptr});
}

}  // namespace
}  // namespace mlrun::segmentation
