#include "deploy/graph/compiler.h"

namespace mlrun::deploy {
namespace {

using onednn::Desc;
using onednn::Dims;
using onednn::Kind;

constexpr auto kFloat = dnnl::memory::data_type::f32;
constexpr std::int64_t kFewRows = 4;  // up to which a matrix is read faster than packed products start

Desc any_layout(const Dims& dims) { return {dims, kFloat, dnnl::memory::format_tag::any}; }
Desc vector_layout(std::int64_t size) { return {{size}, kFloat, dnnl::memory::format_tag::x}; }

/// Weights as LibTorch has them, split by groups where there are any.
Desc plain_weights(const nn::Conv2dOptions& o, const Dims& dims) {
  return {dims, kFloat, o.groups > 1 ? dnnl::memory::format_tag::goihw : dnnl::memory::format_tag::oihw};
}

Dims weight_dims(const nn::Conv2dOptions& o) {
  const auto& kernel = *o.kernel;
  if (o.groups == 1) return {o.out, o.in, kernel[0], kernel[1]};
  return {o.groups, o.out / o.groups, o.in / o.groups, kernel[0], kernel[1]};
}

/// Zeros after the last row and column that make the output as large as it must be.
Dims padding_after(const Dims& in, const Dims& out, const onednn::Convolution& c, const Dims& kernel) {
  Dims after(2);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t span = (kernel[i] - 1) * (c.dilation[i] + 1) + 1;
    after[i] = std::max<std::int64_t>(0, (out[i + 2] - 1) * c.stride[i] + span - in[i + 2] - c.padding[i]);
  }
  return after;
}

dnnl::primitive_attr attributes(const GraphNode& node, bool in_place, const Desc* beside) {
  dnnl::post_ops ops;
  onednn::append_activation(ops, node.activation);
  if (in_place) ops.append_sum();
  if (beside) ops.append_binary(dnnl::algorithm::binary_add, *beside);
  onednn::append_activation(ops, node.final_activation);
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

}  // namespace

/// A convolution in the layouts that suit it best.
struct GraphCompiler::ConvChoice {
  onednn::Convolution described;
  dnnl::primitive_attr attr;
  std::vector<std::int64_t> in, out;  ///< sizes

  dnnl::convolution_forward::primitive_desc primitive;
  Form src = Form::Plain, dst = Form::Plain;
  Kind kind = Kind::Reference;

  /// Takes these layouts (nothing: the library's choice) where they give a better kind than what is taken already.
  void consider(std::optional<Form> src_form, std::optional<Form> dst_form) {
    onednn::Convolution c = described;
    c.src = src_form ? desc_of(in, *src_form) : any_layout(dims_of(in));
    c.dst = dst_form ? desc_of(out, *dst_form) : any_layout(dims_of(out));
    const auto found = onednn::describe(Program::engine(), c, attr);
    if (!found) return;
    const auto src_found = form_of(found.src_desc(), in), dst_found = form_of(found.dst_desc(), out);
    const Kind found_kind = onednn::kind_of(found.impl_info_str());
    if (!src_found || !dst_found || found_kind >= kind) return;
    primitive = found;
    src = *src_found;
    dst = *dst_found;
    kind = found_kind;
  }

