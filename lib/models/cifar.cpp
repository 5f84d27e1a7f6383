#include "models/cifar.h"

#include <cmath>
#include <string>
#include <vector>

#include "models/architectures.h"
#include "nn/init.h"
#include "nn/layers.h"

namespace mlrun::models {
namespace {

/// What distinguishes the residual networks. Three stages; the later two halve the size and double
/// the channels.
struct CifarResnetTable {
  const char* type;      ///< upstream's class
  bool wide;             ///< two 3x3 convolutions with biases a block; else 1x1, 3x3, 1x1 without
  int64_t blocks;        ///< in each stage
  int64_t width;         ///< channels inside the blocks of the first stage
  const char* shortcut;  ///< names of the 1x1 convolutions' parent, the last norm and the last layer
  const char* norm;
  const char* linear;
  nn::BatchNormOptions last_norm{};
};

constexpr CifarResnetTable kPreresnet110{"PreResNet", false, 12, 16, "downsample", "bn", "fc"};
constexpr CifarResnetTable kPreresnet164{"PreResNet", false, 18, 16, "downsample", "bn", "fc"};
constexpr CifarResnetTable kWide28x10{"WideResNet", true, 4, 160, "shortcut", "bn1", "linear", {.momentum = 0.9}};

struct CifarBlockOptions {
  int64_t in, width, stride;
  double dropout;

  int64_t out(const CifarResnetTable& table) const { return table.wide ? width : 4 * width; }
};

/// Pre-activation: a stage of a residual branch is norm, ReLU and convolution.
struct CifarStage {
  std::shared_ptr<nn::BatchNorm2d> norm;
  std::shared_ptr<nn::Activation> relu;
  std::shared_ptr<nn::Conv2d> conv;
};

class CifarBlock : public nn::UnaryLayer {
 public:
  CifarBlock(const CifarResnetTable& table, const CifarBlockOptions& o)
      : UnaryLayer(table.wide ? "WideBasic" : "Bottleneck"), wide_(table.wide) {
    const int64_t out = o.out(table);
    if (wide_) {
      push(o.in, out, 3, 1);
      dropout_ = add("dropout", std::make_shared<nn::Dropout>(o.dropout));
      push(out, out, 3, o.stride);
    } else {
      push(o.in, o.width, 1, 1);
      push(o.width, o.width, 3, o.stride);
      push(o.width, out, 1, 1);
    }
    if (o.stride != 1 || o.in != out) {
      shortcut_ = add(table.shortcut, std::make_shared<nn::Sequential>());
      shortcut_->push(
          std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = o.in, .out = out, .stride = o.stride, .bias = wide_}));
    }
    add_ = add("add", std::make_shared<nn::Add>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    torch::Tensor x = input;
    for (const CifarStage& stage : stages_) {
      x = call(*stage.conv, call(*stage.relu, call(*stage.norm, x)));
      if (dropout_ && &stage == &stages_.front()) x = call(*dropout_, x);
    }
    return call(*add_, x, shortcut_ ? call(*shortcut_, input) : input);
  }

  // PreResNet's shortcut is made before the block and handed to its constructor.
  void reset() override {
    if (shortcut_ && !wide_) shortcut_->reset();
    for (const CifarStage& stage : stages_) {
      stage.norm->reset();
      stage.conv->reset();
    }
    if (shortcut_ && wide_) shortcut_->reset();
  }
  bool is_block() const override { return true; }

 private:
  void push(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    const nn::Conv2dOptions conv{
        .in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = wide_};
    const std::string number = std::to_string(stages_.size() + 1);
    CifarStage stage;
    stage.norm = add("bn" + number, std::make_shared<nn::BatchNorm2d>(in));
    stage.relu = add("relu" + number, std::make_shared<nn::Activation>(nn::Act::Relu));
    stage.conv = add("conv" + number, std::make_shared<nn::Conv2d>(conv));
    stages_.push_back(std::move(stage));
  }

