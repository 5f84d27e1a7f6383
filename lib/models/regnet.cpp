#include <algorithm>
#include <cmath>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/blocks.h"
#include "nn/init.h"

/// Radosavovic et al., "Designing Network Design Spaces", CVPR 2020, as torchvision builds them.
namespace mlrun::models {
namespace {

/// What distinguishes the family's members: the paper's parameters. Block j of `depth` would have
/// `initial + slope * j` channels; that is rounded to `initial` times a power of `step`, then to a
/// multiple of 8, and blocks of equal width make a stage.
struct RegnetVariant {
  const char* name;
  const char* title;
  int64_t depth, initial;
  double slope, step;
  int64_t group_width;  ///< channels of a group in the 3x3 convolutions
  bool squeeze;         ///< squeeze-excitation, which is what makes a RegNetY of a RegNetX
};

constexpr RegnetVariant kRegnets[] = {
    {"regnet_y_400mf", "RegNetY-400MF", 16, 48, 27.89, 2.09, 8, true},
    {"regnet_y_800mf", "RegNetY-800MF", 14, 56, 38.84, 2.4, 16, true},
    {"regnet_y_1_6gf", "RegNetY-1.6GF", 27, 48, 20.71, 2.65, 24, true},
    {"regnet_y_3_2gf", "RegNetY-3.2GF", 21, 80, 42.63, 2.66, 24, true},
    {"regnet_y_8gf", "RegNetY-8GF", 17, 192, 76.82, 2.19, 56, true},
    {"regnet_y_16gf", "RegNetY-16GF", 18, 200, 106.23, 2.48, 112, true},
    {"regnet_y_32gf", "RegNetY-32GF", 20, 232, 115.89, 2.53, 232, true},
    {"regnet_y_128gf", "RegNetY-128GF", 27, 456, 160.83, 2.52, 264, true},
    {"regnet_x_400mf", "RegNetX-400MF", 22, 24, 24.48, 2.54, 16, false},
    {"regnet_x_800mf", "RegNetX-800MF", 16, 56, 35.73, 2.28, 16, false},
    {"regnet_x_1_6gf", "RegNetX-1.6GF", 18, 80, 34.01, 2.25, 24, false},
    {"regnet_x_3_2gf", "RegNetX-3.2GF", 25, 88, 26.31, 2.25, 48, false},
    {"regnet_x_8gf", "RegNetX-8GF", 23, 80, 49.56, 2.88, 120, false},
    {"regnet_x_16gf", "RegNetX-16GF", 22, 216, 55.59, 2.1, 128, false},
    {"regnet_x_32gf", "RegNetX-32GF", 23, 320, 69.86, 2.0, 168, false},
};

struct RegnetOptions {
  std::optional<int64_t> num_classes;
  int64_t stem_width = 32;

  static void declare(config::Declare<RegnetOptions>& d) {
    d("num_classes", &RegnetOptions::num_classes, kNumClassesHelp).min(1);
    d("stem_width", &RegnetOptions::stem_width, "channels of the first convolution").min(4).max(65536);
  }
};

struct RegnetStage {
  int64_t width, blocks, group_width;
};

std::vector<RegnetStage> regnet_stages(const RegnetVariant& variant) {
  std::vector<RegnetStage> stages;
  const auto initial = static_cast<double>(variant.initial);
  for (int64_t j = 0; j < variant.depth; ++j) {
    const double linear = initial + variant.slope * static_cast<double>(j);
    const double power = std::nearbyint(std::log(linear / initial) / std::log(variant.step));
    const auto width = static_cast<int64_t>(8 * std::nearbyint(initial * std::pow(variant.step, power) / 8));
    if (stages.empty() || stages.back().width != width) stages.push_back({width, 0, variant.group_width});
    ++stages.back().blocks;
  }
  for (RegnetStage& stage : stages) {
    stage.group_width = std::min(stage.group_width, stage.width);
    stage.width = nn::make_divisible(static_cast<double>(stage.width), stage.group_width);
  }
  return stages;
}

/// 1x1, 3x3 in groups, squeeze-excitation and 1x1 convolution beside a shortcut, which projects
/// where the shape changes.
class RegnetBlock : public nn::UnaryLayer {
 public:
  RegnetBlock(int64_t in, const RegnetStage& stage, int64_t stride, bool squeeze, const nn::NormOptions& norm)
      : UnaryLayer("ResBottleneckBlock") {
    const int64_t width = stage.width;
    if (in != width || stride != 1) {
      proj_ =
          add("proj",
              nn::conv_norm_act(
                  {.in = in, .out = width, .kernel = 1, .stride = stride, .norm = norm, .activation = std::nullopt}));
    }
    f_ = add("f", std::make_shared<nn::Sequential>("BottleneckTransform"));
    f_->push("a", nn::conv_norm_act({.in = in, .out = width, .kernel = 1, .norm = norm}));
    f_->push("b",
             nn::conv_norm_act(
                 {.in = width, .out = width, .stride = stride, .groups = width / stage.group_width, .norm = norm}));
    if (squeeze) {
      const auto squeezed = static_cast<int64_t>(std::nearbyint(0.25 * static_cast<double>(in)));
      f_->push("se", std::make_shared<nn::SqueezeExcitation>(width, squeezed));
    }
    f_->push("c",
             nn::conv_norm_act({.in = width, .out = width, .kernel = 1, .norm = norm, .activation = std::nullopt}));
    add_ = add("add", std::make_shared<nn::Add>());
    activation_ = add("activation", std::make_shared<nn::Activation>(nn::Act::Relu));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor shortcut = proj_ ? call(*proj_, input) : input;
    return call(*activation_, call(*add_, call(*f_, input), shortcut));
  }

