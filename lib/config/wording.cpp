#include "config/wording.h"

#include <cstdlib>
#include <filesystem>

#include "config/bind.h"
#include "config/layering.h"

namespace mlrun::config {
namespace {

/// The value at `key`, which is there.
Json& value_at(Json& values, const std::string& key) {
  Json* value = &values;
  for (const auto& part : split_key(key)) {
    value = value->is_array() ? &value->at(std::strtoul(part.c_str(), nullptr, 10)) : &value->at(part);
  }
  return *value;
}

void erase_at(Json& values, const std::string& key) {
  const auto dot = key.rfind('.');
  value_at(values, key.substr(0, dot)).erase(key.substr(dot + 1));
}

void put_references(Json& value, const std::string& key, const Wording& wording) {
  if (const auto found = wording.references.find(key); found != wording.references.end()) {
    value = found->second.text;
  } else if (value.is_object()) {
    for (const auto& item : value.items()) put_references(item.value(), join_key(key, item.key()), wording);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) put_references(value[i], join_key(key, std::to_string(i)), wording);
  }
}

}  // namespace

Json recorded_values(const Resolved& resolved) {
  Json values = resolved.values;
  if (!resolved.wording.references.empty()) put_references(values, "", resolved.wording);
  return values;
}

std::string recorded_yaml(const Resolved& resolved) { return to_yaml(resolved.values, nullptr, &resolved.wording); }

std::string portable_yaml(const Resolved& resolved, const std::vector<std::string>& left_out) {
  Json values = resolved.values;
  Wording wording = resolved.wording;
  for (const auto& key : wording.paths) {
    Json& path = value_at(values, key);
    path = std::filesystem::path(path.get<std::string>()).filename().string();
    wording.references.erase(key);
  }
  for (const auto& key : left_out) erase_at(values, key);
  erase_at(values, "data.root");
  return to_yaml(values, nullptr, &wording);
}

}  // namespace mlrun::config