  bool wide_;
  std::vector<CifarStage> stages_;
  std::shared_ptr<nn::Dropout> dropout_;
  std::shared_ptr<nn::Sequential> shortcut_;
  std::shared_ptr<nn::Add> add_;
};

class CifarResnet : public nn::Sequential {
 public:
  CifarResnet(const CifarResnetTable& table, double dropout, int64_t classes, const ModelRequest& request)
      : Sequential(table.type), second_pass_(!table.wide), head_(table.linear) {
    constexpr int64_t kStem = 16;
    push("conv1", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
                      .in = request.inputs, .out = kStem, .kernel = 3, .padding = 1, .bias = table.wide}));
    CifarBlockOptions block{kStem, table.width, 1, dropout};
    for (int number = 1; number <= 3; ++number) {
      auto stage = std::make_shared<nn::Sequential>();
      for (int64_t n = 0; n < table.blocks; ++n) {
        block.stride = n == 0 && number > 1 ? 2 : 1;
        stage->push(std::make_shared<CifarBlock>(table, block));
        block.in = block.out(table);
      }
      push("layer" + std::to_string(number), std::move(stage));
      block.width *= 2;
    }
    push(table.norm, std::make_shared<nn::BatchNorm2d>(block.in, table.last_norm));
    push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push(table.linear, std::make_shared<nn::Linear>(block.in, classes));
  }

  void initialise_weights() override {
    if (second_pass_) redraw_cifar(*this);
  }
  std::vector<std::string> heads() const override { return {head_}; }

 private:
  bool second_pass_;
  const char* head_;
};

struct PreresnetOptions {
  std::optional<int64_t> num_classes;

  static void declare(config::Declare<PreresnetOptions>& d) {
    d("num_classes", &PreresnetOptions::num_classes, kNumClassesHelp).min(1);
  }
};

struct WideCifarOptions {
  std::optional<int64_t> num_classes;
  double dropout_rate = 0;

  static void declare(config::Declare<WideCifarOptions>& d) {
    d("num_classes", &WideCifarOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout_rate", &WideCifarOptions::dropout_rate, "probability between the two convolutions of a block")
        .min(0)
        .below(1);
  }
};

void add_preresnet(ModelFactory& factory, const std::string& name, const std::string& description,
                   const CifarResnetTable& table, double acc1) {
  factory.add<PreresnetOptions>(
      name, description,
      [&table](const PreresnetOptions& options, const ModelRequest& request) {
        return build<CifarResnet>(table, 0.0, outputs(options.num_classes, request), request);
      },
      cifar_facts(acc1, 1));
}

}  // namespace

Json cifar_facts(std::optional<double> acc1, int64_t min_size) {
  Json facts{{"task", "classification"}, {"input_size", 32}, {"resize_size", 32}, {"min_size", min_size},
             {"num_classes", 10},        {"channels", 3},    {"metrics", nullptr}};
  if (acc1) {
    facts["metrics"] = {{"acc1", *acc1},
                        {"data", "CIFAR-10"},
                        {"source", "Izmailov et al. 2018, SGD; https://github.com/timgaripov/swa"}};
  }
  return facts;
}

void redraw_cifar(nn::Layer& root) {
  torch::NoGradGuard no_grad;
  for (nn::Layer* layer : root.all_layers()) {
    auto* conv = dynamic_cast<nn::Conv2d*>(layer);
    if (!conv) continue;
    const auto fan_out = static_cast<double>(conv->weight.numel() / conv->weight.size(1));
    nn::init::normal(conv->weight, 0, std::sqrt(2 / fan_out));
    if (conv->bias.defined()) conv->bias.zero_();
  }
}

void add_cifar_resnets(ModelFactory& factory) {
  add_preresnet(factory, "preresnet110", "PreResNet-110: pre-activation bottlenecks for images of 32 pixels",
                kPreresnet110, 95.03);
  add_preresnet(factory, "preresnet164", "PreResNet-164: pre-activation bottlenecks for images of 32 pixels",
                kPreresnet164, 95.28);
  factory.add<WideCifarOptions>(
      "wide_resnet28_10", "WideResNet-28-10: few and wide residual blocks for images of 32 pixels",
      [](const WideCifarOptions& options, const ModelRequest& request) {
        return build<CifarResnet>(kWide28x10, options.dropout_rate, outputs(options.num_classes, request), request);
      },
      cifar_facts(96.18, 1));
}

}  // namespace mlrun::models
