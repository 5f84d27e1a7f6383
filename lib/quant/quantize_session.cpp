#include "quant/quantize_session.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "engine/latency.h"
#include "engine/ports.h"
#include "engine/run/checkpoint.h"
#include "engine/run/model_state.h"
#include "engine/run/weights_metadata.h"
#include "engine/train/session.h"
#include "quant/calibrate.h"
#include "quant/calibration_data.h"
#include "quant/engine.h"
#include "quant/int8_file.h"
#include "quant/qat_companion.h"
#include "quant/runner.h"

namespace mlrun::quant {

namespace fs = std::filesystem;

namespace {

constexpr double kCollapsed = 2;  // times as bad as the float model
constexpr std::int64_t kNoiseSamples = 8;

void check_target(const QuantizeRequest& request) {
  const fs::path& out = request.out;
  if (fs::is_directory(out)) throw file_error(out.string(), "is a folder", "name a file");
  if (!out.parent_path().empty() && !fs::is_directory(out.parent_path())) {
    throw file_error(out.parent_path().string(), "is no folder", "make it first");
  }
  if (!request.force && replaces(out)) {
    throw file_error(out.string(), "exists already", "add --force to replace it, or choose another name");
  }
}

bool collapsed(const report::Figure& headline, double before) {
  return headline.better == report::Better::Lower ? headline.value > kCollapsed * before
                                                  : kCollapsed * headline.value < before;
}

/// One quantization from the float weights to the file that is kept.
class Session {
 public:
  Session(const engine::TaskFactory& tasks, const QuantizeRequest& request)
      : tasks_(tasks), request_(request), resolved_(request.resolved), options_(options_of(request.resolved.recipe)) {
    // int8 kernels are the CPU's, and want images as the model has them.
    resolved_.recipe.train.device = "cpu";
    resolved_.recipe.train.memory_format = "contiguous";
  }

  QuantizeResult run() {
    check_target(request_);
    engine::Loaded plain = engine::load(tasks_, resolved_, request_.weights);
    engine::require_plain_model(*plain.task, "quantized");
    describe(plain);
    result_.rows.push_back(row("fp32", plain));
    result_.rows.back().bytes = engine::byte_count(engine::model_tensors(plain.task->models()));
    for (const auto& method : request_.methods) {
      add(method, plain);
      if (!result_.stopped_by.empty()) return std::move(result_);
    }
    choose();
    return std::move(result_);
  }

 private:
  static QuantizeOptions options_of(const config::Recipe& recipe) {
    const config::QuantizeSection& section = recipe.quantize;
    QuantizeOptions options;
    options.engine = choose_engine(section.engine);
    options.reduce_range = reduces_range(section.reduce_range, options.engine);
    options.observer = section.observer == "auto" ? "histogram" : section.observer;
    options.weights = section.weights;
    options.skip = section.skip;
    return options;
  }

  void describe(engine::Loaded& plain) {
    use_engine(options_.engine);
    result_.model = resolved_.recipe.model.architecture.name;
    result_.data = plain.task->data().name;
    result_.weights = plain.weights;
    result_.headline = plain.task->headline();
    result_.engine = options_.engine;
    result_.reduce_range = options_.reduce_range;
  }

  static nn::Layer& model_of(engine::Loaded& loaded) { return *loaded.task->models().front().second; }

  /// The model's figures, and its time for one sample.
  Quantized row(const std::string& method, engine::Loaded& loaded) {
    log::info("evaluating " + method);
    Quantized entry;
    entry.method = method;
    entry.evaluation = engine::evaluate_loaded(loaded, resolved_, {std::nullopt, request_.progress, {}}).evaluation;
    const report::Figure* headline = entry.evaluation.find(result_.headline);
    MLRUN_ASSERT(headline != nullptr, "a task without its headline figure");
    entry.headline = *headline;
    const torch::NoGradGuard no_gradients;
    const torch::Tensor one = batches(*loaded.task).front().narrow(0, 0, 1);
    entry.latency = engine::measure_latency([&] { model_of(loaded)(one); }, {.seconds = 1}).p50;
    return entry;
  }

  /// The batches that calibrate, read once.
  const std::vector<torch::Tensor>& batches(engine::Task& task) {
    if (batches_.empty()) {
      const config::Recipe& recipe = resolved_.recipe;
      batches_ = calibration_batches(task, {.samples = recipe.quantize.samples,
                                            .seed = static_cast<std::uint64_t>(recipe.train.seed),
                                            .on_error = data::on_error_of(recipe.data.on_error)});
    }
    return batches_;
  }

