#include <sstream>

#include "config/bind.h"
#include "config/fake_catalogue.h"
#include "fuzz/fuzz.h"

namespace mlrun::fuzz {
namespace {

constexpr const char* kRecipe = R"(task: classification
model: {name: resnet18, weights: null}
data: {root: photos, format: image_folder, extensions: [jpg], augment: [{name: resize, size: 8}, normalize]}
train: {epochs: 3, seed: 1}
optimizer: {name: sgd, lr: 0.1}
expect: [{metric: val/acc1, value: 50, tolerance: 1}]
)";

/// Each line of the input is one override; those that are malformed are left out.
void check(std::string_view text) {
  static const std::filesystem::path recipe = folder().write("overrides.yaml", kRecipe);
  config::LayerRequest request{recipe, {}, {}};
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    tolerate([&] { request.overrides.push_back(config::parse_override(line)); });
  }
  config::resolve(request, test::fake_catalogue());
}

}  // namespace
}  // namespace mlrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mlrun::fuzz::tolerate([&] { mlrun::fuzz::check(mlrun::fuzz::bytes_of(data, size)); });
  return 0;
}
