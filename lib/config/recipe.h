#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"

/// The recipe: the same words for every task. What a word's components add is declared by them.
namespace mlrun::config {

struct TaskSection {
  Component kind;  ///< `task: {name: ...}` and the task's own options
  static void declare(Declare<TaskSection>& d);
};

/// Where a model's initial weights come from.
struct WeightsSection {
  std::optional<std::filesystem::path> file;  ///< or the name of published weights
  std::optional<std::string> entry;
  bool strict = true;
  StringPairs map;
  std::vector<std::string> skip;
  std::string head = "keep";
  static void declare(Declare<WeightsSection>& d);
};

/// Of every batch norm of a model; nothing: as the architecture has it.
struct BatchNormSection {
  std::optional<double> momentum, eps;
  static void declare(Declare<BatchNormSection>& d);
};

struct ModelSection {
  Component architecture;
  WeightsSection weights;
  BatchNormSection batch_norm;
  std::string head = "keep";
  std::vector<std::string> freeze;  ///< patterns of state-dict names
  static void declare(Declare<ModelSection>& d);
};

/// How a data set without splits of its own is divided.
struct SplitOptions {
  std::optional<double> train, val, test;  ///< shares of the samples
  std::int64_t seed = 0;
  std::optional<std::string> group;
  static void declare(Declare<SplitOptions>& d);
};

struct DataSection {
  std::filesystem::path root;
  Component source;  ///< `format: ...` and the source's own options
  SplitOptions split;
  std::string exif = "ignore";
  std::string on_error = "fail";
  std::int64_t cache = 0;        ///< bytes
  bool scaled_decoding = false;  ///< of training images
  Component sampler;
  Component batching;
  bool drop_last = false;             ///< an epoch's last step, where it is not whole
  std::vector<Component> augment;     ///< transforms of training samples
  std::vector<Component> preprocess;  ///< transforms of evaluation samples
  static void declare(Declare<DataSection>& d);
};

struct CheckpointOptions {
  Span every{1, Span::Unit::Epochs};
  std::int64_t keep = 3;
  static void declare(Declare<CheckpointOptions>& d);
};

/// When a training ends before its last epoch.
struct EarlyStoppingOptions {
  std::optional<std::int64_t> patience;  ///< evaluations
  double min_delta = 0;
  static void declare(Declare<EarlyStoppingOptions>& d);
};

struct TrainSection {
  std::optional<std::int64_t> epochs = 10;  ///< or `length`: one of them is set
  std::optional<Span> length;               ///< in steps or epochs
  std::int64_t batch_size = 128;
  std::int64_t accumulate = 1;
  std::optional<std::int64_t> eval_batch_size;
  std::int64_t seed = 0;
  std::optional<double> clip_grad_norm, clip_grad_value, clip_agc;
  EarlyStoppingOptions early_stopping;
  std::optional<std::string> select;
  std::string device = "auto";
  std::string memory_format = "contiguous";
  std::string amp = "none";
  bool activation_checkpointing = false;
  std::optional<std::int64_t> threads;
  std::optional<std::int64_t> workers;
  Span evaluate{1, Span::Unit::Epochs};
  CheckpointOptions checkpoint;
  std::optional<Span> max_time;
  Span log_every{10, Span::Unit::Seconds};
  std::int64_t log_steps = 50;
  static void declare(Declare<TrainSection>& d);
};

/// Parameters that are updated in another way than the rest.
struct ParameterGroupOptions {
  std::vector<std::string> match;  ///< patterns of state-dict names
  std::optional<double> weight_decay;
  double lr_scale = 1;
  static void declare(Declare<ParameterGroupOptions>& d);
};

struct OptimizerSection {
  Component method;
  std::optional<double> norm_weight_decay, bias_weight_decay, transformer_embedding_decay;
  std::optional<double> layer_decay;
  std::vector<ParameterGroupOptions> groups;
  Named<Component> models;  ///< methods of models that have one of their own
  static void declare(Declare<OptimizerSection>& d);
};

/// Random factors on the learning rate (timm's lr_noise).
struct LrNoiseOptions {
  std::optional<Span> start, end;
  double limit = 0.67;
  double std = 1;
  static void declare(Declare<LrNoiseOptions>& d);
};

/// The course of one model's learning rate.
struct RateSection {
  Component curve;
  Span warmup{0, Span::Unit::Epochs};
  std::string warmup_method = "linear";
  double warmup_factor = 0.01;
  std::string interval = "epoch";
  LrNoiseOptions noise;
  static void declare(Declare<RateSection>& d);
};

struct ScheduleSection : RateSection {
  Named<RateSection> models;  ///< of models that have one of their own
  static void declare(Declare<ScheduleSection>& d);
};

struct AveragingSection {
  Component method;
  static void declare(Declare<AveragingSection>& d);
};

/// How weights become int8 (`mlrun quantize`), or are trained to (`qat`).
struct QuantizeSection {
  std::string method = "none";
  std::string engine = "auto";
  std::string reduce_range = "auto";
  std::string observer = "auto";  ///< of activations
  std::string weights = "per_channel";
  std::vector<std::string> skip;  ///< patterns of layer paths
  std::int64_t samples = 512;     ///< that calibrate
  std::optional<std::int64_t> bn_freeze_epoch, observer_freeze_epoch;
  static void declare(Declare<QuantizeSection>& d);
};

/// What an expectation is true of.
struct Condition {
  std::optional<std::string> data;
  std::optional<std::int64_t> samples;
  std::optional<std::string> weights;
  static void declare(Declare<Condition>& d);
};

/// A published or agreed figure, compared only where `when` holds.
struct Expectation {
  std::optional<std::string> row;
  std::string metric;
  double value = 0;
  double tolerance = 0;
  std::string direction = "both";
  Condition when;
  std::optional<std::string> source;
  static void declare(Declare<Expectation>& d);
};

struct Recipe {
  TaskSection task;
  ModelSection model;
  DataSection data;
  TrainSection train;
  OptimizerSection optimizer;
  ScheduleSection schedule;
  AveragingSection averaging;
  QuantizeSection quantize;
  std::vector<Expectation> expect;
  static void declare(Declare<Recipe>& d);
};

}  // namespace mlrun::config
