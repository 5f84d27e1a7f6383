#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/table.h"

namespace mlrun::engine {

/// A file that is an answer or shows one: a mask, a picture, a sound.
struct AnswerFile {
  std::string suffix;  ///< what follows the input's name without its ending: `_mask.png`
  /// Writes it whole or not at all.
  std::function<void(const std::filesystem::path& file)> write;
};

/// What `mlrun predict` says of one sample.
struct Answer {
  Json json;              ///< as --json has it
  report::Table table;    ///< for people
  report::Table records;  ///< the same for programs, as --csv has it: figures with all their digits
  std::vector<AnswerFile> files{};
};

/// Settings of answering. They are none of training, and no part of a run.
struct AnswerOptions {
  std::optional<std::int64_t> topk{};  ///< how many of ranked answers
};

}  // namespace mlrun::engine
