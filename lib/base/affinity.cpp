#include "base/affinity.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace mlrun {
namespace {

/// Which core a processor belongs to, as its list of siblings; itself where the system does not say.
std::string core_of(int processor) {
  const std::string name = std::to_string(processor);
  std::ifstream in("/sys/devices/system/cpu/cpu" + name + "/topology/thread_siblings_list");
  std::string siblings;
  return in >> siblings ? siblings : name;
}

void set_for_all_threads(const cpu_set_t& set) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/task", error), end; !error && entry != end;
       entry.increment(error)) {
    ::sched_setaffinity(std::atoi(entry->path().filename().c_str()), sizeof set, &set);
  }
}

}  // namespace

std::vector<int> usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> own, shared;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return own;
  std::set<std::string> cores;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &set)) continue;
    (cores.insert(core_of(processor)).second ? own : shared).push_back(processor);
  }
  own.insert(own.end(), shared.begin(), shared.end());
  return own;
}

ProcessorScope::ProcessorScope(int count) {
  CPU_ZERO(&before_);
  const std::vector<int> processors = usable_processors();
  if (count < 1 || count >= static_cast<int>(processors.size())) return;
  if (::sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  for (int i = 0; i < count; ++i) CPU_SET(processors[static_cast<std::size_t>(i)], &wanted);
  set_for_all_threads(wanted);
  changed_ = true;
}

ProcessorScope::~ProcessorScope() {
  if (changed_) set_for_all_threads(before_);
}

}  // namespace mlrun
