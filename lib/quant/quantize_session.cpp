#include "quant/quantize_session.h"

#include <algorithm>
#include <map>
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

using Plans = std::map<std::string, Int8Plan>;  // of a task's models

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

  /// The task's figures, and the time of its models for one sample.
  Quantized row(const std::string& method, engine::Loaded& loaded) {
    log::info("evaluating " + method);
    Quantized entry;
    entry.method = method;
    entry.evaluation = engine::evaluate_loaded(loaded, resolved_, {std::nullopt, request_.progress, {}}).evaluation;
    const report::Figure* headline = entry.evaluation.find(result_.headline);
    MLRUN_ASSERT(headline != nullptr, "a task without its headline figure");
    entry.headline = *headline;
    const torch::NoGradGuard no_gradients;
    const ModelInputs one = shown(*loaded.task, 1);
    const auto run = [&] {
      for (const auto& [name, model] : loaded.task->models()) model->run(one.at(name));
    };
    entry.latency = engine::measure_latency(run, {.seconds = 1}).p50;
    return entry;
  }

  /// The batches that calibrate, read once.
  const std::vector<ModelInputs>& batches(engine::Task& task) {
    if (batches_.empty()) {
      const config::Recipe& recipe = resolved_.recipe;
      batches_ = calibration_batches(task, {.samples = recipe.quantize.samples,
                                            .seed = static_cast<std::uint64_t>(recipe.train.seed),
                                            .on_error = data::on_error_of(recipe.data.on_error)});
    }
    return batches_;
  }

  /// At most `count` samples of the first batch.
  ModelInputs shown(engine::Task& task, std::int64_t count) {
    ModelInputs some;
    const ModelInputs& first = batches(task).front();
    for (const auto& [name, model] : task.models()) {
      const auto& ports = model->interface().inputs;
      const nn::Tensors& all = first.at(name);
      some[name] = nn::some_samples(ports, all, 0, std::min(count, nn::sample_count(ports, all)));
    }
    return some;
  }

  /// The plans of a training with `quantize: qat`, and its weights.
  Plans trained(engine::Loaded& weights, const fs::path& checkpoint) {
    config::QuantizeSection section = resolved_.recipe.quantize;
    section.engine = options_.engine;
    const ModelInputs example = shown(*weights.task, 1);
    const data::State state = engine::read_checkpoint(checkpoint).state;
    Plans plans;
    for (const auto& [name, model] : weights.task->models()) {
      plans.emplace(name, trained_plan(*model, name, example.at(name), section, state));
    }
    return plans;
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

  Int8Plan plan(const std::string& method, const std::string& name, nn::Layer& model, const nn::Tensors& example) {
    if (method == "dynamic") return quantize_dynamic(model, example, options_);
    Calibrator calibrator(model, example, options_);
    for (const auto& batch : batches_) calibrator.observe(batch.at(name));
    return calibrator.plan();
  }

  Plans plans(const std::string& method, engine::Loaded& plain) {
    const ModelInputs example = shown(*plain.task, 2);
    Plans made;
    for (const auto& [name, model] : plain.task->models()) {
      made.emplace(name, plan(method, name, *model, example.at(name)));
    }
    return made;
  }

  void add(const std::string& method, engine::Loaded& plain) {
    log::info("quantizing: " + method);
    if (method != "qat") return add(method, plain, plans(method, plain));
    if (trained_already(plain)) return add(method, plain, trained(plain, request_.weights.file.parent_path()));
    auto weights = train_on(result_.headline);
    if (weights) add(method, *weights, trained(*weights, request_.training->run / "checkpoints" / "best"));
  }

  /// Writes the plans of the float weights in `plain` and evaluates what was written.
  void add(const std::string& method, engine::Loaded& plain, const Plans& made) {
    drafts_.emplace_back(request_.out);
    const fs::path file = drafts_.back().path();
    std::vector<Int8Part> parts;
    for (const auto& [name, model] : plain.task->models()) parts.push_back({name, *model, made.at(name)});
    write_int8(file, parts, metadata(plain));
    engine::WeightChoice choice{
        method, file, [file](const engine::Models& models, const engine::Context&) { install_int8(file, models); }};
    engine::Loaded loaded = engine::load(tasks_, resolved_, choice);
    Quantized entry = row(method, loaded);
    entry.bytes = fs::file_size(file);
    entry.collapsed = collapsed(entry.headline, result_.rows.front().headline.value);
    describe_layers(entry, *plain.task, *loaded.task, made);
    result_.rows.push_back(std::move(entry));
  }

  /// What of the models became int8, and what that does to each layer.
  void describe_layers(Quantized& entry, engine::Task& plain, engine::Task& int8, const Plans& made) {
    const ModelInputs samples = shown(plain, kNoiseSamples);
    const bool several = made.size() > 1;
    for (const auto& [name, model] : plain.models()) {
      const std::string before = several ? name + "." : "";
      const Int8Plan& plan = made.at(name);
      entry.int8_layers += int8_layers(plan);
      for (FloatLayer layer : plan.float_layers) {
        layer.path = before + layer.path;
        entry.float_layers.push_back(std::move(layer));
      }
      for (LayerNoise noise : layer_noise(*model, engine::model_named(int8.models(), name), {samples.at(name)})) {
        noise.path = before + noise.path;
        entry.noise.push_back(std::move(noise));
      }
    }
    std::stable_sort(entry.noise.begin(), entry.noise.end(), [](const auto& a, const auto& b) { return a.db < b.db; });
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
  std::vector<ModelInputs> batches_;
  std::vector<Draft> drafts_;  // one for each method
  QuantizeResult result_;
};

}  // namespace

QuantizeResult quantize(const engine::TaskFactory& tasks, const QuantizeRequest& request) {
  return Session(tasks, request).run();
}

}  // namespace mlrun::quant
