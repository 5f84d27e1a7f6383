#include "engine/report/evidence.h"

#include "base/error.h"
#include "base/random.h"
#include "data/image/thumbnail.h"
#include "engine/apply/apply_session.h"
#include "engine/exhibition.h"
#include "engine/train/progress.h"

namespace mlrun::engine {
namespace {

constexpr std::size_t kTrainingSamples = 24;

std::vector<report::Section> findings_of(Task& task, const Evaluation& evaluation, Exhibition* exhibition) {
  if (exhibition == nullptr) return {{"Evaluation", "", evaluation.exhibits}};
  return exhibition->of_evaluation(evaluation, *task.evaluation_source(evaluation.split));
}

/// What the data are.
void describe_data(Task& task, Exhibition* exhibition, Evidence& evidence) {
  if (exhibition != nullptr) {
    evidence.data_facts = exhibition->data_facts();
    evidence.data_exhibits = exhibition->data_exhibits();
  }
  const data::DataInfo& info = task.data();
  evidence.data_facts.insert(evidence.data_facts.begin(), {"name", info.name});
  evidence.data_facts.emplace_back("fingerprint", info.fingerprint);
  evidence.fingerprint = info.fingerprint;
}

/// Gathers one piece of evidence after the other; each may fail by itself.
class Gatherer {
 public:
  Gatherer(const config::Resolved& resolved, Loaded& loaded, Evidence& evidence)
      : recipe_(resolved.recipe),
        loaded_(loaded),
        task_(*loaded.task),
        exhibition_(task_.exhibition()),
        evidence_(evidence) {}

  void evaluate_best(bool progress) {
    Progress shown(stderr_is_terminal(), recipe_.train.log_every.value);
    EvaluateOptions options = evaluate_options(recipe_);
    if (exhibition_) {
      options.observe = [this](const data::Batch& batch, const data::Fields& prediction) {
        exhibition_->see(batch, prediction);
      };
    }
    if (progress) {
      shown.on_start({}, {});
      options.progress = [&shown](std::int64_t done, std::int64_t total) { shown.on_evaluation(done, total); };
    }
    const auto split = task_.evaluation_source(data::Split::Test) ? data::Split::Test : data::Split::Val;
    evidence_.evaluation = evaluate(task_, split, loaded_.context, options);
    shown.on_stop({}, true);
    evidence_.findings = findings_of(task_, *evidence_.evaluation, exhibition_.get());
  }

  void look_at_training() {
    const auto source = task_.source(data::Split::Train);
    if (!source) return;
    const auto seed = static_cast<std::uint64_t>(recipe_.train.seed);
    const auto on_error = data::on_error_of(recipe_.data.on_error);
    for (const auto index : permutation(source->size(), KeyedRandom(seed, "report"))) {
      const auto read = data::read_samples(*source, {{index, 0, seed}}, on_error);
      if (!read.samples.empty()) add_training_sample(read.samples.front(), index, *source);
      if (evidence_.training.size() == kTrainingSamples) break;
    }
  }

  void look_at_data() { describe_data(task_, exhibition_.get(), evidence_); }

 private:
  void add_training_sample(const data::Sample& sample, std::int64_t index, const data::Source& source) {
    const auto picture = task_.picture(sample, true);
    if (!picture) return;
    report::Thumbnail thumbnail{data::thumbnail_uri(*picture), {sample.id}};
    const std::string caption = exhibition_ ? exhibition_->caption(source.facts(index)) : "";
    if (!caption.empty()) thumbnail.lines.insert(thumbnail.lines.begin(), caption);
    evidence_.training.push_back(std::move(thumbnail));
  }

  const config::Recipe& recipe_;
  Loaded& loaded_;
  Task& task_;
  std::unique_ptr<Exhibition> exhibition_;
  Evidence& evidence_;
};

/// Runs one step; what a user could mend goes to `missing`, as the reason why `what` is not there.
template <class Step>
bool attempt(Evidence& evidence, const std::string& what, Step step) {
  try {
    step();
    return true;
  } catch (const UserError& error) {
    evidence.missing.push_back(what + ": " + error.problems().front().text());
    return false;
  }
}

}  // namespace

Evidence gather_evidence(const TaskFactory& tasks, const config::Resolved& resolved, const std::filesystem::path& run,
                         bool progress) {
  Evidence evidence;
  std::optional<Loaded> loaded;
  const bool ready = attempt(evidence, "The weights cannot be applied, so nothing was evaluated anew", [&] {
    loaded.emplace(load(tasks, resolved, choose_weights(run, "")));
    evidence.weights = loaded->weights;
  });
  if (!ready) return evidence;
  Gatherer gatherer(resolved, *loaded, evidence);
  const bool there = attempt(evidence, "The data cannot be read, so nothing was evaluated anew",
                             [&] { gatherer.evaluate_best(progress); });
  if (!there) return evidence;
  attempt(evidence, "The data could not be looked at", [&] { gatherer.look_at_data(); });
  attempt(evidence, "The training samples cannot be shown", [&] { gatherer.look_at_training(); });
  return evidence;
}

Evidence evidence_of(Task& task, const Evaluation& evaluation, const std::string& weights, bool of_file,
                     Exhibition* exhibition) {
  Evidence evidence;
  evidence.evaluation = evaluation;
  evidence.weights = weights;
  evidence.of_file = of_file;
  const bool there = attempt(evidence, "What the evaluation saw cannot be shown",
                             [&] { evidence.findings = findings_of(task, evaluation, exhibition); });
  if (there) attempt(evidence, "The data could not be looked at", [&] { describe_data(task, exhibition, evidence); });
  return evidence;
}

}  // namespace mlrun::engine
