#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/node.h"
#include "config/options.h"

/// Fields and values in words, for messages, the schema and the reference page.
namespace mlrun::config {

/// What YAML's core schema takes for a finite decimal number: `1`, `-0.5`, `.5`, `1e-3`.
bool looks_like_number(std::string_view text);
bool looks_like_boolean(std::string_view text);

/// True of decimal digits alone, at least one.
bool digits(std::string_view text);
/// `text` without its sign.
std::string_view unsigned_part(std::string_view text);

/// `a, b or c`.
std::string any_of(const std::vector<std::string>& words);

/// The shortest text that reads back as the same number: `0.1`, `1e-05`, `3`.
std::string number_text(double value);

/// The range of a number, as `at least 0 and below 1`; empty where it has none.
std::string range_text(const Field& field);

/// What a field takes, with its article: `an integer of at least 1`, `a list of 3 numbers`.
std::string expected(const Field& field);

/// What stands at `node`, for messages: `1.5`, `"ten"`, `the string "1"`, `a list`. Shortened
/// where it is long.
std::string shown(const Node& node);

/// A problem at `origin`.
Problem problem_at(const Origin& origin, std::string key, std::string message, std::string hint = "");

}  // namespace mlrun::config
