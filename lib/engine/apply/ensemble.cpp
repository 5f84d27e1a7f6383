#include "engine/apply/ensemble.h"

#include <algorithm>

#include <torch/types.h>

#include "base/error.h"
#include "engine/apply/output_dump.h"
#include "engine/train/progress.h"
#include "engine/train/skip_log.h"

namespace mlrun::engine {
namespace {

constexpr const char* kCombined = "ensemble";

/// What the members say of one batch, and the batch without its inputs.
struct Part {
  data::Batch batch;
  std::unique_ptr<Combination> combination;
};

std::string sample_name(const data::Batch& batch, std::size_t at) {
  return at < batch.ids.size() ? "'" + batch.ids[at] + "'" : "missing";
}

/// How two batches' samples differ; empty where they do not.
std::string difference(const data::Batch& first, const data::Batch& other) {
  for (std::size_t i = 0; i < std::max(first.ids.size(), other.ids.size()); ++i) {
    if (i < first.ids.size() && i < other.ids.size() && first.ids[i] == other.ids[i]) continue;
    return sample_name(other, i) + " where the other has " + sample_name(first, i);
  }
  for (const auto& [name, value] : first.targets) {
    const auto* expected = std::get_if<torch::Tensor>(&value);
    if (expected != nullptr && !torch::equal(*expected, other.targets.tensor(name))) return "other targets";
  }
  return "";
}

/// The predictions of one split, batch by batch.
class Gathering {
 public:
  /// The first set of weights makes the batches; the others' must be the same.
  void add(const Task& task, const data::Batch& batch, const data::Fields& prediction, const Member& member) {
    if (filling_) {
      Part part;
      part.combination = task.combination();
      part.batch = batch;
      part.batch.inputs = {};
      parts_.push_back(std::move(part));
    }
    const bool more = next_ >= parts_.size();
    const std::string other = more ? "more samples" : difference(parts_[next_].batch, batch);
    if (!other.empty()) refuse(member, other);
    parts_[next_++].combination->add(prediction);
  }

  /// To be called after each set of weights.
  void close(const Member& member) {
    if (next_ != parts_.size()) refuse(member, "fewer samples");
    filling_ = false;
    next_ = 0;
  }

  const std::vector<Part>& parts() const { return parts_; }

 private:
  [[noreturn]] static void refuse(const Member& member, const std::string& how) {
    throw file_error(member.name, "evaluates other samples than the ensemble's first member: " + how,
                     "an ensemble takes runs with the same data.root and data.split");
  }

  std::vector<Part> parts_;
  std::size_t next_ = 0;
  bool filling_ = true;
};

/// What all members must have in common, as the first has it.
struct Common {
  std::string member;
  std::vector<std::string> classes;
  std::string fingerprint;
};

std::string class_difference(const std::vector<std::string>& first, const std::vector<std::string>& other) {
  if (first.size() != other.size()) {
    return std::to_string(other.size()) + " instead of " + std::to_string(first.size());
  }
  const auto at = std::mismatch(first.begin(), first.end(), other.begin());
  return "'" + *at.second + "' instead of '" + *at.first + "'";
}

void check_common(const Common& common, const Member& member, const data::DataInfo& data) {
  if (data.classes != common.classes) {
    throw file_error(member.name,
                     "has other classes than " + common.member + ": " + class_difference(common.classes, data.classes),
                     "the members of an ensemble tell the same classes apart");
  }
  if (data.fingerprint != common.fingerprint) {
    throw file_error(member.name, "has other data than " + common.member,
                     "name the same data for all with data.root=DIR");
  }
}

/// One evaluation of an ensemble.
class EnsembleEvaluation {
 public:
  EnsembleEvaluation(const TaskFactory& tasks, const EvalRequest& request, const config::Recipe& first)
      : tasks_(tasks), request_(request), options_(evaluate_options(first)), progress_(progress_of(first)) {
    if (!request.progress) return;
    progress_.on_start({}, {});
    options_.progress = [this](std::int64_t done, std::int64_t total) { progress_.on_evaluation(done, total); };
  }

