#include "data/read_samples.h"

#include <utility>

#include "base/error.h"

namespace mlrun::data {
namespace {

/// The id of a sample that cannot be made; its position where only the sample itself would tell.
std::string id_of_unread(const Source& source, std::int64_t index) {
  try {
    return source.facts(index).id;
  } catch (const UserError&) {
    return std::to_string(index);
  }
}

}  // namespace

OnError on_error_of(const std::string& name) {
  MLRUN_ASSERT(name == "fail" || name == "skip", "no such data.on_error: " + name);
  return name == "skip" ? OnError::Skip : OnError::Fail;
}

SamplesRead read_samples(const Source& source, const std::vector<SampleKey>& keys, OnError on_error) {
  SamplesRead read;
  read.samples.reserve(keys.size());
  BatchMemory memory(static_cast<std::int64_t>(keys.size()));
  for (const SampleKey& key : keys) {
    try {
      read.samples.push_back(source.get_into(key, memory));
    } catch (const UserError& error) {
      if (on_error == OnError::Fail) throw;
      read.skipped.push_back({id_of_unread(source, key.index), key.index, error.what()});
    }
  }
  return read;
}

}  // namespace mlrun::data
