#include "base/error.h"
#include "deploy/graph/graph.h"

namespace mlrun::deploy {

struct InferenceGraph::Impl {};

InferenceGraph::InferenceGraph(nn::Layer&, const nn::Tensors&, OutputOrder) {
  throw UserError("mlrun was built without oneDNN, which runs graphs",
                  "use --engine eager, or install libdnnl-dev and build again with -DMLRUN_WITH_DNNL=ON");
}

InferenceGraph::~InferenceGraph() = default;
InferenceGraph::InferenceGraph(InferenceGraph&&) noexcept = default;
InferenceGraph& InferenceGraph::operator=(InferenceGraph&&) noexcept = default;

nn::Tensors InferenceGraph::run(const nn::Tensors&) { return {}; }
GraphStatistics InferenceGraph::statistics(const nn::Tensors&) { return {}; }
bool graph_available() { return false; }
std::string graph_instruction_set() { return ""; }

}  // namespace mlrun::deploy
