#include <algorithm>

#include "deploy/graph/compiler.h"
#include "nn/branches.h"
#include "nn/interpolate.h"
#include "nn/norm.h"
#include "nn/pooling.h"

namespace mlrun::deploy {
namespace {

using onednn::Dims;

bool is_image(const std::vector<std::int64_t>& sizes) { return sizes.size() == 4; }

/// Whether the last block of channels is filled up with zeros.
bool is_padded(const Slot& slot) { return layout_of(slot).channels % layout_of(slot).block != 0; }

/// Of a layer's options; the sizes are still to be set.
template <class Options>
onednn::Pooling pooling_of(const Options& o, dnnl::algorithm kind) {
  onednn::Pooling p;
  p.kind = kind;
  p.kernel = onednn::pair_of(o.kernel);
  p.stride = onednn::pair_of(o.stride);
  p.padding = onednn::pair_of(o.padding);
  return p;
}

}  // namespace

/// As the image lies, or in the first layout for which there is more than a reference.
bool GraphCompiler::pool(const GraphNode& node, const onednn::Pooling& p) {
  if (pool_as(node, p, program_.slot(slot_of(node.inputs[0])).form)) return true;
  return std::any_of(std::begin(kForms), std::end(kForms), [&](Form form) { return pool_as(node, p, form); });
}

bool GraphCompiler::pool_as(const GraphNode& node, onednn::Pooling p, Form form) {
  const auto& in = sizes(node.inputs[0]);
  const auto& out = sizes(node.outputs[0]);
  p.src = desc_of(in, form);
  p.dst = desc_of(out, form);
  p.padding_after.resize(2);
  for (std::size_t i = 0; i < 2; ++i) {
    p.padding_after[i] =
        std::max<std::int64_t>(0, (out[i + 2] - 1) * p.stride[i] + p.kernel[i] - in[i + 2] - p.padding[i]);
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto described = onednn::describe(Program::engine(), p, attr);
  if (!described || onednn::kind_of(described.impl_info_str()) == onednn::Kind::Reference) return false;
  const int src = need(node.inputs[0], form);
  const int written = new_slot(node.outputs[0], form);
  program_.add_primitive(dnnl::pooling_forward(described), described.scratchpad_desc(),
                         {{DNNL_ARG_SRC, {src, p.src}}, {DNNL_ARG_DST, {written, p.dst}}}, {}, written);
  return true;
}

void GraphCompiler::max_pool(const GraphNode& node) {
  const auto& o = static_cast<const nn::MaxPool2d&>(*node.layer).options();
  if (!is_image(sizes(node.inputs[0])) || !pool(node, pooling_of(o, dnnl::algorithm::pooling_max))) run_layer(node);
}

void GraphCompiler::avg_pool(const GraphNode& node) {
  const auto& in = sizes(node.inputs[0]);
  if (!is_image(in)) return run_layer(node);
  const auto* bins = dynamic_cast<const nn::BinPool2d*>(node.layer);
  const nn::AvgPool2dOptions o =
      bins != nullptr ? bins->windows(in[2], in[3]) : static_cast<const nn::AvgPool2d&>(*node.layer).options();
  if (!pool(node, pooling_of(o, dnnl::algorithm::pooling_avg_include_padding))) run_layer(node);
}

void GraphCompiler::adaptive_pool(const GraphNode& node) {
  const auto& in = sizes(node.inputs[0]);
  const auto& out = sizes(node.outputs[0]);
  if (!is_image(in)) return run_layer(node);
  const int src = slot_of(node.inputs[0]);
  if (in == out) {
    slot_of(node.outputs[0]) = program_.add_view(src, out, program_.slot(src).form, 0);
  } else if (out[2] == 1 && out[3] == 1) {
    const int written = new_slot(node.outputs[0], Form::Plain);
    program_.add_step({src}, {written}, [p = &program_, src, written, layout = layout_of(program_.slot(src))] {
      channel_means(p->data(src), layout, p->data(written));
    });
  } else {
    onednn::Pooling p;
    p.kind = dnnl::algorithm::pooling_avg_exclude_padding;
    p.kernel = p.stride = {in[2] / out[2], in[3] / out[3]};
    p.padding = {0, 0};
    const bool even = in[2] % out[2] == 0 && in[3] % out[3] == 0;
    if (!even || !pool(node, p)) run_layer(node);
  }
}

void GraphCompiler::affine(const GraphNode& node) {
  const int src = slot_of(node.inputs[0]);
  if (is_padded(program_.slot(src)) && !keeps_zero(node.activation)) need(node.inputs[0], Form::Plain);
  const int from = keeps_zero(node.activation) ? src : need(node.inputs[0], Form::Plain);
  const ImageLayout layout = layout_of(program_.slot(from));
  const auto padded = [&](const torch::Tensor& values) {
    const torch::Tensor all = torch::zeros({layout.blocks() * layout.block});
    all.narrow(0, 0, layout.channels).copy_(values);
    return all;
  };
  const int written = over_or_new(node.inputs[0], from, node.outputs[0]);
  program_.add_step({from}, {written},
                    [p = &program_, from, written, layout, weight = padded(node.weight), bias = padded(node.bias),
                     act = kernel_act(node.activation)] {
                      affine_channels(p->data(from), weight.data_ptr<float>(), bias.data_ptr<float>(), layout, act,
                                      p->data(written));
                    });
}

void GraphCompiler::group_norm(const GraphNode& node) {
  const auto& norm = static_cast<const nn::GroupNorm&>(*node.layer);
  const int src = keeps_zero(node.activation) ? slot_of(node.inputs[0]) : need(node.inputs[0], Form::Plain);
  const int written = over_or_new(node.inputs[0], src, node.outputs[0]);
  const GroupNormShape shape{layout_of(program_.slot(src)), norm.groups(), norm.eps()};
  program_.add_step({src}, {written},
                    [p = &program_, src, written, shape, weight = norm.weight.detach().contiguous(),
                     bias = norm.bias.detach().contiguous(), act = kernel_act(node.activation)] {
                      normalize_groups(p->data(src), weight.data_ptr<float>(), bias.data_ptr<float>(), shape, act,
                                       p->data(written));
                    });
}

void GraphCompiler::activation(const GraphNode& node) {
  const auto kind = static_cast<const nn::Activation&>(*node.layer).kind();
  const int src = keeps_zero(kind) ? slot_of(node.inputs[0]) : need(node.inputs[0], Form::Plain);
  const std::int64_t count = layout_of(program_.slot(src)).floats();
  const int written = over_or_new(node.inputs[0], src, node.outputs[0]);
  program_.add_step({src}, {written}, [p = &program_, src, written, count, act = kernel_act(kind)] {
    activate_all(p->data(src), count, act, p->data(written));
  });
}

void GraphCompiler::add(const GraphNode& node) {
  if (sizes(node.inputs[0]) == sizes(node.inputs[1])) {
    return add_values(node.inputs[0], node.inputs[1], node.activation, node.outputs[0]);
  }
  throw NoGraph(node.layer->path() + " adds tensors of different sizes");
}

void GraphCompiler::add_values(ValueId a, ValueId b, const std::optional<nn::Act>& act, ValueId output) {
  const Form form = keeps_zero(act) ? program_.slot(slot_of(a)).form : Form::Plain;
  const int first = need(a, form), second = need(b, form);
  const std::int64_t count = layout_of(program_.slot(first)).floats();
  const int written = a == output ? first : over_or_new(a, first, output);
  program_.add_step({first, second}, {written}, [p = &program_, first, second, written, count, act = kernel_act(act)] {
    add_all(p->data(first), p->data(second), count, act, p->data(written));
  });
}

void GraphCompiler::mul(const GraphNode& node) {
  const auto& a = sizes(node.inputs[0]);
  const auto& b = sizes(node.inputs[1]);
  const auto scales = [](const std::vector<std::int64_t>& factors, const std::vector<std::int64_t>& image) {
    return is_image(factors) && is_image(image) && factors[0] == image[0] && factors[1] == image[1] &&
           factors[2] == 1 && factors[3] == 1;
  };
  if (a == b) {
    const int first = slot_of(node.inputs[0]);
    const int second = need(node.inputs[1], program_.slot(first).form);
    const std::int64_t count = layout_of(program_.slot(first)).floats();
    const int written = over_or_new(node.inputs[0], first, node.outputs[0]);
    program_.add_step({first, second}, {written}, [p = &program_, first, second, written, count] {
      multiply_all(p->data(first), p->data(second), count, p->data(written));
    });
  } else if (scales(a, b)) {
    scale(node.inputs[1], node.inputs[0], node.outputs[0]);
  } else if (scales(b, a)) {
    scale(node.inputs[0], node.inputs[1], node.outputs[0]);
  } else {
    run_layer(node);
  }
}

void GraphCompiler::scale(ValueId image, ValueId factors, ValueId output) {
  const int src = slot_of(image), by = need(factors, Form::Plain);
  const ImageLayout layout = layout_of(program_.slot(src));
  const int written = over_or_new(image, src, output);
  program_.add_step({src, by}, {written}, [p = &program_, src, by, written, layout] {
    scale_channels(p->data(src), p->data(by), layout, KernelAct::None, p->data(written));
  });
}

/// In the layout of its input, but what the model gives is plain; a pixel takes that of the image it is to fill.
void GraphCompiler::resize(const GraphNode& node) {
  const ValueId value = node.inputs[0], output = node.outputs[0];
  const auto& in = sizes(value);
  const auto& out = sizes(output);
  if (node.residual >= 0) return resize_nearest_onto(node);
  if (!is_image(in) || in[2] * in[3] * out[2] * out[3] == 0) return run_layer(node);
  Form form = program_.slot(slot_of(value)).form;
  if (is_output(output)) form = output_form(output);
  else if (in[2] * in[3] == 1) form = program_.slot(slot_of(node.inputs[1])).form;
  const int src = need(value, form), written = new_slot(output, form);
  const ImageLayout layout = layout_of(program_.slot(src));
  const ResizeShape shape{layout.images * layout.blocks(), layout.block, in[2], in[3], out[2], out[3]};
  const bool nearest = static_cast<const nn::Interpolate&>(*node.layer).mode() == nn::InterpolateMode::Nearest;
  program_.add_step({src}, {written}, [p = &program_, src, written, shape, nearest] {
    if (nearest) resize_nearest(p->data(src), nullptr, shape, p->data(written));
    else resize_bilinear(p->data(src), shape, p->data(written));
  });
}

/// Adds to the residual, where it lies if it may be written over.
void GraphCompiler::resize_nearest_onto(const GraphNode& node) {
  const ValueId value = node.inputs[0], output = node.outputs[0];
  const auto& in = sizes(value);
  const auto& out = sizes(node.residual);
  const int other = slot_of(node.residual);
  const int src = need(value, program_.slot(other).form), written = over_or_new(node.residual, other, output);
  const ImageLayout layout = layout_of(program_.slot(other));
  const ResizeShape shape{layout.images * layout.blocks(), layout.block, in[2], in[3], out[2], out[3]};
  program_.add_step({src, other}, {written}, [p = &program_, src, other, written, shape] {
    resize_nearest(p->data(src), p->data(other), shape, p->data(written));
  });
}

void GraphCompiler::run_layer(const GraphNode& node) {
  std::vector<int> inputs, outputs;
  for (const ValueId input : node.inputs) inputs.push_back(need(input, Form::Plain));
  for (const ValueId output : node.outputs) outputs.push_back(new_slot(output, Form::Plain));
  program_.add_step(inputs, outputs, [p = &program_, inputs, outputs, layer = node.layer] {
    nn::Tensors given;
    // A layer may work in place, and others may still need what it is given.
    for (const int input : inputs) given.push_back(torch::from_blob(p->data(input), p->slot(input).sizes).clone());
    const nn::Tensors made = layer->run(given);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      torch::from_blob(p->data(outputs[i]), p->slot(outputs[i]).sizes).copy_(made.at(i));
    }
  });
  ++program_.statistics.layers;
}

}  // namespace mlrun::deploy
