#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/architectures.h"
#include "nn/attention.h"
#include "nn/blocks.h"
#include "nn/init.h"
#include "nn/meta.h"
#include "nn/norm.h"

/// Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, as torchvision builds it.
namespace mlrun::models {
namespace {

/// What distinguishes the family's members.
struct VitTable {
  const char* name;
  int64_t patch, layers, heads, hidden, mlp;
};

constexpr VitTable kVitB16{"vit_b_16", 16, 12, 12, 768, 3072};
constexpr VitTable kVitB32{"vit_b_32", 32, 12, 12, 768, 3072};
constexpr VitTable kVitL16{"vit_l_16", 16, 24, 16, 1024, 4096};
constexpr VitTable kVitL32{"vit_l_32", 32, 24, 16, 1024, 4096};
constexpr VitTable kVitH14{"vit_h_14", 14, 32, 16, 1280, 5120};

constexpr double kVitEps = 1e-6;  // of the layer norms

/// One convolution with batch norm and ReLU of a stem in place of the patches (Xiao et al., "Early
/// Convolutions Help Transformers See Better", NeurIPS 2021).
struct VitStemOptions {
  int64_t out_channels = 0;
  int64_t kernel_size = 3;
  int64_t stride = 2;

  static void declare(config::Declare<VitStemOptions>& d) {
    d("out_channels", &VitStemOptions::out_channels, "channels it puts out").min(1).required();
    d("kernel_size", &VitStemOptions::kernel_size, "side of the kernel, odd").min(1);
    d("stride", &VitStemOptions::stride, "step of the kernel").min(1);
  }
};

/// The side of what the stem puts out.
int64_t vit_stem_size(const std::vector<VitStemOptions>& stem, int64_t size) {
  for (const auto& conv : stem) {
    size = (size + 2 * ((conv.kernel_size - 1) / 2) - conv.kernel_size) / conv.stride + 1;
  }
  return size;
}

template <int64_t kPatch>
struct VitOptions {
  std::optional<int64_t> num_classes;
  int64_t image_size = 224;
  double dropout = 0;
  double attention_dropout = 0;
  std::optional<int64_t> representation_size;
  std::vector<VitStemOptions> conv_stem_configs;

  static void declare(config::Declare<VitOptions>& d) {
    d("num_classes", &VitOptions::num_classes, kNumClassesHelp).min(1);
    d("image_size", &VitOptions::image_size,
      "height and width of the images, a multiple of the patches' " + std::to_string(kPatch))
        .min(kPatch)
        .max(4096)
        .unit("pixels");
    d("dropout", &VitOptions::dropout, "probability behind the embedding and in each block").min(0).below(1);
    d("attention_dropout", &VitOptions::attention_dropout, "probability for the attention's weights").min(0).below(1);
    d("representation_size", &VitOptions::representation_size,
      "features of a layer with tanh before the classifier; null: no such layer")
        .min(1);
    d("conv_stem_configs", &VitOptions::conv_stem_configs,
      "convolutions that replace the patches; together they must divide the size by as much");
    d.rule("image_size", [](const VitOptions& o) { return size_problem(o); });
    d.rule("conv_stem_configs", [](const VitOptions& o) { return stem_problem(o); });
  }

  static std::string size_problem(const VitOptions& o) {
    if (o.image_size % kPatch == 0) return "";
    const int64_t below = o.image_size / kPatch * kPatch;
    return std::to_string(o.image_size) + " is no multiple of " + std::to_string(kPatch) + "; for example " +
           std::to_string(below) + " or " + std::to_string(below + kPatch);
  }

