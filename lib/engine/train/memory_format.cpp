#include "engine/train/memory_format.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <torch/types.h>

#include "base/error.h"
#include "base/log.h"
#include "base/torch_compat.h"
#include "engine/compute.h"
#include "engine/ports.h"
#include "engine/run/model_state.h"
#include "engine/train/feed.h"
#include "engine/train/freeze.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

constexpr const char* kContiguous = "contiguous";
constexpr const char* kChannelsLast = "channels_last";

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Forward and backward, and no update.
class Rehearsal : public Step {
 public:
  Rehearsal(const Models& models, const Compute& compute) : models_(models), compute_(compute) {}

  data::Fields run(const std::string& name, const data::Fields& inputs) override {
    return compute_.run(model_named(models_, name), inputs);
  }
  void minimise(const std::string&, const torch::Tensor& loss, double) override {
    loss.backward({}, /*retain_graph=*/models_.size() > 1);
  }
  void log(const report::Figure&, double) override {}
  void enter(const std::string& phase) { phase_ = phase; }

 private:
  const Models& models_;
  const Compute& compute_;
};

void lay_out(const Models& models, torch::MemoryFormat format) {
  for (const auto& model : models) {
    for (auto& parameter : model.second->parameters()) {
      parameter.mutable_grad() = torch::Tensor();
      if (parameter.dim() == 4) parameter.set_data(parameter.detach().contiguous(format));
    }
  }
}

/// The first micro-batch of the training that has samples; nothing where none can be read.
std::optional<data::Batch> first_batch(Task& task, const config::Recipe& recipe) {
  const auto source = task.source(data::Split::Train);
  if (!source || source->size() == 0) return std::nullopt;
  const Epochs epochs(task, recipe, source);
  EpochFeed feed(task, epochs, recipe, 0, 0, 0);
  while (auto micro = feed.next()) {
    if (micro->batch.size() > 0) return std::move(micro->batch);
  }
  return std::nullopt;
}

/// Models on the device and a batch, to be timed; puts the models back on the CPU and the task's state in place.
class Stage {
 public:
  Stage(Task& task, const config::Recipe& recipe, const Context& context, data::Batch batch)
      : task_(task),
        recipe_(recipe),
        context_(context),
        batch_(std::move(batch)),
        frozen_(task.models(), recipe.model.freeze),
        compute_(task.models(), recipe.train, context) {
    task_.save(state_, "");
    draw_weights(task_.models(), static_cast<std::uint64_t>(recipe.train.seed));
    for (const auto& model : task_.models()) model.second->to(context.device);
    frozen_.train(task_.models());
    batch_.targets = batch_.targets.to(context.device);
  }
  ~Stage() {
    lay_out(task_.models(), torch::MemoryFormat::Contiguous);
    for (const auto& model : task_.models()) model.second->to(torch::kCPU);
    task_.load(state_, "");
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  double time_step(torch::MemoryFormat format) {
    Context context = context_;
    context.memory_format = format;
    data::Batch batch = batch_;
    batch.inputs = place(batch_.inputs, context);
    lay_out(task_.models(), format);
    Rehearsal step(task_.models(), compute_);
    compat::manual_seed(static_cast<std::uint64_t>(recipe_.train.seed));
    compat::synchronize(context.device);
    const double begin = now();
    for (const auto& phase : task_.phases()) {
      step.enter(phase);
      task_.train(step, batch);
    }
    compat::synchronize(context.device);
    return now() - begin;
  }

 private:
  Task& task_;
  const config::Recipe& recipe_;
  Context context_;
  data::Batch batch_;
  FrozenStages frozen_;
  Compute compute_;
  data::State state_;
};

void tell(const Json& choice) {
  const std::string faster = choice.at("memory_format"), slower = faster == kContiguous ? kChannelsLast : kContiguous;
  const Json& seconds = choice.at("seconds_per_step");
  const double best = seconds.at(faster), other = seconds.at(slower);
  log::info("memory format: " + faster + ", " + report::duration(best) + " a step where " + slower + " takes " +
            report::duration(other));
}

}  // namespace

Json faster_memory_format(const TimeStep& time_step) {
  constexpr int kRounds = 3;
  constexpr double kEnough = 10;  // seconds
  const double begin = now();
  double contiguous = 0, channels_last = 0;
  for (int round = 0; round <= kRounds; ++round) {
    if (round > 0 && now() - begin > kEnough) break;
    const double a = time_step(torch::MemoryFormat::Contiguous), b = time_step(torch::MemoryFormat::ChannelsLast);
    contiguous = round < 2 ? a : std::min(contiguous, a);  // the first round is forgotten where there is another
    channels_last = round < 2 ? b : std::min(channels_last, b);
  }
  return {{"memory_format", channels_last < contiguous ? kChannelsLast : kContiguous},
          {"seconds_per_step", {{kContiguous, contiguous}, {kChannelsLast, channels_last}}}};
}

Json choose_memory_format(Task& task, const config::Recipe& recipe, Context& context, const Json& recorded) {
  if (recipe.train.memory_format != "auto") return Json::object();
  Json choice = recorded;
  if (!choice.is_object() || !choice.contains("memory_format")) {
    auto batch = first_batch(task, recipe);
    if (!batch) return Json::object();  // whoever trains says so
    Stage stage(task, recipe, context, std::move(*batch));
    choice = faster_memory_format([&stage](torch::MemoryFormat format) { return stage.time_step(format); });
    tell(choice);
  }
  const bool channels_last = choice.at("memory_format") == kChannelsLast;
  context.memory_format = channels_last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
  return choice;
}

}  // namespace mlrun::engine
