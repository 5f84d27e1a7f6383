#include <cmath>
#include <type_traits>
#include <utility>

#include "config/recipe.h"

// How a training goes: train, optimizer, schedule.
namespace mlrun::config {

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

/// What is wrong with the length of a training.
std::string length_fault(const Span& length) {
  const bool steps = length.unit == Span::Unit::Steps;
  if (!steps && length.unit != Span::Unit::Epochs) return "must be in steps or epochs, as `20000 steps`";
  if (length.value <= 0) return "must be above 0";
  return steps && length.value != std::floor(length.value) ? "must be a whole number of steps" : "";
}

void declare_rules(Declare<TrainSection>& d) {
  d.rule("log_every", [](const TrainSection& t) -> std::string {
    return t.log_every.unit != Span::Unit::Seconds ? "must be in seconds, as `10 s`" : "";
  });
  d.rule("evaluate", [](const TrainSection& t) -> std::string {
    return t.evaluate.unit == Span::Unit::Seconds ? "cannot be in seconds; write `1 epoch`" : "";
  });
  d.rule("epochs", [](const TrainSection& t) -> std::string {
    return !t.epochs && !t.length ? "expected an integer of at least 1, got null" : "";
  });
  d.rule("length", [](const TrainSection& t) -> std::string {
    if (t.length && t.epochs) return "stands in place of train.epochs, which is given too; keep one";
    return t.length ? length_fault(*t.length) : "";
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
  d("epochs", &TrainSection::epochs, "passes over the training samples").min(1).instead_of("length");
  d("length", &TrainSection::length,
    "how long to train in place of epochs, as `20000 steps` or `2.5 epochs`: the training may end within an epoch; "
    "null: train.epochs")
      .instead_of("epochs");
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
  d("evaluate", &TrainSection::evaluate,
    "how often to evaluate, and always at the end: epochs or, with train.length, also steps or %, exactly; with "
    "train.epochs an evaluation that is due waits for its epoch's end");
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
  d("models", &OptimizerSection::models,
    "of a task with several models, by their names, what is another for one of them: `{critic: {lr: 4e-4}}`, or "
    "`{name: "
    "sgd, lr: 0.1}` for another update rule")
      .component("optimizer");
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

namespace {

/// Declares a member that `Section` has from RateSection; in an entry of `models`, nothing is a default of its own.
template <class Section>
void declare_rate(Declare<Section>& d, const std::string& default_curve) {
  const auto own = [&d](const char* name, auto member, const char* help) {
    using M = std::remove_reference_t<decltype(std::declval<RateSection&>().*member)>;
    return d(name, static_cast<M Section::*>(member), help);
  };
  own("name", &RateSection::curve, "course of the learning rate; `mlrun list schedules` shows them")
      .component("schedule", default_curve)
      .inlined("name");
  own("warmup", &RateSection::warmup,
      "length of the warm-up before the schedule proper; in whole epochs it moves per epoch, in steps or % per step");
  own("warmup_method", &RateSection::warmup_method, "course of the warm-up").choices({"linear", "constant"});
  own("warmup_factor", &RateSection::warmup_factor,
      "learning rate at the start of the warm-up, as a share of optimizer.lr")
      .above(0)
      .max(1);
  own("interval", &RateSection::interval, "unit of the schedule's times, and how often the rate changes")
      .choices({"epoch", "step"});
  own("noise", &RateSection::noise, "random factors on the rate, one for each epoch (or step, by interval)");
  d.shorthand("name");
}

}  // namespace

void RateSection::declare(Declare<RateSection>& d) { declare_rate(d, ""); }

void ScheduleSection::declare(Declare<ScheduleSection>& d) {
  declare_rate(d, "constant");
  d("models", &ScheduleSection::models,
    "of a task with several models, by their names, what is another for one of them: `{critic: {warmup: 500 steps}}`, "
    "or `{critic: constant}` for another course");
}

}  // namespace mlrun::config
