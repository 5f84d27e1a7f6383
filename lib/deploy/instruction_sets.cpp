#include "deploy/instruction_sets.h"

#include <ATen/Version.h>

#include "deploy/graph/graph.h"
#include "quant/engine.h"

namespace mlrun::deploy {
namespace {

/// 1.13 tells it in a text alone.
std::string libtorch_capability() {
  const std::string text = at::show_config(), title = "CPU capability usage: ";
  const auto begin = text.find(title);
  if (begin == std::string::npos) return "unknown";
  const auto from = begin + title.size();
  return text.substr(from, text.find('\n', from) - from);
}

}  // namespace

std::string InstructionSets::text() const {
  return "LibTorch " + libtorch + (onednn.empty() ? "" : ", oneDNN " + onednn) + (vnni ? ", VNNI" : ", no VNNI");
}

InstructionSets instruction_sets() {
  const auto engines = quant::int8_engines();
  return {libtorch_capability(), graph_instruction_set(), !engines.empty() && !quant::saturates(engines.front())};
}

}  // namespace mlrun::deploy
