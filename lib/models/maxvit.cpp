#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "models/architectures.h"
#include "models/maxvit_attention.h"
#include "nn/blocks.h"
#include "nn/branches.h"
#include "nn/init.h"
#include "nn/norm.h"

/// Tu et al., "MaxViT: Multi-Axis Vision Transformer", ECCV 2022, as torchvision builds it.
namespace mlrun::models {
namespace {

/// What would distinguish the family's members.
struct MaxvitTable {
  const char* name;
  int64_t stem;  ///< channels
  std::array<int64_t, 4> channels, layers;
  int64_t head;       ///< channels of each attention head
  int64_t partition;  ///< side of windows and of grids, in tokens
};

constexpr MaxvitTable kMaxvitT{"maxvit_t", 64, {64, 128, 256, 512}, {2, 2, 5, 2}, 32, 7};

constexpr nn::NormOptions kMaxvitNorm{.eps = 1e-3, .momentum = 0.99};

/// The side of what a 3x3 convolution of stride 2 puts out.
int64_t halved(int64_t size) { return (size - 1) / 2 + 1; }

struct MaxvitOptions {
  std::optional<int64_t> num_classes;
  std::vector<int64_t> input_size = {224, 224};
  double stochastic_depth_prob = 0.2;
  double squeeze_ratio = 0.25;
  double expansion_ratio = 4;
  int64_t mlp_ratio = 4;
  double mlp_dropout = 0;
  double attention_dropout = 0;

  static void declare(config::Declare<MaxvitOptions>& d) {
    d("num_classes", &MaxvitOptions::num_classes, kNumClassesHelp).min(1);
    d("input_size", &MaxvitOptions::input_size,
      "height and width of the images, which are equal (one number stands for both); halved five times they must be "
      "multiples of 7: 224, 448, ...")
        .min(1)
        .max(4096)
        .unit("pixels");
    d("stochastic_depth_prob", &MaxvitOptions::stochastic_depth_prob,
      "probability of dropping the last layer's branches, rising linearly from 0 at the first layer")
        .min(0)
        .max(1);
    d("squeeze_ratio", &MaxvitOptions::squeeze_ratio, "channels inside squeeze-excitation over the layer's")
        .min(0.02)
        .max(16);
    d("expansion_ratio", &MaxvitOptions::expansion_ratio, "channels inside a convolutional branch over the layer's")
        .min(0.02)
        .max(64);
    d("mlp_ratio", &MaxvitOptions::mlp_ratio, "hidden features of an MLP over the layer's channels").min(1).max(64);
    d("mlp_dropout", &MaxvitOptions::mlp_dropout, "probability behind an MLP").min(0).below(1);
    d("attention_dropout", &MaxvitOptions::attention_dropout, "probability behind an attention").min(0).below(1);
    d.rule("input_size", size_problem);
  }

  static std::string size_problem(const MaxvitOptions& o) {
    const auto& size = o.input_size;
    if (size.empty() || size.size() > 2) return "give one number, or height and width";
    if (size.front() != size.back()) return "height and width are equal: the grid's attention is square";
    int64_t side = halved(size.front());
    for (std::size_t block = 0; block < kMaxvitT.channels.size(); ++block) {
      side = halved(side);
      if (side % kMaxvitT.partition == 0) continue;
      return "block " + std::to_string(block) + " would work on " + std::to_string(side) + "x" + std::to_string(side) +
             " tokens, no multiple of " + std::to_string(kMaxvitT.partition) + "; for example 224 or 448";
    }
    return "";
  }
};

/// An inverted residual with squeeze-excitation, normalized first; its shortcut is pooled and
/// projected where the shapes differ.
class MaxvitConv : public nn::UnaryLayer {
 public:
  MaxvitConv(int64_t in, int64_t out, int64_t stride, const MaxvitOptions& o, double stochastic_depth)
      : UnaryLayer("MBConv") {
    const auto scaled = [out](double ratio) { return static_cast<int64_t>(static_cast<double>(out) * ratio); };
    const int64_t hidden = scaled(o.expansion_ratio);
    if (stride != 1 || in != out) {
      auto proj = std::make_shared<nn::Sequential>();
      if (stride == 2) {
        proj->push(std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = 3, .stride = stride, .padding = 1}));
      }
      proj->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out}));
      proj_ = add("proj", std::move(proj));
    }
    stochastic_depth_ = add("stochastic_depth", std::make_shared<nn::StochasticDepth>(stochastic_depth));
    layers_ = add("layers", std::make_shared<nn::Sequential>());
    layers_->push("pre_norm", nn::make_norm(in, kMaxvitNorm));
    layers_->push(
        "conv_a",
        nn::conv_norm_act({.in = in, .out = hidden, .kernel = 1, .norm = kMaxvitNorm, .activation = nn::Act::Gelu}));
    layers_->push("conv_b", nn::conv_norm_act({.in = hidden,
                                               .out = hidden,
                                               .stride = stride,
                                               .groups = hidden,
                                               .norm = kMaxvitNorm,
                                               .activation = nn::Act::Gelu}));
    layers_->push("squeeze_excitation",
                  std::make_shared<nn::SqueezeExcitation>(hidden, scaled(o.squeeze_ratio), nn::Act::Silu));
    layers_->push("conv_c", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = hidden, .out = out}));
    add_ = add("add", std::make_shared<nn::Add>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor shortcut = proj_ ? call(*proj_, input) : input;
    return call(*add_, call(*stochastic_depth_, call(*layers_, input)), shortcut);
  }

 private:
  std::shared_ptr<nn::Sequential> proj_, layers_;
  std::shared_ptr<nn::StochasticDepth> stochastic_depth_;
  std::shared_ptr<nn::Add> add_;
};

