#include "data/mask_census.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/sources/split_dataset.h"
#include "logged.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// Masks of two rows; one of no pixels stands for a sample that cannot be read.
class Masks : public Source {
 public:
  explicit Masks(std::vector<std::vector<std::int64_t>> masks) : masks_(std::move(masks)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(masks_.size()); }
  SampleFacts facts(std::int64_t index) const override { return {std::to_string(index)}; }
  Sample get(const SampleKey& key) const override {
    const auto& labels = masks_[static_cast<std::size_t>(key.index)];
    if (labels.empty()) throw UserError("sample " + std::to_string(key.index) + " is broken");
    Sample sample;
    sample.id = std::to_string(key.index);
    sample.inputs.set("image", torch::zeros({2, static_cast<std::int64_t>(labels.size()) / 2, 3}, torch::kByte));
    sample.targets.set("mask", torch::tensor(labels, torch::kLong).to(torch::kByte).view({2, -1}));
    return sample;
  }

 private:
  std::vector<std::vector<std::int64_t>> masks_;
};

std::shared_ptr<const Dataset> masks_of(std::vector<std::vector<std::int64_t>> train,
                                        std::vector<std::vector<std::int64_t>> val) {
  DataInfo info;
  info.classes = {"ground", "cat", "dog"};
  return std::make_shared<SplitDataset>(
      info, SplitDataset::Splits{std::make_shared<Masks>(std::move(train)), std::make_shared<Masks>(std::move(val))});
}

DataSubject masks_subject(std::shared_ptr<const Dataset> data) { return {std::move(data), "root", "masks", false, 2}; }

}  // namespace

TEST_CASE("pixels and images of each class are counted", "[data][segmentation]") {
  const auto data = masks_of({{0, 1, 1, 255}, {0, 0, 0, 0}, {}, {255, 255}}, {{2, 2, 0, 1}});
  CHECK(has_masks(*data));
  const auto counts = count_masks(masks_subject(data));
  const MaskCounts& train = counts.at(Split::Train);
  CHECK(train.pixels == std::vector<std::int64_t>{5, 2, 0});
  CHECK(train.images == std::vector<std::int64_t>{2, 1, 0});
  CHECK(train.ignored == 3);
  CHECK(train.masks == 3);
  CHECK(train.empty == std::vector<std::string>{"3"});
  CHECK(train.unreadable == std::vector<std::string>{"sample 2 is broken"});
  CHECK(train.all_pixels() == 10);
  CHECK(counts.at(Split::Val).images == std::vector<std::int64_t>{1, 1, 1});
  CHECK(mask_table(data->info().classes, counts).text() ==
        "class      train pixels     share  images  val pixels     share  images\n"
        "---------  ------------  --------  ------  ----------  --------  ------\n"
        "ground                5   50.00 %       2           1   25.00 %       1\n"
        "cat                   2   20.00 %       1           1   25.00 %       1\n"
        "dog                   0    0.00 %       0           2   50.00 %       1\n"
        "(ignored)             3   30.00 %                   0    0.00 %\n"
        "all                  10  100.00 %       3           4  100.00 %       1\n");
  CHECK(mask_warnings(data->info().classes, counts) ==
        std::vector<std::string>{
            "1 of the 3 masks of train count for nothing, all their pixels being ignored, as that of 3",
            "no pixel of train is of the class 'dog'"});
}

TEST_CASE("classes that never occur are told, the first one with a question", "[data][segmentation]") {
  const auto warnings = [](std::vector<std::vector<std::int64_t>> train) {
    const auto data = masks_of(std::move(train), {});
    return mask_warnings(data->info().classes, count_masks(masks_subject(data)));
  };
  CHECK(warnings({{1, 2}}) ==
        std::vector<std::string>{"no pixel of train is of the class 'ground': do masks count the classes from 1?"});
  CHECK(warnings({{0, 0}}) == std::vector<std::string>{"no pixel of train is of the classes 'cat', 'dog'"});
  CHECK(warnings({{0, 1}, {2, 2}}).empty());
}

TEST_CASE("masks that teach nothing are told before a training", "[data][segmentation]") {
  CHECK(
      test::user_error([] {
        check_some_masks(*masks_of({{255, 255}, {255, 255}}, {{255, 255}}));
      }) ==
      "all 3 masks that were looked at count for nothing: every pixel is ignored, as of 0; look at data.ignore_index, "
      "data.values and data.reduce_zero_label");
  CHECK(test::user_error([] { check_some_masks(*masks_of({{0, 1}, {}}, {})); }) == "sample 1 is broken");
  const std::string warned = test::logged([] { check_some_masks(*masks_of({{0, 255}, {0, 0}}, {{0, 0}})); });
  CHECK(warned.find("all 3 masks that were looked at hold the class 'ground' alone; ") != std::string::npos);
  CHECK(test::logged([] { check_some_masks(*masks_of({{0, 1}}, {})); }).empty());
}

}  // namespace mlrun::data
