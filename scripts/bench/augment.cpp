// What each image operator takes: one line `OP milliseconds` for each, the least over ROUNDS.
//
//     augment ROUNDS HEIGHT WIDTH IMAGE     IMAGE: HEIGHT x WIDTH RGB bytes

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "base/files.h"
#include "data/image/ops.h"
#include "data/transforms/augment_ops.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

using Clock = std::chrono::steady_clock;
using Operator = std::pair<std::string, std::function<torch::Tensor(const torch::Tensor&)>>;

std::function<torch::Tensor(const torch::Tensor&)> moving(AugmentOp op, double magnitude, Interpolation interpolation) {
  return [=](const torch::Tensor& image) { return apply_step(image, {op, magnitude}, {interpolation, {0}}); };
}

/// Keep in step with augment.py.
std::vector<Operator> operators() {
  using Op = AugmentOp;
  std::vector<Operator> list = {
      {"adjust_brightness", [](const torch::Tensor& image) { return adjust_brightness(image, 1.4); }},
      {"adjust_contrast", [](const torch::Tensor& image) { return adjust_contrast(image, 0.7); }},
      {"adjust_saturation", [](const torch::Tensor& image) { return adjust_saturation(image, 1.4); }},
      {"adjust_sharpness", [](const torch::Tensor& image) { return adjust_sharpness(image, 1.4); }},
      {"adjust_hue", [](const torch::Tensor& image) { return adjust_hue(image, 0.1); }},
      {"posterize", [](const torch::Tensor& image) { return posterize(image, 4); }},
      {"solarize", [](const torch::Tensor& image) { return solarize(image, 128); }},
      {"autocontrast", autocontrast},
      {"equalize", equalize},
      {"invert", invert}};
  const std::vector<std::pair<std::string, Interpolation>> modes = {
      {"nearest", Interpolation::Nearest}, {"bilinear", Interpolation::Bilinear}, {"bicubic", Interpolation::Bicubic}};
  for (const auto& [name, mode] : modes) {
    list.emplace_back("shear_x " + name, moving(Op::ShearX, 0.2, mode));
    list.emplace_back("shear_y " + name, moving(Op::ShearY, 0.2, mode));
    list.emplace_back("translate_x " + name, moving(Op::TranslateX, 20, mode));
    list.emplace_back("rotate " + name, moving(Op::Rotate, 17, mode));
  }
  return list;
}

double least_milliseconds(const Operator& op, const torch::Tensor& image, int rounds) {
  double least = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = Clock::now();
    const torch::Tensor result = op.second(image);
    const double taken = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    least = i == 0 ? taken : std::min(least, taken);
  }
  return least;
}

int run(int count, char** arguments) {
  if (count != 5 || std::atoi(arguments[1]) < 1) {
    std::fprintf(stderr, "usage: augment ROUNDS HEIGHT WIDTH IMAGE\n");
    return 2;
  }
  const torch::NoGradGuard no_grad;
  at::set_num_threads(1);
  const std::string bytes = read_file(arguments[4]);
  auto image = torch::empty({std::atoi(arguments[2]), std::atoi(arguments[3]), 3}, torch::kUInt8);
  if (bytes.size() != static_cast<std::size_t>(image.numel())) {
    std::fprintf(stderr, "%s: is not of that size\n", arguments[4]);
    return 2;
  }
  std::copy(bytes.begin(), bytes.end(), image.data_ptr<std::uint8_t>());
  for (const Operator& op : operators()) {
    std::printf("%s %.5f\n", op.first.c_str(), least_milliseconds(op, image, std::atoi(arguments[1])));
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
