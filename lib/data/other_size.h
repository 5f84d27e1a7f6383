#pragma once

#include <string>

#include <torch/types.h>

#include "base/json.h"

namespace mlrun::data {

/// Warns, once, of a file whose image comes to the model in another size than training's, for `data.preprocess` brings
/// none to a size. `augment` and `preprocess` are the facts of both (`Pipeline::facts`); `input` is [C, H, W].
void warn_of_other_size(const torch::Tensor& input, const std::string& file, const Json& augment,
                        const Json& preprocess);

}  // namespace mlrun::data
