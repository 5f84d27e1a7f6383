#include "models/network.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/transforms/transform.h"
#include "models/image_context.h"
#include "models/inception_blocks.h"
#include "models/maxvit_attention.h"
#include "models/named_model.h"
#include "models/parity.h"
#include "models/swin_attention.h"
#include "nn/pooling.h"
#include "support.h"

using namespace mlrun;
using models::Network;

namespace {

std::shared_ptr<nn::Layer> step(int64_t in, int64_t out, int64_t stride = 1) {
  return std::make_shared<nn::Conv2d>(
      nn::Conv2dOptions{.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1});
}

/// Two steps at stride 2, one at 4, and a head.
Network small_network(const std::string& container) {
  Network network{.type = "Small", .container = container};
  network.push(step(3, 4, 2), 4, 2);
  network.push(std::make_shared<nn::Activation>(nn::Act::Relu));
  network.push(step(4, 4), 4, 2);
  network.push(step(4, 8, 2), 8, 4);
  network.push_head("pool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  network.push_head("fc", std::make_shared<nn::Linear>(8, 5));
  return network;
}

std::vector<std::string> keys_of(const nn::Layer& model) {
  std::vector<std::string> keys;
  for (const auto& item : nn::state_dict(model)) keys.push_back(item.first);
  return keys;
}

}  // namespace

TEST_CASE("a classifier's steps are numbered, in the container that upstream has", "[models]") {
  using Keys = std::vector<std::string>;
  CHECK(keys_of(*models::build_whole(small_network(""))) ==
        Keys{"0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias", "fc.weight", "fc.bias"});
  const auto inside = models::build_whole(small_network("features"));
  CHECK(keys_of(*inside) == Keys{"features.0.weight", "features.0.bias", "features.2.weight", "features.2.bias",
                                 "features.3.weight", "features.3.bias", "fc.weight", "fc.bias"});
  CHECK(inside->type() == "Small");
  CHECK(inside->heads() == Keys{"fc"});
  CHECK((*inside)(torch::zeros({2, 3, 9, 9})).sizes() == torch::IntArrayRef({2, 5}));
  Network grouped = small_network("");
  for (const std::size_t i : {2, 3}) grouped.body[i].group = "trunk";
  CHECK(keys_of(*models::build_whole(grouped)) == Keys{"0.weight", "0.bias", "trunk.2.weight", "trunk.2.bias",
                                                       "trunk.3.weight", "trunk.3.bias", "fc.weight", "fc.bias"});
}

TEST_CASE("the last step of each stride is a level, the first of each begins a stage", "[models]") {
  Network network = small_network("");
  network.mark_strides();
  std::string levels, stages;
  for (const auto& body : network.body) {
    if (body.level) levels += body.name + " ";
    if (body.stage) stages += body.name + " ";
  }
  CHECK(levels == "2 3 ");
  CHECK(stages == "0 3 ");
}

TEST_CASE("upstream's second pass runs over the whole classifier once it is drawn", "[models]") {
  Network network = small_network("features");
  int passes = 0;
  network.second_pass = [&passes](nn::Layer& whole) {
    const torch::NoGradGuard no_grad;
    ++passes;
    for (auto& parameter : whole.parameters()) parameter.fill_(0.25);
  };
  const auto model = models::build_whole(network);
  CHECK(passes == 0);
  nn::initialise(*model, 3);
  CHECK(passes == 1);
  for (const auto& parameter : model->parameters()) CHECK(parameter.eq(0.25).all().item<bool>());
}

TEST_CASE("branches of an inception block lie one after another along the channels", "[models]") {
  const torch::NoGradGuard no_grad;
  models::InceptionBlock block("Block");
  block.begin_branch();
  block.push("wide", step(3, 4));
  block.begin_branch();  // hands its input on
  block.begin_branch();
  block.push("first", step(3, 2));
  block.push_end("left", step(2, 1));
  block.push_end("right", step(2, 3));
  block.finish();
  nn::initialise(block, 0);
  nn::name_layers(block);
  const torch::Tensor x = test::formula({2, 3, 5, 4}).to(torch::kFloat), y = block(x);
  REQUIRE(y.sizes() == torch::IntArrayRef({2, 4 + 3 + 1 + 3, 5, 4}));
  CHECK(y.narrow(1, 4, 3).equal(x));
  const auto at = [&](const char* path) {
    for (const auto& layer : block.layers()) {
      if (layer->path() == path) return layer;
    }
    throw std::logic_error("no such layer");
  };
  CHECK(y.narrow(1, 0, 4).equal((*at("wide"))(x)));
  const torch::Tensor inner = (*at("first"))(x);
  CHECK(y.narrow(1, 7, 1).equal((*at("left"))(inner)));
  CHECK(y.narrow(1, 8, 3).equal((*at("right"))(inner)));
}

TEST_CASE("windows are laid over images of any size, and one window is never shifted", "[models]") {
  struct WindowRow {
    int64_t height, width, shift;
    std::vector<int64_t> expected;  ///< padded height and width, shifts, rows and columns
  };
  const std::vector<WindowRow> rows = {
      {14, 21, 3, {14, 21, 3, 3, 2, 3}}, {15, 20, 3, {21, 21, 3, 3, 3, 3}}, {7, 14, 3, {7, 14, 0, 3, 1, 2}},
      {5, 6, 3, {7, 7, 0, 0, 1, 1}},     {14, 14, 0, {14, 14, 0, 0, 2, 2}}, {1, 8, 3, {7, 14, 0, 3, 1, 2}},
  };
  for (const auto& row : rows) {
    INFO(row.height << " x " << row.width << " by " << row.shift);
    const models::WindowPlan plan(7, row.shift, torch::empty({2, row.height, row.width, 4}));
    CHECK(std::vector<int64_t>{plan.padded_h, plan.padded_w, plan.shift_h, plan.shift_w, plan.rows, plan.columns} ==
          row.expected);
    CHECK(plan.padded() == (row.height % 7 != 0 || row.width % 7 != 0));
    CHECK(plan.shifted() == (plan.shift_h != 0 || plan.shift_w != 0));
  }
  for (const int64_t window : {1, 2, 7}) {
    const torch::Tensor index = models::relative_position_index(window);
    REQUIRE(index.numel() == window * window * window * window);
    const torch::Tensor pairs = index.reshape({window, window, window, window});
    for (int64_t i = 0; i < window; ++i) {
      for (int64_t j = 0; j < window; ++j) {  // of the first row's tokens: the offset of columns alone tells them apart
        const int64_t expected = (window - 1) * (2 * window - 1) + (i - j + window - 1);
        CHECK(pairs[0][i][0][j].item<int64_t>() == expected);
      }
    }
  }
}

TEST_CASE("attention in a window or across the grid mixes the tokens of its group alone", "[models]") {
  const torch::NoGradGuard no_grad;
  for (const bool grid : {false, true}) {
    models::PartitionAttention attention({.channels = 8, .head = 4, .partition = 2, .side = 4, .grid = grid});
    nn::name_layers(attention);
    nn::initialise(attention, 5);
    attention.eval();
    const torch::Tensor x = test::formula({1, 8, 4, 4}).to(torch::kFloat);
    torch::Tensor other = x.clone();
    other.select(2, 0).select(2, 0).add_(torch::arange(8, torch::kFloat));  // the first token
    const torch::Tensor changed = (attention(x) - attention(other)).abs().amax({0, 1}).gt(1e-6);
    torch::Tensor expected = torch::zeros({4, 4}, torch::kBool);
    for (const int64_t row : {0, 1}) {
      for (const int64_t column : {0, 1}) expected[row * (grid ? 2 : 1)][column * (grid ? 2 : 1)] = true;
    }
    INFO((grid ? "grid\n" : "window\n") << changed);
    CHECK(changed.equal(expected));
  }
}

TEST_CASE("transforms are told what the model and its weights want of images", "[models]") {
  const auto context = [](const std::string& name, const std::vector<config::Override>& overrides, int64_t channels) {
    return models::transform_context(models::make_named(name, overrides).section, channels);
  };
  const auto plain = context("resnet50", {}, 1);
  CHECK(plain.input_size == 224);
  CHECK(plain.resize_size == 256);
  CHECK(plain.channels == 1);
  CHECK(plain.interpolation == "bilinear");
  CHECK(plain.mean == std::vector<double>{0.485, 0.456, 0.406});
  const auto swag = context("vit_b_16", {{"model.image_size", "384"}, {"model.weights", "IMAGENET1K_SWAG_E2E_V1"}}, 3);
  CHECK(swag.input_size == 384);
  CHECK(swag.interpolation == "bicubic");
  CHECK(context("efficientnet_b7", {}, 3).input_size == 600);
  const auto small = context("small_cnn", {}, 3);
  CHECK(small.input_size == 28);
  CHECK(small.mean.empty());
  CHECK(small.deviation.empty());
}
