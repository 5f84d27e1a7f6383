#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "recipes/steps.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;
namespace fs = std::filesystem;

namespace {

/// One of PyTorch's states, as scripts/fixtures/steps.py --dump writes them.
struct DumpedState {
  explicit DumpedState(const fs::path& path) : file(weights::read_safetensors(path)) {
    for (const auto& [key, value] : file.metadata) facts[key] = value;
    step = std::stoll(facts.at("step"));
  }

  /// Tensors whose names begin with `prefix`, without it.
  weights::NamedTensors part(const std::string& prefix) const {
    weights::NamedTensors found;
    for (const auto& [name, tensor] : file.tensors) {
      if (name.rfind(prefix, 0) == 0) found.emplace_back(name.substr(prefix.size()), tensor);
    }
    return found;
  }

  weights::Safetensors file;
  std::map<std::string, std::string> facts;
  std::int64_t step = 0;
};

void copy_into(nn::Layer& model, const weights::NamedTensors& values, bool statistics_alone = false) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> by_name(values.begin(), values.end());
  for (auto& [name, tensor] : nn::state_dict(model)) {
    if (!statistics_alone || optim::is_norm_statistic(name)) tensor.detach().copy_(by_name.at(name));
  }
}

void put_average(data::State& state, const weights::NamedTensors& average) {
  if (average.empty()) return;
  Json names = Json::array(), dtypes = Json::array();
  for (const auto& [name, tensor] : average) {
    names.push_back(name);
    dtypes.push_back(static_cast<int>(tensor.scalar_type()));
    state.put("averaging.averages." + name, tensor);
  }
  state.put("averaging.present", Json(true));
  state.put("averaging.count", Json(1));
  state.put("averaging.averages.names", std::move(names));
  state.put("averaging.dtypes", std::move(dtypes));
}

/// Puts the trainer where PyTorch was before the step: as a resume does.
void put_back(engine::Trainer& trainer, nn::Layer& model, const DumpedState& dumped) {
  copy_into(model, dumped.part("before.model."));
  data::State fresh, state;
  trainer.save(fresh, "");
  for (const auto& [name, value] : fresh.values().items()) {
    if (name == "position") continue;
    Json kept = value;
    if (name == "optimizer.model.updates") {
      for (auto& [parameter, updates] : kept.items()) updates = dumped.step;
    }
    state.put(name, std::move(kept));
  }
  const std::int64_t per_epoch = trainer.plan().steps_per_epoch;
  state.put(
      "position",
      Json{{"step", dumped.step}, {"epoch", dumped.step / per_epoch}, {"step_in_epoch", dumped.step % per_epoch}});
  for (const auto& [name, tensor] : dumped.part("before.optimizer.")) state.put("optimizer.model." + name, tensor);
  put_average(state, dumped.part("before.average."));
  trainer.load(state, "");
}

/// Largest difference of two sets, as a share of the first's largest value or of 1 if that is larger.
double distance(const weights::NamedTensors& expected, const weights::NamedTensors& measured, double least) {
  const std::map<std::string, torch::Tensor> by_name(measured.begin(), measured.end());
  double difference = 0, largest = least;
  for (const auto& [name, tensor] : expected) {
    if (!tensor.is_floating_point()) continue;
    difference = std::max(difference, (tensor - by_name.at(name)).abs().max().item<double>());
    largest = std::max(largest, tensor.abs().max().item<double>());
  }
  return difference / largest;
}

/// How far one step of the real trainer is from PyTorch's.
struct Distances {
  double loss = 0, gradients = 0, statistics = 0;  // from its state
  double weights = 0, average = 0;                 // from its gradients, too
};

/// The parts that batch norm counts, without counters.
weights::NamedTensors statistics_of(const weights::NamedTensors& all) {
  weights::NamedTensors kept;
  for (const auto& item : all) {
    if (optim::is_norm_statistic(item.first)) kept.push_back(item);
  }
  return kept;
}

/// One step of a trainer of its own, from PyTorch's weights with its own gradients.
void step_from_state(const DumpedState& dumped, const config::Recipe& recipe, Distances& result) {
  FedTask task(recipe, [&](engine::Task& inner, engine::Step& hands) {
    inner.train(hands, steps_batch(dumped.step, torch::kFloat));
  });
  engine::Trainer trainer(task, recipe, engine::make_context(recipe.train));
  nn::Layer& model = *task.models().front().second;
  const GradientWatch watch(model);
  struct LossHook : engine::Hook {
    void on_step(const engine::StepReport& report) override { loss = report.loss; }
    double loss = 0;
  } hook;
  put_back(trainer, model, dumped);
  trainer.run_steps(1, {&hook});
  result.loss = std::abs(hook.loss - std::stod(dumped.facts.at("loss")));
  result.gradients = distance(dumped.part("gradient."), watch.gradients(), 0);
  result.statistics = distance(statistics_of(dumped.part("after.model.")), nn::state_dict(model), 1);
}

/// The same with PyTorch's gradients: those of the sum of gradients times parameters.
void step_from_gradients(const DumpedState& dumped, const config::Recipe& recipe, Distances& result) {
  const auto gradients = dumped.part("gradient.");
  FedTask task(recipe, [&](engine::Task& inner, engine::Step& hands) {
    torch::Tensor sum = torch::zeros({});
    const auto parameters = inner.models().front().second->named_parameters();
    for (const auto& [name, gradient] : gradients) sum = sum + (parameters[name] * gradient).sum();
    hands.log({"loss", sum.item<double>()}, 1);
    hands.minimise("model", sum, 1);
  });
  engine::Trainer trainer(task, recipe, engine::make_context(recipe.train));
  nn::Layer& model = *task.models().front().second;
  const auto after = dumped.part("after.model."), average = dumped.part("after.average.");
  put_back(trainer, model, dumped);
  copy_into(model, after, /*statistics_alone=*/true);  // the forward pass would have made them
  trainer.run_steps(1, {});
  result.weights = distance(after, nn::state_dict(model), 1);
  if (!average.empty()) result.average = distance(average, averages_of(trainer), 1);
}

Distances one_step(const DumpedState& dumped) {
  const auto resolved = resolve_text(dumped.facts.at("recipe"));
  Distances result;
  step_from_state(dumped, resolved.recipe, result);
  step_from_gradients(dumped, resolved.recipe, result);
  return result;
}

}  // namespace

// By hand: scripts/parity/steps makes the states, for float32 is the same on one machine alone.
TEST_CASE("single steps from PyTorch's states and gradients are PyTorch's", "[.][steps-parity]") {
  const char* folder = std::getenv("MLRUN_STEPS");
  REQUIRE(folder != nullptr);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  std::cout << "state                             loss    gradients  statistics  weights  average\n";
  for (const auto& path : files) {
    INFO(path.string());
    const Distances d = one_step(DumpedState(path));
    char line[128];
    std::snprintf(line, sizeof line, "%-30s %8.1e %10.1e %10.1e %10.1e %8.1e\n", path.stem().c_str(), d.loss,
                  d.gradients, d.statistics, d.weights, d.average);
    std::cout << line;
    CHECK(d.loss <= 1e-5);
    CHECK(d.gradients <= 1e-4);
    CHECK(d.statistics <= 1e-5);
    CHECK(d.weights <= 1e-6);
    CHECK(d.average <= 1e-6);
  }
}
