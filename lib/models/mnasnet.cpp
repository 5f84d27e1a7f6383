#include <array>
#include <cmath>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/blocks.h"
#include "nn/branches.h"
#include "nn/init.h"

/// Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019: the
/// variant B1, without squeeze-excitation, as torchvision builds it.
namespace mlrun::models {
namespace {

/// What distinguishes the family's members.
struct MnasnetVariant {
  const char* name;
  const char* title;
  double width;  ///< factor on the channels of all layers but the last convolution
};

constexpr MnasnetVariant kMnasnets[] = {
    {"mnasnet0_5", "MNASNet 0.5", 0.5},
    {"mnasnet0_75", "MNASNet 0.75", 0.75},
    {"mnasnet1_0", "MNASNet 1.0", 1.0},
    {"mnasnet1_3", "MNASNet 1.3", 1.3},
};

/// `repeats` inverted residuals, of which the first has the stride. Channels are those of width 1.
struct MnasnetStage {
  int64_t kernel, expansion, out, repeats, stride;
};

constexpr MnasnetStage kMnasnetStages[] = {
    {3, 3, 24, 3, 2}, {5, 3, 40, 3, 2}, {5, 6, 80, 3, 2}, {3, 6, 96, 2, 1}, {5, 6, 192, 4, 2}, {3, 6, 320, 1, 1},
};
constexpr int64_t kMnasnetStem = 32, kMnasnetSeparable = 16, kMnasnetLast = 1280;

/// TensorFlow's momentum of 0.9997 in PyTorch's sense.
constexpr nn::NormOptions kMnasnetNorm{.momentum = 1 - 0.9997};

struct MnasnetOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.2;

  static void declare(config::Declare<MnasnetOptions>& d) {
    d("num_classes", &MnasnetOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &MnasnetOptions::dropout, "probability before the last layer").min(0).below(1);
  }
};

/// Convolution, norm and (unless it projects) ReLU, one after another.
std::vector<std::shared_ptr<nn::Layer>> conv_steps(nn::Conv2dOptions conv, const nn::NormOptions& norm,
                                                   bool activate = true) {
  conv.padding = ((*conv.kernel)[0] - 1) / 2;
  conv.bias = false;
  std::vector<std::shared_ptr<nn::Layer>> steps = {std::make_shared<nn::Conv2d>(conv), nn::make_norm(conv.out, norm)};
  if (activate) steps.push_back(std::make_shared<nn::Activation>(nn::Act::Relu));
  return steps;
}

std::shared_ptr<nn::Layer> mnasnet_block(int64_t in, int64_t out, int64_t stride, const MnasnetStage& stage,
                                         const nn::NormOptions& norm) {
  const int64_t expanded = in * stage.expansion;
  auto layers = std::make_shared<nn::Sequential>();
  const auto push = [&](const nn::Conv2dOptions& conv, bool activate = true) {
    for (auto& step : conv_steps(conv, norm, activate)) layers->push(std::move(step));
  };
  push({.in = in, .out = expanded});
  push({.in = expanded, .out = expanded, .kernel = stage.kernel, .stride = stride, .groups = expanded});
  push({.in = expanded, .out = out}, /*activate=*/false);
  const nn::ShortcutOptions shortcut{.add = stride == 1 && in == out};
  return std::make_shared<nn::Residual>("InvertedResidual", "layers", layers, shortcut);
}

void push_mnasnet_layers(Network& network, double factor, int64_t channels, const nn::NormOptions& norm) {
  const auto scaled = [&](int64_t width) { return nn::make_divisible(static_cast<double>(width) * factor); };
  int64_t stride = 2;
  const auto push = [&](const nn::Conv2dOptions& conv, bool activate = true) {
    for (auto& step : conv_steps(conv, norm, activate)) network.push(std::move(step));
    network.body.back().channels = conv.out;
    network.body.back().stride = stride;
  };
  const int64_t stem = scaled(kMnasnetStem);
  int64_t width = scaled(kMnasnetSeparable);
  push({.in = channels, .out = stem, .kernel = 3, .stride = 2});
  push({.in = stem, .out = stem, .kernel = 3, .groups = stem});
  push({.in = stem, .out = width}, /*activate=*/false);
  for (const MnasnetStage& stage : kMnasnetStages) {
    const int64_t out = scaled(stage.out);
    auto stack = std::make_shared<nn::Sequential>();
    for (int64_t n = 0; n < stage.repeats; ++n) {
      stack->push(mnasnet_block(width, out, n == 0 ? stage.stride : 1, stage, norm));
      width = out;
    }
    stride *= stage.stride;
    network.push(std::move(stack), out, stride);
  }
  push({.in = width, .out = kMnasnetLast});
  network.mark_strides();
}

Network mnasnet(const MnasnetVariant& variant, const MnasnetOptions& options, const ModelRequest& request,
                const nn::NormOptions& norm = kMnasnetNorm) {
  Network network{.type = "MNASNet", .container = "layers"};
  push_mnasnet_layers(network, variant.width, request.inputs, norm);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  const auto linear = std::make_shared<nn::Linear>(kMnasnetLast, outputs(options.num_classes, request));
  auto classifier = std::make_shared<nn::Sequential>();
  classifier->push(std::make_shared<nn::Dropout>(options.dropout));
  classifier->push(linear);
  network.push_head("classifier", std::move(classifier));
  // The linear layer is Kaiming uniform over the fan-out, for a sigmoid, whose gain is 1.
  network.second_pass = [linear](nn::Layer& root) {
    nn::init::redraw(root);
    const double std = 1 / std::sqrt(static_cast<double>(linear->weight.size(0)));
    nn::init::uniform(linear->weight, std::sqrt(3.0) * std);
    linear->bias.zero_();
  };
  return network;
}

}  // namespace

void add_mnasnets(ModelFactory& factory) {
  for (const MnasnetVariant& variant : kMnasnets) {
    factory.add<MnasnetOptions>(
        variant.name, std::string(variant.title) + ": inverted residuals found by search, for phones",
        [&variant](const MnasnetOptions& options, const ModelRequest& request) {
          return build_whole(mnasnet(variant, options, request));
        },
        published_facts(variant.name));
  }
}

void add_mnasnet_bodies(BodyFactory& factory) {
  for (const MnasnetVariant& variant : kMnasnets) {
    factory.add<config::NoOptions>(
        variant.name, variant.title,
        [&variant](const config::NoOptions&, const BodyRequest& request) {
          return mnasnet(variant, {}, {BodyRequest::kOutputs, request.inputs}, request.norm(kMnasnetNorm));
        },
        body_facts(/*norms=*/true));
  }
}

}  // namespace mlrun::models
