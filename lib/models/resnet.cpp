#include <array>
#include <string>

#include "models/architectures.h"
#include "nn/blocks.h"
#include "nn/init.h"

/// He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, as torchvision builds it
/// (the bottleneck's stride is at its 3x3 convolution).
namespace mlrun::models {
namespace {

/// What distinguishes the family's members.
struct ResnetTable {
  bool bottleneck;
  std::array<int64_t, 4> blocks;  ///< residual blocks in each of the four stages
};

constexpr ResnetTable kResnet18{false, {2, 2, 2, 2}};
constexpr ResnetTable kResnet34{false, {3, 4, 6, 3}};
constexpr ResnetTable kResnet50{true, {3, 4, 6, 3}};

struct ResnetOptions {
  std::optional<int64_t> num_classes;
  std::string stem = "imagenet";
  bool zero_init_residual = false;

  static void declare(config::Declare<ResnetOptions>& d) {
    d("num_classes", &ResnetOptions::num_classes, kNumClassesHelp).min(1);
    d("stem", &ResnetOptions::stem,
      "first layers; imagenet: 7x7 convolution of stride 2 and max pooling; small: 3x3 convolution of stride 1, for "
      "images of 28 to 64 pixels")
        .choices({"imagenet", "small"});
    d("zero_init_residual", &ResnetOptions::zero_init_residual,
      "start with residual branches of zero (their last norm's weight)");
  }
};

struct ResidualOptions {
  bool bottleneck = false;
  int64_t in = 0;     ///< channels
  int64_t width = 0;  ///< channels inside the branch; a bottleneck puts out 4 times as many
  int64_t stride = 1;

  int64_t out() const { return bottleneck ? 4 * width : width; }
};

/// One convolution of a residual branch with its norm and activation.
struct Stage {
  std::shared_ptr<nn::Conv2d> conv;
  std::shared_ptr<nn::BatchNorm2d> norm;
  std::shared_ptr<nn::Activation> relu;
};

/// Two 3x3 convolutions (BasicBlock) or 1x1, 3x3, 1x1 (Bottleneck) beside a shortcut. The last
/// activation follows the addition. Upstream calls one activation at all places; here each is a
/// layer of its own.
class ResidualBlock : public nn::UnaryLayer {
 public:
  explicit ResidualBlock(const ResidualOptions& o) : UnaryLayer(o.bottleneck ? "Bottleneck" : "BasicBlock") {
    if (o.bottleneck) {
      push(o.in, o.width, 1, 1);
      push(o.width, o.width, 3, o.stride);
      push(o.width, o.out(), 1, 1);
    } else {
      push(o.in, o.width, 3, o.stride);
      push(o.width, o.width, 3, 1);
    }
    if (o.stride != 1 || o.in != o.out()) {
      downsample_ = add("downsample", std::make_shared<nn::Sequential>());
      downsample_->push(std::make_shared<nn::Conv2d>(
          nn::Conv2dOptions{.in = o.in, .out = o.out(), .stride = o.stride, .bias = false}));
      downsample_->push(std::make_shared<nn::BatchNorm2d>(o.out()));
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

  nn::BatchNorm2d& last_norm() { return *stages_.back().norm; }

 private:
  void push(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    const nn::Conv2dOptions conv{
        .in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false};
    const std::string number = std::to_string(stages_.size() + 1);
    Stage stage;
    stage.conv = add("conv" + number, std::make_shared<nn::Conv2d>(conv));
    stage.norm = add("bn" + number, std::make_shared<nn::BatchNorm2d>(out));
    stage.relu = add("relu" + number, std::make_shared<nn::Activation>(nn::Act::Relu));
    stages_.push_back(std::move(stage));
  }

  std::vector<Stage> stages_;
  std::shared_ptr<nn::Sequential> downsample_;
  std::shared_ptr<nn::Add> add_;
};

/// Stem, four stages of residual blocks (the later three halve the size), mean, linear.
class Resnet : public nn::Sequential {
 public:
  Resnet(const ResnetTable& table, const ResnetOptions& options, const ModelRequest& request)
      : Sequential("ResNet"), zero_init_residual_(options.zero_init_residual) {
    push_stem(options.stem == "small", request.channels);
    ResidualOptions block{.bottleneck = table.bottleneck, .in = 64, .width = 64, .stride = 1};
    for (std::size_t i = 0; i < table.blocks.size(); ++i) {
      auto stage = std::make_shared<nn::Sequential>();
      for (int64_t n = 0; n < table.blocks[i]; ++n) {
        block.stride = n == 0 && i > 0 ? 2 : 1;
        stage->push(std::make_shared<ResidualBlock>(block));
        block.in = block.out();
      }
      push("layer" + std::to_string(i + 1), std::move(stage));
      block.width *= 2;
    }
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push("fc", std::make_shared<nn::Linear>(block.in, outputs(options.num_classes, request)));
  }

  void initialise_weights() override {
    nn::init::redraw(*this);
    if (!zero_init_residual_) return;
    for (nn::Layer* layer : all_layers()) {
      if (auto* block = dynamic_cast<ResidualBlock*>(layer)) block->last_norm().weight.zero_();
    }
  }

 private:
  void push_stem(bool small, int64_t channels) {
    nn::Conv2dOptions conv{.in = channels, .out = 64, .kernel = 7, .stride = 2, .padding = 3, .bias = false};
    if (small) conv.kernel = 3, conv.stride = 1, conv.padding = 1;
    push("conv1", std::make_shared<nn::Conv2d>(conv));
    push("bn1", std::make_shared<nn::BatchNorm2d>(64));
    push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
    if (small) return;
    const nn::MaxPool2dOptions pool{.kernel = 3, .stride = 2, .padding = 1};
    push("maxpool", std::make_shared<nn::MaxPool2d>(pool));
  }

  bool zero_init_residual_;
};

void add_resnet(ModelFactory& factory, const std::string& name, const std::string& description,
                const ResnetTable& table, const Published& published) {
  factory.add<ResnetOptions>(
      name, description,
      [table](const ResnetOptions& options, const ModelRequest& request) {
        return build<Resnet>(table, options, request);
      },
      imagenet_facts(published));
}

constexpr const char* kResnetSource = "torchvision 0.14.1, https://pytorch.org/vision/0.14/models.html";

}  // namespace

void add_resnets(ModelFactory& factory) {
  add_resnet(factory, "resnet18", "ResNet-18: residual network of basic blocks", kResnet18,
             {69.758, 89.078, "IMAGENET1K_V1", kResnetSource});
  add_resnet(factory, "resnet34", "ResNet-34: residual network of basic blocks", kResnet34,
             {73.314, 91.420, "IMAGENET1K_V1", kResnetSource});
  add_resnet(factory, "resnet50", "ResNet-50: residual network of bottleneck blocks", kResnet50,
             {76.130, 92.862, "IMAGENET1K_V1", kResnetSource});
}

}  // namespace mlrun::models
