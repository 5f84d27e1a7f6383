#include "config/recipe.h"

#include <algorithm>

namespace mlrun::config {

void TaskSection::declare(Declare<TaskSection>& d) {
  d("name", &TaskSection::kind, "what is learnt").component("task").inlined("name");
  d.shorthand("name");
}

void WeightsSection::declare(Declare<WeightsSection>& d) {
  d("file", &WeightsSection::file,
    "weights that training starts from: a file (safetensors, .pth, TorchScript), a run (its best weights) or one of "
    "its "
    "checkpoints, or a published name as IMAGENET1K_V1 (`mlrun weights list` shows them); null: random weights")
      .or_name();
  d("entry", &WeightsSection::entry, "dictionary in the file, as model_ema; null: the model's");
  d("strict", &WeightsSection::strict, "false: names that only the file or only the model has are reported, no errors");
  d("map", &WeightsSection::map,
    "names in the file and what they are here, `*` standing for any part: {\"backbone.*\": \"features.*\"}; the first "
    "that fits counts");
  d("skip", &WeightsSection::skip, "names that are not loaded, `*` standing for any part");
  d("head", &WeightsSection::head, "keep: load the last layer too; reinit: start it anew, for other classes")
      .choices({"keep", "reinit"});
  d.shorthand("file");
  const auto without_file = [&d](const char* key, auto is_set) {
    d.rule(key, [is_set](const WeightsSection& w) -> std::string {
      return !w.file && is_set(w) ? "says how a file is loaded, but model.weights.file names none" : "";
    });
  };
  without_file("entry", [](const WeightsSection& w) { return w.entry.has_value(); });
  without_file("map", [](const WeightsSection& w) { return !w.map.empty(); });
  without_file("skip", [](const WeightsSection& w) { return !w.skip.empty(); });
  d.rule("map", [](const WeightsSection& w) -> std::string {
    for (const auto& [from, to] : w.map) {
      const auto stars = [](const std::string& text) { return std::count(text.begin(), text.end(), '*'); };
      if (stars(to) > stars(from)) return "'" + to + "' has more `*` than '" + from + "'";
    }
    return "";
  });
}

void ModelSection::declare(Declare<ModelSection>& d) {
  d("name", &ModelSection::architecture, "architecture; `mlrun list models` shows them")
      .component("model")
      .inlined("name");
  d("weights", &ModelSection::weights, "weights that training starts from");
  d("head", &ModelSection::head, "the same as weights.head").choices({"keep", "reinit"});
  d("freeze", &ModelSection::freeze,
    "parameters that training leaves as they are, by state-dict names, `*` standing for any part; a name alone stands "
    "for all below it, as layer1");
  d.shorthand("name");
}

void SplitOptions::declare(Declare<SplitOptions>& d) {
  const auto share = [&d](const char* name, std::optional<double> SplitOptions::*member, const char* help) {
    d(name, member, help).min(0).max(1);
  };
  share("train", &SplitOptions::train, "share of the samples for training");
  share("val", &SplitOptions::val, "share for validation");
  share("test", &SplitOptions::test, "share for the final test");
  d("seed", &SplitOptions::seed, "which division; stratified by class").min(0);
  d("group", &SplitOptions::group,
    "samples that must stay together: a column of a csv, `parent` for an image's folder, or a regular expression of "
    "its path whose first parentheses hold the group; null: each stands alone");
  d.rule("train", [](const SplitOptions& s) -> std::string {
    const double sum = s.train.value_or(0) + s.val.value_or(0) + s.test.value_or(0);
    return sum > 1 + 1e-9 ? "the shares of train, val and test add up to more than 1" : "";
  });
}

void DataSection::declare(Declare<DataSection>& d) {
  d("root", &DataSection::root, "folder of the data set; relative to the recipe that names it");
  d("format", &DataSection::source, "how the data lies on disk; `mlrun list sources` shows them")
      .component("source")
      .inlined("format");
  d("split", &DataSection::split, "how to divide a data set that has no splits of its own");
  d("exif", &DataSection::exif, "ignore: as Pillow and the published tables; apply: turn photos as their camera says")
      .choices({"ignore", "apply"});
  d("on_error", &DataSection::on_error,
    "a sample that cannot be read: fail stops and names it; skip leaves it out, and counts and lists it in the result")
      .choices({"fail", "skip"});
  d("cache", &DataSection::cache,
    "bytes of memory that may hold the files of images as they lie on disk, so that later epochs read none: `2G`; 0: "
    "none")
      .min(0);
  d("scaled_decoding", &DataSection::scaled_decoding,
    "decode training images from JPEG at 1/2, 1/4 or 1/8 where they are shrunk at least as much, no further than their "
    "crop, and resize them with weights of 14 bits: faster, not the same bits, and damage below the crop goes "
    "unnoticed");
  d("sampler", &DataSection::sampler, "which training samples an epoch takes, and in what order")
      .component("sampler", "shuffle");
  d("drop_last", &DataSection::drop_last,
    "leave out what is left of an epoch where it is less than train.batch_size; false: the last step is smaller");
  d("augment", &DataSection::augment,
    "transforms of training samples, in order; a single one needs no list, a string names a preset")
      .component("transform");
  d("preprocess", &DataSection::preprocess,
    "transforms of evaluation samples, in order; a single one needs no list, a string names a preset")
      .component("transform");
  d.shorthand("root");
}

void CheckpointOptions::declare(Declare<CheckpointOptions>& d) {
  d("every", &CheckpointOptions::every,
    "how often to save, as `1 epoch`, `500 steps` or `10 min`; the best epoch and the end are always saved");
  d("keep", &CheckpointOptions::keep, "newest checkpoints kept beside `best`").min(1);
}

void EarlyStoppingOptions::declare(Declare<EarlyStoppingOptions>& d) {
  d("patience", &EarlyStoppingOptions::patience,
    "evaluations in a row without a better train.select after which the training ends; an average that is asked for "
    "has to begin first; null: it never ends early")
      .min(1);
  d("min_delta", &EarlyStoppingOptions::min_delta, "smallest change that counts as better").min(0);
  d.shorthand("patience");
}

namespace {

void declare_rules(Declare<TrainSection>& d) {
  d.rule("log_every", [](const TrainSection& t) -> std::string {
    return t.log_every.unit != Span::Unit::Seconds ? "must be in seconds, as `10 s`" : "";
  });
  d.rule("evaluate", [](const TrainSection& t) -> std::string {
    return t.evaluate.unit == Span::Unit::Seconds ? "cannot be in seconds; write `1 epoch`" : "";
  });
  d.rule("max_time", [](const TrainSection& t) -> std::string {
    const bool sound = !t.max_time || (t.max_time->unit == Span::Unit::Seconds && t.max_time->value > 0);
    return sound ? "" : "must be a time above 0, as `3.5 h`";
  });
  d.rule("clip_grad_norm", [](const TrainSection& t) -> std::string {
    const int chosen = t.clip_grad_norm.has_value() + t.clip_grad_value.has_value() + t.clip_agc.has_value();
    return chosen > 1 ? "clip_grad_norm, clip_grad_value and clip_agc exclude each other; keep one" : "";
  });
  d.rule("accumulate", [](const TrainSection& t) -> std::string {
    return t.batch_size % t.accumulate != 0 ? "must divide train.batch_size" : "";
  });
}

}  // namespace

void TrainSection::declare(Declare<TrainSection>& d) {
  d("epochs", &TrainSection::epochs, "passes over the training samples").min(1);
  d("batch_size", &TrainSection::batch_size, "samples per optimizer step, over all micro-batches").min(1);
  d("accumulate", &TrainSection::accumulate, "micro-batches per optimizer step").min(1);
  d("eval_batch_size", &TrainSection::eval_batch_size,
    "samples at a time in evaluation; null: as many as in a micro-batch of training")
      .min(1);
  d("seed", &TrainSection::seed, "of initial weights, order and augmentation").min(0);
  d("clip_grad_norm", &TrainSection::clip_grad_norm, "largest norm of all gradients together; null: no clipping")
      .above(0);
  d("clip_grad_value", &TrainSection::clip_grad_value, "largest magnitude of each gradient; null: no clipping")
      .above(0);
  d("clip_agc", &TrainSection::clip_agc,
    "adaptive gradient clipping: largest ratio of a unit's gradient norm to its weights' (Brock et al., 2021); null: "
    "no clipping")
      .above(0);
  d("early_stopping", &TrainSection::early_stopping, "ends a training that no longer improves");
  d("select", &TrainSection::select,
    "metric that chooses `best`, of equal epochs the latest, as `val/acc1`; null: the task's own");
  d("device", &TrainSection::device, "auto, cpu, cuda or cuda:N");
  d("memory_format", &TrainSection::memory_format,
    "layout of images and convolution weights; which is faster depends on the model: auto times both in the first "
    "steps and keeps the faster")
      .choices({"contiguous", "channels_last", "auto"});
  d("amp", &TrainSection::amp,
    "precision of convolutions and matrix products in training, the rest and evaluation being float32; fp16 needs CUDA")
      .choices({"none", "bf16", "fp16"});
  d("activation_checkpointing", &TrainSection::activation_checkpointing,
    "keep only the inputs of the model's blocks and compute the rest again in the backward pass: less memory, more "
    "time, the same weights");
  d("threads", &TrainSection::threads,
    "compute threads; null: what affinity, cgroup quota, OMP_NUM_THREADS and SLURM_CPUS_PER_TASK allow")
      .min(1);
  d("workers", &TrainSection::workers, "loading threads; null: one for each available processor; 0: load between steps")
      .min(0)
      .max(256);
  d("evaluate", &TrainSection::evaluate, "how often to evaluate: epochs; the last epoch always is");
  d("checkpoint", &TrainSection::checkpoint, "what is saved, and how often");
  d("max_time", &TrainSection::max_time,
    "time budget of one command, as `3.5 h`: when it is spent, the state is saved and the exit code is 75; null: none");
  d("log_every", &TrainSection::log_every,
    "plain progress lines at most this often, in seconds, where stderr is no terminal");
  d("log_steps", &TrainSection::log_steps,
    "steps between two records of loss and learning rate in metrics and TensorBoard")
      .min(1);
  declare_rules(d);
}

void ParameterGroupOptions::declare(Declare<ParameterGroupOptions>& d) {
  d("match", &ParameterGroupOptions::match,
    "parameters by state-dict names, `*` standing for any part; a name alone stands for all below it, as layer1")
      .required();
  d("weight_decay", &ParameterGroupOptions::weight_decay, "of these parameters; null: as without the group").min(0);
  d("lr_scale", &ParameterGroupOptions::lr_scale,
    "factor on their learning rate, beside layer_decay's; 0 leaves them as they are")
      .min(0);
}

void OptimizerSection::declare(Declare<OptimizerSection>& d) {
  d("name", &OptimizerSection::method, "update rule; `mlrun list optimizers` shows them")
      .component("optimizer", "sgd")
      .inlined("name");
  d("norm_weight_decay", &OptimizerSection::norm_weight_decay,
    "weight decay of normalization layers' parameters (but their biases, where bias_weight_decay is set); null: as all "
    "others")
      .min(0);
  d("bias_weight_decay", &OptimizerSection::bias_weight_decay,
    "weight decay of biases, those of normalization layers too, as in torchvision's references; null: as all others")
      .min(0);
  d("transformer_embedding_decay", &OptimizerSection::transformer_embedding_decay,
    "weight decay of parameters called class_token, position_embedding or relative_position_bias_table, as in "
    "torchvision's references; ViT's encoder.pos_embedding is none of them: give it a group; null: as all others")
      .min(0);
  d("layer_decay", &OptimizerSection::layer_decay,
    "factor on the learning rate from each block of the model to the one before it, the head having 1 and the stem the "
    "smallest (timm's layer_decay); null: 1")
      .above(0)
      .max(1);
  d("groups", &OptimizerSection::groups,
    "parameters with a weight decay or learning rate of their own; the first that fits counts");
  d.shorthand("name");
}

void LrNoiseOptions::declare(Declare<LrNoiseOptions>& d) {
  d("start", &LrNoiseOptions::start, "when noise begins: epochs, steps or `40 %` of the training; null: no noise");
  d("end", &LrNoiseOptions::end, "when it ends; null: with the training");
  d("limit", &LrNoiseOptions::limit, "every change is below this share of the rate; larger draws are drawn again")
      .above(0)
      .max(1);
  d("std", &LrNoiseOptions::std, "standard deviation of the normal draws").above(0);
  d.shorthand("start");
}

void ScheduleSection::declare(Declare<ScheduleSection>& d) {
  d("name", &ScheduleSection::curve, "course of the learning rate; `mlrun list schedules` shows them")
      .component("schedule", "constant")
      .inlined("name");
  d("warmup", &ScheduleSection::warmup,
    "length of the warm-up before the schedule proper; in whole epochs it moves per epoch, in steps or % per step");
  d("warmup_method", &ScheduleSection::warmup_method, "course of the warm-up").choices({"linear", "constant"});
  d("warmup_factor", &ScheduleSection::warmup_factor,
    "learning rate at the start of the warm-up, as a share of optimizer.lr")
      .above(0)
      .max(1);
  d("interval", &ScheduleSection::interval, "unit of the schedule's times, and how often the rate changes")
      .choices({"epoch", "step"});
  d("noise", &ScheduleSection::noise, "random factors on the rate, one for each epoch (or step, by interval)");
  d.shorthand("name");
}

void AveragingSection::declare(Declare<AveragingSection>& d) {
  d("name", &AveragingSection::method, "how weights are averaged while training; `mlrun list averagings` shows them")
      .component("averaging", "none")
      .inlined("name");
  d.shorthand("name");
}

void QuantizeSection::declare(Declare<QuantizeSection>& d) {
  d("name", &QuantizeSection::method,
    "qat: training with the rounding of int8, from weights that model.weights names; ptq, dynamic: what `mlrun "
    "quantize` "
    "does with this recipe's weights unless --method says otherwise")
      .choices({"none", "ptq", "dynamic", "qat"});
  d("engine", &QuantizeSection::engine, "int8 kernels; auto: the fastest that this machine has")
      .choices({"auto", "onednn", "x86", "fbgemm", "qnnpack"});
  d("reduce_range", &QuantizeSection::reduce_range,
    "activations in 7 bits, so that sums of products fit where the processor adds them in 16 bits (x86 without VNNI); "
    "auto: on x86, with VNNI too, so that int8 weights and scores are the same everywhere")
      .choices({"auto", "on", "off"});
  d("observer", &QuantizeSection::observer,
    "how the range of activations is found; auto: histogram, and moving_average for qat")
      .choices({"auto", "min_max", "moving_average", "histogram"});
  d("weights", &QuantizeSection::weights, "one scale for each output channel, or for the whole tensor")
      .choices({"per_channel", "per_tensor"});
  d("skip", &QuantizeSection::skip,
    "layers that stay float32, by path, `*` standing for any part; a name alone stands for all below it, as "
    "fc");
  d("samples", &QuantizeSection::samples, "training samples that ranges are found on, drawn evenly from the classes")
      .min(1);
  d("bn_freeze_epoch", &QuantizeSection::bn_freeze_epoch,
    "qat: finished epochs after which batch norm's statistics stay as they are; null: never")
      .min(0);
  d("observer_freeze_epoch", &QuantizeSection::observer_freeze_epoch,
    "qat: finished epochs after which the ranges stay as they are; null: never")
      .min(0);
  d.shorthand("name");
}

void Condition::declare(Declare<Condition>& d) {
  d("data", &Condition::data, "name of the data set (data.root's last component) or its fingerprint");
  d("samples", &Condition::samples, "number of samples evaluated").min(1);
  d("weights", &Condition::weights, "which weights were evaluated");
}

void Expectation::declare(Declare<Expectation>& d) {
  d("row", &Expectation::row, "row of a published table, as T1/mobilenet_v3_large");
  d("metric", &Expectation::metric, "metric with its split, as test/acc1").required();
  d("value", &Expectation::value, "the figure").required();
  d("tolerance", &Expectation::tolerance, "largest difference that still meets it").min(0);
  d("direction", &Expectation::direction, "which differences count").choices({"both", "at_least", "at_most"});
  d("when", &Expectation::when, "what the figure is true of");
  d("source", &Expectation::source, "where it was published");
}

void Recipe::declare(Declare<Recipe>& d) {
  d("task", &Recipe::task, "what is learnt").required();
  d("model", &Recipe::model, "the network").required();
  d("data", &Recipe::data, "samples and what is done to them").required();
  d("train", &Recipe::train, "length, batch, seed, machine");
  d("optimizer", &Recipe::optimizer, "the update rule");
  d("schedule", &Recipe::schedule, "the learning rate's course");
  d("averaging", &Recipe::averaging, "an average of the weights, evaluated beside them");
  d("quantize", &Recipe::quantize, "int8 weights and activations");
  d("expect", &Recipe::expect, "figures that this recipe reproduces");
}

}  // namespace mlrun::config
