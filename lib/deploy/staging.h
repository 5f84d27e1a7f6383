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

  /// UserError where one of the names is taken by other content.
  void check_free(const std::vector<std::filesystem::path>& names) const;
  /// UserError where something lies at `file` that is no regular file and so cannot be replaced.
  static void check_regular(const std::filesystem::path& file);
  /// Moves the files to their place; where they now lie. UserError, before any is moved, where `check_regular` throws.
  std::vector<std::filesystem::path> publish(const std::vector<std::filesystem::path>& names) const;
  /// Removes beside the target those of `names` that are not among `kept`: an earlier export left them.
  void remove_others(const std::vector<std::filesystem::path>& names,
                     const std::vector<std::filesystem::path>& kept) const;
  /// The same error about the files that the user asked for.
  UserError shown(const UserError& error) const;

 private:
  std::filesystem::path parent_;
  Draft draft_;
};

}  // namespace mlrun::deploy
