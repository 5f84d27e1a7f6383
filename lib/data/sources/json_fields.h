#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"

/// Fields of JSON that others wrote; nothing where one is absent or of another kind.
namespace mlrun::data {

/// An integer of a file, be it written 3 or 3.0.
inline std::optional<std::int64_t> integer(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return {};
  if (found->is_number_integer()) return found->get<std::int64_t>();
  const auto value = found->get<double>();
  const bool whole = value >= -9e15 && value <= 9e15 && value == static_cast<double>(static_cast<std::int64_t>(value));
  return whole ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt;
}

/// A text of a file.
inline std::optional<std::string> text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

}  // namespace mlrun::data
