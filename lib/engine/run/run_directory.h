#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "config/bind.h"
#include "data/sources/source.h"

namespace mlrun::engine {

enum class Resume { Never, Auto, Must };

/// `auto`, `must`, `never`; UserError otherwise.
Resume parse_resume(const std::string& text);

/// True while a process, on this or another machine, holds the run in `path` open for writing.
bool is_being_written(const std::filesystem::path& path);

/// The folder of one run: recipe.yaml, run.json, metrics, log, tensorboard/, checkpoints/.
class RunDirectory {
 public:
  /// Opens a finished or interrupted run for reading; UserError where `path` is none.
  static RunDirectory open(const std::filesystem::path& path);

  /// The same for whoever changes its files and not what it is: held as by its writer. UserError where another has it.
  static RunDirectory hold(const std::filesystem::path& path);

  /// Opens `path` for one writer: makes it, or (as `resume` allows) takes up the run in it. A second
  /// writer, changed options and checkpoints without their run.json are UserErrors that name them.
  static RunDirectory claim(const std::filesystem::path& path, const config::Resolved& resolved, Resume resume);

  ~RunDirectory();
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path recipe_file() const { return path_ / "recipe.yaml"; }
  std::filesystem::path log_file() const { return path_ / "train.log"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

  /// What run.json says; an empty object before the first `update`.
  const Json& info() const { return info_; }
  std::string state() const { return info_.value("state", ""); }
  /// Merges `changes` into run.json (a null removes its key) and writes it.
  void update(const Json& changes);

  /// Asked before each write: UserError where the folder is no longer the one that `claim` locked. Whoever removed or
  /// moved it may have begun another run under its name.
  void require_own() const;

  /// True where `claim` took up an earlier run.
  bool resumed() const { return resumed_; }

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();
  /// Removes what killed writers of this run left behind: nobody else writes these names while the lock is held.
  void tidy() const;
  /// False also for a run that failed before it knew its recipe and data: there is nothing to keep.
  bool began();
  void read_info();

  std::filesystem::path path_;
  Json info_ = Json::object();
  int lock_ = -1;
  bool exclusive_ = false;  // the file system has locks
  bool tidied_ = false;
  bool resumed_ = false;
};

/// A data set's description in run.json and checkpoints, and back.
Json to_json(const data::DataInfo& info);
data::DataInfo data_info(const Json& json);

/// `2026-11-22T03:40:51Z`, now.
std::string timestamp();

/// This machine's name.
std::string host_name();

}  // namespace mlrun::engine