  static std::string stem_problem(const VitOptions& o) {
    if (o.conv_stem_configs.empty()) return "";
    for (const auto& conv : o.conv_stem_configs) {
      if (conv.kernel_size % 2 == 0) return "kernels have an odd size";
    }
    const int64_t side = vit_stem_size(o.conv_stem_configs, o.image_size), patches = o.image_size / kPatch;
    if (side == patches) return "";
    return "the stem makes " + std::to_string(side) + "x" + std::to_string(side) + " tokens of an image, it takes " +
           std::to_string(patches) + "x" + std::to_string(patches);
  }
};

/// [N, C, h, w] to tokens [N, h * w, C].
class ImageTokens : public nn::UnaryLayer {
 public:
  ImageTokens() : UnaryLayer("ImageTokens") {}
  torch::Tensor forward(const torch::Tensor& input) override { return input.flatten(2).transpose(1, 2); }
};

/// A token [1, 1, C] and tokens [N, T, C] to [N, 1 + T, C].
class PrependToken : public nn::Layer {
 public:
  PrependToken() : Layer("PrependToken") {}
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    const torch::Tensor& tokens = inputs.at(1);
    // Not by its size: the batch would become a constant of a trace.
    return {torch::cat({inputs.at(0).expand_as(tokens.slice(1, 0, 1)), tokens}, 1)};
  }
};

class VitBlock : public nn::UnaryLayer {
 public:
  VitBlock(const VitTable& table, double dropout, double attention_dropout) : UnaryLayer("EncoderBlock") {
    ln_1_ = add("ln_1", std::make_shared<nn::LayerNorm>(table.hidden, kVitEps));
    self_attention_ =
        add("self_attention", std::make_shared<nn::MultiheadAttention>(table.hidden, table.heads, attention_dropout));
    dropout_ = add("dropout", std::make_shared<nn::Dropout>(dropout));
    add_1_ = add("add_1", std::make_shared<nn::Add>());
    ln_2_ = add("ln_2", std::make_shared<nn::LayerNorm>(table.hidden, kVitEps));
    mlp_ = add("mlp", std::make_shared<nn::Mlp>("MLPBlock", table.hidden, table.mlp, dropout));
    add_2_ = add("add_2", std::make_shared<nn::Add>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor attended = call(*dropout_, call(*self_attention_, call(*ln_1_, input)));
    const torch::Tensor x = call(*add_1_, attended, input);
    return call(*add_2_, call(*mlp_, call(*ln_2_, x)), x);
  }

  bool is_block() const override { return true; }

 private:
  std::shared_ptr<nn::LayerNorm> ln_1_, ln_2_;
  std::shared_ptr<nn::MultiheadAttention> self_attention_;
  std::shared_ptr<nn::Dropout> dropout_;
  std::shared_ptr<nn::Mlp> mlp_;
  std::shared_ptr<nn::Add> add_1_, add_2_;
};

/// Adds the positions' embedding, then block after block, then a norm.
class VitEncoder : public nn::UnaryLayer {
 public:
  VitEncoder(const VitTable& table, int64_t tokens, double dropout, double attention_dropout) : UnaryLayer("Encoder") {
    pos_embedding_ = register_parameter("pos_embedding", torch::empty({1, tokens, table.hidden}));
    add_ = add("add", std::make_shared<nn::Add>());
    dropout_ = add("dropout", std::make_shared<nn::Dropout>(dropout));
    layers_ = add("layers", std::make_shared<nn::Sequential>());
    for (int64_t i = 0; i < table.layers; ++i) {
      layers_->push("encoder_layer_" + std::to_string(i),
                    std::make_shared<VitBlock>(table, dropout, attention_dropout));
    }
    ln_ = add("ln", std::make_shared<nn::LayerNorm>(table.hidden, kVitEps));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor x = call(*add_, input, nn::beside(input, pos_embedding_));
    return call(*ln_, call(*layers_, call(*dropout_, x)));
  }

  void reset() override {
    nn::init::normal(pos_embedding_, 0, 0.02);
    Layer::reset();
  }

 private:
  torch::Tensor pos_embedding_;  ///< [1, tokens, hidden]
  std::shared_ptr<nn::Add> add_;
  std::shared_ptr<nn::Dropout> dropout_;
  std::shared_ptr<nn::Sequential> layers_;
  std::shared_ptr<nn::LayerNorm> ln_;
};

/// Patches of the image as tokens, a class token before them, the encoder, and a head on what
/// becomes of the class token.
class VisionTransformer : public nn::UnaryLayer {
 public:
  template <class Options>
  VisionTransformer(const VitTable& table, const Options& o, const ModelRequest& request)
      : UnaryLayer("VisionTransformer"), table_(table), image_size_(o.image_size) {
    class_token_ = register_parameter("class_token", torch::empty({1, 1, table.hidden}));
    conv_proj_ = add("conv_proj", projection(o.conv_stem_configs, request.inputs));
    tokens_ = add("tokens", std::make_shared<ImageTokens>());
    prepend_ = add("prepend", std::make_shared<PrependToken>());
    const int64_t patches = o.image_size / table.patch;
    encoder_ =
        add("encoder", std::make_shared<VitEncoder>(table, patches * patches + 1, o.dropout, o.attention_dropout));
    heads_ = add("heads", std::make_shared<nn::Sequential>());
    if (o.representation_size) {
      pre_logits_ = std::make_shared<nn::Linear>(table.hidden, *o.representation_size);
      heads_->push("pre_logits", pre_logits_);
      heads_->push("act", std::make_shared<nn::Activation>(nn::Act::Tanh));
    }
    head_ = std::make_shared<nn::Linear>(o.representation_size.value_or(table.hidden), outputs(o.num_classes, request));
    heads_->push("head", head_);
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    check_size(input);
    const torch::Tensor patches = call(*tokens_, call(*conv_proj_, input));
    const torch::Tensor x = call(*encoder_, call(*prepend_, nn::beside(patches, class_token_), patches));
    return call(*heads_, x.select(1, 0));
  }