  void add(const Member& member) {
    const auto weights = member.weights();
    task_.reset();
    Loaded loaded = prepare(tasks_, member.resolved, *weights);
    Task& task = *loaded.task;
    const std::string trained_on = task.data().fingerprint;
    const data::Split split = choose_split(task, request_.split);
    task.evaluation_source(split);  // from here on the data are those of the evaluation
    warn_of_other_data(task, trained_on, member.resolved.recipe);
    if (result_.members.empty()) begin(task, member, split);
    check_common(common_, member, task.data());
    const auto seed = static_cast<std::uint64_t>(member.resolved.recipe.train.seed);
    for (std::int64_t draw = 0; draw < weights->draws(); ++draw) {
      weights->apply(task, loaded.context, draw, seed);
      score(task, loaded.context, member, weights->name(draw));
    }
    task_ = std::move(loaded.task);
  }

  EnsembleResult finish(const std::vector<config::Expectation>& expectations) {
    progress_.on_stop({}, true);
    OutputDump dump;
    for (const Part& part : gathering_.parts()) {
      const data::Fields prediction = part.combination->result();
      for (auto& metric : metrics_) metric->update(prediction, part.batch);
      for (auto& id : spoilt_samples(part.batch, prediction)) result_.evaluation.spoilt.push_back(std::move(id));
      if (!request_.dump_outputs.empty()) dump.add(part.batch, prediction);
      if (request_.list_samples) result_.samples.add(*task_, part.batch, prediction);
    }
    if (!request_.dump_outputs.empty()) dump.write(request_.dump_outputs);
    Evaluation& all = result_.evaluation;
    take_figures(metrics_, all);
    SkipLog().add(data::split_name(all.split), all.skipped);
    Measured measured{data::split_name(all.split), result_.data, common_.fingerprint, kCombined, all.evaluated,
                      all.total - all.evaluated,   all.figures};
    measured.figures = report::prefixed(std::string(kCombined) + "_", std::move(measured.figures));
    result_.verdicts = compare(expectations, {measured});
    return std::move(result_);
  }

 private:
  static Progress progress_of(const config::Recipe& recipe) {
    return {stderr_is_terminal(), recipe.train.log_every.value};
  }

  void begin(Task& task, const Member& member, data::Split split) {
    if (!task.combination()) {
      throw UserError("predictions of the task '" + member.resolved.recipe.task.kind.name + "' cannot be combined",
                      "evaluate one run after the other");
    }
    common_ = {member.name, task.data().classes, task.data().fingerprint};
    if (request_.list_samples) result_.samples = SampleList(task);
    metrics_ = task.metrics(split);
    result_.data = task.data().name;
    result_.evaluation.split = split;
  }

  /// Evaluates one set of weights and adds its predictions.
  void score(Task& task, const Context& context, const Member& member, const std::string& weights) {
    options_.observe = [&](const data::Batch& batch, const data::Fields& prediction) {
      gathering_.add(task, batch, prediction, member);
    };
    Evaluation& all = result_.evaluation;
    Evaluation evaluation = evaluate(task, all.split, context, options_);
    gathering_.close(member);
    all.total = evaluation.total;
    all.evaluated = evaluation.evaluated;
    all.skipped = std::move(evaluation.skipped);
    all.seconds += evaluation.seconds;
    result_.members.push_back({member.name, weights, std::move(evaluation.figures)});
  }

  const TaskFactory& tasks_;
  const EvalRequest& request_;
  EvaluateOptions options_;
  Progress progress_;
  Gathering gathering_;
  Common common_;
  std::unique_ptr<Task> task_;  // of the last member
  std::vector<std::unique_ptr<metrics::Metric>> metrics_;
  EnsembleResult result_;
};

}  // namespace

EnsembleResult evaluate_ensemble(const TaskFactory& tasks, const std::vector<Member>& members,
                                 const EvalRequest& request) {
  MLRUN_ASSERT(!members.empty(), "an ensemble of nothing");
  EnsembleEvaluation session(tasks, request, members.front().resolved.recipe);
  for (const auto& member : members) member.weights();  // what is wrong with the last is told before the first runs
  for (const auto& member : members) session.add(member);
  return session.finish(members.front().resolved.recipe.expect);
}

}  // namespace mlrun::engine
