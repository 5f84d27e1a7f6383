#include "engine/report/evidence.h"

#include <algorithm>

#include <torch/types.h>

#include "base/error.h"
#include "base/random.h"
#include "data/image/resize.h"
#include "engine/apply_session.h"
#include "engine/train/progress.h"
#include "metrics/hardest.h"
#include "report/format.h"
#include "report/png.h"

namespace mlrun::engine {
namespace {

constexpr std::size_t kHardest = 24;
constexpr std::int64_t kTrainingSamples = 24;
constexpr std::int64_t kThumbnail = 112;          // pixels of the longer side, at the most
constexpr std::int64_t kMostCounted = 2'000'000;  // samples whose labels are looked up

/// Small enough for a page, and in colours that PNG has.
std::string thumbnail_uri(torch::Tensor image) {
  const std::int64_t height = image.size(0), width = image.size(1), longer = std::max(height, width);
  if (image.size(2) == 2 || image.size(2) > 3) image = image.slice(2, 0, 1).contiguous();
  if (longer > kThumbnail) {
    const auto scaled = [&](std::int64_t side) { return std::max<std::int64_t>(1, side * kThumbnail / longer); };
    image =
        data::resize(data::view_of(image.contiguous()), scaled(height), scaled(width), data::Interpolation::Bilinear);
  }
  image = image.contiguous();
  return report::data_uri("image/png",
                          report::png(image.data_ptr<std::uint8_t>(), image.size(1), image.size(0), image.size(2)));
}

/// Gathers one piece of evidence after the other; each may fail by itself.
class Gatherer {
 public:
  Gatherer(const config::Resolved& resolved, Loaded& loaded, Evidence& evidence)
      : recipe_(resolved.recipe), loaded_(loaded), task_(*loaded.task), evidence_(evidence) {}

  void evaluate_best(bool progress) {
    metrics::HardestSamples hardest({task_.data().classes}, kHardest);
    Progress shown(stderr_is_terminal(), recipe_.train.log_every.value);
    EvaluateOptions options = evaluate_options(recipe_);
    options.observe = [&](const data::Batch& batch, const data::Fields& prediction) {
      if (prediction.has("logits") && batch.targets.has("label")) hardest.update(prediction, batch);
    };
    if (progress) {
      shown.on_start({}, {});
      options.progress = [&shown](std::int64_t done, std::int64_t total) { shown.on_evaluation(done, total); };
    }
    const auto split = task_.evaluation_source(data::Split::Test) ? data::Split::Test : data::Split::Val;
    evidence_.evaluation = evaluate(task_, split, loaded_.context, options);
    shown.on_stop({}, true);
    const auto source = task_.evaluation_source(split);
    for (const auto& sample : hardest.list()) add_hard_sample(*source, sample);
  }

  void look_at_training() {
    const auto source = task_.source(data::Split::Train);
    if (!source) return;
    const auto seed = static_cast<std::uint64_t>(recipe_.train.seed);
    const auto on_error = data::on_error_of(recipe_.data.on_error);
    for (const auto index : data_order(source->size(), seed)) {
      const auto read = data::read_samples(*source, {{index, 0, seed}}, on_error);
      if (!read.samples.empty()) add_training_sample(read.samples.front(), index, *source);
      if (static_cast<std::int64_t>(evidence_.training.size()) == kTrainingSamples) break;
    }
  }

  void count_classes() {
    const std::size_t classes = task_.data().classes.size();
    for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
      const auto source = task_.evaluation_source(split);
      if (!source || classes == 0 || source->size() > kMostCounted) continue;
      SplitCounts counts{data::split_name(split), std::vector<std::int64_t>(classes, 0)};
      for (std::int64_t i = 0; i < source->size(); ++i) {
        for (const auto label : source->facts(i).labels) ++counts.samples.at(static_cast<std::size_t>(label));
      }
      evidence_.counts.push_back(std::move(counts));
    }
    evidence_.data = task_.data();
  }

 private:
  /// The order in which samples are tried, drawn by the run's seed.
  static std::vector<std::int64_t> data_order(std::int64_t size, std::uint64_t seed) {
    return permutation(size, KeyedRandom(seed, "report"));
  }

  std::string class_name(std::int64_t label) const {
    const auto& classes = task_.data().classes;
    const auto at = static_cast<std::size_t>(label);
    return at < classes.size() ? classes[at] : std::to_string(label);
  }

  void add_hard_sample(const data::Source& source, const metrics::HardSample& sample) {
    const auto picture = task_.picture(source.get({sample.index, 0, 0}), false);
    if (!picture) return;
    evidence_.hardest.push_back({thumbnail_uri(*picture),
                                 {class_name(sample.label) + ", taken for " + class_name(sample.predicted) + " (" +
                                      report::percent(sample.probability, 1) + ")",
                                  sample.id}});
  }

  void add_training_sample(const data::Sample& sample, std::int64_t index, const data::Source& source) {
    const auto picture = task_.picture(sample, true);
    if (picture)
      evidence_.training.push_back(
          {thumbnail_uri(*picture), {data::label_text(source.facts(index), task_.data().classes), sample.id}});
  }

  const config::Recipe& recipe_;
  Loaded& loaded_;
  Task& task_;
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
  attempt(evidence, "The samples of each class could not be counted", [&] { gatherer.count_classes(); });
  attempt(evidence, "The training samples cannot be shown", [&] { gatherer.look_at_training(); });
  return evidence;
}

}  // namespace mlrun::engine
