#include "recipes/detection/learning.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/transforms/follower.h"
#include "models/detection/transform.h"
#include "recipes/detection/samples.h"

namespace mlrun::detection {
namespace {

/// Masks [n, H, W] in the size of their image, by nearest pixels, with the padding of its batch.
torch::Tensor resized_masks(const torch::Tensor& masks, std::pair<std::int64_t, std::int64_t> size,
                            const torch::Tensor& batch) {
  torch::Tensor padded = torch::zeros({masks.size(0), batch.size(2), batch.size(3)}, torch::kByte);
  if (masks.size(0) == 0) return padded;
  const torch::Tensor resized =
      at::upsample_nearest2d(masks.unsqueeze(1).to(torch::kFloat), {size.first, size.second}).squeeze(1);
  padded.slice(1, 0, size.first).slice(2, 0, size.second).copy_(resized);
  return padded.to(batch.device());
}

/// Images with what is in them, in their pixels. Crowds are not learnt from, nor what has no area in float32 any more.
data::Fields followed(const data::Batch& batch, const models::DetectorBatch& prepared, const HeadLabels& head,
                      const Details& details) {
  const torch::Tensor sizes = prepared.sizes.to(torch::kCPU);
  nn::Tensors boxes, labels, masks, keypoints;
  const bool with_masks = details.masks, with_keypoints = details.keypoints > 0;
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    const auto of = [&batch, i](const char* name) { return list_of(batch.targets, name)[i]; };
    const torch::Tensor size = sizes[static_cast<std::int64_t>(i)];
    const torch::Tensor& image = list_of(batch.inputs, "image")[i];
    const std::pair from(image.size(1), image.size(2)), to(size[0].item<std::int64_t>(), size[1].item<std::int64_t>());
    const torch::Tensor all = models::rescaled_boxes(of("boxes"), from, to);
    const torch::Tensor single = of("crowd").logical_not().logical_and(data::has_area(all));
    boxes.push_back(all.index({single}));
    labels.push_back(head.of_classes(of("labels").index({single})));
    if (with_masks) masks.push_back(resized_masks(of("masks").index({single}), to, prepared.image));
    if (with_keypoints) keypoints.push_back(models::rescaled_keypoints(of("keypoints").index({single}), from, to));
  }
  data::Fields fields = {{"image", prepared.image}, {"sizes", prepared.sizes}, {"boxes", boxes}, {"labels", labels}};
  if (with_masks) fields.set("masks", masks);
  if (with_keypoints) fields.set("keypoints", keypoints);
  return fields;
}

}  // namespace

/// Upstream draws a size for each image, also where there is one alone.
data::Fields learnt_from(const data::Batch& batch, const models::Detector& model, const HeadLabels& head,
                         const Details& details, bool model_sizes) {
  nn::Tensors images;
  for (const auto& image : list_of(batch.inputs, "image")) images.push_back(normalised(image, model.input()));
  models::DetectorInput input = model.input();
  if (!model_sizes)
    input.max_size = std::numeric_limits<std::int64_t>::max(), input.fixed_height = input.fixed_width = 0;
  const auto choices = static_cast<std::int64_t>(input.min_sizes.size());
  std::vector<std::int64_t> min_sizes;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto choice =
        static_cast<std::int64_t>(torch::empty(1).uniform_(0, static_cast<double>(choices)).item<double>());
    min_sizes.push_back(model_sizes ? input.min_sizes.at(static_cast<std::size_t>(choice))
                                    : std::min(images[i].size(1), images[i].size(2)));
  }
  return followed(batch, models::prepare(images, input, min_sizes), head, details);
}

}  // namespace mlrun::detection
