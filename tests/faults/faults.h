#pragma once

#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "apps/run_mlrun.h"
#include "base/files.h"

/// Trainings on a machine that breaks. What breaks is told to the library in injector.cpp by the environment.
namespace mlrun::test {

using Environment = std::map<std::string, std::string>;

/// 4 steps an epoch, checkpoints at 3, 4, 6 and 8.
inline const char* const kFaultRecipe = R"(task: classification
model: {name: small_cnn, width: 4, dropout: 0}
data:
  format: synthetic
  train_samples: 30
  val_samples: 10
  test_samples: 10
  num_classes: 3
  height: 16
  width: 16
  augment: [normalize]
  preprocess: [{name: resize, size: [16, 16]}, normalize]
train: {epochs: 2, batch_size: 8, seed: 0, device: cpu, threads: 1, workers: 0, log_steps: 1,
        checkpoint: {every: 3 steps}}
optimizer: {name: adamw, lr: 0.01}
)";

/// A folder with the recipe `tiny.yaml`.
struct FaultFolder : TempDir {
  FaultFolder() { write("tiny.yaml", kFaultRecipe); }

  /// `mlrun train tiny.yaml --out OUT` with faults; only what it writes below OUT can fail.
  Invocation train(const std::string& out, Environment faults = {}, std::vector<std::string> more = {}) const {
    Invocation line{{"train", "tiny.yaml", "--quiet", "--out", out}, path(), {}};
    line.arguments.insert(line.arguments.end(), more.begin(), more.end());
    line.environment = with_injector(std::move(faults));
    line.environment["FAULT_UNDER"] = *this / out;
    return line;
  }

  static Environment with_injector(Environment faults) {
    faults["LD_PRELOAD"] = MLRUN_FAULT_INJECTOR;
    faults["OMP_NUM_THREADS"] = "1";
    faults["ASAN_OPTIONS"] = "verify_asan_link_order=0";
    return faults;
  }
};

/// The soft limit of a resource for this process and those it starts, until the end of its life.
class Limit {
 public:
  Limit(int resource, rlim_t most) : resource_(resource) {
    REQUIRE(::getrlimit(static_cast<__rlimit_resource>(resource_), &before_) == 0);
    rlimit now = before_;
    now.rlim_cur = most;
    REQUIRE(::setrlimit(static_cast<__rlimit_resource>(resource_), &now) == 0);
  }
  ~Limit() { ::setrlimit(static_cast<__rlimit_resource>(resource_), &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  int resource_;
  rlimit before_ = {};
};

/// Names of what an interrupted write left below `folder`.
inline std::vector<std::string> left_behind(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (contains(entry.path().filename().string(), ".tmp")) names.push_back(entry.path().string());
  }
  return names;
}

/// Checks every checkpoint of the run against its manifest, with code that is not mlrun's; returns their number.
inline int check_checkpoints(const std::filesystem::path& run) {
  int count = 0;
  if (!std::filesystem::exists(run / "checkpoints")) return count;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints")) {
    if (entry.is_symlink() || entry.path().filename().string().rfind("step-", 0) != 0) continue;
    INFO(entry.path().string());
    const Json manifest = Json::parse(read_file(entry.path() / "manifest.json"));
    CHECK(manifest.at("files").size() == 3);
    for (const auto& [name, about] : manifest.at("files").items()) {
      CHECK(sha256_file(entry.path() / name) == about.at("sha256").get<std::string>());
    }
    ++count;
  }
  for (const char* link : {"last", "best"}) {
    if (std::filesystem::is_symlink(run / "checkpoints" / link)) {
      CHECK(std::filesystem::exists(run / "checkpoints" / link / "manifest.json"));
    }
  }
  return count;
}

/// metrics.jsonl without what depends on time.
inline std::vector<Json> timeless_rows(const std::filesystem::path& run) {
  std::vector<Json> rows;
  std::istringstream lines(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    Json row = Json::parse(line);
    for (const char* key : {"seconds", "images_per_s", "wait_share"}) row.erase(key);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Checks that two finished runs came to the same bytes.
inline void check_same(const std::filesystem::path& run, const std::filesystem::path& reference) {
  for (const char* link : {"last", "best"}) {
    for (const char* name : {"model.safetensors", "state.safetensors"}) {
      const auto file = std::filesystem::path("checkpoints") / link / name;
      INFO((run / file).string());
      CHECK(sha256_file(run / file) == sha256_file(reference / file));
    }
  }
  CHECK(timeless_rows(run) == timeless_rows(reference));
  CHECK(Json::parse(read_file(run / "run.json")).at("state") == "finished");
}

/// A run of kFaultRecipe that nothing disturbed.
inline const std::filesystem::path& undisturbed() {
  static const FaultFolder folder;
  static const std::filesystem::path run = [] {
    REQUIRE(test::run(folder.train("run")).code == 0);
    return folder / "run";
  }();
  return run;
}

}  // namespace mlrun::test
