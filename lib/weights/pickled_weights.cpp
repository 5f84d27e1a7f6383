#include "weights/pickled_weights.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_set>
#include <utility>

#include "base/error.h"

namespace mlrun::weights {
namespace {

constexpr std::size_t kMostNested = 4;
constexpr std::size_t kMostShown = 10;
constexpr std::size_t kMostCandidates = 10'000;
constexpr std::size_t kMostKeyBytes = 200;
constexpr std::int64_t kMostVersion = 1'000'000;

/// Under which keys training programs keep the weights, the most usual first; the averaged come last.
constexpr std::array<std::string_view, 19> kUsualEntries = {"state_dict",
                                                            "model_state_dict",
                                                            "model",
                                                            "model_state",
                                                            "module",
                                                            "net",
                                                            "net_state_dict",
                                                            "network",
                                                            "weights",
                                                            "params",
                                                            "backbone",
                                                            "generator",
                                                            "g",
                                                            "model_ema",
                                                            "state_dict_ema",
                                                            "ema_state_dict",
                                                            "model_state_dict_ema",
                                                            "ema",
                                                            "params_ema"};

/// Harmless things beside tensors: they are left out with a note.
constexpr std::array<std::string_view, 5> kHarmless = {"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
                                                       "torch.Size", "torch.device", "torch.serialization._get_layout"};

/// How a message calls the outermost dictionary, and how `entry` may name it.
constexpr const char* kOutermost = ".";

struct Candidate {
  std::string path;
  const PickleValue* value;
};

std::string enumerate(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMostShown; ++i)
    text += (i > 0 ? ", " : "") + printable_name(names[i]);
  if (names.size() > kMostShown) text += " and " + std::to_string(names.size() - kMostShown) + " more";
  return text;
}

bool holds_tensors(const PickleValue& dict) {
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == PickleKind::Text && is_tensor(*dict.items[i + 1])) return true;
  }
  return false;
}

/// Collects dictionaries of tensors and modules, those further out first; each value once.
class CandidateSearch {
 public:
  std::vector<Candidate> search(const PickleValue& root) {
    std::vector<Candidate> level = {{"", &root}};
    if (is_dict(root) && root.items.empty()) return level;  // the state of a model without any
    for (std::size_t depth = 0; depth < kMostNested && !level.empty(); ++depth) level = descend(level);
    return std::move(found_);
  }

 private:
  /// Keeps what holds tensors; gives what lies one level deeper.
  std::vector<Candidate> descend(const std::vector<Candidate>& level) {
    std::vector<Candidate> deeper;
    for (const Candidate& item : level) {
      if (!seen_.insert(item.value).second) continue;
      const bool module = is_module(*item.value);
      const bool dict = is_dict(*item.value);
      if (module || (dict && holds_tensors(*item.value))) found_.push_back(item);
      for (std::size_t i = 0; dict && i + 1 < item.value->items.size(); i += 2) {
        const PickleValue& key = *item.value->items[i];
        const PickleValue& value = *item.value->items[i + 1];
        const bool worth = is_dict(value) || is_module(value);
        if (key.kind != PickleKind::Text || !worth || key.text.size() > kMostKeyBytes) continue;
        if (deeper.size() == kMostCandidates || seen_.count(&value) != 0) continue;
        deeper.push_back({item.path + (item.path.empty() ? "" : ".") + std::string(key.text), &value});
      }
    }
    return deeper;
  }

  std::vector<Candidate> found_;
  std::unordered_set<const PickleValue*> seen_;
};

std::vector<std::string> paths_of(const std::vector<Candidate>& candidates) {
  std::vector<std::string> paths;
  for (const Candidate& item : candidates) paths.push_back(item.path.empty() ? kOutermost : item.path);
  return paths;
}

/// The outermost dictionary is a state dict itself when it holds tensors under dotted names.
bool is_plain(const Candidate& item) {
  if (!item.path.empty()) return false;
  if (is_module(*item.value)) return true;
  for (std::size_t i = 0; i + 1 < item.value->items.size(); i += 2) {
    const PickleValue& key = *item.value->items[i];
    if (key.kind == PickleKind::Text && key.text.find('.') != key.text.npos && is_tensor(*item.value->items[i + 1])) {
      return true;
    }
  }
  return false;
}

const Candidate* by_convention(const std::vector<Candidate>& candidates) {
  for (const std::string_view name : kUsualEntries) {
    for (const Candidate& item : candidates) {
      const bool below = item.path.size() > name.size() && item.path[name.size()] == '.';
      if (item.path.substr(0, name.size()) == name && (item.path.size() == name.size() || below)) return &item;
    }
  }
  return nullptr;
}

const Candidate& choose(const std::vector<Candidate>& candidates, const std::string& entry, const PickleValue& root,
                        const std::string& file) {
  if (candidates.empty()) {
    throw file_error(file, "holds no weights: its content is " + pickle_name(root),
                     "a dictionary of tensors, or a checkpoint with one inside, is expected");
  }
  if (!entry.empty()) {
    for (const Candidate& item : candidates) {
      if (item.path == (entry == kOutermost ? "" : entry)) return item;
    }
    throw file_error(file, "holds no weights under '" + printable_name(entry) + "'",
                     "there are " + enumerate(paths_of(candidates)));
  }
  if (candidates.size() == 1 || is_plain(candidates.front())) return candidates.front();
  if (const Candidate* usual = by_convention(candidates)) return *usual;
  throw file_error(file, "holds several dictionaries of tensors: " + enumerate(paths_of(candidates)),
                   "say which of them is the entry to take");
}

