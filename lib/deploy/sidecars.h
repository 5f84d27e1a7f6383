#pragma once

#include <filesystem>
#include <vector>

#include "deploy/subject.h"

namespace mlrun::deploy {

/// The files that may lie beside an exported model. They carry its whole name (`net.onnx.classes.txt`), so that any
/// number of exports live in one folder.
struct SidecarNames {
  explicit SidecarNames(const std::filesystem::path& model);
  std::filesystem::path preprocess, golden, classes;
  std::vector<std::filesystem::path> all() const { return {preprocess, golden, classes}; }
};

/// Writes what lies beside the exported model `model` (a name) into `folder`; the names of the files. `input` describes
/// what the file takes: its name, dtype and shape; a list of those where it takes several tensors.
std::vector<std::filesystem::path> write_sidecars(const std::filesystem::path& folder,
                                                  const std::filesystem::path& model, const ExportSubject& subject,
                                                  const Json& input);

/// The content of `net.onnx.preprocess.json`: what was done to images, the input, the classes.
Json preprocess_json(const ExportSubject& subject, const std::filesystem::path& model, const Json& input);

}  // namespace mlrun::deploy
