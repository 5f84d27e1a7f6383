#include "models/swin_attention.h"

#include <cmath>
#include <utility>
#include <vector>

#include "nn/init.h"
#include "nn/meta.h"

namespace mlrun::models {
namespace {

torch::Tensor meta_shape(const torch::Tensor& input, std::vector<int64_t> shape) {
  return torch::empty(shape, input.options());
}

/// Pads to whole windows and moves what is to be one window to the same place.
class CyclicShift : public nn::UnaryLayer {
 public:
  CyclicShift(int64_t window, int64_t shift) : UnaryLayer("CyclicShift"), window_(window), shift_(shift) {}

  torch::Tensor forward(const torch::Tensor& input) override {
    const WindowPlan plan(window_, shift_, input);
    if (input.is_meta()) return meta_shape(input, {input.size(0), plan.padded_h, plan.padded_w, input.size(3)});
    torch::Tensor x = input;
    if (plan.padded()) {
      x = torch::constant_pad_nd(x, {0, 0, 0, plan.padded_w - plan.width, 0, plan.padded_h - plan.height});
    }
    return plan.shifted() ? torch::roll(x, {-plan.shift_h, -plan.shift_w}, {1, 2}) : x;
  }

 private:
  int64_t window_, shift_;
};

/// The way back: inputs are what CyclicShift put out, processed, and what it took (for its size).
class CyclicUnshift : public nn::Layer {
 public:
  CyclicUnshift(int64_t window, int64_t shift) : Layer("CyclicUnshift"), window_(window), shift_(shift) {}
  using Layer::forward;

  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = inputs.at(0);
    const WindowPlan plan(window_, shift_, inputs.at(1));
    if (x.is_meta()) return {meta_shape(x, {x.size(0), plan.height, plan.width, x.size(3)})};
    if (plan.shifted()) x = torch::roll(x, {plan.shift_h, plan.shift_w}, {1, 2});
    if (plan.padded()) x = x.slice(1, 0, plan.height).slice(2, 0, plan.width).contiguous();
    return {x};
  }

 private:
  int64_t window_, shift_;
};

/// [N, H, W, C] of whole windows to [N * windows, window^2, C].
class WindowPartition : public nn::UnaryLayer {
 public:
  explicit WindowPartition(int64_t window) : UnaryLayer("WindowPartition"), window_(window) {}

  torch::Tensor forward(const torch::Tensor& input) override {
    const int64_t w = window_, rows = input.size(1) / w, columns = input.size(2) / w, channels = input.size(3);
    return input.reshape({-1, rows, w, columns, w, channels})
        .permute({0, 1, 3, 2, 4, 5})
        .reshape({-1, w * w, channels});
  }

 private:
  int64_t window_;
};

/// The way back; the second input is the image before padding (for its size).
class WindowReverse : public nn::Layer {
 public:
  explicit WindowReverse(int64_t window) : Layer("WindowReverse"), window_(window) {}
  using Layer::forward;

  nn::Tensors forward(const nn::Tensors& inputs) override {
    const WindowPlan plan(window_, 0, inputs.at(1));
    const int64_t w = window_, channels = inputs.at(0).size(2);
    return {inputs.at(0)
                .view({-1, plan.rows, plan.columns, w, w, channels})
                .permute({0, 1, 3, 2, 4, 5})
                .reshape({-1, plan.padded_h, plan.padded_w, channels})};
  }

 private:
  int64_t window_;
};

/// The bias on attention scores: from the table of offsets, and where windows are shifted, -100
/// between tokens that are no neighbours in the image. Inputs: the table [offsets, heads] and the
/// image (for its size). [1, heads, T, T], or one for each window of an image.
class PositionBias : public nn::Layer {
 public:
  PositionBias(const WindowOptions& options, torch::Tensor index)
      : Layer("PositionBias"), window_(options.window), shift_(options.shift), index_(std::move(index)) {}
  using Layer::forward;

  nn::Tensors forward(const nn::Tensors& inputs) override {
    const int64_t tokens = window_ * window_, heads = inputs.at(0).size(1);
    const WindowPlan plan(window_, shift_, inputs.at(1));
    if (inputs.at(1).is_meta()) {
      return {meta_shape(inputs.at(1), {plan.shifted() ? plan.rows * plan.columns : 1, heads, tokens, tokens})};
    }
    const auto bias = inputs.at(0).index({index_}).view({tokens, tokens, heads}).permute({2, 0, 1}).contiguous();
    if (!plan.shifted()) return {bias.unsqueeze(0)};
    const auto regions = region_of_tokens(plan).to(bias.device());
    const auto strangers = regions.unsqueeze(1).ne(regions.unsqueeze(2)).unsqueeze(1);
    return {bias + strangers.to(bias.scalar_type()) * -100.0};
  }

