#include "engine/train/feed.h"

#include <algorithm>
#include <set>

#include <torch/types.h>

#include "engine/run/faulty.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::EpochFeed;

namespace {

struct FeedFixture {
  explicit FeedFixture(const std::vector<std::string>& overrides = {})
      : resolved(tiny(overrides)),
        task(recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}})),
        source(task->source(data::Split::Train)),
        epochs(*task, resolved.recipe, source) {}

  /// Epochs of the same samples, of which these cannot be read.
  engine::Epochs faulty(const std::set<std::int64_t>& broken) const {
    return engine::Epochs(*task, resolved.recipe, std::make_shared<FaultySource>(source, broken));
  }

  std::vector<engine::MicroBatch> all(std::int64_t epoch, std::int64_t first_step = 0, std::int64_t workers = 0) const {
    EpochFeed feed(*task, epochs, resolved.recipe, epoch, first_step, workers);
    std::vector<engine::MicroBatch> batches;
    while (auto micro = feed.next()) batches.push_back(std::move(*micro));
    return batches;
  }

  config::Resolved resolved;
  std::unique_ptr<engine::Task> task;
  std::shared_ptr<const data::Source> source;
  engine::Epochs epochs;
};

std::vector<std::int64_t> order(const std::vector<engine::MicroBatch>& batches) {
  std::vector<std::int64_t> indices;
  for (const auto& micro : batches) {
    indices.insert(indices.end(), micro.batch.indices.begin(), micro.batch.indices.end());
  }
  return indices;
}

}  // namespace

TEST_CASE("an epoch hands out every sample once, in an order of its own", "[engine]") {
  const FeedFixture fixture;
  const auto first = order(fixture.all(0)), second = order(fixture.all(1));
  CHECK(first != second);
  CHECK(first == order(fixture.all(0)));
  for (auto indices : {first, second}) {
    std::sort(indices.begin(), indices.end());
    REQUIRE(indices.size() == 40);
    for (std::int64_t i = 0; i < 40; ++i) CHECK(indices[static_cast<std::size_t>(i)] == i);
  }
  CHECK(first != order(FeedFixture({"train.seed=4"}).all(0)));
}

TEST_CASE("steps are divided into micro-batches, the last step holds what is left", "[engine]") {
  const auto batches = FeedFixture({"train.accumulate=4"}).all(0);
  REQUIRE(batches.size() == 4 + 4 + 2);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    CHECK(batches[i].batch.size() == 4);
    CHECK(batches[i].number == static_cast<std::int64_t>(i % 4));
    CHECK(batches[i].last == (i == 3 || i == 7 || i == 9));
    CHECK(batches[i].step_samples == (i < 8 ? 16 : 8));
    CHECK(batches[i].batch.inputs.tensor("image").sizes() == torch::IntArrayRef({4, 1, 8, 8}));
  }
}

TEST_CASE("an epoch that is taken up at a step goes on as it would have", "[engine]") {
  const FeedFixture fixture;
  const auto whole = fixture.all(2), rest = fixture.all(2, 1), nothing = fixture.all(2, 3);
  REQUIRE(rest.size() == whole.size() - 1);
  for (std::size_t i = 0; i < rest.size(); ++i) {
    CHECK(rest[i].batch.ids == whole[i + 1].batch.ids);
    CHECK(rest[i].batch.inputs.tensor("image").equal(whole[i + 1].batch.inputs.tensor("image")));
  }
  CHECK(nothing.empty());
}

TEST_CASE("workers hand out the same batches", "[engine]") {
  const FeedFixture fixture;
  const auto alone = fixture.all(1), helped = fixture.all(1, 0, 3);
  REQUIRE(alone.size() == helped.size());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    CHECK(alone[i].batch.inputs.tensor("image").equal(helped[i].batch.inputs.tensor("image")));
    CHECK(alone[i].batch.targets.tensor("label").equal(helped[i].batch.targets.tensor("label")));
  }
}

