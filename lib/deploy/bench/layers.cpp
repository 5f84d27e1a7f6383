#include "deploy/bench/layers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/torch_compat.h"
#include "nn/evaluation_scope.h"
#include "nn/flow/calls.h"
#include "nn/tensors.h"
#include "report/format.h"

namespace mlrun::deploy {
namespace {

/// The own time of each call of a layer, in each pass: what it takes, less the calls inside.
class LayerTimer : public nn::Interceptor {
 public:
  LayerTimer(const nn::Layer& model, const torch::Device& device) : device_(device), calls_(model) {}

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const int call = calls_.number(layer);
    inside_.push_back(0);
    const double begin = engine::steady_seconds();
    nn::Tensors outputs = proceed(inputs);
    compat::synchronize(device_);
    const double taken = engine::steady_seconds() - begin;
    const double own = taken - inside_.back();
    inside_.pop_back();
    if (!inside_.empty()) inside_.back() += taken;
    const auto [at, is_new] = numbers_.emplace(std::pair(&layer, call), layers_.size());
    if (is_new) {
      layers_.push_back(
          {{layer.path(), layer.type(), nn::first_shape(outputs), 0, layer.macs(inputs, outputs), call}, {}});
    }
    layers_[at->second].seconds.push_back(own);
    return outputs;
  }

  /// The medians of the last `passes` passes.
  std::vector<LayerTime> last(std::int64_t passes) const {
    std::vector<LayerTime> result;
    for (const Timed& timed : layers_) {
      const auto taken = std::min(passes, static_cast<std::int64_t>(timed.seconds.size()));
      result.push_back(timed.layer);
      result.back().ms = 1000 * engine::quantile({timed.seconds.end() - taken, timed.seconds.end()}, 0.5);
    }
    return result;
  }

 private:
  struct Timed {
    LayerTime layer;
    std::vector<double> seconds;
  };
  torch::Device device_;
  nn::CallCounter calls_;
  std::map<std::pair<const nn::Layer*, int>, std::size_t> numbers_;
  std::vector<Timed> layers_;
  std::vector<double> inside_;  // time of the calls below each running layer
};

std::string bench_shape(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const auto size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

double total(const std::vector<LayerTime>& layers) {
  double sum = 0;
  for (const auto& layer : layers) sum += layer.ms;
  return sum;
}

double gflops_of(const LayerTime& layer) {
  return layer.ms > 0 ? 2 * static_cast<double>(layer.macs) / layer.ms / 1e6 : 0;
}

}  // namespace

std::vector<LayerTime> time_layers(nn::Layer& model, const nn::Tensors& inputs, const engine::LatencyOptions& options) {
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(model);
  LayerTimer timer(model, inputs.at(0).device());
  const nn::InterceptorScope scope(model, timer);
  const engine::Latency latency = engine::measure_latency([&] { model.run(inputs); }, options);
  return timer.last(latency.iterations);
}

report::Table layer_table(const std::vector<LayerTime>& layers, std::size_t most) {
  std::vector<LayerTime> shown = layers;
  if (most > 0) {
    std::stable_sort(shown.begin(), shown.end(), [](const auto& a, const auto& b) { return a.ms > b.ms; });
    shown.resize(std::min(most, shown.size()));
  }
  report::Table table({{"layer", report::Align::Left},
                       {"type", report::Align::Left},
                       {"output", report::Align::Left},
                       {"ms", report::Align::Right},
                       {"share", report::Align::Right},
                       {"MACs", report::Align::Right},
                       {"GFLOP/s", report::Align::Right}});
  const double sum = total(layers);
  for (const auto& layer : shown) {
    table.add({layer.path.empty() ? "(model)" : nn::call_name(layer.path, layer.call), layer.type,
               bench_shape(layer.output), report::fixed(layer.ms, 3), report::percent(sum > 0 ? layer.ms / sum : 0, 1),
               layer.macs > 0 ? report::compact(static_cast<double>(layer.macs)) : "-",
               layer.macs > 0 ? report::fixed(gflops_of(layer), 1) : "-"});
  }
  return table;
}

std::string layer_sum_text(const std::vector<LayerTime>& layers, std::size_t most, double whole) {
  const std::string which = most > 0 && most < layers.size() ? "the " + std::to_string(most) + " slowest of " : "";
  return which + std::to_string(layers.size()) + " layers; all of them take " + report::fixed(total(layers), 3) +
         " ms with a clock at every door, the model without takes " + report::fixed(whole, 3) + " ms";
}

Json to_json(const std::vector<LayerTime>& layers) {
  Json json = Json::array();
  const double sum = total(layers);
  for (const auto& layer : layers) {
    json.push_back({{"name", layer.path},
                    {"type", layer.type},
                    {"call", layer.call},
                    {"output", layer.output},
                    {"ms", layer.ms},
                    {"share", sum > 0 ? layer.ms / sum : 0},
                    {"macs", layer.macs},
                    {"gflops", gflops_of(layer)}});
  }
  return json;
}

}  // namespace mlrun::deploy
