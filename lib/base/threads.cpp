#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

namespace mlrun {
namespace {

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

std::optional<double> first_number(const std::string& file) {
  std::ifstream in(file);
  double value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

/// CPUs that a folder of the v2 hierarchy allows, or nothing for "max".
std::optional<double> quota_v2(const std::string& folder) {
  std::ifstream in(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(in >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  return std::stod(quota) / period;
}

std::optional<double> quota_v1(const std::string& folder) {
  const auto quota = first_number(folder + "/cpu.cfs_quota_us");
  const auto period = first_number(folder + "/cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

/// The tightest quota from this process's cgroup up to the root.
std::optional<double> cgroup_quota() {
  std::optional<double> tightest;
  const auto take = [&tightest](std::optional<double> quota) {
    if (quota && (!tightest || *quota < *tightest)) tightest = quota;
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto second = line.find(':', line.find(':') + 1);
    if (second == std::string::npos) continue;
    const bool v2 = line.rfind("0::", 0) == 0;
    if (!v2 && line.substr(0, second).find("cpu") == std::string::npos) continue;
    std::string path = line.substr(second + 1);
    while (true) {
      take(v2 ? quota_v2("/sys/fs/cgroup" + path) : quota_v1("/sys/fs/cgroup/cpu" + path));
      if (path.empty() || path == "/") break;
      path.erase(path.rfind('/'));
    }
  }
  return tightest;
}

/// What an environment variable allows: the integer that it begins with, `count` where it holds none of at least 1.
int at_most(const char* variable, int count) {
  const char* text = std::getenv(variable);
  const long value = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
  return value >= 1 && value < count ? static_cast<int>(value) : count;
}

}  // namespace

int available_processors() {
  int count = affinity_count();
  if (const auto quota = cgroup_quota()) count = std::min(count, static_cast<int>(std::ceil(*quota)));
  return std::max(at_most("SLURM_CPUS_PER_TASK", count), 1);
}

int default_compute_threads() { return at_most("OMP_NUM_THREADS", available_processors()); }

}  // namespace mlrun
