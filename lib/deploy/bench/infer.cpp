#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/resident.h"
#include "base/threads.h"
#include "base/torch_compat.h"
#include "deploy/bench/bench.h"
#include "deploy/instruction_sets.h"
#include "deploy/onnx/weights.h"
#include "engine/block_cache.h"
#include "engine/compute.h"
#include "engine/compute_threads.h"
#include "engine/context.h"
#include "engine/train/memory_format.h"
#include "nn/profile.h"

namespace mlrun::deploy {
namespace {

/// One row's place in the grid of what is asked for.
struct InferPoint {
  std::string precision, engine;
  std::int64_t batch = 1, threads = 1;
};

/// A model in one or both memory formats, each with its engine; one of them is in place.
class LaidOut {
 public:
  LaidOut(BenchModel model, const BenchEngine& engine, engine::Context context)
      : model_(std::move(model)), engine_(engine), context_(std::move(context)), plain_(tensor_data(*model_.layer)) {}

  void choose(torch::MemoryFormat format) {
    const auto found = variants_.find(format);
    current_ = found != variants_.end() ? &found->second : &variants_.emplace(format, make(format)).first->second;
    set_tensor_data(*model_.layer, current_->data);
  }
  /// Keeps the format in place alone.
  void forget_others() {
    for (auto entry = variants_.begin(); entry != variants_.end();) {
      if (&entry->second == current_) ++entry;
      else entry = variants_.erase(entry);
    }
  }
  void run() const {
    current_->runner(current_->model.inputs);
    compat::synchronize(context_.device);
  }
  const BenchModel& in_place() const { return current_->model; }

 private:
  struct Variant {
    BenchModel model;
    std::vector<torch::Tensor> data;
    Runner runner;
  };

  Variant make(torch::MemoryFormat format) {
    set_tensor_data(*model_.layer, plain_);
    engine::Context context = context_;
    context.memory_format = format;
    engine::place(*model_.layer, context);
    Variant variant;
    variant.model = {model_.layer, {}};
    for (const auto& input : model_.inputs) {
      const torch::Tensor there = input.to(context.device);
      variant.model.inputs.push_back(there.dim() == 4 ? there.contiguous(format) : there);
    }
    variant.data = tensor_data(*model_.layer);
    variant.runner = engine_.make(variant.model);
    return variant;
  }

