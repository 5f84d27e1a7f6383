#include "weights/pickled_modules.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "weights/pickled_tensor.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

constexpr std::size_t kMostDepth = 100;
constexpr std::size_t kMostModules = 200'000;
constexpr std::size_t kMostNameBytes = 4096;
constexpr std::size_t kMostNotes = 100;
constexpr std::size_t kMostSteps = 10'000'000;

/// The attributes of an object as a dictionary; nullptr without. Classes with slots add a second.
const PickleValue* attributes_of(const PickleValue& value) {
  const PickleValue* state = value.kind == PickleKind::Object ? value.state : nullptr;
  if (state != nullptr && state->kind == PickleKind::Tuple && state->items.size() == 2) state = state->items[0];
  return state != nullptr && state->kind == PickleKind::Dict ? state : nullptr;
}

bool is_script(const PickleValue& value) {
  return value.kind == PickleKind::Object && value.callee->kind == PickleKind::Global &&
         value.callee->module.substr(0, 9) == "__torch__";
}

/// Names in a set: a Set, or the call of Python's set on a list.
std::set<std::string_view> names_in(const PickleValue* set) {
  if (set != nullptr && set->kind == PickleKind::Object && set->arguments->kind == PickleKind::Tuple &&
      set->arguments->items.size() == 1) {
    set = set->arguments->items[0];
  }
  std::set<std::string_view> names;
  if (set == nullptr) return names;
  for (const PickleValue* name : set->items) {
    if (name->kind == PickleKind::Text) names.insert(name->text);
  }
  return names;
}

/// Walks through modules as `state_dict` does.
class ModuleWalk {
 public:
  ModuleWalk(const ScriptClasses& classes, const std::string& file, std::vector<std::string>& notes)
      : classes_(classes), file_(file), notes_(notes) {}

  NamedValues walk(const PickleValue& module) {
    enter(module, "", 0);
    return std::move(found_);
  }

 private:
  [[noreturn]] void fail() const {
    throw file_error(file_, "holds modules that contain each other or too much", "save the state_dict instead");
  }

  /// The keys and values of a dictionary, which may be walked through many times.
  const std::vector<const PickleValue*>& items_of(const PickleValue& dict) {
    steps_ += dict.items.size();
    if (steps_ > kMostSteps) fail();
    return dict.items;
  }

  void enter(const PickleValue& module, const std::string& prefix, std::size_t depth) {
    if (depth > kMostDepth || ++modules_ > kMostModules || prefix.size() > kMostNameBytes) fail();
    const PickleValue* attributes = attributes_of(module);
    if (attributes == nullptr) return;
    if (is_script(module)) enter_script(module, *attributes, prefix, depth);
    else enter_python(*attributes, prefix, depth);
  }

  void enter_python(const PickleValue& attributes, const std::string& prefix, std::size_t depth) {
    std::map<std::string_view, const PickleValue*> groups;
    const auto& all = items_of(attributes);
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
      if (all[i]->kind == PickleKind::Text && is_dict(*all[i + 1])) groups[all[i]->text] = all[i + 1];
    }
    const PickleValue* set = find_key(attributes, "_non_persistent_buffers_set");
    if (set != nullptr) items_of(*set);
    const auto transient = names_in(set);
    add_members(groups["_parameters"], prefix, {});
    add_members(groups["_buffers"], prefix, transient);
    const PickleValue* children = groups["_modules"];
    if (children == nullptr) return;
    const auto& items = items_of(*children);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i]->kind != PickleKind::Text) continue;
      enter(*items[i + 1], name_below(prefix, items[i]->text) + ".", depth + 1);
    }
  }

  void add_members(const PickleValue* members, const std::string& prefix, const std::set<std::string_view>& but) {
    if (members == nullptr) return;
    const auto& items = items_of(*members);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const bool kept = items[i]->kind == PickleKind::Text && items[i + 1]->kind != PickleKind::None;
      if (kept && but.count(items[i]->text) == 0) add(prefix, items[i]->text, *items[i + 1]);
    }
  }

  void enter_script(const PickleValue& module, const PickleValue& attributes, const std::string& prefix,
                    std::size_t depth) {
    std::map<std::string_view, const PickleValue*> tensors;
    std::vector<std::pair<std::string_view, const PickleValue*>> children;
    const auto& items = items_of(attributes);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i]->kind != PickleKind::Text) continue;
      if (is_tensor(*items[i + 1])) tensors[items[i]->text] = items[i + 1];
      if (is_script(*items[i + 1])) children.emplace_back(items[i]->text, items[i + 1]);
    }
    const auto declared = classes_.find(std::string(module.callee->module) + "." + std::string(module.callee->text));
    if (declared != classes_.end()) {
      steps_ += declared->second.size();
      for (const std::string& name : declared->second) {
        const auto found = tensors.find(name);
        if (found == tensors.end()) continue;
        add(prefix, name, *found->second);
        tensors.erase(found);
      }
    }
    for (const auto& item : tensors) {
      if (notes_.size() > kMostNotes) break;
      notes_.push_back(printable_name(name_below(prefix, item.first)) +
                       " ignored: a tensor that is neither parameter nor buffer");
    }
    for (const auto& [name, child] : children) enter(*child, name_below(prefix, name) + ".", depth + 1);
  }

  static std::string name_below(const std::string& prefix, std::string_view name) {
    return prefix + std::string(name.substr(0, kMostNameBytes));
  }

  void add(const std::string& prefix, std::string_view name, const PickleValue& value) {
    if (found_.size() >= kMostModules) fail();
    found_.emplace_back(name_below(prefix, name), &value);
  }

  const ScriptClasses& classes_;
  const std::string& file_;
  std::vector<std::string>& notes_;
  NamedValues found_;
  std::size_t modules_ = 0, steps_ = 0;
};

/// Adds the quoted names of a line as `["weight", "bias", ]`.
void add_quoted(std::string_view line, std::vector<std::string>& names) {
  for (std::size_t begin = line.find('"'); begin != line.npos; begin = line.find('"', begin)) {
    const std::size_t end = line.find('"', begin + 1);
    if (end == line.npos) return;
    names.emplace_back(line.substr(begin + 1, end - begin - 1));
    begin = end + 1;
  }
}

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

}  // namespace

void read_script_classes(std::string_view code, const std::string& module, ScriptClasses& classes) {
  std::vector<std::string>* names = nullptr;
  while (!code.empty()) {
    const std::size_t end = std::min(code.find('\n'), code.size());
    const std::string_view line = code.substr(0, end);
    code.remove_prefix(std::min(end + 1, code.size()));
    if (starts_with(line, "class ")) {
      const std::size_t stop = std::min(line.find_first_of("(:"), line.size());
      names = &classes[module + "." + std::string(line.substr(6, std::max<std::size_t>(stop, 6) - 6))];
    } else if (names != nullptr &&
               (starts_with(line, "  __parameters__ = ") || starts_with(line, "  __buffers__ = "))) {
      add_quoted(line, *names);
    }
  }
}

bool is_module(const PickleValue& value) {
  const PickleValue* attributes = attributes_of(value);
  if (attributes == nullptr) return false;
  return is_script(value) ||
         (find_key(*attributes, "_parameters") != nullptr && find_key(*attributes, "_modules") != nullptr);
}

NamedValues module_tensors(const PickleValue& module, const ScriptClasses& classes, const std::string& file,
                           std::vector<std::string>& notes) {
  return ModuleWalk(classes, file, notes).walk(module);
}

}  // namespace mlrun::weights
