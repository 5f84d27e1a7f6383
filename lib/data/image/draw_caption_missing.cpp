#ifndef MLRUN_WITH_OPENCV
#include "data/image/draw_boxes.h"

namespace mlrun::data {

void draw_caption(const torch::Tensor&, const std::string&, std::int64_t, std::int64_t, double, const Colour&) {}

}  // namespace mlrun::data
#endif
