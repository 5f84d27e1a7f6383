#include <algorithm>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "models/architectures.h"
#include "models/mobilenet_multi.h"
#include "nn/branches.h"
#include "nn/interpolate.h"
#include "nn/keras_init.h"
#include "nn/sized_windows.h"

/// MOSAIC: Wang and Howard, "Mobile Segmentation via decoding Aggregated Information and encoded Context" (2112.11623),
/// on the Multi-Hardware MobileNet, as TensorFlow's Model Garden builds it (official/projects/mosaic).
namespace mlrun::models {
namespace {

using nn::Tensors;

struct MosaicOptions {
  std::optional<int64_t> num_classes;
  int64_t branch_channels = 64;
  std::vector<int64_t> pyramid_bins = {1, 4, 8, 16};
  int64_t decoder_channels = 64;
  double dropout = 0.1;

  static void declare(config::Declare<MosaicOptions>& d) {
    d("num_classes", &MosaicOptions::num_classes, kNumClassesHelp).min(1);
    d("branch_channels", &MosaicOptions::branch_channels,
      "channels of each of the two kernels that look at a level of the pyramid (32 in the paper)")
        .min(1);
    d("pyramid_bins", &MosaicOptions::pyramid_bins,
      "means on each side of the image at each level of the pyramid; 1 is the mean of all (the paper has 4, 8, 16)")
        .min(1);
    d("decoder_channels", &MosaicOptions::decoder_channels, "channels inside the decoder's first stage").min(1);
    d("dropout", &MosaicOptions::dropout, "probability behind the encoder").min(0).below(1);
  }
};

constexpr int64_t kMosaicKernels[] = {3, 5};  // each on a part of the channels

std::shared_ptr<nn::Sequential> keras_conv(int64_t in, int64_t out, int64_t kernel = 1, int64_t groups = 1) {
  return nn::conv_norm_act({.in = in, .out = out, .kernel = kernel, .groups = groups, .norm = kKerasNorm});
}

/// A block that gives what its depthwise convolution made, too.
class TappedResidual : public nn::Layer {
 public:
  TappedResidual(std::shared_ptr<nn::Sequential> block, bool shortcut) : Layer("InvertedResidual") {
    block_ = add("block", std::move(block));
    if (shortcut) add_ = add("add", std::make_shared<nn::Add>());
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const auto& steps = block_->steps();
    const torch::Tensor tap = call(*steps[1], call(*steps[0], inputs.front()));
    const torch::Tensor out = call(*steps[2], tap);
    return {add_ ? call(*add_, out, inputs.front()) : out, tap};
  }
  bool is_block() const override { return true; }

 private:
  std::shared_ptr<nn::Sequential> block_;
  std::shared_ptr<nn::Add> add_;
};

/// The backbone to its last map at stride 16, with the depthwise maps at the ends of strides 4 and 8: coarse ones last.
class MosaicBackbone : public nn::Layer {
 public:
  explicit MosaicBackbone(int64_t inputs) : Layer("MobileNet") {
    push(same_conv_norm_act({.in = inputs, .out = kMultiStem, .stride = 2, .norm = kKerasNorm}));
    int64_t in = kMultiStem, stride = 2;
    for (std::size_t i = 0; i < kMultiAvgSeg.blocks.size(); ++i) {
      const MultiRow& row = kMultiAvgSeg.blocks[i];
      const bool dilated = stride * row.stride > kStride;
      stride *= row.stride;
      const MultiBlockOptions options{.in = in,
                                      .out = row.out,
                                      .kernel = row.kernel,
                                      .stride = dilated ? 1 : row.stride,
                                      .expansion = row.expansion,
                                      .dilation = dilated ? 2 : 1};
      const bool ends = i + 1 < kMultiAvgSeg.blocks.size() && kMultiAvgSeg.blocks[i + 1].stride > 1;
      if (ends && stride < kStride) {
        taps_.push_back(in * row.expansion);
        push(std::make_shared<TappedResidual>(multi_block(options), options.shortcut()));
      } else {
        push(std::make_shared<nn::Residual>("InvertedResidual", "block", multi_block(options),
                                            nn::ShortcutOptions{.add = options.shortcut()}));
      }
      in = row.out;
    }
    push(nn::conv_norm_act({.in = in, .out = kMultiAvgSeg.last, .kernel = 1, .norm = kKerasNorm}));
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    Tensors outputs;
    torch::Tensor x = inputs.front();
    for (const auto& step : steps_) {
      const Tensors made = call(*step, Tensors{x});
      x = made.front();
      if (made.size() > 1) outputs.push_back(made.back());
    }
    outputs.push_back(x);
    return outputs;
  }
  /// Channels of the depthwise maps, the finer first.
  const std::vector<int64_t>& taps() const { return taps_; }