  std::vector<std::string> heads() const override { return {"heads"}; }

  void reset() override {
    class_token_.zero_();
    Layer::reset();
  }

  void initialise_weights() override {
    if (stem_) nn::init::normal(last_conv_->weight, 0, std::sqrt(2.0 / static_cast<double>(table_.hidden)));
    else draw_by_fan_in(last_conv_->weight);
    last_conv_->bias.zero_();
    if (pre_logits_) {
      draw_by_fan_in(pre_logits_->weight);
      pre_logits_->bias.zero_();
    }
    head_->weight.zero_();
    head_->bias.zero_();
  }

 private:
  static void draw_by_fan_in(const torch::Tensor& weight) {
    const auto fan_in = static_cast<double>(weight.numel() / weight.size(0));
    nn::init::trunc_normal(weight, 0, std::sqrt(1 / fan_in));
  }

  /// What makes tokens of pixels: one convolution over patches, or the stem that was asked for.
  std::shared_ptr<nn::Layer> projection(const std::vector<VitStemOptions>& stem, int64_t channels) {
    if (stem.empty()) {
      last_conv_ = std::make_shared<nn::Conv2d>(
          nn::Conv2dOptions{.in = channels, .out = table_.hidden, .kernel = table_.patch, .stride = table_.patch});
      return last_conv_;
    }
    stem_ = std::make_shared<nn::Sequential>();
    for (const auto& conv : stem) {
      stem_->push("conv_bn_relu_" + std::to_string(stem_->size()),
                  nn::conv_norm_act(
                      {.in = channels, .out = conv.out_channels, .kernel = conv.kernel_size, .stride = conv.stride}));
      channels = conv.out_channels;
    }
    last_conv_ = std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = channels, .out = table_.hidden});
    stem_->push("conv_last", last_conv_);
    return stem_;
  }

  void check_size(const torch::Tensor& input) const {
    if (input.size(2) == image_size_ && input.size(3) == image_size_) return;
    const std::string side = std::to_string(image_size_), patch = std::to_string(table_.patch);
    throw UserError(std::string(table_.name) + " takes images of " + side + "x" + side + " pixels, not " +
                        std::to_string(input.size(2)) + "x" + std::to_string(input.size(3)),
                    "resize or crop them to that size, or set model.image_size (a multiple of " + patch + ")");
  }

  VitTable table_;
  int64_t image_size_;
  torch::Tensor class_token_;  ///< [1, 1, hidden]
  std::shared_ptr<nn::Layer> conv_proj_;
  std::shared_ptr<nn::Sequential> stem_, heads_;
  std::shared_ptr<nn::Conv2d> last_conv_;
  std::shared_ptr<ImageTokens> tokens_;
  std::shared_ptr<PrependToken> prepend_;
  std::shared_ptr<VitEncoder> encoder_;
  std::shared_ptr<nn::Linear> pre_logits_, head_;
};

template <int64_t kPatch>
void add_vit(ModelFactory& factory, const VitTable& table, const std::string& description) {
  MLRUN_ASSERT(table.patch == kPatch, "a table and its options disagree");
  Json facts = published_facts(table.name);
  facts["fixed_size"] = true;
  factory.add<VitOptions<kPatch>>(
      table.name, description,
      [&table](const VitOptions<kPatch>& options, const ModelRequest& request) {
        return build<VisionTransformer>(table, options, request);
      },
      std::move(facts));
}

}  // namespace

void add_vits(ModelFactory& factory) {
  add_vit<16>(factory, kVitB16, "ViT-B/16: vision transformer, base, patches of 16x16 pixels");
  add_vit<32>(factory, kVitB32, "ViT-B/32: vision transformer, base, patches of 32x32 pixels");
  add_vit<16>(factory, kVitL16, "ViT-L/16: vision transformer, large, patches of 16x16 pixels");
  add_vit<32>(factory, kVitL32, "ViT-L/32: vision transformer, large, patches of 32x32 pixels");
  add_vit<14>(factory, kVitH14, "ViT-H/14: vision transformer, huge, patches of 14x14 pixels");
}

}  // namespace mlrun::models