bool is_harmless(const PickleValue& value) {
  if (value.kind != PickleKind::Object) return value.kind != PickleKind::Persistent;
  return std::any_of(kHarmless.begin(), kHarmless.end(),
                     [&](std::string_view name) { return is_global(value.callee, name); });
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void note_ignored(const std::vector<std::string>& names, const char* what, std::vector<std::string>& notes) {
  if (names.empty()) return;
  const char* entries = names.size() == 1 ? " entry that is " : " entries that are ";
  notes.push_back(std::to_string(names.size()) + entries + what + " ignored: " + enumerate(names));
}

/// The tensors of a state dict, in its order.
NamedValues dict_tensors(const PickleValue& dict, const std::string& file, std::vector<std::string>& notes) {
  NamedValues tensors;
  std::vector<std::string> others;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& key = *dict.items[i];
    const PickleValue& value = *dict.items[i + 1];
    if (key.kind == PickleKind::Text && is_tensor(value)) {
      tensors.emplace_back(std::string(key.text), &value);
      continue;
    }
    const bool integer = key.kind == PickleKind::Integer;
    const std::string name = key.kind == PickleKind::Text ? std::string(key.text)
                             : integer                    ? std::to_string(key.integer)
                                                          : pickle_name(key);
    if (!is_harmless(value) && !is_dict(value) && !ends_with(name, "_extra_state")) {
      throw UserError(Problem{file, 0, 0, printable_name(name),
                              "is an object made by " + pickle_name(value) + ", not a tensor; nothing was run",
                              "save the state_dict alone"});
    }
    others.push_back(name);
  }
  note_ignored(others, others.size() == 1 ? "no tensor" : "no tensors", notes);
  return tensors;
}

/// The versions of modules that a state dict carries beside its tensors.
std::vector<std::pair<std::string, std::int64_t>> versions_of(const PickleValue& dict) {
  std::vector<std::pair<std::string, std::int64_t>> versions;
  const PickleValue* all = dict.state == nullptr ? nullptr : find_key(*dict.state, "_metadata");
  for (std::size_t i = 0; all != nullptr && is_dict(*all) && i + 1 < all->items.size(); i += 2) {
    const PickleValue& module = *all->items[i];
    const PickleValue* version = find_key(*all->items[i + 1], "version");
    if (module.kind != PickleKind::Text || version == nullptr || version->kind != PickleKind::Integer) continue;
    if (version->integer < 0 || version->integer > kMostVersion) continue;
    versions.emplace_back(module.text, version->integer);
  }
  return versions;
}

/// What a checkpoint says of itself: numbers and short texts beside its dictionaries.
Metadata metadata_of(const PickleValue& root) {
  Metadata metadata;
  for (std::size_t i = 0; is_dict(root) && i + 1 < root.items.size() && metadata.size() < 100; i += 2) {
    const PickleValue& key = *root.items[i];
    const PickleValue& value = *root.items[i + 1];
    if (key.kind != PickleKind::Text || key.text.size() > 100) continue;
    const std::string name = printable_name(std::string(key.text));
    if (value.kind == PickleKind::Integer) metadata[name] = std::to_string(value.integer);
    if (value.kind == PickleKind::Bool) metadata[name] = value.integer != 0 ? "true" : "false";
    if (value.kind == PickleKind::Text) metadata[name] = printable_name(std::string(value.text.substr(0, 200)));
    if (value.kind == PickleKind::Float) {
      std::array<char, 32> text{};
      std::snprintf(text.data(), text.size(), "%.9g", value.number);
      metadata[name] = text.data();
    }
  }
  return metadata;
}

}  // namespace

PickledWeights find_weights(const Pickle& pickle, const ScriptClasses& classes, const std::string& entry,
                            const std::string& file) {
  const PickleValue& root = *pickle.root;
  const std::vector<Candidate> candidates = CandidateSearch().search(root);
  const Candidate& chosen = choose(candidates, entry, root, file);
  PickledWeights weights;
  weights.entry = chosen.path;
  weights.metadata = metadata_of(root);
  for (const Candidate& item : candidates) {
    if (&item != &chosen && !item.path.empty()) weights.other_entries.push_back(item.path);
  }
  NamedValues named;
  if (is_module(*chosen.value)) {
    named = module_tensors(*chosen.value, classes, file, weights.notes);
    if (named.empty()) throw file_error(file, "holds a module without parameters", "was it frozen?");
  } else {
    named = dict_tensors(*chosen.value, file, weights.notes);
    weights.versions = versions_of(*chosen.value);
  }
  std::unordered_set<std::string> names;
  for (const auto& [name, value] : named) {
    if (!names.insert(name).second) {
      throw UserError(
          Problem{file, 0, 0, printable_name(name), "stands in the file twice", "the file is damaged; fetch it again"});
    }
    weights.tensors.push_back(read_tensor(*value, name, file));
  }
  return weights;
}

}  // namespace mlrun::weights
