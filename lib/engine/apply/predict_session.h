#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/answer.h"
#include "engine/apply/apply_session.h"

namespace mlrun::engine {

/// A file to apply a model to, and the name, with folders and without its ending, that its answers have.
struct PredictFile {
  std::filesystem::path file, name;
};

struct PredictRequest {
  std::vector<PredictFile> files;
  AnswerOptions options{};
  std::filesystem::path out{};  ///< the folder for answers that are files; empty: they are not written
  std::string format{};         ///< one of `result_forms` that is written to `out` in place of them; empty: none
  bool force = false;           ///< replaces what lies there
  std::function<void(std::int64_t done)> progress{};
};

/// What the model says of one file.
struct Prediction {
  std::string file;
  Answer answer;
  std::vector<std::filesystem::path> written;  ///< its answers' files
};

struct Predictions {
  std::vector<Prediction> done;  ///< in the order of the files; none where a format is written
  std::int64_t written = 0;      ///< files of which something was written in a format
  std::vector<Problem> failed;   ///< files that could not be read, or that the model says nothing of
};

/// Applies the model to files; one that cannot be read is reported and the others go on. UserError for options that
/// the task's answers do not heed, for formats that it does not have, and for what would be written over something
/// else. With a format what lies in memory does not grow with the number of files.
Predictions predict_files(Loaded& loaded, const PredictRequest& request);

}  // namespace mlrun::engine
