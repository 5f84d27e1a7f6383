#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "base/json.h"
#include "config/recipe.h"
#include "data/pipeline_source.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

/// The data set that a recipe names. UserError where it cannot be opened.
std::shared_ptr<const Dataset> open_images(const config::DataSection& data);

/// What every task of images makes of its recipe's `data` section: samples as training and evaluation see them, files
/// read as evaluation reads them, and images of both to look at.
class ImagePreparation {
 public:
  /// `context` is what the model wants (models::transform_context), for the channels of the data; `followers` says
  /// which targets mark places in the image.
  ImagePreparation(const TransformFactory& transforms, const config::Recipe& recipe, TransformContext context,
                   const Followers& followers = {});

  /// The samples of `raw` with their images transformed, as training sees them (`augmented`) or evaluation, and their
  /// labels as PipelineSource changes them; null where `raw` is.
  std::shared_ptr<const Source> source(std::shared_ptr<const Source> raw, bool augmented,
                                       std::vector<std::int64_t> labels) const;
  /// An image file, uint8 [H, W, C], grey where the data are.
  torch::Tensor decoded(const std::filesystem::path& file) const;
  /// What `decoded` gives as a sample that evaluation would see, named `id`. Warns, once, of another size than
  /// training's, unless models take `any_size`.
  Sample sample_of(const torch::Tensor& image, const std::string& id, bool any_size = false) const;
  /// Task::preprocessing: `channels` of the data, `input_channels` of the model, and Pipeline::facts of evaluation.
  Json facts() const;
  /// Channels of the images that evaluation gives to the model.
  std::int64_t input_channels() const { return preprocess_->channels(); }
  /// The image of a sample of `source`, uint8 [H, W, C].
  torch::Tensor picture(const Sample& sample, bool augmented) const;

 private:
  std::int64_t channels_;
  bool apply_exif_;
  std::shared_ptr<const Pipeline> augment_, preprocess_;
};

}  // namespace mlrun::data
