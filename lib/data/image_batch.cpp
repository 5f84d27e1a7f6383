#include "data/image_batch.h"

#include <torch/types.h>

#include "base/error.h"
#include "data/collate.h"

namespace mlrun::data {
namespace {

std::string sides_text(const torch::Tensor& image) {
  return std::to_string(image.size(1)) + "x" + std::to_string(image.size(2));
}

}  // namespace

Batch batch_of_images(std::vector<Sample> samples) {
  for (const Sample& sample : samples) {
    const torch::Tensor& image = sample.inputs.tensor("image");
    const torch::Tensor& first = samples.front().inputs.tensor("image");
    if (image.sizes() == first.sizes()) continue;
    throw UserError("sample " + sample.id + " is " + sides_text(image) + " where " + samples.front().id + " is " +
                        sides_text(first),
                    "bring all images to one size: add resize or random_resized_crop to data.augment and "
                    "data.preprocess");
  }
  return stacked(std::move(samples));
}

}  // namespace mlrun::data
