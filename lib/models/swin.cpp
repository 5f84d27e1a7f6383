#include <array>
#include <numeric>
#include <string>

#include "models/architectures.h"
#include "models/swin_attention.h"
#include "nn/branches.h"
#include "nn/init.h"
#include "nn/norm.h"

/// Liu et al., "Swin Transformer", ICCV 2021, and "Swin Transformer V2", CVPR 2022, as torchvision
/// builds them.
namespace mlrun::models {
namespace {

/// What distinguishes the families' members.
struct SwinTable {
  bool v2;
  int64_t embedding;  ///< channels of the first stage; each later one has twice as many
  std::array<int64_t, 4> blocks, heads;
  double stochastic_depth;  ///< of the last block, by default

  int64_t window() const { return v2 ? 8 : 7; }
};

constexpr SwinTable kSwinT{false, 96, {2, 2, 6, 2}, {3, 6, 12, 24}, 0.2};
constexpr SwinTable kSwinS{false, 96, {2, 2, 18, 2}, {3, 6, 12, 24}, 0.3};
constexpr SwinTable kSwinB{false, 128, {2, 2, 18, 2}, {4, 8, 16, 32}, 0.5};
constexpr SwinTable kSwinV2T{true, 96, {2, 2, 6, 2}, {3, 6, 12, 24}, 0.2};
constexpr SwinTable kSwinV2S{true, 96, {2, 2, 18, 2}, {3, 6, 12, 24}, 0.3};
constexpr SwinTable kSwinV2B{true, 128, {2, 2, 18, 2}, {4, 8, 16, 32}, 0.5};

constexpr int64_t kSwinPatch = 4;  // pixels

struct SwinOptions {
  std::optional<int64_t> num_classes;
  double mlp_ratio = 4;
  double dropout = 0;
  double attention_dropout = 0;
  std::optional<double> stochastic_depth_prob;

  static void declare(config::Declare<SwinOptions>& d) {
    d("num_classes", &SwinOptions::num_classes, kNumClassesHelp).min(1);
    d("mlp_ratio", &SwinOptions::mlp_ratio, "hidden features of each block's MLP over its channels").min(0.1).max(64);
    d("dropout", &SwinOptions::dropout, "probability behind attention and in the MLP").min(0).below(1);
    d("attention_dropout", &SwinOptions::attention_dropout, "probability for the attention's weights").min(0).below(1);
    d("stochastic_depth_prob", &SwinOptions::stochastic_depth_prob,
      "probability of dropping the last block's branches, rising linearly from 0 at the first block; null: as "
      "published, 0.2 (tiny), 0.3 (small), 0.5 (base)")
        .min(0)
        .max(1);
  }
};

/// Attention within windows and an MLP, each beside a shortcut. Version 2 normalizes what they put
/// out, version 1 what they take.
class SwinBlock : public nn::UnaryLayer {
 public:
  SwinBlock(const WindowOptions& window, double mlp_ratio, double stochastic_depth)
      : UnaryLayer(window.v2 ? "SwinTransformerBlockV2" : "SwinTransformerBlock"), norm_last_(window.v2) {
    const auto hidden = static_cast<int64_t>(static_cast<double>(window.channels) * mlp_ratio);
    norm1_ = add("norm1", std::make_shared<nn::LayerNorm>(window.channels));
    attn_ = add("attn", std::make_shared<WindowAttention>(window));
    stochastic_depth_1_ = add("stochastic_depth", std::make_shared<nn::StochasticDepth>(stochastic_depth));
    add_1_ = add("add_1", std::make_shared<nn::Add>());
    norm2_ = add("norm2", std::make_shared<nn::LayerNorm>(window.channels));
    mlp_ = add("mlp", std::make_shared<nn::Mlp>("MLP", window.channels, hidden, window.dropout));
    stochastic_depth_2_ = add("stochastic_depth_2", std::make_shared<nn::StochasticDepth>(stochastic_depth));
    add_2_ = add("add_2", std::make_shared<nn::Add>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor x = call(*add_1_, call(*stochastic_depth_1_, branch(*attn_, *norm1_, input)), input);
    return call(*add_2_, call(*stochastic_depth_2_, branch(*mlp_, *norm2_, x)), x);
  }

  bool is_block() const override { return true; }

 private:
  torch::Tensor branch(nn::Layer& work, nn::Layer& norm, const torch::Tensor& x) const {
    return norm_last_ ? call(norm, call(work, x)) : call(work, call(norm, x));
  }

  bool norm_last_;
  std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
  std::shared_ptr<WindowAttention> attn_;
  std::shared_ptr<nn::Mlp> mlp_;
  std::shared_ptr<nn::StochasticDepth> stochastic_depth_1_, stochastic_depth_2_;
  std::shared_ptr<nn::Add> add_1_, add_2_;
};

/// [N, H, W, C] to [N, ceil(H / 2), ceil(W / 2), 4 C]: each 2x2 patch in one place, column after
/// column; zeros where a side is odd.
class PatchGather : public nn::UnaryLayer {
 public:
  PatchGather() : UnaryLayer("PatchGather") {}
  torch::Tensor forward(const torch::Tensor& input) override {
    const int64_t rows = (input.size(1) + 1) / 2, columns = (input.size(2) + 1) / 2, channels = input.size(3);
    if (input.is_meta()) return torch::empty({input.size(0), rows, columns, 4 * channels}, input.options());
    torch::Tensor x = input;
    const int64_t right = input.size(2) % 2, below = input.size(1) % 2;
    if (right + below > 0) x = torch::constant_pad_nd(x, {0, 0, 0, right, 0, below});
    return x.reshape({-1, rows, 2, columns, 2, channels})
        .permute({0, 1, 3, 4, 2, 5})
        .reshape({-1, rows, columns, 4 * channels});
  }
};

/// Halves the size and doubles the channels. Version 2 normalizes afterwards.
class PatchMerging : public nn::UnaryLayer {
 public:
  PatchMerging(int64_t channels, bool v2) : UnaryLayer(v2 ? "PatchMergingV2" : "PatchMerging"), norm_last_(v2) {
    gather_ = add("gather", std::make_shared<PatchGather>());
    reduction_ = add("reduction", std::make_shared<nn::Linear>(4 * channels, 2 * channels, false));
    norm_ = add("norm", std::make_shared<nn::LayerNorm>((v2 ? 2 : 4) * channels));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor x = call(*gather_, input);
    return norm_last_ ? call(*norm_, call(*reduction_, x)) : call(*reduction_, call(*norm_, x));
  }

