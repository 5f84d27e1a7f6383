#include <span>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/blocks.h"
#include "nn/branches.h"
#include "nn/init.h"

/// Howard et al., "Searching for MobileNetV3", ICCV 2019, as torchvision builds it.
namespace mlrun::models {
namespace {

using nn::Act;

/// One inverted residual block. Channels are those of width 1.
struct Bneck {
  int64_t in, kernel, expanded, out;
  bool squeeze;
  Act activation;
  int64_t stride;
  bool tail = false;  ///< part of the last stage, which `reduced_tail` halves and `dilated` dilates
};

struct MobilenetTable {
  std::span<const Bneck> blocks;
  int64_t last;  ///< channels of the classifier's hidden layer
};

/// Tables 1 and 2 of the paper: all that distinguishes Large from Small.
constexpr Bneck kLargeBlocks[] = {
    {16, 3, 16, 16, false, Act::Relu, 1},
    {16, 3, 64, 24, false, Act::Relu, 2},
    {24, 3, 72, 24, false, Act::Relu, 1},
    {24, 5, 72, 40, true, Act::Relu, 2},
    {40, 5, 120, 40, true, Act::Relu, 1},
    {40, 5, 120, 40, true, Act::Relu, 1},
    {40, 3, 240, 80, false, Act::Hardswish, 2},
    {80, 3, 200, 80, false, Act::Hardswish, 1},
    {80, 3, 184, 80, false, Act::Hardswish, 1},
    {80, 3, 184, 80, false, Act::Hardswish, 1},
    {80, 3, 480, 112, true, Act::Hardswish, 1},
    {112, 3, 672, 112, true, Act::Hardswish, 1},
    {112, 5, 672, 160, true, Act::Hardswish, 2, true},
    {160, 5, 960, 160, true, Act::Hardswish, 1, true},
    {160, 5, 960, 160, true, Act::Hardswish, 1, true},
};
constexpr MobilenetTable kLarge{kLargeBlocks, 1280};

constexpr Bneck kSmallBlocks[] = {
    {16, 3, 16, 16, true, Act::Relu, 2},
    {16, 3, 72, 24, false, Act::Relu, 2},
    {24, 3, 88, 24, false, Act::Relu, 1},
    {24, 5, 96, 40, true, Act::Hardswish, 2},
    {40, 5, 240, 40, true, Act::Hardswish, 1},
    {40, 5, 240, 40, true, Act::Hardswish, 1},
    {40, 5, 120, 48, true, Act::Hardswish, 1},
    {48, 5, 144, 48, true, Act::Hardswish, 1},
    {48, 5, 288, 96, true, Act::Hardswish, 2, true},
    {96, 5, 576, 96, true, Act::Hardswish, 1, true},
    {96, 5, 576, 96, true, Act::Hardswish, 1, true},
};
constexpr MobilenetTable kSmall{kSmallBlocks, 1024};

struct MobilenetOptions {
  std::optional<int64_t> num_classes;
  double width_mult = 1;
  bool reduced_tail = false;
  bool dilated = false;
  double dropout = 0.2;
  double stochastic_depth_prob = 0;

