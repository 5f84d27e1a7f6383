#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/recipe.h"

namespace mlrun::data {

/// Finds the group of an image by its path, as `data.split.group` says: `parent` is the folder that
/// holds the image, anything else a regular expression (ECMAScript) whose first capture is the group.
class GroupPattern {
 public:
  /// UserError at data.split.group unless `pattern` is `parent` or an expression with a capture.
  explicit GroupPattern(const std::string& pattern);
  ~GroupPattern();
  GroupPattern(GroupPattern&&) noexcept;

  /// `path` has `/` between its parts. UserError at data.split.group that names it where it has no group.
  std::string of(const std::string& path) const;

 private:
  struct Expression;
  std::unique_ptr<Expression> expression_;  // null: the parent
};

/// UserError where groups are asked of a data set that has none; `kind` is what users call it.
void refuse_groups(const config::SplitOptions& split, const std::string& kind);

}  // namespace mlrun::data
