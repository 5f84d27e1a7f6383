#include "engine/apply/predict_session.h"

#include <algorithm>
#include <map>
#include <memory>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/output_place.h"
#include "base/unicode.h"
#include "config/words.h"
#include "data/loader.h"
#include "engine/apply/results_session.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kPredictBatch = 1;  // files may differ in size

void check_options(const Task& task, const AnswerOptions& options) {
  if (!options.topk) return;
  const auto heeded = task.answer_options();
  if (std::find(heeded.begin(), heeded.end(), "topk") == heeded.end()) {
    throw UserError("--topk: the answers of this task are not ranked", "leave it out");
  }
  if (*options.topk < 1) throw UserError("--topk: must be at least 1");
}

/// Whether a format that is one file goes to `request.out`. UserError where the task has no such format.
bool is_one_file(const Task& task, const PredictRequest& request) {
  std::vector<std::string> names;
  for (const auto& form : result_forms(task)) {
    if (form.name == request.format) return !form.folder;
    names.push_back(form.name);
  }
  if (request.format.empty()) return false;
  throw UserError("--format: this task has no '" + request.format + "'", "choose " + config::any_of(names));
}

/// UserError where answers would be written over each other, or over what is there.
void check_out(const Task& task, const PredictRequest& request) {
  const bool one_file = is_one_file(task, request);
  if (request.out.empty()) {
    if (request.format.empty()) return;
    throw UserError("--format: it is not said where to", std::string("add -o ") + (one_file ? "FILE" : "DIR"));
  }
  if (one_file) {
    if (request.force || !replaces(request.out)) return;
    throw file_error(request.out.string(), "is there already", "name another file, or add --force");
  }
  std::map<fs::path, fs::path> files;
  for (const auto& [file, name] : request.files) {
    const auto [other, is_new] = files.emplace(name, file);
    if (is_new) continue;
    throw UserError(other->second.string() + " and " + file.string() + ": their answers would have the same names",
                    "predict them into folders of their own");
  }
  std::error_code ignored;
  if (request.force || !fs::exists(fs::symlink_status(request.out))) return;
  if (fs::is_directory(request.out) && fs::is_empty(request.out, ignored)) return;
  throw file_error(request.out.string(), "is there already, and not empty", "name another folder, or add --force");
}

/// Applies a task's models to files, batch by batch.
class Session {
 public:
  Session(Loaded& loaded, const PredictRequest& request) : loaded_(loaded), request_(request) {}

  Predictions run() {
    const torch::NoGradGuard no_gradients;
    const auto count = static_cast<std::int64_t>(request_.files.size());
    if (!request_.format.empty()) open_writer();
    const std::int64_t batches = (count + kPredictBatch - 1) / kPredictBatch;
    std::vector<std::vector<Problem>> failed(static_cast<std::size_t>(batches));
    const auto make = [&](std::int64_t number) {
      return read_batch(number * kPredictBatch, failed[static_cast<std::size_t>(number)]);
    };
    data::Loader loader(0, batches, make, {loaded_.context.workers, 2});
    std::int64_t number = 0;
    while (auto batch = loader.next()) {
      if (batch->size() > 0) predict_batch(*batch);
      for (auto& problem : failed[static_cast<std::size_t>(number)]) result_.failed.push_back(std::move(problem));
      ++number;
      if (request_.progress) request_.progress(std::min(count, number * kPredictBatch));
    }
    if (writer_) writer_->commit();
    return std::move(result_);
  }

 private:
  void open_writer() {
    ResultTarget target{request_.format, request_.out, {}};
    for (const auto& file : request_.files) target.names.push_back(file.name);
    writer_ = write_results(*loaded_.task, target, request_.options);
  }

  /// Reads the files of one batch, from `first` on.
  data::Batch read_batch(std::int64_t first, std::vector<Problem>& failed) const {
    std::vector<data::Sample> samples;
    const auto count = static_cast<std::int64_t>(request_.files.size());
    for (std::int64_t i = first; i < std::min(count, first + kPredictBatch); ++i) {
      const fs::path& file = request_.files[static_cast<std::size_t>(i)].file;
      try {
        if (!is_utf8(file.string())) throw file_error(file.string(), "the name is not UTF-8 text", "rename it");
        samples.push_back(loaded_.task->read(file));
        samples.back().index = i;
      } catch (const UserError& error) {
        for (const auto& problem : error.problems()) failed.push_back(problem);
      }
    }
    return samples.empty() ? data::Batch() : loaded_.task->collate(std::move(samples));
  }

  /// What the model cannot take, as an image of another size than its own, is told with the file's name like an image
  /// that cannot be read.
  void predict_batch(data::Batch& batch) {
    std::optional<data::Fields> prediction;
    try {
      batch.inputs = place(batch.inputs, loaded_.context);
      prediction = loaded_.task->predict(batch).to(torch::kCPU);
    } catch (const UserError& error) {
      for (Problem problem : error.problems()) {
        if (problem.file.empty()) problem.file = batch.ids.front();
        result_.failed.push_back(std::move(problem));
      }
    }
    if (prediction) add_answers(batch, *prediction);
  }

  /// Of outputs that are not finite there is nothing to say.
  void add_answers(const data::Batch& batch, const data::Fields& prediction) {
    const auto spoilt = spoilt_samples(batch, prediction);
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      const auto at = static_cast<std::size_t>(row);
      const std::string& file = batch.ids[at];
      if (std::find(spoilt.begin(), spoilt.end(), file) != spoilt.end()) {
        result_.failed.push_back({file, 0, 0, "", "the model's outputs for it are not finite",
                                  "look at data.preprocess; `mlrun eval` tells whether other samples fare so"});
        continue;
      }
      if (writer_) {
        writer_->add({batch, prediction, row});
        ++result_.written;
        continue;
      }
      Prediction done{file, loaded_.task->answer(batch, prediction, row, request_.options), {}};
      if (!request_.out.empty()) write_files(done, request_.files[static_cast<std::size_t>(batch.indices[at])].name);
      result_.done.push_back(std::move(done));
    }
  }

  void write_files(Prediction& done, const fs::path& name) const {
    if (done.answer.files.empty()) {
      throw UserError("--output: this task answers by no files", "leave it out, and take --csv or --json");
    }
    for (const AnswerFile& file : done.answer.files) {
      const fs::path target = request_.out / (name.string() + file.suffix);
      make_directories(target.parent_path());
      file.write(target);
      done.written.push_back(target);
    }
    done.answer.files.clear();  // they may hold whole pictures
  }

  Loaded& loaded_;
  const PredictRequest& request_;
  Predictions result_;
  std::unique_ptr<ResultWriter> writer_;
};

}  // namespace

Predictions predict_files(Loaded& loaded, const PredictRequest& request) {
  check_options(*loaded.task, request.options);
  check_out(*loaded.task, request);
  return Session(loaded, request).run();
}

}  // namespace mlrun::engine
