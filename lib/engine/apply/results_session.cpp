#include "engine/apply/results_session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "engine/exhibition.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCsv = "csv";
constexpr std::int64_t kTruthsAtOnce = 64;

/// What answers have for programs, row by row, after the sample's name.
class RecordsFile : public ResultWriter {
 public:
  RecordsFile(const Task& task, const fs::path& file, const AnswerOptions& options)
      : task_(task), options_(options), file_(file) {}

  void add(const ResultSample& sample) override {
    const std::string& id = sample.batch.ids.at(static_cast<std::size_t>(sample.row));
    const Answer answer = task_.answer(sample.batch, sample.prediction, sample.row, options_);
    const report::Table records = answer.records.after("file", id);
    file_.write(begun_ ? records.csv_rows() : records.csv());
    begun_ = true;
  }
  void commit() override { file_.commit(); }

 private:
  const Task& task_;
  AnswerOptions options_;
  AtomicFile file_;
  bool begun_ = false;
};

std::vector<data::Sample> samples_of(const data::Source& truths, std::int64_t first, std::int64_t last) {
  std::vector<data::Sample> samples;
  for (std::int64_t i = first; i < last; ++i) samples.push_back(truths.get({i, 0, 0}));
  return samples;
}

/// Figures of what `results` say of `truths`.
Evaluation evaluation_of(Task& task, data::Split split, const data::Source& truths, const ReadResults& results,
                         Exhibition* exhibition) {
  Evaluation evaluation;
  auto metrics = task.metrics(split);
  for (std::int64_t first = 0; first < truths.size(); first += kTruthsAtOnce) {
    const data::Batch batch = task.collate(samples_of(truths, first, std::min(truths.size(), first + kTruthsAtOnce)));
    const data::Fields prediction = results.of(batch);
    for (auto& metric : metrics) metric->update(prediction, batch);
    if (exhibition != nullptr) exhibition->see(batch, prediction);
  }
  evaluation.split = split;
  evaluation.total = evaluation.evaluated = truths.size();
  take_figures(metrics, evaluation);
  return evaluation;
}

}  // namespace

std::vector<ResultForm> result_forms(const Task& task) {
  std::vector<ResultForm> forms;
  if (const auto* files = dynamic_cast<const ResultFiles*>(&task)) forms = files->result_forms();
  forms.push_back({kCsv, false});
  return forms;
}

std::unique_ptr<ResultWriter> write_results(const Task& task, const ResultTarget& target,
                                            const AnswerOptions& options) {
  if (target.form == kCsv) return std::make_unique<RecordsFile>(task, target.place, options);
  return dynamic_cast<const ResultFiles&>(task).write_results(target);
}

std::unique_ptr<ResultWriter> write_split_results(const Task& task, const fs::path& file, const std::string& option) {
  const auto* files = dynamic_cast<const ResultFiles*>(&task);
  if (files == nullptr) {
    throw UserError(option + ": results of this task have no form of their own",
                    "leave it out; --dump-outputs writes all outputs");
  }
  return files->write_results({files->result_forms().front().name, file});
}

EvalResult evaluate_results(Task& task, const config::Resolved& resolved, const ResultsRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  auto* files = dynamic_cast<ResultFiles*>(&task);
  if (files == nullptr) {
    throw UserError("--results: results of this task have no form of their own", "evaluate a run: mlrun eval RUN");
  }
  const data::Split split = choose_split(task, request.split);
  const auto truths = files->truths(split);
  if (!truths || truths->size() == 0) {
    throw UserError("the data set '" + task.data().name + "' has no " + data::split_name(split) + " samples",
                    "choose another --split or give data.split a share for it");
  }
  EvalResult result;
  Evaluation& evaluation = result.evaluation;
  const auto results = files->read_results(request.file, *truths);
  evaluation = evaluation_of(task, split, *truths, *results, request.exhibition);
  evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const Measured measured{data::split_name(split), task.data().name,
                          task.data().fingerprint, request.file.filename().string(),
                          evaluation.evaluated,    0,
                          evaluation.figures};
  result.verdicts = compare(resolved.recipe.expect, {measured});
  return result;
}

}  // namespace mlrun::engine
