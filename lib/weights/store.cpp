#include "weights/store.h"

#include <cstdlib>

#include "base/cache.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/temporary.h"
#include "weights/download.h"

namespace mlrun::weights {

namespace fs = std::filesystem;

namespace {

constexpr const char* kTorchFolder = "hub/checkpoints";

fs::path torch_hub_folder() {
  if (const char* home = std::getenv("TORCH_HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / kTorchFolder;
  const fs::path caches = cache_folder().parent_path();
  return caches.empty() ? fs::path() : caches / "torch" / kTorchFolder;
}

bool is_stored(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// The file's name ends with the first digits of its checksum.
bool is_whole(const fs::path& file, const models::PublishedWeights& weights) {
  return sha256_file(file).rfind(weights.sha256, 0) == 0;
}

std::string where_to_put(const models::PublishedWeights& weights) {
  return std::string("put the file ") + weights.file + " into " + store_folder().string();
}

/// The whole file on one of its places; a damaged one is named and passed over.
std::optional<fs::path> whole_file(const models::PublishedWeights& weights) {
  for (const auto& place : store_places(weights)) {
    if (!is_stored(place)) continue;
    if (is_whole(place, weights)) return place;
    log::warning(place.string() + ": is damaged (its SHA-256 sum does not begin with " + weights.sha256 +
                 ") and is not used");
  }
  return std::nullopt;
}

std::string url_of(const models::PublishedWeights& weights, std::string mirror) {
  if (mirror.empty()) return weights.url();
  if (mirror.back() != '/') mirror += '/';
  return mirror + weights.file;
}

/// Twice what the parameters take, and a little: what is larger is another file.
std::uint64_t largest_download(const models::PublishedWeights& weights) {
  constexpr std::uint64_t kOthers = std::uint64_t{64} << 20U;
  return 8 * static_cast<std::uint64_t>(weights.params) + kOthers;
}

/// Of who holds the lock: what downloads that were killed left behind, also under the name that mlrun 0.1 gave them.
void remove_unfinished(const fs::path& target) {
  const std::string name = target.filename().string();
  remove_leftovers(
      target.parent_path(), [&](const std::string& other) { return other == name; }, Writers::None);
  remove_tree(target.string() + ".part");
}

/// Downloads under a hidden name, checks, renames.
void download_whole(const models::PublishedWeights& weights, const fs::path& target, const FetchOptions& options) {
  const std::string url = url_of(weights, options.mirror);
  Draft draft(target, Links::Refuse);
  try {
    download(url, draft.path(), options.progress, largest_download(weights));
  } catch (const DownloadError& error) {
    throw UserError(url + " cannot be downloaded: " + error.what(), where_to_put(weights));
  }
  const std::string sum = sha256_file(draft.path());
  if (sum.rfind(weights.sha256, 0) != 0) {
    throw UserError(url + ": what came has the SHA-256 sum " + sum.substr(0, 16) + "..., which does not begin with " +
                        weights.sha256,
                    "try again or from elsewhere, or " + where_to_put(weights));
  }
  draft.publish();
}

}  // namespace

fs::path store_folder() {
  const fs::path caches = cache_folder();
  if (caches.empty()) throw UserError("there is no cache folder", "set HOME or XDG_CACHE_HOME to an absolute path");
  return caches / "weights";
}

std::vector<fs::path> store_places(const models::PublishedWeights& weights) {
  std::vector<fs::path> places;
  for (const auto& folder : {cache_folder().empty() ? fs::path() : store_folder(), torch_hub_folder()}) {
    if (!folder.empty()) places.push_back(folder / weights.file);
  }
  return places;
}

std::optional<fs::path> stored_file(const models::PublishedWeights& weights) {
  for (const auto& place : store_places(weights)) {
    if (is_stored(place)) return place;
  }
  return std::nullopt;
}

ToBeginFrom to_begin_from(const std::string& model) {
  ToBeginFrom begin;
  for (const auto* entry : models::published_weights(model)) {
    const bool here = stored_file(*entry).has_value();
    if (begin.weights == nullptr || (here && !begin.stored) || (entry->best && here == begin.stored)) {
      begin.weights = entry;
    }
    begin.stored = begin.stored || here;
  }
  return begin;
}

fs::path verified_file(const models::PublishedWeights& weights) {
  if (auto file = whole_file(weights)) return *file;
  throw UserError("the weights " + weights.name() + " are not on this machine",
                  "run `mlrun weights get " + weights.name() + "`, or " + where_to_put(weights));
}

Fetched fetch(const models::PublishedWeights& weights, const FetchOptions& options) {
  if (auto file = whole_file(weights)) return {*file, false};
  const fs::path folder = store_folder();
  make_directories(folder);
  const fs::path target = folder / weights.file;
  const FileLock lock(target.string() + ".lock");
  if (is_stored(target) && is_whole(target, weights)) return {target, false};  // another process was first
  remove_unfinished(target);
  download_whole(weights, target, options);
  return {target, true};
}

}  // namespace mlrun::weights
