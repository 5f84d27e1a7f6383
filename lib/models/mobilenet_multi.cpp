#include "models/mobilenet_multi.h"

#include <string>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/branches.h"
#include "nn/init.h"
#include "nn/keras_init.h"
#include "nn/sized_windows.h"

namespace mlrun::models {
namespace {

constexpr MultiRow kAvgBlocks[] = {
    {3, 2, 32, 3},  {3, 1, 32, 2},  {5, 2, 64, 5},  {3, 1, 64, 3},  {3, 1, 64, 2},  {3, 1, 64, 3},
    {5, 2, 128, 6}, {3, 1, 128, 3}, {3, 1, 128, 3}, {3, 1, 128, 3}, {3, 1, 160, 6}, {3, 1, 160, 4},
    {3, 2, 192, 6}, {5, 1, 192, 4}, {5, 1, 192, 4}, {5, 1, 192, 4},
};
constexpr MultiRow kAvgSegBlocks[] = {
    {3, 2, 32, 3},  {3, 1, 32, 2},  {5, 2, 64, 5},  {3, 1, 64, 3},  {3, 1, 64, 2},  {3, 1, 64, 3},
    {5, 2, 128, 6}, {3, 1, 128, 3}, {3, 1, 128, 3}, {3, 1, 128, 3}, {3, 1, 160, 6}, {3, 1, 160, 4},
    {3, 2, 192, 6}, {5, 1, 96, 2},  {5, 1, 96, 4},  {5, 1, 96, 4},
};
constexpr std::int64_t kMultiHidden = 1280, kMultiLastStride = 32;

struct MultiOptions {
  std::optional<int64_t> num_classes;
  double width_mult = 1;
  double dropout = 0.2;

  static void declare(config::Declare<MultiOptions>& d) {
    d("num_classes", &MultiOptions::num_classes, kNumClassesHelp).min(1);
    d("width_mult", &MultiOptions::width_mult,
      "factor on the channels of all layers (on those of the last convolution only above 1)")
        .above(0)
        .max(100);
    d("dropout", &MultiOptions::dropout, "probability before the last layer").min(0).below(1);
  }
};

std::int64_t widened(std::int64_t channels, double width) {
  return nn::make_divisible(static_cast<double>(channels) * width);
}

/// The blocks and the convolution after them; with `dilated`, the last stage has dilation 2 in place of its stride.
std::int64_t push_multi(Network& network, const MultiTable& table, double width, bool dilated,
                        const nn::NormOptions& norm, std::int64_t inputs) {
  std::int64_t in = widened(kMultiStem, width), stride = 2;
  network.push(same_conv_norm_act({.in = inputs, .out = in, .stride = 2, .norm = norm}), in, stride);
  for (const MultiRow& row : table.blocks) {
    const bool spread = dilated && stride * row.stride >= kMultiLastStride;
    const MultiBlockOptions block{.in = in,
                                  .out = widened(row.out, width),
                                  .kernel = row.kernel,
                                  .stride = spread ? 1 : row.stride,
                                  .expansion = row.expansion,
                                  .dilation = spread ? 2 : 1,
                                  .norm = norm};
    stride *= row.stride;
    network.push(std::make_shared<nn::Residual>("InvertedResidual", "block", multi_block(block),
                                                nn::ShortcutOptions{.add = block.shortcut()}),
                 block.out, dilated && stride >= kMultiLastStride ? stride / 2 : stride);
    in = block.out;
  }
  const std::int64_t last = widened(table.last, width);
  network.push(nn::conv_norm_act({.in = in, .out = last, .kernel = 1, .norm = norm}), last,
               dilated ? kMultiLastStride / 2 : kMultiLastStride);
  return last;
}

Network mobilenet_multi(const MultiTable& table, const MultiOptions& options, const ModelRequest& request,
                        bool dilated = false, const nn::NormOptions& norm = kKerasNorm) {
  Network network{.type = "MobileNet", .container = "features"};
  const std::int64_t last = push_multi(network, table, options.width_mult, dilated, norm, request.inputs);
  network.mark_strides();
  network.push(std::make_shared<nn::AdaptiveAvgPool2d>(1));
  const std::int64_t hidden = options.width_mult < 1 ? kMultiHidden : widened(kMultiHidden, options.width_mult);
  network.push(nn::conv_norm_act({.in = last, .out = hidden, .kernel = 1, .norm = norm}));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  auto classifier = std::make_shared<nn::Sequential>();
  classifier->push(std::make_shared<nn::Dropout>(options.dropout));
  classifier->push(std::make_shared<nn::Linear>(hidden, outputs(options.num_classes, request)));
  network.push_head("classifier", std::move(classifier));
  network.second_pass = draw_multi;
  return network;
}

Json facts_of_multi(std::optional<double> acc1) {
  Json facts = {{"task", "classification"}, {"input_size", 224}, {"resize_size", 256},
                {"num_classes", 1000},      {"channels", 3},     {"interpolation", "bilinear"},
                {"metrics", nullptr}};
  if (acc1) {
    facts["metrics"] = {{"acc1", *acc1},
                        {"source", "TensorFlow Model Garden, official/projects/qat/vision, MobileNetV3.5 MultiAVG"}};
  }
  return facts;
}

void add_multi(ModelFactory& factory, const std::string& name, const std::string& description, const MultiTable& table,
               std::optional<double> acc1) {
  factory.add<MultiOptions>(
      name, description,
      [&table](const MultiOptions& options, const ModelRequest& request) {
        return build_whole(mobilenet_multi(table, options, request));
      },
      facts_of_multi(acc1));
}

void add_multi_body(BodyFactory& factory, const std::string& name, const MultiTable& table) {
  factory.add<config::NoOptions>(
      name, name,
      [&table](const config::NoOptions&, const BodyRequest& request) {
        const auto& dilation = request.options.replace_stride_with_dilation;
        return mobilenet_multi(table, {}, {BodyRequest::kOutputs, request.inputs},
                               !dilation.empty() && dilation.front(), request.norm(kKerasNorm));
      },
      body_facts(/*norms=*/true, /*dilated=*/1));
}

}  // namespace

constexpr MultiTable kMultiAvg{kAvgBlocks, 960}, kMultiAvgSeg{kAvgSegBlocks, 448};

std::shared_ptr<nn::Sequential> same_conv_norm_act(const nn::ConvNormActOptions& options) {
  if (options.stride == 1) return nn::conv_norm_act(options);  // the padding then is the same on both sides
  auto block = std::make_shared<nn::Sequential>("Conv2dNormActivation");
  block->push("pad", std::make_shared<nn::SamePad2d>(options.kernel, options.stride));
  block->push("0", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = options.in,
                                                                  .out = options.out,
                                                                  .kernel = options.kernel,
                                                                  .stride = options.stride,
                                                                  .groups = options.groups,
                                                                  .bias = false}));
  block->push("1", nn::make_norm(options.out, options.norm));
  if (options.activation) block->push("2", std::make_shared<nn::Activation>(*options.activation));
  return block;
}

