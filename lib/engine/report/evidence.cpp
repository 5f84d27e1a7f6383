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
    if (exhibition_) {
      evidence_.findings = exhibition_->of_evaluation(*evidence_.evaluation, *task_.evaluation_source(split));
    } else {
      evidence_.findings = {{"Evaluation", "", evidence_.evaluation->exhibits}};
    }
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

  void look_at_data() {
    auto facts = exhibition_ ? exhibition_->data_facts() : std::vector<std::pair<std::string, std::string>>{};
    if (exhibition_) evidence_.data_exhibits = exhibition_->data_exhibits();
    const data::DataInfo& info = task_.data();
    facts.insert(facts.begin(), {"name", info.name});
    facts.emplace_back("fingerprint", info.fingerprint);
    evidence_.data_facts = std::move(facts);
    evidence_.fingerprint = info.fingerprint;
  }

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

}  // namespace mlrun::engine
