#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/apply/apply_session.h"

namespace mlrun::engine {

/// One run of an ensemble: its own recipe, and one set of weights or several.
struct Member {
  std::string name;  ///< as the command line has it
  config::Resolved resolved;
  /// Checks the weights and makes them ready; called again whenever they are wanted, so that one
  /// member's are in memory at a time.
  std::function<std::unique_ptr<WeightSource>()> weights;
};

/// What one set of weights reaches by itself.
struct MemberScore {
  std::string name;     ///< the member's
  std::string weights;  ///< `best`, `step-00000100`, `draw 3`
  metrics::Figures figures;
};

struct EnsembleResult {
  std::string data;       ///< the data set's name
  Evaluation evaluation;  ///< of all together
  SampleList samples{};   ///< where they were wanted
  std::vector<MemberScore> members;
  std::vector<Verdict> verdicts;  ///< of the first member's expectations of figures such as `ensemble_acc1`
};

/// Evaluates every set of weights of every member by itself and all of them together, as the task
/// combines predictions. One member's model is in memory at a time, and the combined predictions of
/// the split. What is drawn from a distribution depends on the member's train.seed. UserError where
/// members have other classes, evaluate other samples, or cannot be combined.
EnsembleResult evaluate_ensemble(const TaskFactory& tasks, const std::vector<Member>& members,
                                 const EvalRequest& request);

}  // namespace mlrun::engine
