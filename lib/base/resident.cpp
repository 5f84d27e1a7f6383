#include "base/resident.h"

#include <malloc.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

namespace mlrun {

bool restart_peak_resident() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;  // proc(5): resets VmHWM
  return static_cast<bool>(out);
}

std::int64_t peak_resident() {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;) {
    std::int64_t kilobytes = 0;
    if (word == "VmHWM:" && in >> kilobytes) return kilobytes * 1024;
  }
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace mlrun
