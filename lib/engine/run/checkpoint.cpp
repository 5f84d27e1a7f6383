#include "engine/run/checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "base/paths.h"
#include "engine/run/model_state.h"
#include "engine/run/schema.h"
#include "report/format.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kTensors = "state.safetensors";
constexpr const char* kValues = "state.json";
constexpr const char* kAveraged = "averaged.safetensors";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kSchema = "schema";
constexpr const char* kDamaged = "damaged-";
constexpr std::uint64_t kJsonLimit = 64U << 20U;

std::string folder_name(std::int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%08lld", static_cast<long long>(step));
  return name;
}

Json read_json(const fs::path& path) {
  Json json = parse_json(read_file(path, kJsonLimit));
  if (!json.is_object()) throw DamagedCheckpoint(path, "is damaged: it is no JSON object");
  return json;
}

/// The size of a file of a checkpoint, which must be there.
std::uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error == std::errc::no_such_file_or_directory) throw DamagedCheckpoint(file, "is missing from its checkpoint");
  if (error) throw file_error(file.string(), "cannot be read: " + error.message());
  return size;
}

/// What manifest.json says, of a schema that is known and of the step that the folder's name tells.
Json read_manifest(const fs::path& checkpoint) {
  const fs::path file = checkpoint / kManifest;
  size_of(file);
  Json manifest = read_json(file);
  if (!schema_of(manifest)) throw DamagedCheckpoint(file, "is damaged: its schema is no number that mlrun writes");
  check_schema(manifest, kManifestSchema, file);
  const Json step = manifest.value("step", Json());
  if (!step.is_number_integer() || step < 0) throw DamagedCheckpoint(file, "is damaged: it does not tell its step");
  const std::int64_t named = checkpoint_step(fs::canonical(checkpoint));
  if (named < 0 || step == named) return manifest;
  throw DamagedCheckpoint(
      file, "is of step " + json_text(step) + ", and its folder was renamed to step " + std::to_string(named));
}

/// A disk that would be full half-way is found out before anything is written.
void check_room(const fs::path& folder, const Checkpoint& checkpoint) {
  constexpr std::uint64_t kHeaders = 1U << 20U;
  const std::uint64_t needed = byte_count(checkpoint.weights) + byte_count(checkpoint.averaged) +
                               byte_count(checkpoint.state.tensors()) + kHeaders;
  const std::uint64_t free = free_bytes(folder);
  if (free >= needed) return;
  throw file_error(folder.string(),
                   "a checkpoint needs " + report::bytes(static_cast<double>(needed)) + " and " +
                       report::bytes(static_cast<double>(free)) + " are free",
                   "free some space and run the same command with --resume auto");
}

void write_manifest(const fs::path& folder, std::int64_t step) {
  Json files = Json::object();
  for (const char* name : {kWeights, kTensors, kValues, kAveraged}) {
    if (!fs::exists(folder / name)) continue;
    files[name] = {{"size", fs::file_size(folder / name)}, {"sha256", sha256_file(folder / name)}};
  }
  write_file(folder / kManifest, json_text({{"schema", kManifestSchema}, {"step", step}, {"files", files}}, 2) + "\n");
}

void verify_file(const fs::path& file, const Json& entry) {
  const auto size = size_of(file);
  if (!entry.is_object() || entry.value("size", Json()) != Json(size)) {
    throw DamagedCheckpoint(file, "is damaged: it has " + std::to_string(size) + " bytes, not what its manifest says");
  }
  if (entry.value("sha256", Json()) != Json(sha256_file(file))) {
    throw DamagedCheckpoint(file, "is damaged: its checksum is not the one in its manifest");
  }
}

}  // namespace

DamagedCheckpoint::DamagedCheckpoint(const fs::path& file, const std::string& what)
    : UserError(Problem{file.string(), 0, 0, "", what, "resume from an earlier checkpoint or train again"}) {}

std::int64_t checkpoint_step(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.rfind("step-", 0) != 0 || name.size() < 13 || name.size() > 20) return -1;
  if (name.find_first_not_of("0123456789", 5) != std::string::npos) return -1;
  return std::stoll(name.substr(5));
}

