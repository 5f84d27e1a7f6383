#include <array>
#include <cmath>

#include "models/architectures.h"
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
constexpr nn::BatchNormOptions kMnasnetNorm{.momentum = 1 - 0.9997};

struct MnasnetOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.2;

  static void declare(config::Declare<MnasnetOptions>& d) {
    d("num_classes", &MnasnetOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &MnasnetOptions::dropout, "probability before the last layer").min(0).below(1);
  }
};

/// Convolution, norm and (unless it projects) ReLU, as steps of the sequence itself.
void push_conv(nn::Sequential& layers, nn::Conv2dOptions conv, bool activate = true) {
  conv.padding = ((*conv.kernel)[0] - 1) / 2;
  conv.bias = false;
  layers.push(std::make_shared<nn::Conv2d>(conv));
  layers.push(std::make_shared<nn::BatchNorm2d>(conv.out, kMnasnetNorm));
  if (activate) layers.push(std::make_shared<nn::Activation>(nn::Act::Relu));
}

std::shared_ptr<nn::Layer> mnasnet_block(int64_t in, int64_t out, int64_t stride, const MnasnetStage& stage) {
  const int64_t expanded = in * stage.expansion;
  auto layers = std::make_shared<nn::Sequential>();
  push_conv(*layers, {.in = in, .out = expanded});
  push_conv(*layers, {.in = expanded, .out = expanded, .kernel = stage.kernel, .stride = stride, .groups = expanded});
  push_conv(*layers, {.in = expanded, .out = out}, /*activate=*/false);
  const nn::ShortcutOptions shortcut{.add = stride == 1 && in == out};
  return std::make_shared<nn::Residual>("InvertedResidual", "layers", layers, shortcut);
}

class Mnasnet : public nn::Sequential {
 public:
  Mnasnet(const MnasnetVariant& variant, const MnasnetOptions& options, const ModelRequest& request)
      : Sequential("MNASNet") {
    push("layers", features(variant.width, request.channels));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    linear_ = std::make_shared<nn::Linear>(kMnasnetLast, outputs(options.num_classes, request));
    auto classifier = std::make_shared<nn::Sequential>();
    classifier->push(std::make_shared<nn::Dropout>(options.dropout));
    classifier->push(linear_);
    push("classifier", std::move(classifier));
  }

  // The linear layer is Kaiming uniform over the fan-out, for a sigmoid, whose gain is 1.
  void initialise_weights() override {
    nn::init::redraw(*this);
    const double std = 1 / std::sqrt(static_cast<double>(linear_->weight.size(0)));
    nn::init::uniform(linear_->weight, std::sqrt(3.0) * std);
    linear_->bias.zero_();
  }

 private:
  static std::shared_ptr<nn::Sequential> features(double factor, int64_t channels) {
    const auto scaled = [&](int64_t width) { return nn::make_divisible(static_cast<double>(width) * factor); };
    const int64_t stem = scaled(kMnasnetStem);
    int64_t width = scaled(kMnasnetSeparable);
    auto layers = std::make_shared<nn::Sequential>();
    push_conv(*layers, {.in = channels, .out = stem, .kernel = 3, .stride = 2});
    push_conv(*layers, {.in = stem, .out = stem, .kernel = 3, .groups = stem});
    push_conv(*layers, {.in = stem, .out = width}, /*activate=*/false);
    for (const MnasnetStage& stage : kMnasnetStages) {
      const int64_t out = scaled(stage.out);
      auto stack = std::make_shared<nn::Sequential>();
      for (int64_t n = 0; n < stage.repeats; ++n) {
        stack->push(mnasnet_block(width, out, n == 0 ? stage.stride : 1, stage));
        width = out;
      }
      layers->push(std::move(stack));
    }
    push_conv(*layers, {.in = width, .out = kMnasnetLast});
    return layers;
  }

  std::shared_ptr<nn::Linear> linear_;
};

}  // namespace

void add_mnasnets(ModelFactory& factory) {
  for (const MnasnetVariant& variant : kMnasnets) {
    factory.add<MnasnetOptions>(
        variant.name, std::string(variant.title) + ": inverted residuals found by search, for phones",
        [&variant](const MnasnetOptions& options, const ModelRequest& request) {
          return build<Mnasnet>(variant, options, request);
        },
        published_facts(variant.name));
  }
}

}  // namespace mlrun::models