  bool is_block() const override { return true; }

 private:
  std::shared_ptr<nn::Sequential> proj_, f_;
  std::shared_ptr<nn::Add> add_;
  std::shared_ptr<nn::Activation> activation_;
};

// Unlike the other families', the biases of the squeeze-excitation's convolutions stay as drawn.
void redraw_regnet(nn::Layer& root, nn::Linear& linear) {
  for (nn::Layer* layer : root.all_layers()) {
    auto* conv = dynamic_cast<nn::Conv2d*>(layer);
    if (!conv) continue;
    const auto fan_out = static_cast<double>(conv->weight.numel() / conv->weight.size(1));
    nn::init::normal(conv->weight, 0, std::sqrt(2.0 / fan_out));
  }
  nn::init::normal(linear.weight, 0, 0.01);
  linear.bias.zero_();
}

Network regnet(const RegnetVariant& variant, const RegnetOptions& options, const ModelRequest& request,
               const nn::NormOptions& norm = {}) {
  Network network{.type = "RegNet"};
  int64_t width = options.stem_width, stride = 2, number = 0;
  network.push("stem", nn::conv_norm_act({.in = request.inputs, .out = width, .stride = 2, .norm = norm}), width,
               stride);
  for (const RegnetStage& stage : regnet_stages(variant)) {
    const std::string name = "block" + std::to_string(++number);
    auto blocks = std::make_shared<nn::Sequential>("AnyStage");
    for (int64_t n = 0; n < stage.blocks; ++n) {
      blocks->push(name + "-" + std::to_string(n),
                   std::make_shared<RegnetBlock>(width, stage, n == 0 ? 2 : 1, variant.squeeze, norm));
      width = stage.width;
    }
    stride *= 2;
    network.push(name, std::move(blocks), width, stride).group = "trunk_output";
  }
  network.mark_strides();
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  const auto linear = std::make_shared<nn::Linear>(width, outputs(options.num_classes, request));
  network.push_head("fc", linear);
  network.second_pass = [linear](nn::Layer& root) { redraw_regnet(root, *linear); };
  return network;
}

}  // namespace

void add_regnets(ModelFactory& factory) {
  for (const RegnetVariant& variant : kRegnets) {
    const std::string what = variant.squeeze ? ": quantized linear widths, grouped bottlenecks, squeeze-excitation"
                                             : ": quantized linear widths, grouped bottlenecks";
    factory.add<RegnetOptions>(
        variant.name, variant.title + what,
        [&variant](const RegnetOptions& options, const ModelRequest& request) {
          return build_whole(regnet(variant, options, request));
        },
        published_facts(variant.name));
  }
}

void add_regnet_bodies(BodyFactory& factory) {
  for (const RegnetVariant& variant : kRegnets) {
    factory.add<config::NoOptions>(
        variant.name, variant.title,
        [&variant](const config::NoOptions&, const BodyRequest& request) {
          return regnet(variant, {}, {BodyRequest::kOutputs, request.inputs}, request.norm());
        },
        body_facts(/*norms=*/true));
  }
}

}  // namespace mlrun::models
