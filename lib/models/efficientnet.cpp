#include <algorithm>
#include <cmath>
#include <span>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/blocks.h"
#include "nn/branches.h"
#include "nn/init.h"

/// Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
/// 2019, and "EfficientNetV2: Smaller Models and Faster Training", ICML 2021, as torchvision builds
/// them.
namespace mlrun::models {
namespace {

using nn::Act;

enum class MbConv {
  Plain,  ///< 1x1 expansion, depthwise convolution, squeeze-excitation, 1x1 projection
  Fused,  ///< one dense convolution in place of the first three
};

/// A stage of blocks, of which the first has the stride. Channels and blocks are those of scale 1.
struct EfficientnetStage {
  MbConv kind;
  int64_t expansion, kernel, stride, out, blocks;
};

/// EfficientNet, table 1.
constexpr EfficientnetStage kStagesB[] = {
    {MbConv::Plain, 1, 3, 1, 16, 1},  {MbConv::Plain, 6, 3, 2, 24, 2},  {MbConv::Plain, 6, 5, 2, 40, 2},
    {MbConv::Plain, 6, 3, 2, 80, 3},  {MbConv::Plain, 6, 5, 1, 112, 3}, {MbConv::Plain, 6, 5, 2, 192, 4},
    {MbConv::Plain, 6, 3, 1, 320, 1},
};

/// EfficientNetV2, table 4, and what its authors published for M and L.
constexpr EfficientnetStage kStagesV2S[] = {
    {MbConv::Fused, 1, 3, 1, 24, 2},  {MbConv::Fused, 4, 3, 2, 48, 4},  {MbConv::Fused, 4, 3, 2, 64, 4},
    {MbConv::Plain, 4, 3, 2, 128, 6}, {MbConv::Plain, 6, 3, 1, 160, 9}, {MbConv::Plain, 6, 3, 2, 256, 15},
};
constexpr EfficientnetStage kStagesV2M[] = {
    {MbConv::Fused, 1, 3, 1, 24, 3},  {MbConv::Fused, 4, 3, 2, 48, 5},   {MbConv::Fused, 4, 3, 2, 80, 5},
    {MbConv::Plain, 4, 3, 2, 160, 7}, {MbConv::Plain, 6, 3, 1, 176, 14}, {MbConv::Plain, 6, 3, 2, 304, 18},
    {MbConv::Plain, 6, 3, 1, 512, 5},
};
constexpr EfficientnetStage kStagesV2L[] = {
    {MbConv::Fused, 1, 3, 1, 32, 4},   {MbConv::Fused, 4, 3, 2, 64, 7},   {MbConv::Fused, 4, 3, 2, 96, 7},
    {MbConv::Plain, 4, 3, 2, 192, 10}, {MbConv::Plain, 6, 3, 1, 224, 19}, {MbConv::Plain, 6, 3, 2, 384, 25},
    {MbConv::Plain, 6, 3, 1, 640, 7},
};

/// What distinguishes the family's members.
struct EfficientnetVariant {
  const char* name;
  const char* title;
  int64_t stem;  ///< channels of the first convolution at scale 1
  std::span<const EfficientnetStage> stages;
  double width, depth;          ///< factors on channels and on blocks
  std::optional<int64_t> last;  ///< channels of the last convolution; else four times those before it
  double dropout;
  nn::NormOptions norm;
};

constexpr nn::NormOptions kTorchNorm{}, kTensorflowNorm{.eps = 0.001, .momentum = 0.01}, kV2Norm{.eps = 0.001};

constexpr EfficientnetVariant kEfficientnets[] = {
    {"efficientnet_b0", "EfficientNet-B0", 32, kStagesB, 1.0, 1.0, std::nullopt, 0.2, kTorchNorm},
    {"efficientnet_b1", "EfficientNet-B1", 32, kStagesB, 1.0, 1.1, std::nullopt, 0.2, kTorchNorm},
    {"efficientnet_b2", "EfficientNet-B2", 32, kStagesB, 1.1, 1.2, std::nullopt, 0.3, kTorchNorm},
    {"efficientnet_b3", "EfficientNet-B3", 32, kStagesB, 1.2, 1.4, std::nullopt, 0.3, kTorchNorm},
    {"efficientnet_b4", "EfficientNet-B4", 32, kStagesB, 1.4, 1.8, std::nullopt, 0.4, kTorchNorm},
    {"efficientnet_b5", "EfficientNet-B5", 32, kStagesB, 1.6, 2.2, std::nullopt, 0.4, kTensorflowNorm},
    {"efficientnet_b6", "EfficientNet-B6", 32, kStagesB, 1.8, 2.6, std::nullopt, 0.5, kTensorflowNorm},
    {"efficientnet_b7", "EfficientNet-B7", 32, kStagesB, 2.0, 3.1, std::nullopt, 0.5, kTensorflowNorm},
    {"efficientnet_v2_s", "EfficientNetV2-S", 24, kStagesV2S, 1.0, 1.0, 1280, 0.2, kV2Norm},
    {"efficientnet_v2_m", "EfficientNetV2-M", 24, kStagesV2M, 1.0, 1.0, 1280, 0.3, kV2Norm},
    {"efficientnet_v2_l", "EfficientNetV2-L", 32, kStagesV2L, 1.0, 1.0, 1280, 0.4, kV2Norm},
};

struct EfficientnetOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.2;
  double stochastic_depth_prob = 0.2;