 private:
  /// int64 [windows, T]: tokens with the same number were neighbours before the shift.
  torch::Tensor region_of_tokens(const WindowPlan& plan) const {
    const auto region = [this](int64_t at, int64_t size, int64_t shift) -> int64_t {
      if (shift == 0 || at < size - window_) return 0;
      return at < size - shift ? 1 : 2;
    };
    std::vector<int64_t> regions;
    regions.reserve(static_cast<std::size_t>(plan.padded_h * plan.padded_w));
    for (int64_t y = 0; y < plan.padded_h; ++y) {
      const int64_t row = 3 * region(y, plan.padded_h, plan.shift_h);
      for (int64_t x = 0; x < plan.padded_w; ++x) regions.push_back(row + region(x, plan.padded_w, plan.shift_w));
    }
    return torch::tensor(regions, torch::kLong)
        .view({plan.rows, window_, plan.columns, window_})
        .permute({0, 2, 1, 3})
        .reshape({plan.rows * plan.columns, window_ * window_});
  }

  int64_t window_, shift_;
  torch::Tensor index_;
};

/// Vectors along the last axis scaled to length 1.
class Normalize : public nn::UnaryLayer {
 public:
  Normalize() : UnaryLayer("Normalize") {}
  torch::Tensor forward(const torch::Tensor& input) override {
    if (input.is_meta()) return torch::empty_like(input);
    return input / input.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12).expand_as(input);
  }
};

/// Queries, keys and values of version 2, whose keys have no bias: that third of it counts as zero.
class KeyBiasFreeLinear : public nn::Linear {
 public:
  explicit KeyBiasFreeLinear(int64_t channels) : Linear(channels, 3 * channels) {}
  torch::Tensor forward(const torch::Tensor& input) override {
    if (input.is_meta()) return Linear::forward(input);
    const auto parts = bias.chunk(3);
    return torch::linear(input, weight, torch::cat({parts[0], torch::zeros_like(parts[1]), parts[2]}));
  }
};

int64_t whole_windows(int64_t size, int64_t window) { return (size + window - 1) / window * window; }

constexpr int64_t kPositionHidden = 512;  // of the function that gives version 2 its bias

}  // namespace

WindowPlan::WindowPlan(int64_t window, int64_t shift, const torch::Tensor& image)
    : height(image.size(1)),
      width(image.size(2)),
      padded_h(whole_windows(height, window)),
      padded_w(whole_windows(width, window)),
      shift_h(window >= padded_h ? 0 : shift),
      shift_w(window >= padded_w ? 0 : shift),
      rows(padded_h / window),
      columns(padded_w / window) {}

torch::Tensor relative_position_index(int64_t window) {
  const int64_t tokens = window * window, offsets = 2 * window - 1;
  std::vector<int64_t> index;
  index.reserve(static_cast<std::size_t>(tokens * tokens));
  for (int64_t a = 0; a < tokens; ++a) {
    for (int64_t b = 0; b < tokens; ++b) {
      const int64_t down = a / window - b / window + window - 1, right = a % window - b % window + window - 1;
      index.push_back(down * offsets + right);
    }
  }
  return torch::tensor(index, torch::kLong).view({tokens, tokens});
}

