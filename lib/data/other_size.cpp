#include "data/other_size.h"

#include <torch/types.h>

#include "base/log_once.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

void warn_of_other_size(const torch::Tensor& input, const std::string& file, const Json& augment,
                        const Json& preprocess) {
  constexpr const char* kSize = "input_size";
  if (preprocess.contains(kSize) || !augment.contains(kSize)) return;
  const auto [height, width] = sides_of(augment.at(kSize));
  if (input.size(1) == height && input.size(2) == width) return;
  const auto text = [](std::int64_t high, std::int64_t wide) {
    return std::to_string(high) + "x" + std::to_string(wide);
  };
  log::warning_once("images of another size",
                    file + ": comes to the model as " + text(input.size(1), input.size(2)) +
                        " pixels; it was trained on " + text(height, width) +
                        ", and data.preprocess brings images to no size (this is said once): bring them to it, or the "
                        "answers mean little");
}

}  // namespace mlrun::data
