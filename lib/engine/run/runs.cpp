#include "engine/run/runs.h"

#include <algorithm>
#include <ctime>
#include <system_error>

#include "base/error.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

/// Seconds since a UTC timestamp; nothing where the text is none. A clock that went back gives 0.
std::optional<double> age_of(const std::string& text) {
  std::tm parts = {};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::max(0.0, std::difftime(std::time(nullptr), ::timegm(&parts)));
}

template <class Value>
Value member(const Json& json, const char* name, Value otherwise) {
  const auto found = json.find(name);
  if (found == json.end()) return otherwise;
  try {
    return found->template get<Value>();
  } catch (const Json::exception&) {
    return otherwise;
  }
}

std::optional<Best> best_of(const Json& info) {
  const Json best = member(info, "best", Json::object());
  if (!best.is_object() || !best.contains("metric") || !best.contains("value") || !best["value"].is_number()) {
    return std::nullopt;
  }
  return Best{recorded_figure(member<std::string>(best, "metric", ""), best["value"].get<double>(), best),
              member<std::int64_t>(best, "step", 0)};
}

RunSummary summarise(const fs::path& path) {
  RunSummary run;
  run.path = path;
  Json info;
  try {
    info = RunDirectory::open(path).info();
  } catch (const UserError& error) {
    run.state = dynamic_cast<const LaterSchema*>(&error) == nullptr ? "damaged" : "newer";
    run.error = error.problems().front().message;
    return run;
  }
  run.state = member<std::string>(info, "state", "");
  if (run.state == "running" && !is_being_written(path)) run.state = "stale";
  run.step = member<std::int64_t>(info, "step", 0);
  run.epoch = member<std::int64_t>(info, "epoch", 0);
  const Json train = member(member(info, "recipe", Json::object()), "train", Json::object());
  run.epochs = member<std::int64_t>(train, "epochs", 0);
  run.length = member<std::string>(train, "length", "");
  run.best = best_of(info);
  run.updated = member<std::string>(info, "updated", "");
  run.age = age_of(run.updated);
  run.host = member<std::string>(info, "host", "");
  run.error = member<std::string>(info, "error", "");
  return run;
}

/// A run's own folders hold no runs, and neither do hidden ones.
void search(const fs::path& folder, std::vector<RunSummary>& found) {
  std::error_code error;
  if (fs::exists(folder / "run.json", error)) {
    found.push_back(summarise(folder));
    return;
  }
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unreadable;
    const bool visible = entry->path().filename().string().front() != '.';
    if (visible && entry->is_directory(unreadable) && !entry->is_symlink(unreadable)) search(entry->path(), found);
  }
}

}  // namespace

std::string RunSummary::progress(const std::string& of) const {
  if (length.empty()) return std::to_string(epoch) + of + std::to_string(epochs);
  const bool in_steps = length.find("step") != std::string::npos;
  return std::to_string(in_steps ? step : epoch) + of + length;
}

std::vector<RunSummary> find_runs(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw file_error(folder.string(), fs::exists(folder, error) ? "is not a folder" : "does not exist",
                     "name a folder that holds runs");
  }
  std::vector<RunSummary> found;
  search(folder, found);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

}  // namespace mlrun::engine
