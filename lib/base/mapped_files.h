#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>

#include "base/error.h"

/// A file that is cut while it is mapped takes its pages away: whoever touches one gets a SIGBUS.
namespace mlrun {

/// From now on such a signal ends the process with exit code 2 and one line that names the file. `report` gives what is
/// written to stdout then, or nothing; it is asked when a file is mapped.
void watch_mapped_files(std::function<std::string(const Problem&)> report = {});

/// Says of its lifetime that these bytes are `file`'s.
class MappedRange {
 public:
  MappedRange() = default;
  MappedRange(const void* bytes, std::size_t size, const std::filesystem::path& file);
  ~MappedRange();
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;

 private:
  std::size_t slot_ = SIZE_MAX;
};

}  // namespace mlrun
