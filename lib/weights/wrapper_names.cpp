#include "weights/wrapper_names.h"

#include <algorithm>
#include <utility>

#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

constexpr const char* kCounter = "n_averaged";

/// Whether all names that are left start with `prefix` and go on after it.
bool all_have(const std::vector<std::string>& names, const std::string& prefix) {
  const bool any = std::any_of(names.begin(), names.end(), [](const std::string& name) { return !name.empty(); });
  return any && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
           return name.empty() || (name.size() > prefix.size() && name.compare(0, prefix.size(), prefix) == 0);
         });
}

void remove_prefix(const std::string& prefix, UnwrappedNames& result) {
  for (std::string& name : result.names) {
    if (!name.empty()) name.erase(0, prefix.size());
  }
  result.notes.push_back("prefix '" + printable_name(prefix) + "' removed");
}

}  // namespace

UnwrappedNames unwrap_names(std::vector<std::string> names, bool lightning) {
  UnwrappedNames result{std::move(names), {}};
  const auto counter = std::find(result.names.begin(), result.names.end(), kCounter);
  if (counter != result.names.end()) {
    counter->clear();
    if (all_have(result.names, "module.")) result.notes.push_back("n_averaged, an averaged model's counter, ignored");
    else *counter = kCounter;
  }
  bool removed = true;
  while (removed) {
    removed = false;
    for (const char* prefix : {"module.", "_orig_mod."}) {
      if (!all_have(result.names, prefix)) continue;
      remove_prefix(prefix, result);
      removed = true;
    }
    const std::string first = result.names.empty() ? "" : result.names.front();
    const std::string prefix = first.substr(0, first.find('.') + 1);
    if (!removed && lightning && !prefix.empty() && all_have(result.names, prefix)) {
      remove_prefix(prefix, result);
      lightning = false;
      removed = true;
    }
  }
  return result;
}

}  // namespace mlrun::weights
