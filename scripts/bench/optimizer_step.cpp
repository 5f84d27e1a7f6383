// What one optimizer step takes: for each METHOD one line with the median time (microseconds) over ROUNDS, after one of
// warm-up, on MobileNetV3-Large's parameters.
//
//     optimizer_step THREADS ROUNDS METHOD...            METHOD: sgd, adamw or rmsprop

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <torch/torch.h>

#include "models/registry.h"
#include "optim/optimizer.h"

using namespace mlrun;

namespace {

/// With momentum and weight decay, as published recipes have them.
std::unique_ptr<optim::Optimizer> benched_optimizer(const std::string& name, optim::NamedTensors parameters) {
  config::Component method = optim::optimizers().defaults(name);
  const auto& spec = *optim::optimizers().at(name).options;
  spec.find("weight_decay")->set(method.options.get(), 1e-5);
  if (const auto* momentum = spec.find("momentum")) momentum->set(method.options.get(), 0.9);
  return optim::optimizers().make(method, std::move(parameters));
}

double median_step(const std::string& name, int rounds) {
  const auto model = models::models().make(models::models().defaults("mobilenet_v3_large"), {});
  optim::NamedTensors parameters;
  for (const auto& item : model->named_parameters()) {
    const torch::NoGradGuard no_grad;
    item.value().normal_(0, 0.02);
    item.value().mutable_grad() = torch::randn_like(item.value()).mul_(0.01);
    parameters.emplace_back(item.key(), item.value());
  }
  const auto optimizer = benched_optimizer(name, std::move(parameters));
  optimizer->step(1e-3);
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    optimizer->step(1e-3);
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<std::size_t>(rounds) / 2];
}

int run(int count, char** arguments) {
  const int threads = count > 3 ? std::atoi(arguments[1]) : 0, rounds = count > 3 ? std::atoi(arguments[2]) : 0;
  if (threads < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: optimizer_step THREADS ROUNDS METHOD...\n");
    return 2;
  }
  torch::set_num_threads(threads);
  for (int i = 3; i < count; ++i) std::printf("%s %.1f\n", arguments[i], median_step(arguments[i], rounds));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
