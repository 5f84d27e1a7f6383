#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "config/registry.h"

namespace mlrun::detection {

/// How images with boxes lie in a folder: the source that reads them, and those of its options that differ from their
/// defaults, in the order in which a recipe names them.
struct BoxLayout {
  std::string format;
  std::vector<std::pair<std::string, Json>> options;

  void set(const std::string& key, Json value) { options.emplace_back(key, std::move(value)); }
  /// The source with these options.
  config::Component component() const;
};

/// Finds it out; with `format` named, its options alone. UserError where nothing is found.
BoxLayout find_layout(const std::filesystem::path& root, const std::string& format);

}  // namespace mlrun::detection
