#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/shown_text.h"
#include "data/sources/boxed/box_problems.h"
#include "data/sources/names.h"

namespace mlrun::data {

/// The classes of a data set whose annotations name them: those that an option gives, or else all that occur.
class ClassNames {
 public:
  explicit ClassNames(std::vector<std::string> given) : names_(std::move(given)), given_(!names_.empty()) {
    for (std::size_t i = 0; i < names_.size(); ++i) labels_.emplace(names_[i], static_cast<std::int64_t>(i));
  }

  /// `name` stands in a file; a problem where classes are given and it is none of them.
  void see(const std::string& name, const std::string& file, int line, BoxProblems& problems) {
    if (!given_) {
      labels_.emplace(name, 0);
    } else if (labels_.count(name) == 0) {
      problems.add(file, line, "'" + shown_text(name) + "' is no class" + look_alike(name, names_),
                   "data.classes has " + list());
    }
  }

  /// All names, when all were seen.
  const std::vector<std::string>& settle() {
    if (given_) return names_;
    names_.clear();
    for (auto& [name, label] : labels_) {
      label = static_cast<std::int64_t>(names_.size());
      names_.push_back(name);
    }
    return names_;
  }

  std::optional<std::int64_t> label(const std::string& name) const {
    const auto found = labels_.find(name);
    return found == labels_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::string list() const {
    std::string text;
    for (const auto& name : names_) text += (text.empty() ? "" : ", ") + name;
    return shown_text(text);
  }

  std::vector<std::string> names_;
  bool given_;
  std::map<std::string, std::int64_t> labels_;
};

}  // namespace mlrun::data