fs::path write_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  make_directories(folder);
  check_room(folder, checkpoint);
  const fs::path target = folder / folder_name(checkpoint.step);
  Draft draft(target, Links::Refuse);
  draft.make_folder();
  const fs::path& made = draft.path();
  weights::write_safetensors(made / kWeights, checkpoint.weights, checkpoint.metadata);
  if (!checkpoint.averaged.empty()) {
    weights::write_safetensors(made / kAveraged, checkpoint.averaged, checkpoint.metadata);
  }
  weights::write_safetensors(made / kTensors, checkpoint.state.tensors());
  Json values = {{kSchema, kStateSchema}};
  values.update(checkpoint.state.values());
  write_file(made / kValues, json_text(values, 1) + "\n");
  write_manifest(made, checkpoint.step);
  draft.publish_folder();
  return target;
}

void verify_checkpoint(const fs::path& path) {
  const Json manifest = read_manifest(path);
  const Json files = manifest.value("files", Json::object());
  for (const char* name : {kWeights, kTensors, kValues}) {
    verify_file(path / name, files.is_object() && files.contains(name) ? files[name] : Json());
  }
  if (files.contains(kAveraged)) verify_file(path / kAveraged, files[kAveraged]);
}

std::uint64_t checkpoint_bytes(const fs::path& path) {
  std::uint64_t sum = 0;
  for (const char* name : {kWeights, kAveraged, kTensors, kValues, kManifest}) {
    std::error_code absent;
    const auto size = fs::file_size(path / name, absent);
    if (!absent) sum += size;
  }
  return sum;
}

fs::path set_aside(const fs::path& path) {
  fs::path aside = path.parent_path() / (kDamaged + path.filename().string());
  replace_folder(path, aside);
  return aside;
}

Checkpoint read_checkpoint(const fs::path& path) {
  if (!fs::is_directory(path)) {
    throw file_error(path.string(), "is no checkpoint", "name a folder such as RUN/checkpoints/last");
  }
  verify_checkpoint(path);
  Checkpoint checkpoint;
  checkpoint.step = read_manifest(path).at("step").get<std::int64_t>();
  auto model = weights::read_safetensors(path / kWeights);
  checkpoint.weights = std::move(model.tensors);
  checkpoint.metadata = std::move(model.metadata);
  for (auto& [name, tensor] : weights::read_safetensors(path / kTensors).tensors) checkpoint.state.put(name, tensor);
  Json values = read_json(path / kValues);
  check_schema(values, kStateSchema, path / kValues);
  values.erase(kSchema);
  checkpoint.state.put_values(std::move(values));
  return checkpoint;
}

std::vector<fs::path> list_checkpoints(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  if (!fs::exists(folder, error) && !error) return found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_symlink() && checkpoint_step(entry->path()) >= 0) found.push_back(entry->path());
  }
  // A folder that cannot be read must not look like one without checkpoints: the training would begin anew.
  if (error) throw file_error(folder.string(), "cannot be read: " + error.message());
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return checkpoint_step(a) < checkpoint_step(b); });
  return found;
}

bool is_checkpoint_name(const std::string& name) {
  const std::string step = name.rfind(kDamaged, 0) == 0 ? name.substr(std::strlen(kDamaged)) : name;
  return name == "last" || name == "best" || checkpoint_step(step) >= 0;
}

void prune_checkpoints(const fs::path& folder, std::int64_t keep,
                       const std::function<bool(std::int64_t step)>& wanted) {
  std::vector<std::string> kept;
  for (const char* link : {"last", "best"}) {
    std::error_code unreadable;
    if (!fs::is_symlink(folder / link, unreadable)) continue;
    kept.push_back(fs::read_symlink(folder / link, unreadable).filename().string());
    if (unreadable) return;  // what it protects is not known
  }
  const auto all = list_checkpoints(folder);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < all.size(); ++i) {
    if (wanted && wanted(checkpoint_step(all[i]))) continue;
    if (std::find(kept.begin(), kept.end(), all[i].filename().string()) == kept.end()) discard(all[i]);
  }
}

}  // namespace mlrun::engine
