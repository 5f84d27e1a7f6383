#include <algorithm>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/blocks.h"
#include "nn/branches.h"
#include "nn/init.h"

/// Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, as
/// torchvision builds it.
namespace mlrun::models {
namespace {

using nn::Act;

/// A row of the paper's table 2: `repeats` blocks, of which the first has the stride.
struct MobilenetV2Stage {
  int64_t expansion, out, repeats, stride;
};

/// Channels are those of width 1.
constexpr MobilenetV2Stage kMobilenetV2Stages[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};
constexpr int64_t kMobilenetV2First = 32, kMobilenetV2Last = 1280;

struct MobilenetV2Options {
  std::optional<int64_t> num_classes;
  double width_mult = 1;
  int64_t round_nearest = 8;
  double dropout = 0.2;

  static void declare(config::Declare<MobilenetV2Options>& d) {
    d("num_classes", &MobilenetV2Options::num_classes, kNumClassesHelp).min(1);
    d("width_mult", &MobilenetV2Options::width_mult,
      "factor on the channels of all layers (on those of the last convolution only above 1)")
        .above(0)
        .max(100);
    d("round_nearest", &MobilenetV2Options::round_nearest, "channels are rounded to multiples of it").min(1).max(1024);
    d("dropout", &MobilenetV2Options::dropout, "probability before the last layer").min(0).below(1);
  }
};

/// Expansion, depthwise convolution, projection without activation.
std::shared_ptr<nn::Layer> inverted_residual(int64_t in, int64_t out, int64_t stride, int64_t expansion,
                                             const nn::NormOptions& norm) {
  const int64_t hidden = in * expansion;
  auto conv = std::make_shared<nn::Sequential>();
  if (expansion != 1) {
    conv->push(nn::conv_norm_act({.in = in, .out = hidden, .kernel = 1, .norm = norm, .activation = Act::Relu6}));
  }
  conv->push(nn::conv_norm_act(
      {.in = hidden, .out = hidden, .stride = stride, .groups = hidden, .norm = norm, .activation = Act::Relu6}));
  conv->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = hidden, .out = out, .bias = false}));
  conv->push(nn::make_norm(out, norm));
  const nn::ShortcutOptions shortcut{.add = stride == 1 && in == out};
  return std::make_shared<nn::Residual>("InvertedResidual", "conv", conv, shortcut);
}

/// Levels and stages begin where torchvision's detectors let them: at the first step, those that halve, and the last.
void push_stage_step(Network& network, std::shared_ptr<nn::Layer> layer, int64_t channels, int64_t stride, bool stage) {
  BodyStep& step = network.push(std::move(layer), channels, stride);
  step.level = step.stage = stage;
}

Network mobilenet_v2(const MobilenetV2Options& options, const ModelRequest& request, const nn::NormOptions& norm = {}) {
  const auto scaled = [&](int64_t channels, double width) {
    return nn::make_divisible(static_cast<double>(channels) * width, options.round_nearest);
  };
  Network network{.type = "MobileNetV2", .container = "features"};
  int64_t width = scaled(kMobilenetV2First, options.width_mult), stride = 2;
  push_stage_step(
      network,
      nn::conv_norm_act({.in = request.inputs, .out = width, .stride = 2, .norm = norm, .activation = Act::Relu6}),
      width, stride, true);
  for (const MobilenetV2Stage& stage : kMobilenetV2Stages) {
    const int64_t out = scaled(stage.out, options.width_mult);
    for (int64_t n = 0; n < stage.repeats; ++n) {
      const int64_t halving = n == 0 ? stage.stride : 1;
      stride *= halving;
      push_stage_step(network, inverted_residual(width, out, halving, stage.expansion, norm), out, stride, halving > 1);
      width = out;
    }
  }
  const int64_t last = scaled(kMobilenetV2Last, std::max(1.0, options.width_mult));
  push_stage_step(network,
                  nn::conv_norm_act({.in = width, .out = last, .kernel = 1, .norm = norm, .activation = Act::Relu6}),
                  last, stride, true);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  auto classifier = std::make_shared<nn::Sequential>();
  classifier->push(std::make_shared<nn::Dropout>(options.dropout));
  classifier->push(std::make_shared<nn::Linear>(last, outputs(options.num_classes, request)));
  network.push_head("classifier", std::move(classifier));
  network.second_pass = [](nn::Layer& root) { nn::init::redraw(root, 0.01); };
  return network;
}

}  // namespace

void add_mobilenet_v2(ModelFactory& factory) {
  factory.add<MobilenetV2Options>(
      "mobilenet_v2", "MobileNetV2: inverted residuals, for phones",
      [](const MobilenetV2Options& options, const ModelRequest& request) {
        return build_whole(mobilenet_v2(options, request));
      },
      published_facts("mobilenet_v2"));
}

void add_mobilenet_v2_body(BodyFactory& factory) {
  factory.add<config::NoOptions>(
      "mobilenet_v2", "MobileNetV2",
      [](const config::NoOptions&, const BodyRequest& request) {
        return mobilenet_v2({}, {BodyRequest::kOutputs, request.inputs}, request.norm());
      },
      body_facts(/*norms=*/true));
}

}  // namespace mlrun::models
