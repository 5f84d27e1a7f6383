#include "deploy/graph/compiler.h"
#include "nn/conv_transpose.h"

namespace mlrun::deploy {
namespace {

/// As LibTorch has them, [in, out, kernel, kernel]; oneDNN names outputs first.
onednn::Desc transposed_weights(const nn::ConvTransposeOptions& o, dnnl::memory::format_tag tag) {
  return {{o.out, o.in, o.kernel, o.kernel}, dnnl::memory::data_type::f32, tag};
}

}  // namespace

/// As its input lies, or in the first layout for which there is more than a reference. The activation follows by
/// itself: oneDNN's deconvolutions apply theirs number by number.
void GraphCompiler::conv_transpose(const GraphNode& node) {
  const Form given = program_.slot(slot_of(node.inputs[0])).form;
  for (const onednn::Kind worst : {onednn::Kind::Direct, onednn::Kind::Unfolding}) {
    if (conv_transpose_as(node, given, worst)) return;
    for (const Form form : kForms) {
      if (conv_transpose_as(node, form, worst)) return;
    }
  }
  run_layer(node);
  activate_there(node.outputs[0], node.activation);
}

bool GraphCompiler::conv_transpose_as(const GraphNode& node, Form form, onednn::Kind worst) {
  const nn::ConvTransposeOptions& o = static_cast<const nn::ConvTranspose2d&>(*node.layer).options();
  const bool padded = o.out % block_of(form, o.out) != 0;
  if (padded && !keeps_zero(node.activation)) return false;
  onednn::Convolution c;
  c.src = desc_of(sizes(node.inputs[0]), form);
  c.dst = desc_of(sizes(node.outputs[0]), form);
  c.weights = transposed_weights(o, dnnl::memory::format_tag::any);
  c.bias = {{o.out}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x};
  c.stride = {o.stride, o.stride};
  c.dilation = {0, 0};
  c.padding = c.padding_after = {o.padding, o.padding};
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto found = onednn::describe_transposed(Program::engine(), c, attr);
  if (!found || onednn::kind_of(found.impl_info_str()) > worst) return false;
  const int src = need(node.inputs[0], form), written = new_slot(node.outputs[0], form);
  const dnnl::memory packed =
      weights_.get(node.weight, transposed_weights(o, dnnl::memory::format_tag::iohw), found.weights_desc());
  const dnnl::memory bias(c.bias, Program::engine(), node.bias.data_ptr<float>());
  program_.add_primitive(dnnl::deconvolution_forward(found), found.scratchpad_desc(),
                         {{DNNL_ARG_SRC, {src, c.src}}, {DNNL_ARG_DST, {written, c.dst}}},
                         {{DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_BIAS, bias}}, written);
  activate_there(node.outputs[0], node.activation);
  return true;
}

/// In the memory of the value.
void GraphCompiler::activate_there(ValueId value, const std::optional<nn::Act>& act) {
  if (!act) return;
  const int slot = slot_of(value);
  const std::int64_t count = layout_of(program_.slot(slot)).floats();
  program_.add_step({slot}, {slot}, [p = &program_, slot, count, act = kernel_act(act)] {
    activate_all(p->data(slot), count, act, p->data(slot));
  });
}

}  // namespace mlrun::deploy
