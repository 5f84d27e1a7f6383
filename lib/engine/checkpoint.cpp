#include "engine/checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "base/files.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kTensors = "state.safetensors";
constexpr const char* kValues = "state.json";
constexpr const char* kManifest = "manifest.json";
constexpr std::uint64_t kJsonLimit = 64U << 20U;

std::string folder_name(std::int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%08lld", static_cast<long long>(step));
  return name;
}

Json read_json(const fs::path& path) {
  const std::string text = read_file(path, kJsonLimit);
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw file_error(path.string(), "is damaged: it is no JSON object");
  return json;
}

void write_manifest(const fs::path& folder, std::int64_t step) {
  Json files = Json::object();
  for (const char* name : {kWeights, kTensors, kValues}) {
    files[name] = {{"size", fs::file_size(folder / name)}, {"sha256", sha256_file(folder / name)}};
  }
  write_file(folder / kManifest, json_text({{"schema", 1}, {"step", step}, {"files", files}}, 2) + "\n");
}

void verify_file(const fs::path& file, const Json& entry) {
  const std::string remedy = "resume from an earlier checkpoint or train again";
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) throw file_error(file.string(), "is missing from its checkpoint", remedy);
  if (!entry.is_object() || entry.value("size", Json()) != Json(size)) {
    throw file_error(file.string(), "is damaged: it has " + std::to_string(size) + " bytes, not what its manifest says",
                     remedy);
  }
  if (entry.value("sha256", "") != sha256_file(file)) {
    throw file_error(file.string(), "is damaged: its checksum is not the one in its manifest", remedy);
  }
}

}  // namespace

std::int64_t checkpoint_step(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.rfind("step-", 0) != 0 || name.size() < 13 || name.size() > 20) return -1;
  if (name.find_first_not_of("0123456789", 5) != std::string::npos) return -1;
  return std::stoll(name.substr(5));
}

fs::path write_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  make_directories(folder);
  const fs::path target = folder / folder_name(checkpoint.step);
  const fs::path unfinished = folder / ("." + folder_name(checkpoint.step) + ".tmp");
  fs::remove_all(unfinished);
  make_directories(unfinished);
  try {
    weights::write_safetensors(unfinished / kWeights, checkpoint.weights, checkpoint.metadata);
    weights::write_safetensors(unfinished / kTensors, checkpoint.state.tensors());
    write_file(unfinished / kValues, json_text(checkpoint.state.values(), 1) + "\n");
    write_manifest(unfinished, checkpoint.step);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
  fs::remove_all(target);
  fs::rename(unfinished, target);
  sync_directory(folder);
  return target;
}

void verify_checkpoint(const fs::path& path) {
  const Json manifest = read_json(path / kManifest);
  const Json files = manifest.value("files", Json::object());
  for (const char* name : {kWeights, kTensors, kValues}) {
    verify_file(path / name, files.is_object() && files.contains(name) ? files[name] : Json());
  }
}

Checkpoint read_checkpoint(const fs::path& path) {
  if (!fs::is_directory(path)) {
    throw file_error(path.string(), "is no checkpoint", "name a folder such as RUN/checkpoints/last");
  }
  verify_checkpoint(path);
  Checkpoint checkpoint;
  checkpoint.step = std::max<std::int64_t>(0, checkpoint_step(fs::canonical(path)));
  auto model = weights::read_safetensors(path / kWeights);
  checkpoint.weights = std::move(model.tensors);
  checkpoint.metadata = std::move(model.metadata);
  for (auto& [name, tensor] : weights::read_safetensors(path / kTensors).tensors) checkpoint.state.put(name, tensor);
  const Json values = read_json(path / kValues);
  for (const auto& [name, value] : values.items()) checkpoint.state.put(name, value);
  return checkpoint;
}

std::vector<fs::path> list_checkpoints(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!fs::is_directory(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_symlink() && checkpoint_step(entry.path()) >= 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return checkpoint_step(a) < checkpoint_step(b); });
  return found;
}

void link_checkpoint(const fs::path& folder, const std::string& name, const std::string& target) {
  const fs::path unfinished = folder / ("." + name + ".tmp");
  fs::remove(unfinished);
  fs::create_directory_symlink(target, unfinished);
  fs::rename(unfinished, folder / name);
  sync_directory(folder);
}

void prune_checkpoints(const fs::path& folder, std::int64_t keep) {
  std::vector<std::string> kept;
  for (const char* link : {"last", "best"}) {
    if (fs::is_symlink(folder / link)) kept.push_back(fs::read_symlink(folder / link).filename().string());
  }
  auto all = list_checkpoints(folder);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < all.size(); ++i) {
    if (std::find(kept.begin(), kept.end(), all[i].filename().string()) == kept.end()) fs::remove_all(all[i]);
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.front() == '.' && entry.path().extension() == ".tmp") fs::remove_all(entry.path());
  }
}

}  // namespace mlrun::engine