std::shared_ptr<nn::Sequential> multi_block(const MultiBlockOptions& o) {
  const std::int64_t hidden = nn::make_divisible(static_cast<double>(o.in * o.expansion));
  auto block = std::make_shared<nn::Sequential>();
  block->push(nn::conv_norm_act({.in = o.in, .out = hidden, .kernel = 1, .norm = o.norm}));
  block->push(same_conv_norm_act({.in = hidden,
                                  .out = hidden,
                                  .kernel = o.kernel,
                                  .stride = o.stride,
                                  .dilation = o.dilation,
                                  .groups = hidden,
                                  .norm = o.norm}));
  block->push(nn::conv_norm_act({.in = hidden, .out = o.out, .kernel = 1, .norm = o.norm, .activation = std::nullopt}));
  return block;
}

void draw_multi(nn::Layer& root) {
  const torch::NoGradGuard no_grad;
  for (nn::Layer* layer : root.all_layers()) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) {
      nn::init::variance_scaling(conv->weight, conv->options().groups > 1);
    } else if (auto* linear = dynamic_cast<nn::Linear*>(layer)) {
      constexpr double kKerasRandomUniform = 0.05;
      nn::init::uniform(linear->weight, kKerasRandomUniform);
      linear->bias.zero_();
    }
  }
}

void add_mobilenets_multi(ModelFactory& factory) {
  add_multi(factory, "mobilenet_multi_avg", "Multi-Hardware MobileNet (average), found by search", kMultiAvg, 75.21);
  add_multi(factory, "mobilenet_multi_avg_seg",
            "Multi-Hardware MobileNet with half the channels at the end, for segmenters", kMultiAvgSeg, std::nullopt);
}

void add_mobilenet_multi_bodies(BodyFactory& factory) {
  add_multi_body(factory, "mobilenet_multi_avg", kMultiAvg);
  add_multi_body(factory, "mobilenet_multi_avg_seg", kMultiAvgSeg);
}

}  // namespace mlrun::models
