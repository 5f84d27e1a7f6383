#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "weights/pickle.h"

namespace mlrun::weights {

/// Where the bytes of a storage lie in a file.
struct StoragePlace {
  std::uint64_t begin = 0, size = 0;
};

/// What torch.save wrote before 1.6: pickles one after the other, then the storages.
struct LegacyPth {
  Pickle pickle;
  std::map<std::string, StoragePlace, std::less<>> storages;
};

/// Whether `content` starts as such a file does.
bool is_legacy_pth(std::string_view content);

/// Reads such a file, whose whole content is `content` and must outlive the result. Every storage
/// that the pickle names lies in it, apart from the others. UserError that names `file`.
LegacyPth parse_legacy_pth(std::string_view content, const std::string& file);

}  // namespace mlrun::weights