 private:
  static constexpr int64_t kStride = 16;
  void push(std::shared_ptr<nn::Layer> step) { steps_.push_back(add(std::to_string(steps_.size()), std::move(step))); }
  std::vector<std::shared_ptr<nn::Layer>> steps_;
  std::vector<int64_t> taps_;
};

/// A kernel of its own for each part of the channels. It looks at all levels of the pyramid with the same weights.
class MultiKernelConv : public nn::UnaryLayer {
 public:
  MultiKernelConv(int64_t in, int64_t out) : UnaryLayer("MultiKernelGroupConvBlock") {
    chunk_ = add("chunk", std::make_shared<nn::Chunk>(std::size(kMosaicKernels)));
    const int64_t part = in / static_cast<int64_t>(std::size(kMosaicKernels));
    for (const int64_t kernel : kMosaicKernels) {
      auto branch = std::make_shared<nn::Sequential>();
      branch->push(keras_conv(part, part, kernel, part));
      branch->push(keras_conv(part, out));
      branches_.push_back(add(std::to_string(branches_.size()), std::move(branch)));
    }
    concat_ = add("concat", std::make_shared<nn::Concat>());
  }
  torch::Tensor forward(const torch::Tensor& input) override {
    const Tensors parts = call(*chunk_, Tensors{input});
    Tensors made;
    for (std::size_t i = 0; i < branches_.size(); ++i) made.push_back(call(*branches_[i], parts[i]));
    return call(*concat_, made).front();
  }

 private:
  std::shared_ptr<nn::Chunk> chunk_;
  std::vector<std::shared_ptr<nn::Layer>> branches_;
  std::shared_ptr<nn::Concat> concat_;
};

/// What is around each pixel: means at several scales, looked at and brought back to the size of the map.
class MosaicEncoder : public nn::UnaryLayer {
 public:
  MosaicEncoder(int64_t in, const MosaicOptions& options) : UnaryLayer("MosaicEncoderBlock") {
    const int64_t made = static_cast<int64_t>(std::size(kMosaicKernels)) * options.branch_channels;
    int64_t all = in;
    pools_ = add("pools", std::make_shared<nn::Sequential>("ModuleList"));
    for (const int64_t bins : options.pyramid_bins) {
      if (bins == 1) continue;
      pools_->push(std::make_shared<nn::BinPool2d>(bins));
      all += made;
    }
    if (pools_->size() > 0) convs_ = add("convs", std::make_shared<MultiKernelConv>(in, options.branch_channels));
    const auto& bins = options.pyramid_bins;
    if (std::find(bins.begin(), bins.end(), 1) != bins.end()) {
      global_ = add("global", std::make_shared<nn::Sequential>());
      global_->push("pool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
      global_->push("conv", keras_conv(in, options.branch_channels));
      all += options.branch_channels;
    }
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
    concat_ = add("concat", std::make_shared<nn::Concat>());
    project_ = add("project", keras_conv(all, made));
    dropout_ = add("dropout", std::make_shared<nn::Dropout>(options.dropout));
  }
  torch::Tensor forward(const torch::Tensor& input) override {
    Tensors parts = {input};
    for (const auto& pool : pools_->steps()) {
      parts.push_back(call(*resize_, call(*convs_, call(*pool, input)), input));
    }
    if (global_) parts.push_back(call(*resize_, call(*global_, input), input));
    return call(*dropout_, call(*project_, call(*concat_, parts).front()));
  }

 private:
  std::shared_ptr<nn::Sequential> pools_, global_, project_;
  std::shared_ptr<MultiKernelConv> convs_;
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Concat> concat_;
  std::shared_ptr<nn::Dropout> dropout_;
};

/// A coarse map beside a finer one, mixed in the finer one's size.
class ConcatMerge : public nn::Layer {
 public:
  ConcatMerge(int64_t in, int64_t inner, int64_t out) : Layer("DecoderConcatMergeBlock") {
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
    concat_ = add("concat", std::make_shared<nn::Concat>());
    expand_ = add("expand", keras_conv(in, inner));
    depthwise_ = add("depthwise", keras_conv(inner, inner, 3, inner));
    project_ = add("project", keras_conv(inner, out));
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const torch::Tensor &coarse = inputs.at(0), &fine = inputs.at(1);
    const torch::Tensor both = call(*concat_, call(*resize_, coarse, fine), fine);
    return {call(*project_, call(*depthwise_, call(*expand_, both)))};
  }

