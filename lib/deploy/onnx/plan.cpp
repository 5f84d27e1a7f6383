#include "deploy/onnx/plan.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {
namespace {

constexpr int kNone = -1;

std::string quoted(const std::string& name) { return "'" + weights::printable_name(name) + "'"; }

class Planner {
 public:
  explicit Planner(const OnnxGraph& graph) : graph_(graph) {}

  OnnxPlan plan() {
    for (const auto& input : graph_.inputs) plan_.inputs.push_back(add(input.name, kNone));
    for (const auto& [name, tensor] : graph_.constants) {
      const int index = add(name, kNone);
      plan_.constants.resize(static_cast<std::size_t>(index) + 1);
      plan_.constants.back() = tensor;
    }
    make_steps();
    for (const auto& output : graph_.outputs) plan_.outputs.push_back(find(output.name, "the model's outputs"));
    if (plan_.outputs.empty()) fail("", "has no output");
    plan_.constants.resize(makers_.size());
    order();
    keep_needed();
    check_operators();
    return std::move(plan_);
  }

 private:
  [[noreturn]] void fail(const std::string& place, const std::string& what) const {
    throw UserError(Problem{graph_.file, 0, 0, place, what, "the file is damaged, or was not written as ONNX says"});
  }

  int add(const std::string& name, int maker) {
    if (name.empty()) fail("", "a value has no name");
    const auto index = static_cast<int>(makers_.size());
    if (!numbers_.emplace(name, index).second) fail("", "two things make the value " + quoted(name));
    makers_.push_back(maker);
    return index;
  }

  int find(const std::string& name, const std::string& user) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) fail("", "nothing makes the value " + quoted(name) + ", which is for " + user);
    return found->second;
  }

  void make_steps() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      OnnxStep step{graph_.nodes[i], {}, {}, {}, {}};
      for (const auto& name : step.node.outputs) {
        step.outputs.push_back(name.empty() ? kNone : add(name, static_cast<int>(i)));
      }
      plan_.steps.push_back(std::move(step));
    }
    for (auto& step : plan_.steps) {
      for (const auto& name : step.node.inputs) {
        step.inputs.push_back(name.empty() ? kNone : find(name, onnx_place(step.node, graph_.opset)));
      }
    }
  }

  /// Steps that wait for nothing come first, in the file's order (Kahn, 1962).
  void order() {
    std::vector<std::vector<int>> users(plan_.steps.size());
    std::vector<int> waits(plan_.steps.size(), 0), ready;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      for (const int value : plan_.steps[i].inputs) {
        const int maker = value == kNone ? kNone : makers_[static_cast<std::size_t>(value)];
        if (maker == kNone) continue;
        users[static_cast<std::size_t>(maker)].push_back(static_cast<int>(i));
        ++waits[i];
      }
      if (waits[i] == 0) ready.push_back(static_cast<int>(i));
    }
    std::vector<OnnxStep> sorted;
    for (std::size_t next = 0; next < ready.size(); ++next) {
      const auto i = static_cast<std::size_t>(ready[next]);
      for (const int user : users[i]) {
        if (--waits[static_cast<std::size_t>(user)] == 0) ready.push_back(user);
      }
      sorted.push_back(std::move(plan_.steps[i]));
    }
    if (sorted.size() != plan_.steps.size()) fail("", "its nodes wait for one another in a circle");
    plan_.steps = std::move(sorted);
  }

  void keep_needed() {
    std::vector<bool> needed(makers_.size(), false);
    for (const int output : plan_.outputs) needed[static_cast<std::size_t>(output)] = true;
    std::vector<OnnxStep> kept;
    for (std::size_t i = plan_.steps.size(); i-- > 0;) {
      OnnxStep& step = plan_.steps[i];
      const bool used = std::any_of(step.outputs.begin(), step.outputs.end(), [&](int value) {
        return value != kNone && needed[static_cast<std::size_t>(value)];
      });
      if (!used) continue;
      for (const int value : step.inputs) {
        if (value != kNone) needed[static_cast<std::size_t>(value)] = true;
      }
      kept.push_back(std::move(step));
    }
    std::reverse(kept.begin(), kept.end());
    plan_.steps = std::move(kept);
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (!needed[i]) plan_.constants[i] = torch::Tensor();
    }
  }

  void check_operators() {
    for (auto& step : plan_.steps) {
      const auto found = onnx_operators().find(step.node.type);
      if (found == onnx_operators().end() || !step.node.domain.empty()) {
        throw UserError(Problem{graph_.file, 0, 0, onnx_place(step.node, graph_.opset),
                                "mlrun does not have this operator", "run the file with ONNX Runtime instead"});
      }
      step.operation = found->second;
    }
  }

  const OnnxGraph& graph_;
  OnnxPlan plan_;
  std::unordered_map<std::string, int> numbers_;
  std::vector<int> makers_;  // by value: the step that makes it
};

}  // namespace

OnnxPlan plan_onnx(const OnnxGraph& graph) { return Planner(graph).plan(); }

void mark_last_uses(OnnxPlan& plan) {
  std::vector<bool> used(plan.constants.size(), false);
  for (const int output : plan.outputs) used[static_cast<std::size_t>(output)] = true;
  for (std::size_t i = plan.steps.size(); i-- > 0;) {
    plan.steps[i].done.clear();
    for (const auto& values : {plan.steps[i].inputs, plan.steps[i].outputs}) {
      for (const int value : values) {
        if (value == kNone || used[static_cast<std::size_t>(value)]) continue;
        used[static_cast<std::size_t>(value)] = true;
        plan.steps[i].done.push_back(value);
      }
    }
  }
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) plan.constants[i] = torch::Tensor();
  }
}

std::string onnx_place(const OnnxNode& node, std::int64_t opset) {
  const std::string type = node.domain.empty() ? node.type : node.domain + "." + node.type;
  return "node " + quoted(node.name) + " (" + weights::printable_name(type) + ", opset " + std::to_string(opset) + ")";
}

}  // namespace mlrun::deploy
