#include <list>

#include "deploy/graph/compiler.h"
#include "quant/runner.h"

namespace mlrun::deploy {
namespace {

constexpr std::size_t kPrograms = 4;  // sizes of input that are kept

}  // namespace

struct InferenceGraph::Impl {
  struct Entry {
    std::vector<std::int64_t> input;
    int threads = 0;
    Program program;
  };

  /// The program for this input, the one used last in front.
  Program& program_for(const torch::Tensor& input) {
    const auto sizes = input.sizes().vec();
    const int threads = at::get_num_threads();
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
      if (entry->input != sizes || entry->threads != threads) continue;
      entries.splice(entries.begin(), entries, entry);
      return entry->program;
    }
    entries.emplace_front();
    Entry& entry = entries.front();
    try {
      entry.input = sizes;
      entry.threads = threads;
      const ValueSizes values = value_sizes(*model, plan, sizes);
      GraphCompiler(plan, values, weights, entry.program).compile();
    } catch (...) {
      entries.pop_front();
      throw;
    }
    if (entries.size() > kPrograms) entries.pop_back();
    return entry.program;
  }

  nn::Layer* model = nullptr;
  GraphPlan plan;
  PackedWeights weights;
  std::list<Entry> entries;
};

InferenceGraph::InferenceGraph(nn::Layer& model, const torch::Tensor& example) : impl_(std::make_unique<Impl>()) {
  if (!example.device().is_cpu() || example.scalar_type() != torch::kFloat) {
    throw NoGraph("a graph computes in float32 on the CPU");
  }
  for (const auto& parameter : model.parameters()) {
    if (parameter.scalar_type() != torch::kFloat || !parameter.device().is_cpu()) {
      throw NoGraph("its weights are not float32 on the CPU");
    }
  }
  if (quant::int8_runner(model)) throw NoGraph("it computes in int8");
  impl_->model = &model;
  impl_->plan = plan_graph(model, example.narrow(0, 0, 1));
  if (!impl_->plan.obstacle.empty()) throw NoGraph(impl_->plan.obstacle);
  impl_->program_for(example);
}

InferenceGraph::~InferenceGraph() = default;
InferenceGraph::InferenceGraph(InferenceGraph&&) noexcept = default;
InferenceGraph& InferenceGraph::operator=(InferenceGraph&&) noexcept = default;

torch::Tensor InferenceGraph::operator()(const torch::Tensor& input) {
  const torch::NoGradGuard no_gradients;
  return impl_->program_for(input).run(input.contiguous());
}

GraphStatistics InferenceGraph::statistics(const torch::Tensor& input) { return impl_->program_for(input).statistics; }

bool graph_available() { return true; }

std::string graph_instruction_set() { return onednn::instruction_set(); }

}  // namespace mlrun::deploy
