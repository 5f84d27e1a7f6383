#include "data/image_batch.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "support.h"

namespace mlrun::data {
namespace {

Sample sample_of(const std::string& id, std::int64_t index, std::int64_t width) {
  Sample sample;
  sample.id = id;
  sample.index = index;
  sample.inputs.set("image", torch::full({3, 2, width}, static_cast<double>(index)));
  sample.targets.set("label", torch::scalar_tensor(index, torch::kLong));
  sample.targets.set("mask", torch::full({2, width}, index, torch::kLong));
  return sample;
}

}  // namespace

TEST_CASE("images of one size and all their targets become a batch", "[data]") {
  const Batch batch = batch_of_images({sample_of("a", 4, 5), sample_of("b", 7, 5)});
  CHECK(batch.ids == std::vector<std::string>{"a", "b"});
  CHECK(batch.indices == std::vector<std::int64_t>{4, 7});
  CHECK(batch.inputs.tensor("image").sizes() == torch::IntArrayRef({2, 3, 2, 5}));
  CHECK(torch::equal(batch.targets.tensor("label"), torch::tensor({4, 7}, torch::kLong)));
  CHECK(batch.targets.tensor("mask").sizes() == torch::IntArrayRef({2, 2, 5}));
  CHECK(batch.targets.tensor("mask")[1].eq(7).all().item<bool>());
}

TEST_CASE("an image of another size is named", "[data]") {
  CHECK(test::user_error([] {
          batch_of_images({sample_of("a", 0, 5), sample_of("b", 1, 6)});
        }) ==
        "sample b is 2x6 where a is 2x5; bring all images to one size: add resize or random_resized_crop to "
        "data.augment and data.preprocess");
}

}  // namespace mlrun::data
