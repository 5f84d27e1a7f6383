#include "engine/report/ranking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "config/registry.h"
#include "engine/run/recorded_figures.h"

namespace mlrun::engine {
namespace {

/// Keys that say where and how a run was made, not what it computes.
bool is_circumstance(const std::string& key) {
  for (const char* prefix : {"train.workers", "train.threads", "train.device", "train.log_", "train.checkpoint.",
                             "train.max_time", "expect"}) {
    if (key.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

std::set<std::string> all_keys(const std::vector<RunRecord>& runs) {
  std::set<std::string> keys;
  for (const auto& run : runs) {
    for (const auto& entry : run.keys) keys.insert(entry.first);
  }
  return keys;
}

/// Whether two of the runs have `key` with different values. A key that some lack is the setting of a component that
/// they have not chosen: its name tells them apart.
template <class Runs>
bool differs(const Runs& runs, const std::string& key) {
  const Json* first = nullptr;
  for (const RunRecord* run : runs) {
    const auto found = run->keys.find(key);
    if (found == run->keys.end()) continue;
    if (first == nullptr) first = &found->second;
    else if (*first != found->second) return true;
  }
  return false;
}

std::vector<const RunRecord*> pointers_to(const std::vector<RunRecord>& runs) {
  std::vector<const RunRecord*> list;
  for (const auto& run : runs) list.push_back(&run);
  return list;
}

/// A list of components by their names, other values as JSON without quotes around strings.
std::string shown_value(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "null";
  if (!value.is_array()) return json_text(value);
  std::string text;
  for (const Json& item : value) {
    const bool named = item.is_object() && item.contains("name") && item["name"].is_string();
    text += (text.empty() ? "" : ", ") + (named ? item["name"].get<std::string>() : shown_value(item));
  }
  return "[" + text + "]";
}

/// Lists of components with the same names may still differ: then all of them are told.
std::vector<std::string> values_of(const RunRecord& run, const std::vector<std::string>& keys,
                                   const std::set<std::string>& in_full) {
  std::vector<std::string> values;
  for (const auto& key : keys) {
    const auto found = run.keys.find(key);
    if (found == run.keys.end()) values.emplace_back("-");
    else values.push_back(in_full.count(key) != 0 ? json_text(found->second) : shown_value(found->second));
  }
  return values;
}

/// The keys of which different values would be shown alike.
std::set<std::string> ambiguous_keys(const std::vector<RunRecord>& runs, const std::vector<std::string>& keys) {
  std::set<std::string> found;
  for (const auto& key : keys) {
    std::map<std::string, const Json*> seen;
    for (const auto& run : runs) {
      const auto value = run.keys.find(key);
      if (value == run.keys.end()) continue;
      const auto [place, is_new] = seen.emplace(shown_value(value->second), &value->second);
      if (!is_new && *place->second != value->second) found.insert(key);
    }
  }
  return found;
}

void refuse_unknown_keys(const std::vector<std::string>& wanted, const std::set<std::string>& keys,
                         const std::string& option) {
  for (const auto& key : wanted) {
    if (keys.count(key) != 0) continue;
    const std::string guess = config::did_you_mean(key, {keys.begin(), keys.end()});
    throw UserError(option + ": no run's recipe has the key '" + key + "'",
                    guess.empty() ? "name keys as `mlrun config show` does, as optimizer.lr" : guess);
  }
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// All figures in the order in which runs have them.
report::Figures figure_list(const std::vector<RunRecord>& runs) {
  report::Figures figures;
  for (const auto& run : runs) {
    for (const auto& figure : run.figures) {
      if (report::find(figures, figure.name) == nullptr) figures.push_back(figure);
    }
  }
  return figures;
}

std::string chosen_metric(const std::vector<RunRecord>& runs, const RankingRequest& request,
                          const report::Figures& figures) {
  if (request.metric.empty()) return usual_metric(runs);
  const bool any_finished = std::any_of(runs.begin(), runs.end(), [](const auto& run) { return run.finished(); });
  if (report::find(figures, request.metric) != nullptr || !any_finished) return request.metric;
  std::string known;
  std::vector<std::string> names;
  for (const auto& figure : figures) {
    known += (known.empty() ? "" : ", ") + figure.name;
    names.push_back(figure.name);
  }
  const std::string guess = config::did_you_mean(request.metric, names);
  throw UserError("--metric: no run has a figure '" + request.metric + "'",
                  guess.empty() ? "choose one of " + known : guess);
}

/// Whether `a` ranks before `b`; NaN comes last.
bool ranks_before(double a, double b, bool lower) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  return lower ? a < b : a > b;
}

double value_or_nan(const report::Figure* figure) { return figure == nullptr ? std::nan("") : figure->value; }

/// What is known of the ranking's metric where runs have it, finished or not.
bool is_better_lower(const Ranking& ranking, const std::vector<RunRecord>& runs) {
  const auto lower = [](const report::Figure& figure) { return figure.better == report::Better::Lower; };
  if (const auto* figure = report::find(ranking.figures, ranking.metric)) return lower(*figure);
  for (const RunRecord& run : runs) {
    if (run.summary.best && run.summary.best->figure.name == ranking.metric) return lower(run.summary.best->figure);
  }
  return lower(recorded_figure(ranking.metric, 0, nullptr));
}

void summarise_group(RunGroup& group, const Ranking& ranking) {
  std::stable_sort(group.finished.begin(), group.finished.end(), [&](const RunRecord* a, const RunRecord* b) {
    return ranks_before(value_or_nan(a->find(ranking.metric)), value_or_nan(b->find(ranking.metric)),
                        ranking.lower_is_better);
  });
  for (const auto& figure : ranking.figures) {
    std::vector<double> values;
    for (const RunRecord* run : group.finished) {
      if (const auto* found = run->find(figure.name)) values.push_back(found->value);
    }
    if (!values.empty()) group.figures.emplace_back(figure.name, report::spread_of(values));
  }
}

/// Which runs share their value of `key`, as numbers in the order of first appearance.
std::vector<std::size_t> partition_by(const std::vector<RunRecord>& runs, const std::string& key) {
  std::vector<Json> seen;
  std::vector<std::size_t> numbers;
  for (const auto& run : runs) {
    const auto found = run.keys.find(key);
    const Json value = found == run.keys.end() ? Json("-") : found->second;
    const auto place = std::find(seen.begin(), seen.end(), value);
    numbers.push_back(static_cast<std::size_t>(place - seen.begin()));
    if (place == seen.end()) seen.push_back(value);
  }
  return numbers;
}

/// How well a key names what it tells apart: the lower the better.
int key_order(const std::string& key) {
  if (key == "model.name" || key == "data.root") return 0;
  return key.find(".name") != std::string::npos ? 1 : key == "optimizer.lr" ? 2 : 3;
}

/// Of keys that divide the runs alike, keeps the one that names best what differs.
void leave_out_alike(Ranking& ranking, const std::vector<RunRecord>& runs) {
  constexpr std::size_t kMostKeys = 6;  // that a table shows without thinning
  if (ranking.by.size() <= kMostKeys) return;
  std::map<std::vector<std::size_t>, std::string> kept;
  for (const auto& key : ranking.by) {
    const auto [place, is_new] = kept.emplace(partition_by(runs, key), key);
    if (!is_new && key_order(key) < key_order(place->second)) place->second = key;
  }
  std::vector<std::string> all = std::move(ranking.by);
  ranking.by.clear();
  for (const auto& key : all) {
    const bool keep = std::any_of(kept.begin(), kept.end(), [&key](const auto& entry) { return entry.second == key; });
    (keep ? ranking.by : ranking.alike).push_back(key);
  }
}

void choose_keys(Ranking& ranking, const std::vector<RunRecord>& runs, const RankingRequest& request) {
  const auto keys = all_keys(runs);
  refuse_unknown_keys(request.by, keys, "--by");
  if (request.over != RankingRequest().over) refuse_unknown_keys(request.over, keys, "--over");
  ranking.over = request.over;
  ranking.by = request.by;
  if (!request.by.empty()) return;
  const auto all = pointers_to(runs);
  for (const auto& key : keys) {
    if (!contains(request.over, key) && !is_circumstance(key) && differs(all, key)) ranking.by.push_back(key);
  }
  leave_out_alike(ranking, runs);
}

void find_mixed(Ranking& ranking, const std::vector<RunRecord>& runs) {
  for (const auto& key : all_keys(runs)) {
    if (contains(ranking.over, key) || is_circumstance(key)) continue;
    for (const auto& group : ranking.groups) {
      if (!differs(group.finished, key)) continue;
      ranking.mixed.push_back(key);
      break;
    }
  }
}

}  // namespace

const report::Spread* RunGroup::find(const std::string& metric) const {
  for (const auto& figure : figures) {
    if (figure.first == metric) return &figure.second;
  }
  return nullptr;
}

bool has_unfinished(const Ranking& ranking) {
  return std::any_of(ranking.groups.begin(), ranking.groups.end(),
                     [](const RunGroup& group) { return !group.unfinished.empty(); });
}

Ranking rank(const std::vector<RunRecord>& runs, const RankingRequest& request) {
  Ranking ranking;
  choose_keys(ranking, runs, request);
  ranking.figures = figure_list(runs);
  ranking.metric = chosen_metric(runs, request, ranking.figures);
  ranking.lower_is_better = is_better_lower(ranking, runs);
  const auto first = std::find_if(ranking.figures.begin(), ranking.figures.end(),
                                  [&ranking](const auto& figure) { return figure.name == ranking.metric; });
  if (first != ranking.figures.end()) std::rotate(ranking.figures.begin(), first, first + 1);
  const auto in_full = ambiguous_keys(runs, ranking.by);
  std::map<std::vector<std::string>, RunGroup> groups;
  for (const auto& run : runs) {
    const auto values = values_of(run, ranking.by, in_full);
    RunGroup& group = groups[values];
    group.values = values;
    (run.finished() ? group.finished : group.unfinished).push_back(&run);
  }
  for (auto& [values, group] : groups) {
    summarise_group(group, ranking);
    ranking.groups.push_back(std::move(group));
  }
  const auto score = [&ranking](const RunGroup& group) {
    const report::Spread* spread = group.find(ranking.metric);
    return spread == nullptr ? std::nan("") : spread->mean;
  };
  std::stable_sort(ranking.groups.begin(), ranking.groups.end(), [&](const RunGroup& a, const RunGroup& b) {
    return ranks_before(score(a), score(b), ranking.lower_is_better);
  });
  find_mixed(ranking, runs);
  return ranking;
}

}  // namespace mlrun::engine
