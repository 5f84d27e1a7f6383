#include <array>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/branches.h"
#include "nn/layers.h"

/// Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", ECCV
/// 2018, as torchvision builds it.
namespace mlrun::models {
namespace {

/// What distinguishes the family's members.
struct ShufflenetVariant {
  const char* name;
  const char* title;
  std::array<int64_t, 3> stages;  ///< channels that each stage puts out
  int64_t last = 1024;            ///< channels of the last convolution
};

constexpr ShufflenetVariant kShufflenets[] = {
    {"shufflenet_v2_x0_5", "ShuffleNetV2 x0.5", {48, 96, 192}},
    {"shufflenet_v2_x1_0", "ShuffleNetV2 x1.0", {116, 232, 464}},
    {"shufflenet_v2_x1_5", "ShuffleNetV2 x1.5", {176, 352, 704}},
    {"shufflenet_v2_x2_0", "ShuffleNetV2 x2.0", {244, 488, 976}, 2048},
};
constexpr std::array<int64_t, 3> kShufflenetBlocks = {4, 8, 4};  ///< units of each stage
constexpr int64_t kShufflenetStem = 24;

struct ShufflenetOptions {
  std::optional<int64_t> num_classes;

  static void declare(config::Declare<ShufflenetOptions>& d) {
    d("num_classes", &ShufflenetOptions::num_classes, kNumClassesHelp).min(1);
  }
};

std::shared_ptr<nn::Conv2d> bare_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in,
                                                        .out = out,
                                                        .kernel = kernel,
                                                        .stride = stride,
                                                        .padding = kernel / 2,
                                                        .groups = groups,
                                                        .bias = false});
}

/// Convolution over all channels, norm, ReLU.
void push_dense(nn::Sequential& layers, const nn::NormOptions& norm, int64_t in, int64_t out, int64_t kernel = 1,
                int64_t stride = 1) {
  layers.push(bare_conv(in, out, kernel, stride, 1));
  layers.push(nn::make_norm(out, norm));
  layers.push(std::make_shared<nn::Activation>(nn::Act::Relu));
}

/// Depthwise 3x3 convolution and norm.
void push_depthwise(nn::Sequential& layers, const nn::NormOptions& norm, int64_t width, int64_t stride) {
  layers.push(bare_conv(width, width, 3, stride, width));
  layers.push(nn::make_norm(width, norm));
}

/// A unit of the paper's figure 3: without stride one half of the channels passes by; with stride
/// both branches take all of them. Their outputs are concatenated and shuffled.
class ShuffleUnit : public nn::UnaryLayer {
 public:
  ShuffleUnit(int64_t in, int64_t out, int64_t stride, const nn::NormOptions& norm) : UnaryLayer("InvertedResidual") {
    const int64_t half = out / 2;
    if (stride > 1) {
      branch1_ = add("branch1", std::make_shared<nn::Sequential>());
      push_depthwise(*branch1_, norm, in, stride);
      push_dense(*branch1_, norm, in, half);
    } else {
      split_ = add("split", std::make_shared<nn::Chunk>(2));
    }
    branch2_ = add("branch2", std::make_shared<nn::Sequential>());
    push_dense(*branch2_, norm, stride > 1 ? in : half, half);
    push_depthwise(*branch2_, norm, half, stride);
    push_dense(*branch2_, norm, half, half);
    concat_ = add("concat", std::make_shared<nn::Concat>());
    shuffle_ = add("shuffle", std::make_shared<nn::ChannelShuffle>(2));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    torch::Tensor first, second = input;
    if (branch1_) {
      first = call(*branch1_, input);
    } else {
      nn::Tensors halves = call(*split_, nn::Tensors{input});
      first = halves.at(0);
      second = halves.at(1);
    }
    return call(*shuffle_, call(*concat_, first, call(*branch2_, second)));
  }

  bool is_block() const override { return true; }

 private:
  std::shared_ptr<nn::Sequential> branch1_, branch2_;
  std::shared_ptr<nn::Chunk> split_;
  std::shared_ptr<nn::Concat> concat_;
  std::shared_ptr<nn::ChannelShuffle> shuffle_;
};

/// Keeps the weights that its layers are constructed with.
Network shufflenet_v2(const ShufflenetVariant& variant, const ShufflenetOptions& options, const ModelRequest& request,
                      const nn::NormOptions& norm = {}) {
  Network network{.type = "ShuffleNetV2"};
  auto conv1 = std::make_shared<nn::Sequential>();
  push_dense(*conv1, norm, request.inputs, kShufflenetStem, 3, 2);
  network.push("conv1", std::move(conv1), kShufflenetStem, 2);
  const nn::MaxPool2dOptions pool{.kernel = 3, .stride = 2, .padding = 1};
  network.push("maxpool", std::make_shared<nn::MaxPool2d>(pool), kShufflenetStem, 4);
  int64_t width = kShufflenetStem, stride = 4;
  for (std::size_t i = 0; i < variant.stages.size(); ++i) {
    auto stage = std::make_shared<nn::Sequential>();
    for (int64_t n = 0; n < kShufflenetBlocks[i]; ++n) {
      stage->push(std::make_shared<ShuffleUnit>(width, variant.stages[i], n == 0 ? 2 : 1, norm));
      width = variant.stages[i];
    }
    stride *= 2;
    network.push("stage" + std::to_string(i + 2), std::move(stage), width, stride);
  }
  auto conv5 = std::make_shared<nn::Sequential>();
  push_dense(*conv5, norm, width, variant.last);
  network.push("conv5", std::move(conv5), variant.last, stride);
  network.mark_strides();
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  network.push_head("fc", std::make_shared<nn::Linear>(variant.last, outputs(options.num_classes, request)));
  return network;
}

}  // namespace

void add_shufflenets_v2(ModelFactory& factory) {
  for (const ShufflenetVariant& variant : kShufflenets) {
    factory.add<ShufflenetOptions>(
        variant.name, std::string(variant.title) + ": split, shuffled channels, for phones",
        [&variant](const ShufflenetOptions& options, const ModelRequest& request) {
          return build_whole(shufflenet_v2(variant, options, request));
        },
        published_facts(variant.name));
  }
}

void add_shufflenet_v2_bodies(BodyFactory& factory) {
  for (const ShufflenetVariant& variant : kShufflenets) {
    factory.add<config::NoOptions>(
        variant.name, variant.title,
        [&variant](const config::NoOptions&, const BodyRequest& request) {
          return shufflenet_v2(variant, {}, {BodyRequest::kOutputs, request.inputs}, request.norm());
        },
        body_facts(/*norms=*/true));
  }
}

}  // namespace mlrun::models