WindowAttention::WindowAttention(const WindowOptions& o)
    : UnaryLayer(o.v2 ? "ShiftedWindowAttentionV2" : "ShiftedWindowAttention"), options_(o) {
  const int64_t offsets = 2 * o.window - 1, tokens = o.window * o.window;
  if (o.v2) {
    logit_scale_ = register_parameter("logit_scale", torch::empty({o.heads, 1, 1}));
    relative_coords_table_ = register_buffer("relative_coords_table", torch::empty({1, offsets, offsets, 2}));
  } else {
    relative_position_bias_table_ =
        register_parameter("relative_position_bias_table", torch::empty({offsets * offsets, o.heads}));
  }
  relative_position_index_ = register_buffer("relative_position_index", torch::empty({tokens * tokens}, torch::kLong));
  fill_constants();
  qkv_ = add("qkv", o.v2 ? std::make_shared<KeyBiasFreeLinear>(o.channels)
                         : std::make_shared<nn::Linear>(o.channels, 3 * o.channels));
  proj_ = add("proj", std::make_shared<nn::Linear>(o.channels, o.channels));
  if (o.v2) {
    cpb_mlp_ = add("cpb_mlp", std::make_shared<nn::Sequential>());
    cpb_mlp_->push(std::make_shared<nn::Linear>(2, kPositionHidden));
    cpb_mlp_->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    cpb_mlp_->push(std::make_shared<nn::Linear>(kPositionHidden, o.heads, false));
    cpb_act_ = add("cpb_act", std::make_shared<nn::Activation>(nn::Act::Sigmoid));
    normalize_q_ = add("normalize_q", std::make_shared<Normalize>());
    normalize_k_ = add("normalize_k", std::make_shared<Normalize>());
    scale_ = add("scale", std::make_shared<nn::Mul>());
  }
  shift_ = add("shift", std::make_shared<CyclicShift>(o.window, o.shift));
  partition_ = add("partition", std::make_shared<WindowPartition>(o.window));
  split_ = add("split", std::make_shared<nn::SplitHeads>(o.heads));
  bias_ = add("bias", std::make_shared<PositionBias>(o, relative_position_index_));
  const double scale = o.v2 ? 1 : 1 / std::sqrt(static_cast<double>(o.channels / o.heads));
  const nn::AttentionOptions attention{.scale = scale, .bias = true, .dropout = o.attention_dropout};
  attention_ = add("attention", std::make_shared<nn::DotProductAttention>(attention));
  merge_ = add("merge", std::make_shared<nn::MergeHeads>());
  dropout_ = add("dropout", std::make_shared<nn::Dropout>(o.dropout));
  reverse_ = add("reverse", std::make_shared<WindowReverse>(o.window));
  unshift_ = add("unshift", std::make_shared<CyclicUnshift>(o.window, o.shift));
}

void WindowAttention::fill_constants() {
  torch::NoGradGuard no_grad;
  relative_position_index_.copy_(relative_position_index(options_.window).flatten());
  if (!options_.v2) return;
  // Offsets from -8 to 8, then their logarithm, so that larger windows extrapolate less.
  const auto side = torch::arange(-(options_.window - 1), options_.window, torch::kFloat);
  const auto grid = torch::stack(torch::meshgrid({side, side}, "ij")).permute({1, 2, 0}).contiguous().unsqueeze(0);
  const auto spread = grid / static_cast<double>(options_.window - 1) * 8;
  relative_coords_table_.copy_(torch::sign(spread) * torch::log2(torch::abs(spread) + 1.0) / 3.0);
}

torch::Tensor WindowAttention::position_table(const torch::Tensor& input) const {
  if (!options_.v2) return nn::beside(input, relative_position_bias_table_);
  const torch::Tensor offsets = call(*cpb_mlp_, nn::beside(input, relative_coords_table_));
  return call(*cpb_act_, offsets.view({-1, options_.heads})) * 16;
}

torch::Tensor WindowAttention::forward(const torch::Tensor& input) {
  const torch::Tensor windows = call(*partition_, call(*shift_, input));
  nn::Tensors parts = call(*split_, nn::Tensors{call(*qkv_, windows)});
  if (options_.v2) {
    // The temperature on the queries is the temperature on their products, and fewer numbers.
    const auto temperature = nn::beside(input, logit_scale_).clamp_max(std::log(100.0)).exp();
    parts[0] = call(*scale_, call(*normalize_q_, parts[0]), temperature);
    parts[1] = call(*normalize_k_, parts[1]);
  }
  parts.push_back(call(*bias_, position_table(input), input));
  const torch::Tensor mixed = call(*attention_, parts).front();
  const torch::Tensor x = call(*dropout_, call(*proj_, call(*merge_, mixed)));
  return call(*unshift_, call(*reverse_, x, input), input);
}

void WindowAttention::reset() {
  torch::NoGradGuard no_grad;
  fill_constants();
  qkv_->reset();
  proj_->reset();
  if (!options_.v2) {
    nn::init::trunc_normal(relative_position_bias_table_, 0, 0.02);
    return;
  }
  logit_scale_.copy_(torch::log(10 * torch::ones_like(logit_scale_)));
  cpb_mlp_->reset();
}

}  // namespace mlrun::models
