#include "base/error.h"
#include "deploy/graph/graph.h"

namespace mlrun::deploy {

struct InferenceGraph::Impl {};

InferenceGraph::InferenceGraph(nn::Layer&, const torch::Tensor&) {
  throw UserError("mlrun was built without oneDNN, which runs graphs",
                  "use --engine eager, or install libdnnl-dev and build again with -DMLRUN_WITH_DNNL=ON");
}

InferenceGraph::~InferenceGraph() = default;
InferenceGraph::InferenceGraph(InferenceGraph&&) noexcept = default;
InferenceGraph& InferenceGraph::operator=(InferenceGraph&&) noexcept = default;

torch::Tensor InferenceGraph::operator()(const torch::Tensor&) { return {}; }
GraphStatistics InferenceGraph::statistics(const torch::Tensor&) { return {}; }
bool graph_available() { return false; }
std::string graph_instruction_set() { return ""; }

}  // namespace mlrun::deploy