TEST_CASE("skipped samples leave their places empty and move no other sample", "[engine]") {
  const FeedFixture fixture({"train.accumulate=4", "data.on_error=skip"});
  const engine::Epochs faulty = fixture.faulty({0, 5, 11, 12, 13, 39});
  const auto read = [&](std::int64_t workers, std::int64_t first_step) {
    EpochFeed feed(*fixture.task, faulty, fixture.resolved.recipe, 1, first_step, workers);
    std::vector<engine::MicroBatch> batches;
    while (auto micro = feed.next()) batches.push_back(std::move(*micro));
    return batches;
  };
  const auto whole = fixture.all(1), skipped = read(0, 0), helped = read(3, 0), rest = read(0, 1);
  REQUIRE(skipped.size() == whole.size());
  REQUIRE(rest.size() == whole.size() - 4);
  std::int64_t missing = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::vector<std::int64_t> expected, left_out;
    for (const auto index : whole[i].batch.indices) {
      const bool broken = index == 0 || index == 5 || (index >= 11 && index <= 13) || index == 39;
      (broken ? left_out : expected).push_back(index);
    }
    CHECK(skipped[i].batch.indices == expected);
    CHECK(helped[i].batch.indices == expected);
    CHECK(skipped[i].step_samples == whole[i].step_samples);
    CHECK(skipped[i].last == whole[i].last);
    REQUIRE(skipped[i].batch.skipped.size() == left_out.size());
    for (std::size_t k = 0; k < left_out.size(); ++k) CHECK(skipped[i].batch.skipped[k].index == left_out[k]);
    missing += static_cast<std::int64_t>(left_out.size());
  }
  CHECK(missing == 6);
  for (std::size_t i = 0; i < rest.size(); ++i) CHECK(rest[i].batch.indices == skipped[i + 4].batch.indices);
}

TEST_CASE("a micro-batch of which nothing can be read has no fields", "[engine]") {
  const FeedFixture fixture({"train.batch_size=1", "data.on_error=skip"});
  const engine::Epochs faulty = fixture.faulty({7});
  EpochFeed feed(*fixture.task, faulty, fixture.resolved.recipe, 0, 0, 0);
  int empty = 0;
  while (const auto micro = feed.next()) {
    if (micro->batch.size() > 0) continue;
    ++empty;
    CHECK(micro->batch.inputs.size() == 0);
    REQUIRE(micro->batch.skipped.size() == 1);
    CHECK(micro->batch.skipped[0].id == "7.jpg");
    CHECK(micro->batch.skipped[0].message == "photos/7.jpg: the image is cut short; mend or remove it");
  }
  CHECK(empty == 1);
}

TEST_CASE("a repeated sample is augmented anew, and resumes with its own draw", "[engine]") {
  const FeedFixture fixture({"data.sampler=repeated_augmentation"});
  const auto whole = fixture.all(1), rest = fixture.all(1, 1), helped = fixture.all(1, 0, 3);
  const auto indices = order(whole);
  REQUIRE(indices.size() == 40);
  CHECK(indices[0] == indices[2]);
  CHECK(indices[2] != indices[3]);
  const torch::Tensor images = whole[0].batch.inputs.tensor("image");
  CHECK_FALSE((images[0].equal(images[1]) && images[1].equal(images[2])));
  // The first of them is what it is without repeats.
  const auto once = FeedFixture().all(1);
  CHECK(images[0].equal(once[0].batch.inputs.tensor("image")[0]));
  CHECK(images[3].equal(once[0].batch.inputs.tensor("image")[1]));
  // Sample 16 of the epoch is the second draw of its image: a resume in between gives the same bits.
  for (std::size_t i = 0; i < rest.size(); ++i) {
    CHECK(rest[i].batch.inputs.tensor("image").equal(whole[i + 1].batch.inputs.tensor("image")));
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(helped[i].batch.inputs.tensor("image").equal(whole[i].batch.inputs.tensor("image")));
  }
}

