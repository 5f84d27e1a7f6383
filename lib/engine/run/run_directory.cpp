#include "engine/run/run_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/temporary.h"
#include "engine/run/checkpoint.h"
#include "engine/run/schema.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLock = ".lock";

/// An exclusive lock that belongs to the open file: unlike a process's own locks it can be asked
/// after without being taken, and unlike flock's it reaches other machines over NFS.
struct flock whole_file() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// Options that a resumed run may change: where and how it runs and how its task answers, not what it learns.
bool free_on_resume(const std::string& key) {
  for (const char* prefix : {"train.workers", "train.log_", "train.checkpoint", "train.max_time",
                             "train.activation_checkpointing", "task.answer.", "expect"}) {
    if (key.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

void flatten(const Json& value, const std::string& prefix, std::map<std::string, Json>& out) {
  if (!value.is_object()) {
    out[prefix] = value;
    return;
  }
  for (const auto& [key, item] : value.items()) flatten(item, prefix.empty() ? key : prefix + "." + key, out);
}

/// What to do about an option that has changed. Most who change the length want to train on.
std::string remedy(const fs::path& path, const std::string& key) {
  if (key != "train.epochs" && key != "train.length") return "restore it, or start another run with --out";
  return "restore it or, to train on from these weights, start another run with --out and model.weights: " +
         path.string();
}

/// Whether nobody has set the option: one that mlrun did not have when a run began was what its default is now.
bool by_default(const config::Resolved& now, const std::string& key) {
  return config::origin_of(now.provenance, key).file.empty();
}

/// Whether two values are the same but for options of components that the earlier mlrun did not have.
bool same_value(const Json& before, const Json& after, const config::Resolved& now, const std::string& key) {
  if (before == after) return true;
  if (before.is_array() && after.is_array() && before.size() == after.size()) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!same_value(before[i], after[i], now, key + "." + std::to_string(i))) return false;
    }
    return true;
  }
  if (!before.is_object() || !after.is_object()) return false;
  for (const auto& [name, value] : after.items()) {
    const std::string inner = key + "." + name;
    if (before.contains(name) ? !same_value(before[name], value, now, inner) : !by_default(now, inner)) return false;
  }
  return std::all_of(before.items().begin(), before.items().end(),
                     [&after](const auto& item) { return after.contains(item.key()); });
}

void refuse_changes(const fs::path& path, const Json& before, const config::Resolved& now) {
  std::map<std::string, Json> old_values, new_values;
  flatten(before, "", old_values);
  flatten(config::recorded_values(now), "", new_values);
  std::vector<Problem> problems;
  const auto differ = [&](const std::string& key, const std::string& was, const std::string& is) {
    if (free_on_resume(key)) return;
    problems.push_back(
        {path.string(), 0, 0, key, "was " + was + " when this run began and is " + is + " now", remedy(path, key)});
  };
  for (const auto& [key, value] : new_values) {
    const auto found = old_values.find(key);
    if (found == old_values.end() && by_default(now, key)) continue;
    if (found == old_values.end()) differ(key, "absent", json_text(value));
    else if (!same_value(found->second, value, now, key)) differ(key, json_text(found->second), json_text(value));
  }
  for (const auto& [key, value] : old_values) {
    if (new_values.count(key) == 0) differ(key, json_text(value), "absent");
  }
  if (!problems.empty()) throw UserError(std::move(problems));
}

/// A run that began among another's checkpoints would prune its own and later resume from the other's.
void refuse_orphans(const fs::path& path, const fs::path& checkpoints) {
  if (!fs::is_directory(checkpoints) || list_checkpoints(checkpoints).empty()) return;
  throw file_error(path.string(), "holds checkpoints, but no run.json that tells which run they belong to",
                   "restore run.json, or choose another folder with --out");
}

/// A run has its lock before it writes anything else, so what lies in a folder without one is somebody's own.
void refuse_strangers(const fs::path& path) {
  if (fs::exists(fs::symlink_status(path / kLock))) return;
  for (const char* name : {"recipe.yaml", "metrics.jsonl", "metrics.csv", "train.log"}) {
    if (!fs::is_regular_file(fs::symlink_status(path / name))) continue;
    throw file_error((path / name).string(), "is of no run, and one in this folder would replace it",
                     "move it away, or choose another folder with --out");
  }
}

}  // namespace

Resume parse_resume(const std::string& text) {
  if (text == "never") return Resume::Never;
  if (text == "auto") return Resume::Auto;
  if (text == "must") return Resume::Must;
  throw UserError("--resume: unknown choice '" + text + "'", "choose auto, must or never");
}

