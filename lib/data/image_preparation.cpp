#include "data/image_preparation.h"

#include "base/files.h"
#include "data/image/decode.h"
#include "data/other_size.h"
#include "data/transforms/image_transforms.h"

namespace mlrun::data {

std::shared_ptr<const Dataset> open_images(const config::DataSection& data) {
  return sources().make(data.source, OpenRequest{data.root, data.split, data.exif == "apply", data.cache});
}

ImagePreparation::ImagePreparation(const TransformFactory& transforms, const config::Recipe& recipe,
                                   TransformContext context, const Followers& followers)
    : channels_(context.channels), apply_exif_(recipe.data.exif == "apply") {
  context.channels_last = recipe.train.memory_format == "channels_last";
  context.scaled_decoding = recipe.data.scaled_decoding;
  augment_ = std::make_shared<Pipeline>(transforms, recipe.data.augment, context, "data.augment", followers);
  context.scaled_decoding = false;  // evaluation keeps its bits
  preprocess_ = std::make_shared<Pipeline>(transforms, recipe.data.preprocess, context, "data.preprocess", followers);
}

std::shared_ptr<const Source> ImagePreparation::source(std::shared_ptr<const Source> raw, bool augmented,
                                                       std::vector<std::int64_t> labels) const {
  if (!raw) return nullptr;
  return std::make_shared<PipelineSource>(std::move(raw), augmented ? augment_ : preprocess_, std::move(labels));
}

torch::Tensor ImagePreparation::decoded(const std::filesystem::path& file) const {
  torch::Tensor image = decode_image(read_file(file), file.string(), apply_exif_);
  if (channels_ != 1) return image;
  KeyedRandom unused(0, "grey");
  return make_grayscale({}, {})->apply(image, unused);
}

Sample ImagePreparation::sample_of(const torch::Tensor& image, const std::string& id, bool any_size) const {
  Sample sample;
  sample.id = id;
  sample.inputs.set("image", preprocess_->apply(image, {}));
  if (!any_size) warn_of_other_size(sample.inputs.tensor("image"), id, augment_->facts(), preprocess_->facts());
  return sample;
}

Json ImagePreparation::facts() const {
  Json json = {{"channels", channels_}, {"input_channels", preprocess_->channels()}};
  json.update(preprocess_->facts());
  return json;
}

torch::Tensor ImagePreparation::picture(const Sample& sample, bool augmented) const {
  return (augmented ? augment_ : preprocess_)->viewable(sample.inputs.tensor("image"));
}

}  // namespace mlrun::data
