#include "models/detection/dense_head.h"

#include <algorithm>
#include <cmath>

#include "nn/blocks.h"
#include "nn/boxes/losses.h"
#include "nn/boxes/matcher.h"
#include "nn/init.h"

namespace mlrun::models {
namespace {

template <class Draw>
void redraw_convs(nn::Layer& root, const Draw& draw) {
  const torch::NoGradGuard no_grad;
  for (nn::Layer* layer : root.all_layers()) {
    auto* conv = dynamic_cast<nn::Conv2d*>(layer);
    if (conv == nullptr) continue;
    draw(conv->weight);
    if (conv->bias.defined()) conv->bias.zero_();
  }
}

}  // namespace

std::shared_ptr<nn::Sequential> conv_tower(std::int64_t channels, std::int64_t count,
                                           const std::optional<nn::NormOptions>& norm) {
  auto tower = std::make_shared<nn::Sequential>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (norm) {
      tower->push(nn::conv_norm_act({.in = channels, .out = channels, .norm = *norm}));
      continue;
    }
    auto block = std::make_shared<nn::Sequential>("Conv2dNormActivation");
    block->push(predictor(channels, channels));
    block->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    tower->push(block);
  }
  return tower;
}

std::shared_ptr<nn::Conv2d> predictor(std::int64_t in, std::int64_t out) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out, .kernel = 3, .padding = 1});
}

void draw_normal(nn::Layer& root, double std) {
  redraw_convs(root, [std](const torch::Tensor& weight) { nn::init::normal(weight, 0, std); });
}

void draw_xavier(nn::Layer& root) {
  redraw_convs(root, [](const torch::Tensor& weight) { nn::init::xavier_uniform(weight); });
}

void draw_constant(torch::Tensor tensor, double value) {
  const torch::NoGradGuard no_grad;
  tensor.fill_(value);
}

double prior_logit() {
  constexpr double kProbability = 0.01;
  return -std::log((1 - kProbability) / kProbability);
}

torch::Tensor focal_of_image(const torch::Tensor& logits, const Truth& truth, const torch::Tensor& matched) {
  const torch::Tensor rows = at::where(matched >= 0).front();
  torch::Tensor wanted = torch::zeros_like(logits);
  const torch::Tensor labels = truth.labels.index_select(0, matched.index_select(0, rows));
  wanted.index_put_({rows, labels}, torch::ones({}, wanted.options()));
  const torch::Tensor learnt = at::where(matched != nn::Matcher::kBetween).front();
  const torch::Tensor losses = nn::sigmoid_focal_loss(logits.index_select(0, learnt), wanted.index_select(0, learnt));
  return losses.sum() / std::max<std::int64_t>(1, rows.size(0));
}

nn::Tensors blank_losses(const torch::Tensor& images, std::size_t count) {
  return nn::Tensors(count, torch::empty({}, images.options()));
}

}  // namespace mlrun::models
