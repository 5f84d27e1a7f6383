#include "deploy/export_session.h"

#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/paths.h"
#include "deploy/sidecars.h"
#include "deploy/torchscript.h"
#include "deploy/trace.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

constexpr double kTorchScriptTolerance = 1e-5;

/// A hidden folder beside the target where everything is made and tried before it is shown.
class Staging {
 public:
  explicit Staging(const fs::path& target)
      : parent_(target.parent_path()),
        folder_(parent_ / ("." + target.filename().string() + "." + std::to_string(::getpid()) + ".tmp")) {
    if (!parent_.empty() && !fs::is_directory(parent_))
      throw file_error(parent_.string(), "is no folder", "make it first");
    remove_tree(folder_);
    make_directories(folder_);
  }
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const fs::path& folder() const { return folder_; }

  /// Refuses names that are taken by other content.
  void check_free(const std::vector<fs::path>& names) const {
    for (const auto& name : names) {
      const fs::path target = parent_ / name;
      if (!fs::exists(fs::symlink_status(target))) continue;
      if (fs::is_regular_file(target) && sha256_file(target) == sha256_file(folder_ / name)) continue;
      throw file_error(target.string(), "exists already and is of another export",
                       "add --force to replace it, or export into a folder of its own");
    }
  }

  std::vector<fs::path> publish(const std::vector<fs::path>& names) const {
    std::vector<fs::path> files;
    for (const auto& name : names) {
      std::error_code error;
      fs::rename(folder_ / name, parent_ / name, error);
      if (error) throw write_error(parent_ / name, "cannot be put in its place", error.value());
      files.push_back(parent_ / name);
    }
    sync_directory(parent_.empty() ? fs::path(".") : parent_);
    return files;
  }

 private:
  fs::path parent_, folder_;
};

void check_target(const ExportRequest& request) {
  if (fs::is_directory(request.file)) throw file_error(request.file.string(), "is a folder", "name a file");
  if (!request.force && fs::exists(fs::symlink_status(request.file))) {
    throw file_error(request.file.string(), "exists already", "add --force to replace it, or choose another name");
  }
}

Json input_json(const Subject& subject) {
  const auto size = [&](std::int64_t dimension) { return Json(subject.samples.size(dimension)); };
  return {{"name", "input"}, {"dtype", "float32"}, {"layout", "NCHW"}, {"shape", {nullptr, size(1), size(2), size(3)}}};
}

void write_model(const Subject& subject, const ExportRequest& request, const fs::path& file) {
  // Traced with two samples: what holds for one batch alone would show with one and three.
  const torch::Tensor example = torch::cat({subject.samples, subject.samples}).narrow(0, 0, 2);
  write_torchscript(file, trace(*subject.model, example), request.frozen,
                    {{"preprocess.json", json_text(preprocess_json(subject, input_json(subject)))},
                     {"metadata.json", json_text(Json(subject.metadata))}});
}

}  // namespace

Exported export_subject(const Subject& subject, const ExportRequest& request) {
  check_target(request);
  const Staging staging(request.file);
  std::vector<fs::path> names = {request.file.filename()};
  write_model(subject, request, staging.folder() / names.front());
  Exported result;
  result.bytes = fs::file_size(staging.folder() / names.front());
  const Runner model = [&](const torch::Tensor& input) { return (*subject.model)(input); };
  result.parity.push_back(compare("torchscript", model, load_torchscript(staging.folder() / names.front()),
                                  subject.samples, kTorchScriptTolerance));
  result.met = result.parity.back().met;
  if (!result.met) return result;
  for (const auto& name : write_sidecars(staging.folder(), subject, input_json(subject))) names.push_back(name);
  if (!request.force) staging.check_free(names);
  result.files = staging.publish(names);
  return result;
}

}  // namespace mlrun::deploy
