#include <list>

#include "deploy/graph/compiler.h"
#include "quant/runner.h"

namespace mlrun::deploy {
namespace {

constexpr std::size_t kPrograms = 8;  // sizes of input that are kept

ValueSizes sizes_of(const nn::Tensors& tensors) {
  ValueSizes sizes;
  for (const auto& tensor : tensors) sizes.push_back(tensor.sizes().vec());
  return sizes;
}

}  // namespace

struct InferenceGraph::Impl {
  struct Entry {
    ValueSizes inputs;
    int threads = 0;
    Program program;
  };

  /// The program for these inputs, the one used last in front.
  Program& program_for(const nn::Tensors& inputs) {
    const ValueSizes sizes = sizes_of(inputs);
    const int threads = at::get_num_threads();
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
      if (entry->inputs != sizes || entry->threads != threads) continue;
      entries.splice(entries.begin(), entries, entry);
      return entry->program;
    }
    entries.emplace_front();
    Entry& entry = entries.front();
    try {
      entry.inputs = sizes;
      entry.threads = threads;
      const ValueSizes values = value_sizes(*model, plan, sizes);
      GraphCompiler(plan, values, weights, entry.program).compile(order);
    } catch (...) {
      entries.pop_front();
      throw;
    }
    if (entries.size() > kPrograms) entries.pop_back();
    return entry.program;
  }

  nn::Layer* model = nullptr;
  GraphPlan plan;
  OutputOrder order = OutputOrder::Channels;
  PackedWeights weights;
  std::list<Entry> entries;
};

InferenceGraph::InferenceGraph(nn::Layer& model, const nn::Tensors& example, OutputOrder order)
    : impl_(std::make_unique<Impl>()) {
  nn::Tensors one;
  for (const auto& input : example) {
    if (!input.device().is_cpu() || input.scalar_type() != torch::kFloat) {
      throw NoGraph("a graph computes in float32 on the CPU");
    }
    one.push_back(input.narrow(0, 0, 1));
  }
  for (const auto& parameter : model.parameters()) {
    if (parameter.scalar_type() != torch::kFloat || !parameter.device().is_cpu()) {
      throw NoGraph("its weights are not float32 on the CPU");
    }
  }
  if (quant::int8_runner(model)) throw NoGraph("it computes in int8");
  impl_->model = &model;
  impl_->order = order;
  impl_->plan = plan_graph(model, one);
  if (!impl_->plan.obstacle.empty()) throw NoGraph(impl_->plan.obstacle);
  impl_->program_for(example);
}

InferenceGraph::~InferenceGraph() = default;
InferenceGraph::InferenceGraph(InferenceGraph&&) noexcept = default;
InferenceGraph& InferenceGraph::operator=(InferenceGraph&&) noexcept = default;

nn::Tensors InferenceGraph::run(const nn::Tensors& inputs) {
  const torch::NoGradGuard no_gradients;
  nn::Tensors plain;
  for (const auto& input : inputs) plain.push_back(input.contiguous());
  return impl_->program_for(inputs).run(plain);
}

GraphStatistics InferenceGraph::statistics(const nn::Tensors& inputs) { return impl_->program_for(inputs).statistics; }

bool graph_available() { return true; }

std::string graph_instruction_set() { return onednn::instruction_set(); }

}  // namespace mlrun::deploy