bool is_being_written(const fs::path& path) {
  const int file = ::open((path / kLock).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return false;
  struct flock whole = whole_file();
  const bool held = ::fcntl(file, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  ::close(file);
  return held;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  if (!fs::exists(path / "run.json")) {
    throw file_error(path.string(), fs::exists(path) ? "is no run: it has no run.json" : "does not exist",
                     "name the folder that `mlrun train` wrote");
  }
  RunDirectory run(path);
  run.read_info();
  return run;
}

RunDirectory RunDirectory::hold(const fs::path& path) {
  RunDirectory run = open(path);
  run.lock();
  run.read_info();
  return run;
}

RunDirectory RunDirectory::claim(const fs::path& path, const config::Resolved& resolved, Resume resume) {
  RunDirectory run(path);
  const bool exists = run.began();
  if (exists && resume == Resume::Never) {
    throw file_error(path.string(), "already holds a run",
                     "continue it with --resume auto, or choose another folder with --out");
  }
  if (!exists) refuse_orphans(path, run.checkpoints());
  if (!exists) refuse_strangers(path);
  if (!exists && resume == Resume::Must) {
    throw file_error(path.string(), "holds no run to resume", "start one with --resume auto or never");
  }
  make_directories(path);
  run.lock();
  if (exists) {
    run.read_info();
    refuse_changes(path, run.info_.value("recipe", Json::object()), resolved);
    run.resumed_ = true;
  }
  if (run.state() != "finished") write_file(run.recipe_file(), config::recorded_yaml(resolved), Links::Refuse);
  return run;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      info_(std::move(other.info_)),
      lock_(std::exchange(other.lock_, -1)),
      exclusive_(other.exclusive_),
      tidied_(other.tidied_),
      resumed_(other.resumed_) {}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

void RunDirectory::lock() {
  lock_ = open_lasting(path_ / kLock, O_RDWR);
  if (lock_ < 0) throw write_error(path_, "cannot be written", errno);
  struct flock whole = whole_file();
  exclusive_ = ::fcntl(lock_, F_OFD_SETLK, &whole) == 0;
  if (exclusive_) return require_own();  // the folder may have been replaced before the lock was had
  if (errno == EAGAIN || errno == EACCES) {
    throw file_error(path_.string(), "another mlrun is writing this run",
                     "wait for it to end, or choose another folder with --out");
  }
  log::warning(path_.string() + ": this file system has no locks, so that a second writer would not be noticed");
}

void RunDirectory::require_own() const {
  struct stat held = {};
  struct stat now = {};
  if (lock_ < 0 || ::fstat(lock_, &held) != 0) return;
  if (::lstat((path_ / kLock).c_str(), &now) == 0 && now.st_dev == held.st_dev && now.st_ino == held.st_ino) return;
  throw file_error(path_.string(),
                   "was removed, moved or replaced while this training wrote it; nothing more is written",
                   "leave the folder of a training alone; start this one again with another --out");
}

void RunDirectory::tidy() const {
  const Writers writers = exclusive_ ? Writers::None : Writers::Others;
  const auto written = [](const std::string& name) {
    return name == "run.json" || name == "recipe.yaml" || name == "metrics.jsonl" || name == "metrics.csv";
  };
  remove_leftovers(path_, written, writers);
  remove_leftovers(checkpoints(), is_checkpoint_name, writers);
}

bool RunDirectory::began() {
  if (!fs::exists(path_ / "run.json")) return false;
  read_info();
  return info_.contains("recipe");
}

void RunDirectory::read_info() {
  const fs::path file = path_ / "run.json";
  info_ = parse_json(read_file(file, 64U << 20U));
  if (!info_.is_object()) throw file_error(file.string(), "is damaged: it is no JSON object");
  check_schema(info_, kRunSchema, file);
  const auto holds = [this](const char* key, Json::value_t type) {
    return !info_.contains(key) || info_[key].type() == type;
  };
  if (!holds("state", Json::value_t::string) || !holds("recipe", Json::value_t::object)) {
    throw file_error(file.string(), "is damaged: its state or recipe is not what mlrun writes");
  }
}

void RunDirectory::update(const Json& changes) {
  require_own();
  info_.update(changes);
  for (const auto& [key, value] : changes.items()) {
    if (value.is_null()) info_.erase(key);
  }
  write_file(path_ / "run.json", json_text(info_, 2) + "\n", Links::Refuse);
  if (!std::exchange(tidied_, true)) tidy();  // not before: the folder may have held no run
}

Json to_json(const data::DataInfo& info) {
  Json json = {
      {"name", info.name}, {"fingerprint", info.fingerprint}, {"classes", info.classes}, {"channels", info.channels}};
  if (!info.facts.empty()) json["facts"] = info.facts;
  return json;
}

data::DataInfo data_info(const Json& json) {
  try {
    return {json.at("name").get<std::string>(), json.at("fingerprint").get<std::string>(),
            json.at("classes").get<std::vector<std::string>>(), json.at("channels").get<std::int64_t>(),
            json.value("facts", Json::object())};
  } catch (const Json::exception&) {
    throw UserError("the run's description of its data is damaged", "train again");
  }
}

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace mlrun::engine