  static void declare(config::Declare<MobilenetOptions>& d) {
    d("num_classes", &MobilenetOptions::num_classes, kNumClassesHelp).min(1);
    d("width_mult", &MobilenetOptions::width_mult, "factor on the channels of all layers").above(0).max(100);
    d("reduced_tail", &MobilenetOptions::reduced_tail, "half the channels in the last stage and the classifier");
    d("dilated", &MobilenetOptions::dilated, "dilation 2 in place of stride 2 in the last stage");
    d("dropout", &MobilenetOptions::dropout, "probability before the last layer").min(0).below(1);
    d("stochastic_depth_prob", &MobilenetOptions::stochastic_depth_prob,
      "probability of dropping the last block's branch for a sample; it grows from 0 at the first block, as in "
      "EfficientNet")
        .min(0)
        .max(1);
  }
};

constexpr nn::NormOptions kMobilenetNorm{.eps = 0.001, .momentum = 0.01};

/// One block of the table with the options applied.
struct BlockOptions {
  int64_t in, kernel, expanded, out;
  bool squeeze;
  Act activation;
  int64_t stride, dilation;
  nn::NormOptions norm;
};

BlockOptions applied(const Bneck& row, bool after_tail, const MobilenetOptions& options, const nn::NormOptions& norm) {
  const auto width = [&](int64_t channels, bool reduced) {
    const int64_t kept = reduced && options.reduced_tail ? channels / 2 : channels;
    return nn::make_divisible(static_cast<double>(kept) * options.width_mult);
  };
  const bool dilated = row.tail && options.dilated;
  // The tail's first block still expands what comes from before it at full width.
  return {width(row.in, after_tail), row.kernel,      width(row.expanded, after_tail),
          width(row.out, row.tail),  row.squeeze,     row.activation,
          dilated ? 1 : row.stride,  dilated ? 2 : 1, norm};
}

/// Expansion, depthwise convolution, squeeze-excitation, projection, beside a shortcut where the
/// shapes allow one.
std::shared_ptr<nn::Layer> bneck(const BlockOptions& o, const nn::ShortcutOptions& shortcut) {
  auto block = std::make_shared<nn::Sequential>();
  if (o.expanded != o.in) {
    block->push(
        nn::conv_norm_act({.in = o.in, .out = o.expanded, .kernel = 1, .norm = o.norm, .activation = o.activation}));
  }
  block->push(nn::conv_norm_act({.in = o.expanded,
                                 .out = o.expanded,
                                 .kernel = o.kernel,
                                 .stride = o.stride,
                                 .dilation = o.dilation,
                                 .groups = o.expanded,
                                 .norm = o.norm,
                                 .activation = o.activation}));
  if (o.squeeze) {
    const int64_t squeezed = nn::make_divisible(static_cast<double>(o.expanded / 4));
    block->push(std::make_shared<nn::SqueezeExcitation>(o.expanded, squeezed, Act::Relu, Act::Hardsigmoid));
  }
  block->push(
      nn::conv_norm_act({.in = o.expanded, .out = o.out, .kernel = 1, .norm = o.norm, .activation = std::nullopt}));
  return std::make_shared<nn::Residual>("InvertedResidual", "block", block, shortcut);
}

/// Upstream has no such layer: none is there unless it is asked for.
std::optional<double> stochastic_depth(double probability) {
  return probability > 0 ? std::optional(probability) : std::nullopt;
}

/// A convolution that begins or ends the features.
std::shared_ptr<nn::Layer> outer_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                      const nn::NormOptions& norm) {
  return nn::conv_norm_act(
      {.in = in, .out = out, .kernel = kernel, .stride = stride, .norm = norm, .activation = Act::Hardswish});
}

/// Levels and stages begin where torchvision's detectors let them: at the first step, the table's that halve (dilated
/// or not), and the last. Returns the channels that come out.
int64_t push_mobilenet_features(Network& network, const MobilenetTable& table, const MobilenetOptions& options,
                                int64_t channels, const nn::NormOptions& norm) {
  const auto push = [&network](std::shared_ptr<nn::Layer> layer, int64_t width, int64_t stride, bool stage) {
    BodyStep& step = network.push(std::move(layer), width, stride);
    step.level = step.stage = stage;
  };
  int64_t width = nn::make_divisible(static_cast<double>(table.blocks.front().in) * options.width_mult), stride = 2;
  push(outer_conv(channels, width, 3, 2, norm), width, stride, true);
  bool after_tail = false;
  const double deepening = options.stochastic_depth_prob / static_cast<double>(table.blocks.size());
  double drop = 0;
  for (const Bneck& row : table.blocks) {
    const BlockOptions block = applied(row, after_tail, options, norm);
    const bool shortcut = row.stride == 1 && block.in == block.out;
    stride *= block.stride;
    width = block.out;
    push(bneck(block, {.add = shortcut, .stochastic_depth = stochastic_depth(drop)}), width, stride, row.stride > 1);
    drop += deepening;
    after_tail = row.tail;
  }
  push(outer_conv(width, 6 * width, 1, 1, norm), 6 * width, stride, true);
  return 6 * width;
}

Network mobilenet_v3(const MobilenetTable& table, const MobilenetOptions& options, const ModelRequest& request,
                     const nn::NormOptions& norm = kMobilenetNorm) {
  Network network{.type = "MobileNetV3", .container = "features"};
  const int64_t width = push_mobilenet_features(network, table, options, request.inputs, norm);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  const int64_t last = options.reduced_tail ? table.last / 2 : table.last;
  const int64_t hidden = nn::make_divisible(static_cast<double>(last) * options.width_mult);
  auto classifier = std::make_shared<nn::Sequential>();
  classifier->push(std::make_shared<nn::Linear>(width, hidden));
  classifier->push(std::make_shared<nn::Activation>(Act::Hardswish));
  classifier->push(std::make_shared<nn::Dropout>(options.dropout));
  classifier->push(std::make_shared<nn::Linear>(hidden, outputs(options.num_classes, request)));
  network.push_head("classifier", std::move(classifier));
  network.second_pass = [](nn::Layer& root) { nn::init::redraw(root, 0.01); };
  return network;
}

void add_mobilenet_body(BodyFactory& factory, const std::string& name, const MobilenetTable& table) {
  factory.add<config::NoOptions>(
      name, name,
      [&table](const config::NoOptions&, const BodyRequest& request) {
        MobilenetOptions options;
        const auto& dilation = request.options.replace_stride_with_dilation;
        options.dilated = !dilation.empty() && dilation.front();
        options.reduced_tail = request.reduced_tail;
        return mobilenet_v3(table, options, {BodyRequest::kOutputs, request.inputs}, request.norm(kMobilenetNorm));
      },
      body_facts(/*norms=*/true, /*dilated=*/1));
}

void add_mobilenet(ModelFactory& factory, const std::string& name, const std::string& description,
                   const MobilenetTable& table) {
  factory.add<MobilenetOptions>(
      name, description,
      [&table](const MobilenetOptions& options, const ModelRequest& request) {
        return build_whole(mobilenet_v3(table, options, request));
      },
      published_facts(name));
}

}  // namespace

void add_mobilenets_v3(ModelFactory& factory) {
  add_mobilenet(factory, "mobilenet_v3_small", "MobileNetV3-Small: inverted residuals, for phones", kSmall);
  add_mobilenet(factory, "mobilenet_v3_large", "MobileNetV3-Large: inverted residuals, for phones", kLarge);
}

void add_mobilenet_v3_bodies(BodyFactory& factory) {
  add_mobilenet_body(factory, "mobilenet_v3_small", kSmall);
  add_mobilenet_body(factory, "mobilenet_v3_large", kLarge);
}

}  // namespace mlrun::models