 private:
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Concat> concat_;
  std::shared_ptr<nn::Sequential> expand_, depthwise_, project_;
};

/// A coarse map in a finer one's size, and what is projected of that, added up.
class SumMerge : public nn::Layer {
 public:
  SumMerge(int64_t in, int64_t out) : Layer("DecoderSumMergeBlock") {
    project_ = add("project", keras_conv(in, out));
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
    add_ = add("add", std::make_shared<nn::Add>());
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const torch::Tensor fine = call(*project_, inputs.at(1));
    return {call(*add_, call(*resize_, inputs.at(0), fine), fine)};
  }

 private:
  std::shared_ptr<nn::Sequential> project_;
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Add> add_;
};

class Mosaic : public nn::Layer {
 public:
  Mosaic(const MosaicOptions& options, const ModelRequest& request) : Layer("MOSAIC") {
    const int64_t classes = outputs(options.num_classes, request);
    backbone_ = add("backbone", std::make_shared<MosaicBackbone>(request.inputs));
    neck_ = add("neck", std::make_shared<MosaicEncoder>(kMultiAvgSeg.last, options));
    const int64_t encoded = static_cast<int64_t>(std::size(kMosaicKernels)) * options.branch_channels;
    const auto& taps = backbone_->taps();
    auto head = std::make_shared<nn::Sequential>("MosaicDecoderHead");
    concat_merge_ = std::make_shared<ConcatMerge>(encoded + taps.at(1), options.decoder_channels, classes);
    sum_merge_ = std::make_shared<SumMerge>(taps.at(0), classes);
    head->push("concat_merge", concat_merge_);
    head->push("sum_merge", sum_merge_);
    add("head", std::move(head));
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const Tensors maps = call(*backbone_, inputs);
    const torch::Tensor context = call(*neck_, maps.at(2));
    const Tensors merged = call(*concat_merge_, Tensors{context, maps.at(1)});
    const Tensors logits = call(*sum_merge_, Tensors{merged.front(), maps.at(0)});
    return {call(*resize_, logits.front(), inputs.front())};
  }
  nn::Interface interface() const override { return {{{"input"}}, {{"out"}}}; }
  std::vector<std::string> heads() const override { return {"head.concat_merge.project", "head.sum_merge.project"}; }
  void initialise_weights() override {
    for (nn::Layer* layer : all_layers()) {
      auto* conv = dynamic_cast<nn::Conv2d*>(layer);
      if (conv == nullptr) continue;
      const bool depthwise = conv->options().groups > 1;
      if (layer->path().rfind("backbone.", 0) == 0) nn::init::variance_scaling(conv->weight, depthwise);
      else nn::init::glorot_uniform(conv->weight, depthwise);
    }
  }

 private:
  std::shared_ptr<MosaicBackbone> backbone_;
  std::shared_ptr<MosaicEncoder> neck_;
  std::shared_ptr<ConcatMerge> concat_merge_;
  std::shared_ptr<SumMerge> sum_merge_;
  std::shared_ptr<nn::Interpolate> resize_;
};

}  // namespace

void add_mosaic(ModelFactory& factory) {
  factory.add<MosaicOptions>(
      "mosaic", "Multi-Hardware MobileNet, means at several scales, and a decoder of two merges; for phones",
      [](const MosaicOptions& options, const ModelRequest& request) { return build<Mosaic>(options, request); },
      Json{{"task", "segmentation"},
           {"input_size", 1024},
           {"resize_size", 1024},
           {"min_size", 241},  // 16 pixels at stride 16
           {"num_classes", 19},
           {"channels", 3},
           {"metrics",
            {{"miou", 77.24},
             {"data", "Cityscapes, 1024x2048"},
             {"source", "TensorFlow Model Garden, official/projects/mosaic"}}}});
}

}  // namespace mlrun::models