 private:
  bool norm_last_;
  std::shared_ptr<PatchGather> gather_;
  std::shared_ptr<nn::Linear> reduction_;
  std::shared_ptr<nn::LayerNorm> norm_;
};

/// Patches of 4x4, four stages with a merging of patches between them, norm, mean, linear.
class Swin : public nn::Sequential {
 public:
  Swin(const SwinTable& table, const SwinOptions& options, const ModelRequest& request)
      : Sequential("SwinTransformer") {
    auto features = std::make_shared<nn::Sequential>();
    features->push(patches(request.inputs, table.embedding));
    const int64_t blocks = std::accumulate(table.blocks.begin(), table.blocks.end(), int64_t{0});
    const double depth = options.stochastic_depth_prob.value_or(table.stochastic_depth);
    int64_t width = table.embedding, index = 0;
    for (std::size_t i = 0; i < table.blocks.size(); ++i) {
      if (i > 0) {
        features->push(std::make_shared<PatchMerging>(width, table.v2));
        width *= 2;
      }
      auto stage = std::make_shared<nn::Sequential>();
      for (int64_t n = 0; n < table.blocks[i]; ++n, ++index) {
        const WindowOptions window{.channels = width,
                                   .heads = table.heads[i],
                                   .window = table.window(),
                                   .shift = n % 2 == 0 ? 0 : table.window() / 2,
                                   .dropout = options.dropout,
                                   .attention_dropout = options.attention_dropout,
                                   .v2 = table.v2};
        const double p = depth * static_cast<double>(index) / static_cast<double>(blocks - 1);
        stage->push(std::make_shared<SwinBlock>(window, options.mlp_ratio, p));
      }
      features->push(std::move(stage));
    }
    push("features", std::move(features));
    push("norm", std::make_shared<nn::LayerNorm>(width));
    push("permute", std::make_shared<nn::Permute>(std::vector<int64_t>{0, 3, 1, 2}));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push("head", std::make_shared<nn::Linear>(width, outputs(options.num_classes, request)));
  }

  void initialise_weights() override { nn::init::redraw_truncated(*this, 0.02, false); }
  std::vector<std::string> heads() const override { return {"head"}; }

 private:
  static std::shared_ptr<nn::Layer> patches(int64_t channels, int64_t width) {
    auto layers = std::make_shared<nn::Sequential>();
    layers->push(std::make_shared<nn::Conv2d>(
        nn::Conv2dOptions{.in = channels, .out = width, .kernel = kSwinPatch, .stride = kSwinPatch}));
    layers->push(std::make_shared<nn::Permute>(std::vector<int64_t>{0, 2, 3, 1}));
    layers->push(std::make_shared<nn::LayerNorm>(width));
    return layers;
  }
};

void add_swin(ModelFactory& factory, const std::string& name, const std::string& description, const SwinTable& table) {
  factory.add<SwinOptions>(
      name, description,
      [&table](const SwinOptions& options, const ModelRequest& request) {
        return build<Swin>(table, options, request);
      },
      published_facts(name));
}

}  // namespace

void add_swins(ModelFactory& factory) {
  add_swin(factory, "swin_t", "Swin-T: attention within shifted windows", kSwinT);
  add_swin(factory, "swin_s", "Swin-S: attention within shifted windows", kSwinS);
  add_swin(factory, "swin_b", "Swin-B: attention within shifted windows", kSwinB);
  add_swin(factory, "swin_v2_t", "Swin V2-T: cosine attention within shifted windows", kSwinV2T);
  add_swin(factory, "swin_v2_s", "Swin V2-S: cosine attention within shifted windows", kSwinV2S);
  add_swin(factory, "swin_v2_b", "Swin V2-B: cosine attention within shifted windows", kSwinV2B);
}

}  // namespace mlrun::models