TEST_CASE("an epoch is as long as its sampler says", "[engine]") {
  const auto batches = FeedFixture({"data.sampler={name: class_balanced, samples: 50}"}).all(0);
  REQUIRE(batches.size() == 4);
  CHECK(batches.back().step_samples == 2);
}

namespace {

/// The same samples, every third of which stands where the others lie.
class Standing : public data::Source {
 public:
  explicit Standing(std::shared_ptr<const data::Source> all) : all_(std::move(all)) {}
  std::int64_t size() const override { return all_->size(); }
  data::Sample get(const data::SampleKey& key) const override { return all_->get(key); }
  data::SampleFacts facts(std::int64_t index) const override {
    data::SampleFacts facts = all_->facts(index);
    facts.height = index % 3 == 0 ? 20 : 5, facts.width = 10;
    return facts;
  }

 private:
  std::shared_ptr<const data::Source> all_;
};

}  // namespace

TEST_CASE("an epoch's steps are what its batching makes them, and their micro-batches are of them", "[engine]") {
  const FeedFixture fixture({"data.batching={name: aspect_ratio, groups: 0}", "train.batch_size=8",
                             "train.accumulate=2", "data.drop_last=true"});
  const engine::Epochs epochs(*fixture.task, fixture.resolved.recipe, std::make_shared<Standing>(fixture.source));
  CHECK(epochs.plan().steps_per_epoch == 5);
  CHECK(epochs.plan().samples == 40);
  EpochFeed feed(*fixture.task, epochs, fixture.resolved.recipe, 3, 1, 2);
  std::vector<std::int64_t> handed;
  int steps = 0, standing = -1;
  while (const auto micro = feed.next()) {
    CHECK(micro->batch.size() == 4);
    CHECK(micro->step_samples == 8);
    for (const auto index : micro->batch.indices) {
      if (standing < 0) standing = index % 3 == 0;
      CHECK((index % 3 == 0) == (standing == 1));
      handed.push_back(index);
    }
    if (!micro->last) continue;
    ++steps, standing = -1;
  }
  CHECK(steps == 4);  // from the second on
  const data::Steps whole = epochs.steps(3);
  CHECK(handed == std::vector<std::int64_t>(whole.samples.begin() + whole.ends[0], whole.samples.end()));
}

TEST_CASE("a batching that lacks what it goes by, or makes no step, is refused before the first step", "[engine]") {
  CHECK(user_error([] { FeedFixture({"data.batching=length"}); }) ==
        "data.batching: the length of sample 0 is not known before it is read; choose another batching");
  CHECK(user_error([] {
          FeedFixture({"data.batching=aspect_ratio", "train.batch_size=64"}).epochs.plan();
        }) ==
        "data.batching: leaves nothing to train on: an epoch has 40 samples, and a step takes 64; lower "
        "train.batch_size, or choose another batching");
}

TEST_CASE("drop_last leaves out what does not fill a step, in every epoch something else", "[engine]") {
  const FeedFixture whole, fixture({"data.drop_last=true", "train.accumulate=2"});
  const auto batches = fixture.all(1);
  REQUIRE(batches.size() == 4);
  for (const auto& micro : batches) CHECK(micro.batch.size() == 8);
  auto all = order(whole.all(1));
  all.resize(32);
  CHECK(order(batches) == all);
  CHECK(order(batches) != order(fixture.all(2)));
  const auto plan = [](const std::vector<std::string>& overrides, std::int64_t drawn) {
    return engine::training_plan(tiny(overrides).recipe, drawn);
  };
  CHECK(plan({"data.drop_last=true"}, 40).steps_per_epoch == 2);
  CHECK(plan({"data.drop_last=true"}, 40).samples == 32);
  CHECK(plan({}, 40).steps_per_epoch == 3);
  CHECK(plan({}, 40).samples == 40);
  CHECK(user_error([&] { plan({"data.drop_last=true"}, 15); }) ==
        "data.drop_last: leaves nothing to train on: an epoch has 15 samples, and a step takes 16; lower "
        "train.batch_size, or set it to false");
}
