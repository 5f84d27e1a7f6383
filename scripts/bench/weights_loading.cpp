// What reading ResNet-50's weights from files into a model takes: for each FILE one line with the median time
// (milliseconds, over ROUNDS after one of warm-up) and the largest growth of the process's memory (bytes).
//
//     weights_loading ROUNDS FILE...            time
//     weights_loading convert FROM TO           write FROM's tensors as safetensors

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <torch/torch.h>

#include "models/registry.h"
#include "weights/file.h"
#include "weights/load.h"

using namespace mlrun;

namespace {

using Clock = std::chrono::steady_clock;

/// A figure of /proc/self/status in bytes.
double status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, key.size(), key) == 0) return std::atof(line.c_str() + key.size()) * 1024;
  }
  return 0;
}

/// Starts a new maximum for VmHWM.
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

double load_once(nn::Layer& model, const std::string& file) {
  const auto begin = Clock::now();
  const weights::WeightFile read = weights::read_weights(file);
  weights::load_weights(model, read.tensors, file, {}, weights::Transfer::Adopt);
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void measure(nn::Layer& model, const std::string& file, int rounds) {
  reset_peak();
  const double before = status_bytes("VmRSS:");
  load_once(model, file);
  const double added = status_bytes("VmHWM:") - before;
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(load_once(model, file));
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  std::printf("%s %.3f %.0f\n", file.c_str(), times[static_cast<std::size_t>(rounds) / 2], added);
}

int run(int count, char** arguments) {
  if (count == 4 && std::strcmp(arguments[1], "convert") == 0) {
    weights::write_safetensors(arguments[3], weights::read_weights(arguments[2]).tensors);
    return 0;
  }
  const int rounds = count > 2 ? std::atoi(arguments[1]) : 0;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: weights_loading ROUNDS FILE... | weights_loading convert FROM TO\n");
    return 2;
  }
  const auto model = models::models().make(models::models().defaults("resnet50"), {});
  for (const auto& item : nn::state_dict(*model)) item.second.zero_();  // its memory is there before anything is timed
  for (int i = 2; i < count; ++i) measure(*model, arguments[i], rounds);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const torch::NoGradGuard no_grad;
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