/// A convolution, attention within windows and attention across the grid, one after another.
class MaxvitLayer : public nn::Sequential {
 public:
  MaxvitLayer() : Sequential("MaxVitLayer") {}
  bool is_block() const override { return true; }
};

/// Stem, four blocks of layers (each block halves the size), mean, norm, hidden layer, linear.
class Maxvit : public nn::Sequential {
 public:
  Maxvit(const MaxvitTable& table, const MaxvitOptions& options, const ModelRequest& request)
      : Sequential("MaxVit"), table_(table), options_(options) {
    push("stem", stem(request.inputs));
    auto blocks = std::make_shared<nn::Sequential>("ModuleList");
    const int64_t layers = std::accumulate(table.layers.begin(), table.layers.end(), int64_t{0});
    int64_t in = table.stem, side = halved(options.input_size.front()), index = 0;
    for (std::size_t i = 0; i < table.layers.size(); ++i) {
      side = halved(side);
      auto steps = std::make_shared<nn::Sequential>("ModuleList");
      for (int64_t n = 0; n < table.layers[i]; ++n, ++index) {
        const double p = options.stochastic_depth_prob * static_cast<double>(index) / static_cast<double>(layers - 1);
        steps->push(layer(in, table.channels[i], n == 0 ? 2 : 1, side, p));
        in = table.channels[i];
      }
      auto block = std::make_shared<nn::Sequential>("MaxVitBlock");
      block->push("layers", std::move(steps));
      blocks->push(std::move(block));
    }
    push("blocks", std::move(blocks));
    push("classifier", classifier(in, outputs(options.num_classes, request)));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const int64_t expected = options_.input_size.front(), grid = halved(expected);
    if (halved(input.size(2)) != grid || halved(input.size(3)) != grid) {
      const std::string side = std::to_string(expected);
      throw UserError(std::string(table_.name) + " takes images of " + side + "x" + side + " pixels, not " +
                          std::to_string(input.size(2)) + "x" + std::to_string(input.size(3)),
                      "resize or crop them to that size, or set model.input_size (224, 448, ...)");
    }
    return Sequential::forward(input);
  }

  void initialise_weights() override {
    for (nn::Layer* layer : all_layers()) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) {
        nn::init::normal(conv->weight, 0, 0.02);
        if (conv->bias.defined()) conv->bias.zero_();
      } else if (auto* linear = dynamic_cast<nn::Linear*>(layer)) {
        nn::init::normal(linear->weight, 0, 0.02);
        if (linear->bias.defined()) linear->bias.zero_();
      }
    }
  }

  std::vector<std::string> heads() const override { return {"classifier"}; }

 private:
  std::shared_ptr<nn::Layer> stem(int64_t channels) const {
    auto layers = std::make_shared<nn::Sequential>();
    layers->push(nn::conv_norm_act(
        {.in = channels, .out = table_.stem, .stride = 2, .norm = kMaxvitNorm, .activation = nn::Act::Gelu}));
    auto second = std::make_shared<nn::Sequential>("Conv2dNormActivation");
    second->push(std::make_shared<nn::Conv2d>(
        nn::Conv2dOptions{.in = table_.stem, .out = table_.stem, .kernel = 3, .padding = 1}));
    layers->push(std::move(second));
    return layers;
  }

  /// Convolution, attention within windows, attention across the grid; `side` in tokens.
  std::shared_ptr<nn::Layer> layer(int64_t in, int64_t out, int64_t stride, int64_t side, double depth) const {
    PartitionOptions attention{.channels = out,
                               .head = table_.head,
                               .partition = table_.partition,
                               .side = side,
                               .mlp_ratio = options_.mlp_ratio,
                               .attention_dropout = options_.attention_dropout,
                               .mlp_dropout = options_.mlp_dropout,
                               .stochastic_depth = depth};
    auto steps = std::make_shared<nn::Sequential>();
    steps->push("MBconv", std::make_shared<MaxvitConv>(in, out, stride, options_, depth));
    steps->push("window_attention", std::make_shared<PartitionAttention>(attention));
    attention.grid = true;
    steps->push("grid_attention", std::make_shared<PartitionAttention>(attention));
    auto layer = std::make_shared<MaxvitLayer>();
    layer->push("layers", std::move(steps));
    return layer;
  }

  static std::shared_ptr<nn::Layer> classifier(int64_t width, int64_t classes) {
    auto layers = std::make_shared<nn::Sequential>();
    layers->push(std::make_shared<nn::AdaptiveAvgPool2d>(1));
    layers->push(std::make_shared<nn::Flatten>());
    layers->push(std::make_shared<nn::LayerNorm>(width));
    layers->push(std::make_shared<nn::Linear>(width, width));
    layers->push(std::make_shared<nn::Activation>(nn::Act::Tanh));
    layers->push(std::make_shared<nn::Linear>(width, classes, false));
    return layers;
  }

  MaxvitTable table_;
  MaxvitOptions options_;
};

}  // namespace

void add_maxvits(ModelFactory& factory) {
  Json facts = published_facts(kMaxvitT.name);
  facts["fixed_size"] = true;
  factory.add<MaxvitOptions>(
      kMaxvitT.name, "MaxViT-T: convolution, attention within windows and across a grid",
      [](const MaxvitOptions& options, const ModelRequest& request) {
        return build<Maxvit>(kMaxvitT, options, request);
      },
      std::move(facts));
}

}  // namespace mlrun::models
