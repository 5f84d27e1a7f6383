#include <array>
#include <string>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/blocks.h"
#include "nn/init.h"

/// Residual networks as torchvision builds them (a bottleneck's stride is at its 3x3 convolution):
/// He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; Xie et al., "Aggregated
/// Residual Transformations for Deep Neural Networks", CVPR 2017 (ResNeXt: 3x3 convolutions in
/// groups); Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016.
namespace mlrun::models {
namespace {

/// What distinguishes the family's members.
struct ResnetVariant {
  const char* name;
  const char* title;
  bool bottleneck;
  std::array<int64_t, 4> blocks;  ///< residual blocks in each of the four stages
  int64_t groups = 1;             ///< of a bottleneck's 3x3 convolution
  int64_t width_per_group = 64;   ///< channels of a group in the first stage; the later double them
};

constexpr int64_t kPlainGroups = 1, kPlainWidth = 64;

constexpr ResnetVariant kResnets[] = {
    {"resnet18", "ResNet-18", false, {2, 2, 2, 2}},
    {"resnet34", "ResNet-34", false, {3, 4, 6, 3}},
    {"resnet50", "ResNet-50", true, {3, 4, 6, 3}},
    {"resnet101", "ResNet-101", true, {3, 4, 23, 3}},
    {"resnet152", "ResNet-152", true, {3, 8, 36, 3}},
    {"resnext50_32x4d", "ResNeXt-50 32x4d", true, {3, 4, 6, 3}, 32, 4},
    {"resnext101_32x8d", "ResNeXt-101 32x8d", true, {3, 4, 23, 3}, 32, 8},
    {"resnext101_64x4d", "ResNeXt-101 64x4d", true, {3, 4, 23, 3}, 64, 4},
    {"wide_resnet50_2", "Wide ResNet-50-2", true, {3, 4, 6, 3}, 1, 128},
    {"wide_resnet101_2", "Wide ResNet-101-2", true, {3, 4, 23, 3}, 1, 128},
};

/// What every member takes.
struct ResnetOptions {
  std::optional<int64_t> num_classes;
  std::string stem = "imagenet";
  bool zero_init_residual = false;

  static void declare(config::Declare<ResnetOptions>& d) { declare_common(d); }

  template <class Options>
  static void declare_common(config::Declare<Options>& d) {
    d("num_classes", &Options::num_classes, kNumClassesHelp).min(1);
    d("stem", &Options::stem,
      "first layers; imagenet: 7x7 convolution of stride 2 and max pooling; small: 3x3 convolution of stride 1, for "
      "images of 28 to 64 pixels")
        .choices({"imagenet", "small"});
    d("zero_init_residual", &Options::zero_init_residual,
      "start with residual branches of zero (their last norm's weight)");
  }
};

/// What those of bottleneck blocks take besides.
struct BottleneckOptions {
  std::optional<int64_t> num_classes;
  std::string stem = "imagenet";
  bool zero_init_residual = false;
  int64_t groups = kPlainGroups;
  int64_t width_per_group = kPlainWidth;
  std::vector<bool> replace_stride_with_dilation = {false, false, false};
  const ResnetVariant* variant = nullptr;  ///< whose options they are

  static void declare(config::Declare<BottleneckOptions>& d) {
    ResnetOptions::declare_common(d);
    d("groups", &BottleneckOptions::groups, "groups of the 3x3 convolutions").min(1).max(4096);
    d("width_per_group", &BottleneckOptions::width_per_group,
      "channels of a group in the first stage, doubled in each later one")
        .min(1)
        .max(4096);
    d("replace_stride_with_dilation", &BottleneckOptions::replace_stride_with_dilation,
      "for each of the last three stages, whether dilation takes the place of its stride of 2")
        .length(3);
    d.rule("groups", [](const BottleneckOptions& o) { return fixed(o, o.groups, o.variant->groups, kPlainGroups); });
    d.rule("width_per_group", [](const BottleneckOptions& o) {
      return fixed(o, o.width_per_group, o.variant->width_per_group, kPlainWidth);
    });
  }

