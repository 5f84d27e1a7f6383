#pragma once

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/paths.h"

namespace mlrun::deploy {

/// A hidden folder beside the target where everything is made and tried before it is shown. It goes when this does.
class Staging {
 public:
  /// UserError where the target's folder does not exist or cannot be written to.
  explicit Staging(const std::filesystem::path& target);

  const std::filesystem::path& folder() const { return draft_.path(); }

  /// Those of the names that are taken by other content, as paths.
  std::vector<std::filesystem::path> taken(const std::vector<std::filesystem::path>& names) const;
  /// UserError where one of the names is.
  void check_free(const std::vector<std::filesystem::path>& names) const;
  /// Moves the files to their place; where they now lie.
  std::vector<std::filesystem::path> publish(const std::vector<std::filesystem::path>& names) const;
  /// The same error about the files that the user asked for.
  UserError shown(const UserError& error) const;

 private:
  std::filesystem::path parent_;
  Draft draft_;
};

}  // namespace mlrun::deploy
