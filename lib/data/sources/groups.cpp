#include "data/sources/groups.h"

#include <regex>

#include "base/error.h"

namespace mlrun::data {
namespace {

UserError group_error(const std::string& message, const std::string& hint) {
  return UserError(Problem{"", 0, 0, "data.split.group", message, hint});
}

constexpr const char* kPatternHint =
    "write `parent`, or a regular expression whose first parentheses hold the group, as '/([^/_]+)_[^/]*$'";

}  // namespace

struct GroupPattern::Expression {
  std::string text;
  std::regex regex;
};

GroupPattern::GroupPattern(const std::string& pattern) {
  if (pattern == "parent") return;
  expression_ = std::make_unique<Expression>();
  expression_->text = pattern;
  try {
    expression_->regex = std::regex(pattern, std::regex::ECMAScript);
  } catch (const std::regex_error&) {
    throw group_error("'" + pattern + "' is no regular expression", kPatternHint);
  }
  if (expression_->regex.mark_count() == 0) throw group_error("'" + pattern + "' has no parentheses", kPatternHint);
}

GroupPattern::~GroupPattern() = default;
GroupPattern::GroupPattern(GroupPattern&&) noexcept = default;

std::string GroupPattern::of(const std::string& path) const {
  if (!expression_) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
  }
  std::smatch match;
  bool found = false;
  try {
    found = std::regex_search(path, match, expression_->regex) && match[1].length() > 0;
  } catch (const std::regex_error&) {
    throw group_error("'" + expression_->text + "' is too complex for '" + path + "'", "simplify it");
  }
  if (found) return match[1].str();
  throw group_error("'" + expression_->text + "' finds no group in '" + path + "'", kPatternHint);
}

void refuse_groups(const config::SplitOptions& split, const std::string& kind) {
  if (!split.group) return;
  throw group_error(kind + " data have no groups", "leave it null");
}

}  // namespace mlrun::data
