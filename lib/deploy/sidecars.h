#pragma once

#include <filesystem>
#include <vector>

#include "deploy/subject.h"

namespace mlrun::deploy {

/// Writes what lies beside an exported model into `folder`; the names of the files. `input` describes
/// what the file takes: its name, dtype and shape.
std::vector<std::filesystem::path> write_sidecars(const std::filesystem::path& folder, const Subject& subject,
                                                  const Json& input);

/// preprocess.json's content: what was done to images, the input, the classes' number.
Json preprocess_json(const Subject& subject, const Json& input);

}  // namespace mlrun::deploy