 private:
  /// What a model's name says cannot be changed.
  static std::string fixed(const BottleneckOptions& o, int64_t value, int64_t named, int64_t plain) {
    if (named == plain || value == named) return "";
    return "is " + std::to_string(named) + " in " + o.variant->name + "; the plain resnets take other values";
  }
};

struct ResidualOptions {
  bool bottleneck = false;
  int64_t in = 0;     ///< channels
  int64_t inner = 0;  ///< channels inside the branch
  int64_t out = 0;
  int64_t stride = 1;
  int64_t groups = 1;
  int64_t dilation = 1;
  nn::NormOptions norm{};
};

/// One convolution of a residual branch with its norm and activation.
struct Stage {
  std::shared_ptr<nn::Conv2d> conv;
  std::shared_ptr<nn::Norm> norm;
  std::shared_ptr<nn::Activation> relu;
};

/// Two 3x3 convolutions (BasicBlock) or 1x1, 3x3, 1x1 (Bottleneck) beside a shortcut. The last
/// activation follows the addition. Upstream calls one activation at all places; here each is a
/// layer of its own.
class ResidualBlock : public nn::UnaryLayer {
 public:
  explicit ResidualBlock(const ResidualOptions& o)
      : UnaryLayer(o.bottleneck ? "Bottleneck" : "BasicBlock"), norm_(o.norm) {
    if (o.bottleneck) {
      push({.in = o.in, .out = o.inner});
      push({.in = o.inner,
            .out = o.inner,
            .kernel = 3,
            .stride = o.stride,
            .padding = o.dilation,
            .dilation = o.dilation,
            .groups = o.groups});
      push({.in = o.inner, .out = o.out});
    } else {
      push({.in = o.in, .out = o.out, .kernel = 3, .stride = o.stride, .padding = 1});
      push({.in = o.out, .out = o.out, .kernel = 3, .padding = 1});
    }
    if (o.stride != 1 || o.in != o.out) {
      downsample_ = add("downsample", std::make_shared<nn::Sequential>());
      downsample_->push(
          std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = o.in, .out = o.out, .stride = o.stride, .bias = false}));
      downsample_->push(nn::make_norm(o.out, o.norm));
    }
    add_ = add("add", std::make_shared<nn::Add>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    torch::Tensor x = input;
    for (const Stage& stage : stages_) {
      x = call(*stage.norm, call(*stage.conv, x));
      if (&stage != &stages_.back()) x = call(*stage.relu, x);
    }
    const torch::Tensor shortcut = downsample_ ? call(*downsample_, input) : input;
    return call(*stages_.back().relu, call(*add_, x, shortcut));
  }

  // Upstream makes the shortcut first and hands it to the block's constructor.
  void reset() override {
    if (downsample_) downsample_->reset();
    for (const Stage& stage : stages_) {
      stage.conv->reset();
      stage.norm->reset();
    }
  }

  bool is_block() const override { return true; }
  nn::Norm& last_norm() { return *stages_.back().norm; }

 private:
  void push(nn::Conv2dOptions conv) {
    conv.bias = false;
    const std::string number = std::to_string(stages_.size() + 1);
    Stage stage;
    stage.conv = add("conv" + number, std::make_shared<nn::Conv2d>(conv));
    stage.norm = add("bn" + number, nn::make_norm(conv.out, norm_));
    stage.relu = add("relu" + number, std::make_shared<nn::Activation>(nn::Act::Relu));
    stages_.push_back(std::move(stage));
  }

