#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/layers.h"
#include "models/named_model.h"
#include "weights/file.h"

namespace mlrun::engine {

/// Where exported weights go.
struct ExportTarget {
  std::filesystem::path file;
  std::string format{};  ///< `safetensors` or `pth`; empty: as the file's name ends
  bool force = false;    ///< replaces a file that exists
};

/// The versions of a file's modules: its own, else those of the model that its metadata describe; empty where neither
/// tells.
weights::ModuleVersions versions_of(const weights::WeightFile& file);

/// Writes the weights of a run (`choice`: best, else last; a checkpoint's name), of a checkpoint's
/// folder or of a weight file (`choice`: a nested dictionary in it), with the metadata they carry.
/// The result says what was written.
Json export_file(const std::filesystem::path& source, const std::string& choice, const ExportTarget& target);

/// What a file of the model's weights carries beside them: its name, preprocessing, and its classes
/// and the weights' name where they are published ones.
weights::Metadata model_metadata(const models::NamedModel& model);

/// Writes an architecture with options such as `model.num_classes=10`: its weights as drawn from
/// `seed`, or those that `model.weights` names. The metadata have classes (where they are
/// ImageNet's) and preprocessing.
Json export_model(const std::string& name, const std::vector<config::Override>& overrides, std::uint64_t seed,
                  const ExportTarget& target);

}  // namespace mlrun::engine
