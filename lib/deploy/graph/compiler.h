#pragma once

#include <map>
#include <utility>
#include <vector>

#include "deploy/graph/plan.h"
#include "deploy/graph/program.h"

namespace mlrun::deploy {

/// Weights in oneDNN's layouts, shared by the programs of all sizes of input.
class PackedWeights {
 public:
  /// `plain`, a contiguous tensor of the first description that outlives this, in the layout of the second.
  dnnl::memory get(const torch::Tensor& plain, const onednn::Desc& from, const onednn::Desc& to);

 private:
  std::map<const void*, std::vector<std::pair<onednn::Desc, dnnl::memory>>> made_;  // by where the numbers lie
};

/// Makes the program for one size of inputs.
class GraphCompiler {
 public:
  GraphCompiler(const GraphPlan& plan, const ValueSizes& sizes, PackedWeights& weights, Program& program);
  void compile(OutputOrder order);

 private:
  /// How a convolution adds its residual: into it where it lies, or reading it beside its own result.
  enum class Residual { None, InPlace, Beside };
  struct ConvChoice;

  void note_uses();
  /// The slot that holds an output of the model in memory of its own, which can be the caller's.
  int output_slot(ValueId value);
  /// How an output of these sizes is to lie.
  Form output_form(ValueId value) const;
  bool is_output(ValueId value) const;

  void compile_node(const GraphNode& node);
  void conv(const GraphNode& node);
  void conv_alone(const GraphNode& node);
  void conv_operator(const GraphNode& node);
  ConvChoice conv_choice(const GraphNode& node);
  /// False where the library has nothing as good as the `worst`.
  bool conv_primitive(const GraphNode& node, Residual residual, onednn::Kind worst);
  void conv_transpose(const GraphNode& node);
  bool conv_transpose_as(const GraphNode& node, Form form, onednn::Kind worst);
  void activate_there(ValueId value, const std::optional<nn::Act>& act);
  void dense_node(const GraphNode& node, std::int64_t rows, std::int64_t in, std::int64_t out);
  bool inner_product(const GraphNode& node, std::int64_t rows, std::int64_t in, std::int64_t out);
  void affine(const GraphNode& node);
  void max_pool(const GraphNode& node);
  void avg_pool(const GraphNode& node);
  void adaptive_pool(const GraphNode& node);
  bool pool(const GraphNode& node, const onednn::Pooling& pooling);
  bool pool_as(const GraphNode& node, onednn::Pooling pooling, Form form);
  void group_norm(const GraphNode& node);
  void activation(const GraphNode& node);
  void add(const GraphNode& node);
  void add_values(ValueId a, ValueId b, const std::optional<nn::Act>& act, ValueId output);
  void mul(const GraphNode& node);
  void scale(ValueId image, ValueId factors, ValueId output);
  void concat(const GraphNode& node);
  bool concat_in_place(const GraphNode& node, int output);
  void chunk(const GraphNode& node);
  void shuffle(const GraphNode& node);
  void flatten(const GraphNode& node);
  void resize(const GraphNode& node);
  void resize_nearest_onto(const GraphNode& node);
  void run_layer(const GraphNode& node);
  void gather(const std::vector<int>& sources, std::vector<ChannelPick> picks, int output);

  const std::vector<std::int64_t>& sizes(ValueId value) const { return sizes_[static_cast<std::size_t>(value)]; }
  int& slot_of(ValueId value) { return slots_[static_cast<std::size_t>(value)]; }
  /// The value's slot in this form, by a reorder where it has another.
  int need(ValueId value, Form form);
  int new_slot(ValueId value, Form form);
  /// Whether the node being compiled is the last to use the value, and may write over it.
  bool may_overwrite(ValueId value);
  /// The slot of `output` in the place of an operand that may be written over.
  int take_over(int operand_slot, ValueId output);
  /// A slot for `output` that is the operand's own where that may be written over.
  int over_or_new(ValueId operand, int operand_slot, ValueId output);

  const GraphPlan& plan_;
  const ValueSizes& sizes_;
  PackedWeights& weights_;
  Program& program_;
  std::vector<int> slots_, last_use_;
  std::map<std::pair<ValueId, Form>, int> reordered_;
  int now_ = 0;
  OutputOrder order_ = OutputOrder::Channels;
};

KernelAct kernel_act(const std::optional<nn::Act>& act);
/// Whether what fills a block of channels up stays zero.
bool keeps_zero(const std::optional<nn::Act>& act);

}  // namespace mlrun::deploy
