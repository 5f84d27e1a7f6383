#include "nn/pooling.h"

#include <torch/types.h>

#include <memory>

#include "nn/layers.h"
#include "support.h"

using namespace mlrun;

namespace {

/// [1, 1, height, width] of 0, 1, 2, ...
torch::Tensor counting_image(int64_t height, int64_t width) {
  return torch::arange(height * width, torch::kFloat).view({1, 1, height, width});
}

torch::Tensor pooled_image(std::vector<float> values, std::vector<int64_t> shape) {
  return torch::tensor(values).view(shape);
}

}  // namespace

TEST_CASE("max pooling in ceiling mode keeps the window that is cut off", "[nn]") {
  nn::MaxPool2d floor({.kernel = 3, .stride = 2}), ceiling({.kernel = 3, .stride = 2, .ceil_mode = true});
  CHECK(floor(counting_image(6, 6)).equal(pooled_image({14, 16, 26, 28}, {1, 1, 2, 2})));
  CHECK(ceiling(counting_image(6, 6)).equal(pooled_image({14, 16, 17, 26, 28, 29, 32, 34, 35}, {1, 1, 3, 3})));
  CHECK(ceiling(torch::empty({2, 5, 6, 7}, torch::kMeta)).sizes() == torch::IntArrayRef({2, 5, 3, 3}));
}

TEST_CASE("average pooling counts the zeros that pad", "[nn]") {
  nn::AvgPool2d plain({}), padded({.kernel = 3, .stride = 1, .padding = 1});
  CHECK(plain(counting_image(2, 4)).equal(pooled_image({2.5, 4.5}, {1, 1, 1, 2})));
  CHECK(padded(torch::full({1, 1, 1, 1}, 9.0)).item<double>() == Approx(1));
  CHECK(plain(torch::empty({2, 5, 7, 6}, torch::kMeta)).sizes() == torch::IntArrayRef({2, 5, 3, 3}));
}

TEST_CASE("windows that do not fit are a user's error that names the layer", "[nn]") {
  nn::Sequential model;
  model.push("first", std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2}));
  model.push("second", std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{}));
  model.push("third", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 1, .out = 1, .kernel = 2}));
  nn::name_layers(model);
  const std::string hint = "; bring them to a larger size in data.augment and data.preprocess";
  const auto refused = [&](int64_t height, int64_t width, torch::Device device) {
    return test::user_error([&] { model(torch::zeros({1, 1, height, width}, torch::TensorOptions(device))); });
  };
  for (const torch::Device device : {torch::kCPU, torch::kMeta}) {
    CHECK(refused(2, 9, device) ==
          "the images are too small for this model: 2x9 pixels are left of them at first" + hint);
    CHECK(refused(9, 3, device) ==
          "the images are too small for this model: 4x1 pixels are left of them at second" + hint);
    CHECK(refused(6, 9, device) ==
          "the images are too small for this model: 1x2 pixels are left of them at third" + hint);
  }
  nn::MaxPool2d ceiling({.kernel = 3, .stride = 2, .ceil_mode = true});
  CHECK(ceiling(counting_image(2, 2)).item<double>() == 3);
  CHECK(test::user_error([&] { ceiling(counting_image(1, 2)); }) ==
        "the images are too small for this model: 1x2 pixels are left of them at MaxPool2d" + hint);
}

TEST_CASE("tensors stand one after another along their channels", "[nn]") {
  nn::Concat concat;
  const auto a = torch::rand({2, 3, 4, 5}), b = torch::rand({2, 1, 4, 5});
  const auto joined = concat.run({a, b, a}).front();
  REQUIRE(joined.sizes() == torch::IntArrayRef({2, 7, 4, 5}));
  CHECK(joined.slice(1, 0, 3).equal(a));
  CHECK(joined.slice(1, 3, 4).equal(b));
  CHECK(joined.slice(1, 4, 7).equal(a));
}
