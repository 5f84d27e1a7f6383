#include <algorithm>
#include <map>

#include "base/torch_compat.h"
#include "deploy/bench/bench.h"

namespace mlrun::deploy {
namespace {

constexpr std::int64_t kSide = 1024;
constexpr double kMostSeconds = 0.5;

}  // namespace

double matrix_ceiling(const torch::Device& device, std::int64_t threads, double seconds) {
  static std::map<std::pair<std::string, std::int64_t>, double> measured;  // the machine's, so of the process
  double& ceiling = measured[{device.str(), threads}];
  if (ceiling > 0) return ceiling;
  const auto a = torch::rand({kSide, kSide}, device), b = torch::rand({kSide, kSide}, device);
  auto product = torch::mm(a, b);
  compat::synchronize(device);
  const double end = engine::steady_seconds() + std::min(seconds, kMostSeconds);
  double best = 0;
  do {
    const double begin = engine::steady_seconds();
    torch::mm_out(product, a, b);
    compat::synchronize(device);
    const double taken = engine::steady_seconds() - begin;
    best = best == 0 ? taken : std::min(best, taken);
  } while (engine::steady_seconds() < end);
  ceiling = 2.0 * kSide * kSide * kSide / best / 1e9;
  return ceiling;
}

}  // namespace mlrun::deploy