  /// The plan of a training with `quantize: qat`, and its weights.
  Int8Plan trained(engine::Loaded& weights, const fs::path& checkpoint) {
    const torch::Tensor& shown = batches(*weights.task).front();
    const auto& [name, model] = weights.task->models().front();
    config::QuantizeSection section = resolved_.recipe.quantize;
    section.engine = options_.engine;
    return trained_plan(*model, name, {shown.narrow(0, 0, 1)}, section, engine::read_checkpoint(checkpoint).state);
  }

  /// Whether the float weights come of a training with `quantize: qat`.
  bool trained_already(engine::Loaded& plain) const {
    const fs::path checkpoint = request_.weights.file.parent_path();
    return fs::exists(checkpoint / "manifest.json") &&
           has_trained_ranges(engine::read_checkpoint(checkpoint).state, plain.task->models().front().first);
  }

  /// Trains on; the float weights that then are the best. Nothing where the training was interrupted.
  std::optional<engine::Loaded> train_on(const std::string& headline) {
    TrainingRequest training = *request_.training;
    const std::string select = "val/int8_" + headline;
    training.resolved.recipe.train.select = select;
    training.resolved.values["train"]["select"] = select;
    const auto trained = engine::train(tasks_, {training.resolved, training.run, engine::Resume::Auto, training.command,
                                                request_.progress, qat_companion});
    result_.stopped_by = trained.stopped_by;
    if (trained.state == engine::TrainResult::State::Interrupted) return std::nullopt;
    return engine::load(tasks_, resolved_, engine::choose_weights(training.run, ""));
  }

  Int8Plan plan(const std::string& method, engine::Loaded& plain) {
    nn::Layer& model = model_of(plain);
    const auto& shown = batches(*plain.task);
    const torch::Tensor example = shown.front().narrow(0, 0, std::min<std::int64_t>(2, shown.front().size(0)));
    if (method == "dynamic") return quantize_dynamic(model, {example}, options_);
    Calibrator calibrator(model, {example}, options_);
    for (const auto& batch : shown) calibrator.observe({batch});
    return calibrator.plan();
  }

  void add(const std::string& method, engine::Loaded& plain) {
    log::info("quantizing: " + method);
    if (method != "qat") return add(method, plain, plan(method, plain));
    if (trained_already(plain)) return add(method, plain, trained(plain, request_.weights.file.parent_path()));
    auto weights = train_on(result_.headline);
    if (weights) add(method, *weights, trained(*weights, request_.training->run / "checkpoints" / "best"));
  }

  /// Writes the plan of the float weights in `plain` and evaluates what was written.
  void add(const std::string& method, engine::Loaded& plain, const Int8Plan& made) {
    drafts_.emplace_back(request_.out);
    const fs::path file = drafts_.back().path();
    write_int8(file, model_of(plain), made, metadata(plain));
    engine::WeightChoice choice{method, file, [file](const engine::Models& models, const engine::Context&) {
                                  install_int8(file, *models.front().second);
                                }};
    engine::Loaded loaded = engine::load(tasks_, resolved_, choice);
    Quantized entry = row(method, loaded);
    entry.bytes = fs::file_size(file);
    entry.int8_layers = int8_layers(made);
    entry.float_layers = made.float_layers;
    entry.noise = layer_noise(model_of(plain), model_of(loaded), {nn::Tensors{noise_samples(*plain.task)}});
    entry.collapsed = collapsed(entry.headline, result_.rows.front().headline.value);
    result_.rows.push_back(std::move(entry));
  }

  torch::Tensor noise_samples(engine::Task& task) {
    const torch::Tensor& batch = batches(task).front();
    return batch.narrow(0, 0, std::min(kNoiseSamples, batch.size(0)));
  }

  weights::Metadata metadata(engine::Loaded& plain) const {
    weights::Metadata metadata = engine::weights_metadata(*plain.task, request_.resolved);
    metadata["quantized_from"] = json_text({{"file", request_.weights.file.string()}, {"weights", plain.weights}});
    return metadata;
  }

  void choose() {
    std::size_t best = 1;
    for (std::size_t i = 2; i < result_.rows.size(); ++i) {
      const report::Figure& figure = result_.rows[i].headline;
      if (report::is_better(figure.better, figure.value, result_.rows[best].headline.value)) best = i;
    }
    result_.chosen = result_.rows[best].method;
    const double worse = report::loss_of(result_.rows[best].headline, result_.rows.front().headline.value);
    result_.met = !request_.max_drop || worse <= *request_.max_drop;
    if (result_.met) drafts_[best - 1].publish();
  }

  const engine::TaskFactory& tasks_;
  const QuantizeRequest& request_;
  config::Resolved resolved_;
  QuantizeOptions options_;
  std::vector<torch::Tensor> batches_;
  std::vector<Draft> drafts_;  // one for each method
  QuantizeResult result_;
};

}  // namespace

QuantizeResult quantize(const engine::TaskFactory& tasks, const QuantizeRequest& request) {
  return Session(tasks, request).run();
}

}  // namespace mlrun::quant
