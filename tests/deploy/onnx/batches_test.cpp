#include "deploy/onnx/batches.h"

#include <torch/types.h>

#include "support.h"

using namespace mlrun;
using deploy::OnnxGraph;
using torch::Tensor;

namespace {

/// A file with this input and one output.
OnnxGraph with_input(std::optional<std::vector<std::int64_t>> shape, torch::ScalarType dtype = torch::kFloat) {
  OnnxGraph made;
  made.file = "m.onnx";
  made.inputs = {{"x", dtype, std::move(shape)}};
  made.outputs = {{"y", torch::kFloat, std::nullopt}};
  return made;
}

/// Each image's sum, and what the file was given.
struct Sums {
  std::vector<std::vector<std::int64_t>> given;

  deploy::ImageScorer scorer() {
    return [this](const Tensor& images) {
      given.push_back(images.sizes().vec());
      return images.to(torch::kFloat).flatten(1).sum(1, /*keepdim=*/true);
    };
  }
};

Tensor some_images(std::int64_t count) {
  return torch::arange(count * 3 * 4 * 5, torch::kLong).remainder(251).to(torch::kFloat).reshape({count, 3, 4, 5});
}

std::string refusal_of(const OnnxGraph& graph, const Tensor& images) {
  Sums sums;
  return test::user_error([&] { deploy::in_onnx_batches(graph, sums.scorer())(images); });
}

using Sizes4 = std::vector<std::vector<std::int64_t>>;

}  // namespace

TEST_CASE("a file with a fixed batch gets batches of it, the last one filled up with its last image",
          "[deploy][onnx]") {
  struct BatchRow {
    std::int64_t batch, images;
    Sizes4 given;
  };
  const std::vector<BatchRow> rows = {
      {-1, 5, {{5, 3, 4, 5}}},
      {1, 2, {{1, 3, 4, 5}, {1, 3, 4, 5}}},
      {2, 5, {{2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5}}},
      {4, 4, {{4, 3, 4, 5}}},
      {8, 3, {{8, 3, 4, 5}}},
  };
  for (const auto& row : rows) {
    INFO(row.images << " images in batches of " << row.batch);
    Sums sums;
    const auto run = deploy::in_onnx_batches(with_input(std::vector<std::int64_t>{row.batch, 3, 4, 5}), sums.scorer());
    const Tensor images = some_images(row.images);
    CHECK(run(images).equal(images.flatten(1).sum(1, true)));
    CHECK(sums.given == row.given);
  }
}

TEST_CASE("images are brought to the layout and the numbers that the file takes", "[deploy][onnx]") {
  const Tensor images = some_images(2);
  Sums last, any, half, bytes;
  deploy::in_onnx_batches(with_input(std::vector<std::int64_t>{-1, 4, 5, 3}), last.scorer())(images);
  CHECK(last.given == Sizes4{{2, 4, 5, 3}});
  deploy::in_onnx_batches(with_input(std::vector<std::int64_t>{-1, -1, -1, -1}), any.scorer())(images);
  deploy::in_onnx_batches(with_input(std::nullopt), any.scorer())(images);
  CHECK(any.given == Sizes4{{2, 3, 4, 5}, {2, 3, 4, 5}});
  const auto run = deploy::in_onnx_batches(with_input(std::nullopt, torch::kHalf), [](const Tensor& x) {
    CHECK(x.scalar_type() == torch::kHalf);
    return x.flatten(1).slice(1, 0, 2);
  });
  const Tensor scores = run(images);
  CHECK(scores.scalar_type() == torch::kFloat);
  CHECK(scores.equal(images.flatten(1).slice(1, 0, 2)));
  const Tensor raw = images.to(torch::kByte);
  CHECK(deploy::in_onnx_batches(with_input(std::nullopt, torch::kByte), bytes.scorer())(raw).equal(
      images.flatten(1).sum(1, true)));
}

TEST_CASE("files and images that do not go together are told what each of them is", "[deploy][onnx]") {
  const Tensor images = some_images(2);
  const std::string scores = "m.onnx: is no model that gives images a score for each class: ";
  CHECK(refusal_of(with_input(std::vector<std::int64_t>{-1, 3, -1, 7}), images) ==
        "m.onnx: takes images of 3xanyx7, and is given 3x4x5 (channels, height, width); bring them to that size in "
        "data.preprocess, or export the model for other sizes");
  CHECK(refusal_of(with_input(std::nullopt, torch::kByte), images) ==
        "m.onnx: takes uint8 images and preprocesses them itself, and is given preprocessed ones");
  CHECK(refusal_of(with_input(std::nullopt), images.to(torch::kByte)) ==
        "m.onnx: takes preprocessed images, and is given uint8 ones");
  CHECK(refusal_of(with_input(std::vector<std::int64_t>{-1, 3}), images) == scores + "its input 'x' has 2 dimensions");
  CHECK(refusal_of(with_input(std::nullopt, torch::kLong), images) ==
        "m.onnx: its input 'x' takes numbers of type int64, and images are floating numbers or bytes");
  OnnxGraph two = with_input(std::nullopt), none = with_input(std::nullopt);
  two.inputs.push_back(two.inputs.front());
  none.outputs.clear();
  CHECK(refusal_of(two, images) == scores + "it has 2 inputs");
  CHECK(refusal_of(none, images) == scores + "it has no output");
  const auto of_output = [&](const Tensor& output) {
    const auto run = deploy::in_onnx_batches(with_input(std::nullopt), [&](const Tensor&) { return output; });
    return test::user_error([&] { run(images); });
  };
  CHECK(of_output(torch::zeros({2, 5, 3})) == scores + "for 2 images its first output is 2x5x3 of type float32");
  CHECK(of_output(torch::zeros({3, 5})) == scores + "for 2 images its first output is 3x5 of type float32");
  CHECK(of_output(torch::zeros({2, 5}, torch::kLong)) == scores + "for 2 images its first output is 2x5 of type int64");
  CHECK(deploy::in_onnx_batches(with_input(std::nullopt),
                                [](const Tensor&) {
                                  return torch::zeros({2, 5, 1, 1});
                                })(images)
            .sizes() == torch::IntArrayRef({2, 5}));
}

TEST_CASE("a runner of one batch size takes any number of samples, lists among them", "[deploy][onnx]") {
  const nn::Interface interface = {{{"points", true}}, {{"moved", true}}};
  std::vector<std::int64_t> sizes;
  const auto run = deploy::in_fixed_batches(interface, 3, [&](const nn::Tensors& inputs) {
    sizes.push_back(inputs.at(1).size(0));
    return nn::Tensors{inputs.at(0) + 1, inputs.at(1)};
  });
  for (const std::vector<std::int64_t>& counts :
       {std::vector<std::int64_t>{2}, {1, 0, 3}, {2, 2, 1, 4}, {0, 0, 0, 0, 0, 1, 1}}) {
    sizes.clear();
    const Tensor many = torch::tensor(counts, torch::kLong);
    const std::int64_t rows = many.sum().item<std::int64_t>();
    const Tensor points = torch::arange(rows * 2, torch::kFloat).reshape({rows, 2});
    const nn::Tensors moved = run({points, many});
    REQUIRE(moved.size() == 2);
    CHECK(moved[0].equal(points + 1));
    CHECK(moved[1].equal(many));
    for (const std::int64_t size : sizes) CHECK(size == 3);
    CHECK(sizes.size() == (counts.size() + 2) / 3);
  }
}
