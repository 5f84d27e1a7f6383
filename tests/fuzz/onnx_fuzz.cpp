#include <torch/types.h>

#include "deploy/onnx/model.h"
#include "fuzz/fuzz.h"

namespace mlrun::fuzz {
namespace {

constexpr std::int64_t kMostElements = 4096;  // of an input
constexpr deploy::OnnxLimits kLimits = {std::int64_t{1} << 16, std::int64_t{1} << 20};

/// Numbers for an input; nothing where the file wants too many of them.
std::optional<torch::Tensor> numbers_for(const deploy::OnnxValue& input) {
  std::vector<std::int64_t> sizes = input.shape.value_or(std::vector<std::int64_t>{2, 3});
  std::int64_t elements = 1;
  for (auto& size : sizes) {
    if (size < 0) size = 2;
    if (size > kMostElements || (elements *= size) > kMostElements) return std::nullopt;
  }
  return torch::arange(elements, torch::kFloat)
      .remainder(7)
      .sub(2)
      .reshape(sizes)
      .to(input.dtype.value_or(torch::kFloat));
}

/// What is accepted runs, or refuses to, with outputs as the graph names them.
void run(const std::filesystem::path& file) {
  const deploy::OnnxModel model(deploy::read_onnx(file), kLimits);
  std::vector<torch::Tensor> inputs;
  for (const auto& input : model.graph().inputs) {
    const auto numbers = numbers_for(input);
    if (!numbers) return;
    inputs.push_back(*numbers);
  }
  const auto outputs = model.run(inputs);
  require(outputs.size() == model.graph().outputs.size(), "every output is computed");
  for (const auto& output : outputs) require(output.defined(), "an output has numbers");
}

}  // namespace
}  // namespace mlrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = mlrun::fuzz::folder().write("model.onnx", mlrun::fuzz::bytes_of(data, size));
  mlrun::fuzz::tolerate([&] { mlrun::deploy::read_onnx_header(file); });
  mlrun::fuzz::tolerate([&] { mlrun::fuzz::run(file); });
  return 0;
}