  nn::NormOptions norm_;
  std::vector<Stage> stages_;
  std::shared_ptr<nn::Sequential> downsample_;
  std::shared_ptr<nn::Add> add_;
};

/// Returns the stride of what comes out.
int64_t push_stem(Network& network, bool small, int64_t channels, const nn::NormOptions& norm) {
  constexpr int64_t kWidth = 64;
  nn::Conv2dOptions conv{.in = channels, .out = kWidth, .kernel = 7, .stride = 2, .padding = 3, .bias = false};
  if (small) conv.kernel = 3, conv.stride = 1, conv.padding = 1;
  network.push("conv1", std::make_shared<nn::Conv2d>(conv)).stage = true;
  network.push("bn1", nn::make_norm(kWidth, norm));
  network.push("relu", std::make_shared<nn::Activation>(nn::Act::Relu), kWidth, small ? 1 : 2);
  if (small) return 1;
  const nn::MaxPool2dOptions pool{.kernel = 3, .stride = 2, .padding = 1};
  network.push("maxpool", std::make_shared<nn::MaxPool2d>(pool), kWidth, 4);
  return 4;
}

/// Blocks of which the first has `block`'s stride. Afterwards `block` is as the next stage finds it.
std::shared_ptr<nn::Layer> residual_stage(ResidualOptions& block, int64_t blocks, bool dilate) {
  if (dilate) block.stride = 1;
  auto stage = std::make_shared<nn::Sequential>();
  for (int64_t n = 0; n < blocks; ++n) {
    stage->push(std::make_shared<ResidualBlock>(block));
    // The first block still has the dilation of the stage before it.
    if (n == 0 && dilate) block.dilation *= 2;
    block.stride = 1;
    block.in = block.out;
  }
  return stage;
}

/// Stem, four stages of residual blocks (the later three halve the size), mean, linear.
Network resnet(const ResnetVariant& variant, const BottleneckOptions& options, const ModelRequest& request,
               const nn::NormOptions& norm = {}) {
  Network network{.type = "ResNet"};
  int64_t stride = push_stem(network, options.stem == "small", request.inputs, norm);
  ResidualOptions block{.bottleneck = variant.bottleneck, .in = 64, .groups = options.groups, .norm = norm};
  for (std::size_t i = 0; i < variant.blocks.size(); ++i) {
    const int64_t planes = int64_t{64} << i;
    block.out = variant.bottleneck ? 4 * planes : planes;
    block.inner = (planes * options.width_per_group / 64) * options.groups;
    block.stride = i == 0 ? 1 : 2;
    const bool dilate = i > 0 && options.replace_stride_with_dilation[i - 1];
    if (i > 0 && !dilate) stride *= 2;
    auto stage = residual_stage(block, variant.blocks[i], dilate);
    BodyStep& step = network.push("layer" + std::to_string(i + 1), std::move(stage), block.out, stride);
    step.level = step.stage = true;
  }
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  network.push_head("fc", std::make_shared<nn::Linear>(block.out, outputs(options.num_classes, request)));
  network.second_pass = [zero = options.zero_init_residual](nn::Layer& root) {
    nn::init::redraw(root);
    for (nn::Layer* layer : root.all_layers()) {
      auto* residual = zero ? dynamic_cast<ResidualBlock*>(layer) : nullptr;
      if (residual != nullptr) residual->last_norm().weight.zero_();
    }
  };
  return network;
}

BottleneckOptions usual_options(const ResnetVariant& variant) {
  BottleneckOptions options;
  options.groups = variant.groups;
  options.width_per_group = variant.width_per_group;
  options.variant = &variant;
  return options;
}

void add_resnet(ModelFactory& factory, const ResnetVariant& variant) {
  const std::string title = variant.title;
  if (variant.bottleneck) {
    factory.add<BottleneckOptions>(
        variant.name, title + ": residual network of bottleneck blocks",
        [&variant](const BottleneckOptions& options, const ModelRequest& request) {
          return build_whole(resnet(variant, options, request));
        },
        published_facts(variant.name), usual_options(variant));
    return;
  }
  factory.add<ResnetOptions>(
      variant.name, title + ": residual network of basic blocks",
      [&variant](const ResnetOptions& options, const ModelRequest& request) {
        BottleneckOptions all;
        all.num_classes = options.num_classes;
        all.stem = options.stem;
        all.zero_init_residual = options.zero_init_residual;
        return build_whole(resnet(variant, all, request));
      },
      published_facts(variant.name));
}

}  // namespace

void add_resnets(ModelFactory& factory) {
  for (const ResnetVariant& variant : kResnets) add_resnet(factory, variant);
}

void add_resnet_bodies(BodyFactory& factory) {
  for (const ResnetVariant& variant : kResnets) {
    factory.add<config::NoOptions>(
        variant.name, variant.title,
        [&variant](const config::NoOptions&, const BodyRequest& request) {
          BottleneckOptions options = usual_options(variant);
          const auto& dilation = request.options.replace_stride_with_dilation;
          if (!dilation.empty()) options.replace_stride_with_dilation = dilation;
          return resnet(variant, options, {BodyRequest::kOutputs, request.inputs}, request.norm());
        },
        body_facts(/*norms=*/true, variant.bottleneck ? 3 : 0));
  }
}

}  // namespace mlrun::models
