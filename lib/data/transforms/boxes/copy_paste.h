#pragma once

#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct CopyPasteOptions {
  double p = 1;
  bool blending = true;
  std::string interpolation = "bilinear";
  static void declare(config::Declare<CopyPasteOptions>& d);
};
/// Simple copy-paste of torchvision's references for detection (Ghiasi et al., 2021), where each image takes from
/// another sample: things with masks, as many draws as it has, of which those that were drawn are pasted. The other
/// image is resized where sizes differ. Boxes of what stays follow from what is left of its mask, what is covered goes.
/// `blending` widens what is pasted by two pixels on each side, without its masks: that is what the reference's
/// blurring of a boolean mask does. Images without things, or beside those, stay.
std::unique_ptr<Transform> make_copy_paste(const CopyPasteOptions& options, const TransformContext& context);

/// `scene` with the things of `other`, an equally large one, that `chosen` (rows, ascending) says; fields by the
/// followers' names.
void paste(Scene& scene, const Scene& other, const torch::Tensor& chosen, bool blending, const Followers& followers);

}  // namespace mlrun::data