  BenchModel model_;
  const BenchEngine& engine_;
  engine::Context context_;
  std::vector<torch::Tensor> plain_;
  std::map<torch::MemoryFormat, Variant> variants_;
  Variant* current_ = nullptr;
};

/// Puts the asked format, or the faster one, in place; its name.
std::string choose_format(LaidOut& model, const std::string& wanted) {
  const auto format_of = [](const std::string& name) {
    return name == "channels_last" ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
  };
  std::string name = wanted;
  if (wanted == "auto") {
    const Json choice = engine::faster_memory_format([&model](torch::MemoryFormat format) {
      model.choose(format);
      model.run();
      const double begin = engine::steady_seconds();
      model.run();
      return engine::steady_seconds() - begin;
    });
    name = choice.at("memory_format").get<std::string>();
  }
  model.choose(format_of(name));
  model.forget_others();
  return name;
}

nn::Tensors inputs_of(const BenchSubject& subject, std::int64_t batch) {
  if (!subject.sample.empty()) {
    return nn::joined_samples(subject.model->interface().inputs,
                              std::vector<nn::Tensors>(static_cast<std::size_t>(batch), subject.sample));
  }
  const std::vector<std::int64_t> shape = {batch, subject.channels, subject.height, subject.width};
  return {subject.bytes ? torch::randint(256, shape, torch::kByte) : torch::randn(shape)};
}

BenchRow measure_row(const BenchSubject& subject, const InferPoint& point, const BenchRequest& request,
                     const engine::Context& context, BenchRow row) {
  const torch::NoGradGuard no_gradients;
  const engine::ComputeThreads threads(point.threads);
  row.ceiling = matrix_ceiling(context.device, point.threads, request.latency.seconds);
  const TensorsKept kept(subject.model);
  const BenchModel given{subject.model, inputs_of(subject, point.batch)};
  LaidOut model(bench_precision(point.precision).prepare(given), bench_engine(point.engine), context);
  row.memory_format = choose_format(model, request.memory_format);
  engine::release_kept_tensors();
  restart_peak_resident();
  row.latency = engine::measure_latency([&model] { model.run(); }, request.latency);
  row.rss_mb = static_cast<double>(peak_resident()) / kMebibyte;
  const double seconds = row.latency.p50 / 1000;
  row.images_per_s = static_cast<double>(point.batch) / seconds;
  row.gflops = 2 * static_cast<double>(row.macs * point.batch) / seconds / 1e9;
  if (request.layers) row.layers = time_layers(*model.in_place().layer, model.in_place().inputs, request.latency);
  return row;
}

std::vector<InferPoint> points_of(const BenchRequest& request, std::int64_t default_threads) {
  const std::vector<std::int64_t> batches = request.batches.empty() ? std::vector<std::int64_t>{1} : request.batches;
  const std::vector<std::int64_t> threads =
      request.threads.empty() ? std::vector<std::int64_t>{default_threads} : request.threads;
  std::vector<InferPoint> points;
  for (const auto& precision : request.precisions) {
    for (const auto& engine : request.engines) {
      for (const auto batch : batches) {
        for (const auto count : threads) points.push_back({precision, engine, batch, count});
      }
    }
  }
  return points;
}

/// Runs once whatever is not simply the model, where more than one row is asked for: what cannot be run ends the
/// command before minutes were spent on the others.
void try_out(const BenchSubject& subject, const std::vector<InferPoint>& points, const engine::Context& context) {
  const torch::NoGradGuard no_gradients;
  std::set<std::pair<std::string, std::string>> tried = {{"fp32", "eager"}};
  for (const InferPoint& point : points) {
    if (points.size() < 2 || !tried.emplace(point.precision, point.engine).second) continue;
    const TensorsKept kept(subject.model);
    LaidOut model(bench_precision(point.precision).prepare({subject.model, inputs_of(subject, 1)}),
                  bench_engine(point.engine), context);
    model.choose(torch::MemoryFormat::Contiguous);
    model.run();
  }
}

bool asks(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// What `graph` cannot do on any model.
void check_graph(const BenchRequest& request) {
  if (!asks(request.engines, "graph")) return;
  if (asks(request.precisions, "bf16")) {
    throw UserError("--engine graph computes in float32, and --precision asks for bf16", "leave one of them out");
  }
  if (request.device.rfind("cuda", 0) == 0) {
    throw UserError("--engine graph computes on the CPU, not on --device " + request.device, "leave one of them out");
  }
}

}  // namespace

void check_request(const BenchRequest& request, const std::string& mode) {
  for (const auto& name : request.precisions) bench_precision(name);
  for (const auto& name : request.engines) {
    if (bench_engine(name).name != "eager" && mode != "infer") {
      throw UserError("--engine " + name + " is for inference, and this is --mode " + mode, "leave --engine out");
    }
    if (request.layers && name != "eager") {
      throw UserError("--layers looks at layers, which --engine " + name + " dissolves", "use --engine eager");
    }
  }
  check_graph(request);
  if (request.layers && mode != "infer") throw UserError("--layers is for --mode infer", "leave one of them out");
  const int processors = available_processors();
  for (const auto count : request.threads) {
    if (count <= processors) continue;
    log::warning("--threads " + std::to_string(count) + ": this process may use " + std::to_string(processors) +
                 " processors; more threads than that wait for each other");
  }
  const bool bf16 = std::count(request.precisions.begin(), request.precisions.end(), "bf16") > 0;
  if (bf16 && mode != "load" && request.device != "cuda" && !engine::has_fast_bf16()) {
    log::warning("bf16 is much slower than fp32 on this CPU, which has no AVX-512");
  }
}

void check_own_engine(const std::string& name, const std::string& engine, const BenchRequest& request) {
  if (engine.empty()) return;
  const bool int8 = engine == "int8";
  if (request.precisions != std::vector<std::string>{"fp32"}) {
    throw UserError("--precision: " + name + (int8 ? " computes in int8" : " computes as the file says"),
                    "leave --precision out");
  }
  for (const auto& wanted : request.engines) {
    if (wanted == "eager" || (int8 && wanted == "torchscript")) continue;
    throw UserError(
        "--engine " + wanted + ": " + name +
            (int8 ? " computes in int8, which that engine does not" : " is an ONNX file, which mlrun runs as it is"),
        int8 ? "choose eager or torchscript" : "leave --engine out");
  }
  if (request.device != "auto" && request.device != "cpu") {
    throw UserError("--device " + request.device + ": " + name + " runs on the CPU", "leave --device out");
  }
  if (request.layers && !int8)
    throw UserError("--layers: " + name + " is an ONNX file, without layers", "leave --layers out");
}

std::vector<BenchRow> bench_inference(const BenchSubject& subject, const BenchRequest& request, const TellRow& tell) {
  config::TrainSection section;
  section.device = subject.engine.empty() ? request.device : "cpu";
  const engine::Context context = engine::make_context(section);
  BenchRow row;
  row.mode = "infer";
  row.model = subject.name;
  row.weights = subject.weights;
  row.device = engine::device_text(context.device);
  if (context.device.is_cpu()) row.isa = instruction_sets().text();
  row.height = subject.height;
  row.width = subject.width;
  // An ONNX file that preprocesses images is fed others than the model.
  if (!subject.sample.empty()) row.macs = nn::profile_anyhow(*subject.model, subject.sample).macs;
  else if (!subject.bytes) row.macs = count_macs(*subject.model, subject.name, subject.channels, row.height, row.width);
  for (const auto& parameter : subject.model->parameters()) row.params += parameter.numel();
  const std::vector<InferPoint> points = points_of(request, default_compute_threads());
  if (context.device.is_cuda() && asks(request.engines, "graph")) {
    throw UserError("--engine graph computes on the CPU", "add --device cpu, or leave it out");
  }
  try_out(subject, points, context);
  std::vector<BenchRow> rows;
  for (const InferPoint& point : points) {
    row.batch = point.batch;
    row.threads = point.threads;
    row.precision = subject.engine == "int8" ? "int8" : point.precision;
    row.engine = subject.engine == kOnnxEngine ? kOnnxEngine : point.engine;
    tell(subject.name + ", batch " + std::to_string(point.batch) + ", " + std::to_string(point.threads) +
         " thread(s), " + row.precision + ", " + row.engine);
    rows.push_back(measure_row(subject, point, request, context, row));
  }
  return rows;
}

}  // namespace mlrun::deploy