  static void declare(config::Declare<EfficientnetOptions>& d) {
    d("num_classes", &EfficientnetOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &EfficientnetOptions::dropout, "probability before the last layer").min(0).below(1);
    d("stochastic_depth_prob", &EfficientnetOptions::stochastic_depth_prob,
      "probability of dropping the last block's branch for a sample; it grows from 0 at the first block")
        .min(0)
        .max(1);
  }
};

/// One block with the variant's scale applied.
struct MbConvOptions {
  MbConv kind;
  int64_t in, out, expansion, kernel, stride;
  double drop;
  nn::NormOptions norm;
};

void push_plain(nn::Sequential& block, const MbConvOptions& o, int64_t expanded) {
  if (expanded != o.in) {
    block.push(nn::conv_norm_act({.in = o.in, .out = expanded, .kernel = 1, .norm = o.norm, .activation = Act::Silu}));
  }
  block.push(nn::conv_norm_act({.in = expanded,
                                .out = expanded,
                                .kernel = o.kernel,
                                .stride = o.stride,
                                .groups = expanded,
                                .norm = o.norm,
                                .activation = Act::Silu}));
  const int64_t squeezed = std::max<int64_t>(1, o.in / 4);
  block.push(std::make_shared<nn::SqueezeExcitation>(expanded, squeezed, Act::Silu));
  block.push(
      nn::conv_norm_act({.in = expanded, .out = o.out, .kernel = 1, .norm = o.norm, .activation = std::nullopt}));
}

void push_fused(nn::Sequential& block, const MbConvOptions& o, int64_t expanded) {
  const bool expands = expanded != o.in;
  block.push(nn::conv_norm_act({.in = o.in,
                                .out = expands ? expanded : o.out,
                                .kernel = o.kernel,
                                .stride = o.stride,
                                .norm = o.norm,
                                .activation = Act::Silu}));
  if (!expands) return;
  block.push(
      nn::conv_norm_act({.in = expanded, .out = o.out, .kernel = 1, .norm = o.norm, .activation = std::nullopt}));
}

std::shared_ptr<nn::Layer> mb_conv(const MbConvOptions& o) {
  const int64_t expanded = nn::make_divisible(static_cast<double>(o.in * o.expansion));
  const bool fused = o.kind == MbConv::Fused;
  auto block = std::make_shared<nn::Sequential>();
  if (fused) push_fused(*block, o, expanded);
  else push_plain(*block, o, expanded);
  const nn::ShortcutOptions shortcut{.add = o.stride == 1 && o.in == o.out, .stochastic_depth = o.drop};
  return std::make_shared<nn::Residual>(fused ? "FusedMBConv" : "MBConv", "block", block, shortcut);
}

/// The first convolution and all stages; returns the channels that come out.
int64_t push_stages(Network& network, const EfficientnetVariant& variant, double drop, int64_t channels,
                    const nn::NormOptions& norm) {
  const auto scaled = [&](int64_t n) { return nn::make_divisible(static_cast<double>(n) * variant.width); };
  const auto repeated = [&](int64_t n) {
    return static_cast<int64_t>(std::ceil(static_cast<double>(n) * variant.depth));
  };
  int64_t total = 0, built = 0;
  for (const EfficientnetStage& stage : variant.stages) total += repeated(stage.blocks);
  int64_t width = scaled(variant.stem), stride = 2;
  network.push(nn::conv_norm_act({.in = channels, .out = width, .stride = 2, .norm = norm, .activation = Act::Silu}),
               width, stride);
  for (const EfficientnetStage& stage : variant.stages) {
    auto blocks = std::make_shared<nn::Sequential>();
    for (int64_t n = 0; n < repeated(stage.blocks); ++n) {
      blocks->push(mb_conv({.kind = stage.kind,
                            .in = width,
                            .out = scaled(stage.out),
                            .expansion = stage.expansion,
                            .kernel = stage.kernel,
                            .stride = n == 0 ? stage.stride : 1,
                            .drop = drop * static_cast<double>(built++) / static_cast<double>(total),
                            .norm = norm}));
      width = scaled(stage.out);
    }
    stride *= stage.stride;
    network.push(std::move(blocks), width, stride);
  }
  const int64_t last = variant.last.value_or(4 * width);
  network.push(nn::conv_norm_act({.in = width, .out = last, .kernel = 1, .norm = norm, .activation = Act::Silu}), last,
               stride);
  network.mark_strides();
  return last;
}

Network efficientnet(const EfficientnetVariant& variant, const EfficientnetOptions& options,
                     const ModelRequest& request, const nn::NormOptions& norm) {
  Network network{.type = "EfficientNet", .container = "features"};
  const int64_t last = push_stages(network, variant, options.stochastic_depth_prob, request.inputs, norm);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  const auto linear = std::make_shared<nn::Linear>(last, outputs(options.num_classes, request));
  auto classifier = std::make_shared<nn::Sequential>();
  classifier->push(std::make_shared<nn::Dropout>(options.dropout));
  classifier->push(linear);
  network.push_head("classifier", std::move(classifier));
  network.second_pass = [linear](nn::Layer& root) {
    nn::init::redraw(root);
    nn::init::uniform(linear->weight, 1 / std::sqrt(static_cast<double>(linear->weight.size(0))));
    linear->bias.zero_();
  };
  return network;
}

}  // namespace

void add_efficientnets(ModelFactory& factory) {
  for (const EfficientnetVariant& variant : kEfficientnets) {
    EfficientnetOptions defaults;
    defaults.dropout = variant.dropout;
    factory.add<EfficientnetOptions>(
        variant.name, std::string(variant.title) + ": inverted residuals with squeeze-excitation, scaled by rule",
        [&variant](const EfficientnetOptions& options, const ModelRequest& request) {
          return build_whole(efficientnet(variant, options, request, variant.norm));
        },
        published_facts(variant.name), defaults);
  }
}

void add_efficientnet_bodies(BodyFactory& factory) {
  for (const EfficientnetVariant& variant : kEfficientnets) {
    factory.add<config::NoOptions>(
        variant.name, variant.title,
        [&variant](const config::NoOptions&, const BodyRequest& request) {
          EfficientnetOptions options;
          options.dropout = variant.dropout;
          return efficientnet(variant, options, {BodyRequest::kOutputs, request.inputs}, request.norm(variant.norm));
        },
        body_facts(/*norms=*/true));
  }
}

}  // namespace mlrun::models