  /// The input as it lies, and so the result, then the library's own choice, which need not be the fastest there is nor
  /// one that slots can have, then any other layout. False where there are only references.
  bool choose(Form given, std::optional<Form> dst_form) {
    ConvChoice free = *this, here = *this;
    free.consider(std::nullopt, dst_form);
    if (free.kind != Kind::Direct || free.src != given) {
      here.consider(given, dst_form);
      if (!dst_form) here.consider(given, given);
    }
    *this = here.kind == Kind::Direct ? here : free;
    for (const Form form : kForms) {
      if (kind != Kind::Direct) consider(form, dst_form ? *dst_form : form);
    }
    return kind != Kind::Reference;
  }
};

void GraphCompiler::conv(const GraphNode& node) {
  const auto& options = static_cast<const nn::Conv2d&>(*node.layer).options();
  const Dims in = dims_of(sizes(node.inputs[0]));
  const bool pointwise = options.groups == 1 && (*options.kernel)[0] * (*options.kernel)[1] == 1;
  if (pointwise && in[2] * in[3] == 1 && (*options.padding)[0] == 0 && (*options.padding)[1] == 0) {
    return dense_node(node, in[0], options.in, options.out);
  }
  if (node.residual < 0) return conv_alone(node);
  const bool over = node.residual != node.inputs[0] && may_overwrite(node.residual);
  if (over && conv_primitive(node, Residual::InPlace, Kind::Direct)) return;
  if (conv_primitive(node, Residual::Beside, Kind::Direct)) return;
  GraphNode alone = node;  // the sum afterwards, by itself
  alone.residual = nn::kUnknownValue;
  alone.final_activation.reset();
  conv_alone(alone);
  add_values(node.outputs[0], node.residual, node.final_activation, node.outputs[0]);
}

void GraphCompiler::conv_alone(const GraphNode& node) {
  if (!conv_primitive(node, Residual::None, Kind::Unfolding)) conv_operator(node);
}

/// By LibTorch, on plain tensors.
void GraphCompiler::conv_operator(const GraphNode& node) {
  const int src = need(node.inputs[0], Form::Plain), written = new_slot(node.outputs[0], Form::Plain);
  const std::int64_t count = layout_of(program_.slot(written)).floats();
  program_.add_step(
      {src}, {written},
      [p = &program_, src, written, count, weight = node.weight, bias = node.bias, act = kernel_act(node.activation),
       o = static_cast<const nn::Conv2d&>(*node.layer).options(), pad = node.pad] {
        const auto tensor = [p](int slot) { return torch::from_blob(p->data(slot), p->slot(slot).sizes); };
        const torch::Tensor x = pad == nullptr ? tensor(src) : pad->padded(tensor(src));
        tensor(written).copy_(torch::conv2d(x, weight, bias, o.stride, o.padding, o.dilation, o.groups));
        activate_all(p->data(written), count, act, p->data(written));
      });
  ++program_.statistics.layers;
}

GraphCompiler::ConvChoice GraphCompiler::conv_choice(const GraphNode& node) {
  const auto& o = static_cast<const nn::Conv2d&>(*node.layer).options();
  ConvChoice choice;
  choice.in = sizes(node.inputs[0]);
  choice.out = sizes(node.outputs[0]);
  onednn::Convolution& described = choice.described;
  described.weights = any_layout(weight_dims(o));
  described.bias = vector_layout(o.out);
  described.stride = onednn::pair_of(o.stride);
  described.dilation = {(*o.dilation)[0] - 1, (*o.dilation)[1] - 1};
  described.padding = onednn::pair_of(o.padding);
  if (node.pad != nullptr) {
    described.padding = {node.pad->around(choice.in[2]).first, node.pad->around(choice.in[3]).first};
  }
  described.padding_after =
      padding_after(dims_of(choice.in), dims_of(choice.out), described, onednn::pair_of(o.kernel));
  return choice;
}

bool GraphCompiler::conv_primitive(const GraphNode& node, Residual residual, Kind worst) {
  const auto& o = static_cast<const nn::Conv2d&>(*node.layer).options();
  const int other = residual == Residual::None ? -1 : slot_of(node.residual);
  ConvChoice chosen = conv_choice(node);
  std::optional<Form> dst;
  if (other >= 0) dst = program_.slot(other).form;
  const Desc beside = dst ? desc_of(chosen.out, *dst) : Desc();
  chosen.attr = attributes(node, residual == Residual::InPlace, residual == Residual::Beside ? &beside : nullptr);
  if (!chosen.choose(program_.slot(slot_of(node.inputs[0])).form, dst) || chosen.kind > worst) return false;

  const int src = need(node.inputs[0], chosen.src);
  const int written =
      residual == Residual::InPlace ? take_over(other, node.outputs[0]) : new_slot(node.outputs[0], chosen.dst);
  std::vector<std::pair<int, std::pair<int, Desc>>> arguments = {
      {DNNL_ARG_SRC, {src, chosen.primitive.src_desc()}}, {DNNL_ARG_DST, {written, chosen.primitive.dst_desc()}}};
  if (residual == Residual::Beside) {
    const int position = node.activation == nn::Act::Hardsigmoid ? 2 : (node.activation ? 1 : 0);
    arguments.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1, {other, beside}});
  }
  const dnnl::memory packed =
      weights_.get(node.weight, plain_weights(o, weight_dims(o)), chosen.primitive.weights_desc());
  const dnnl::memory bias(vector_layout(o.out), Program::engine(), node.bias.data_ptr<float>());
  program_.add_primitive(dnnl::convolution_forward(chosen.primitive), chosen.primitive.scratchpad_desc(), arguments,
                         {{DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_BIAS, bias}}, written);
  return true;
}

void GraphCompiler::dense_node(const GraphNode& node, std::int64_t rows, std::int64_t in, std::int64_t out) {
  if (rows > kFewRows && inner_product(node, rows, in, out)) return;
  const int src = need(node.inputs[0], Form::Plain);
  const int other = node.residual < 0 ? -1 : need(node.residual, Form::Plain);
  const int written = new_slot(node.outputs[0], Form::Plain);
  std::vector<int> reads = {src};
  if (other >= 0) reads.push_back(other);
  program_.add_step(reads, {written},
                    [p = &program_, src, other, written, shape = DenseShape{rows, in, out},
                     weight = node.weight.data_ptr<float>(), bias = node.bias.data_ptr<float>(),
                     act = kernel_act(node.activation), final_act = kernel_act(node.final_activation)] {
                      dense(p->data(src), weight, bias, shape, act, other < 0 ? nullptr : p->data(other), final_act,
                            p->data(written));
                    });
}

bool GraphCompiler::inner_product(const GraphNode& node, std::int64_t rows, std::int64_t in, std::int64_t out) {
  const auto plain = [](const Dims& dims) { return Desc(dims, kFloat, dnnl::memory::format_tag::ab); };
  const Desc beside = plain({rows, out});
  const auto attr = attributes(node, false, node.residual < 0 ? nullptr : &beside);
  const auto described = onednn::describe(
      Program::engine(),
      onednn::InnerProduct{plain({rows, in}), any_layout({out, in}), vector_layout(out), plain({rows, out})}, attr);
  if (!described || onednn::kind_of(described.impl_info_str()) == Kind::Reference) return false;
  const int src = need(node.inputs[0], Form::Plain);
  std::vector<std::pair<int, std::pair<int, Desc>>> arguments = {{DNNL_ARG_SRC, {src, plain({rows, in})}}};
  if (node.residual >= 0) {
    const int position = node.activation == nn::Act::Hardsigmoid ? 2 : (node.activation ? 1 : 0);
    arguments.push_back(
        {DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1, {need(node.residual, Form::Plain), beside}});
  }
  const int written = new_slot(node.outputs[0], Form::Plain);
  arguments.push_back({DNNL_ARG_DST, {written, plain({rows, out})}});
  const dnnl::memory packed = weights_.get(node.weight, plain({out, in}), described.weights_desc());
  const dnnl::memory bias(vector_layout(out), Program::engine(), node.bias.data_ptr<float>());
  program_.add_primitive(dnnl::inner_product_forward(described), described.scratchpad_desc(), arguments,
                         {{DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_BIAS, bias}}, written);
  return true;
}

}  // namespace mlrun::deploy
