#pragma once

#include <filesystem>
#include <functional>
#include <string>

/// Hidden names under which files and folders are made before they are shown, and what killed processes left under
/// them.
namespace mlrun {

/// A hidden name `.NAME.WRITER-RANDOM.tmp` beside `target` that nobody can foresee. WRITER says which process of which
/// machine made it. A NAME that would be too long is cut.
std::filesystem::path hidden_beside(const std::filesystem::path& target);

/// Makes a new file under a hidden name beside `target` and returns its descriptor, open for writing; -1 with errno
/// where that fails. `made` is its path.
int make_hidden_file(const std::filesystem::path& target, unsigned mode, std::filesystem::path& made);

/// The NAME of a hidden name; empty where `name` is none.
std::string hidden_target(const std::string& name);

/// Who else may be writing what `remove_leftovers` looks at.
enum class Writers {
  Others,  ///< only what processes of this machine left that are gone is removed
  None     ///< a lock keeps all others out, here and on other machines: what no living process here made is removed
};

/// Removes from `folder` itself what writers that are gone left under hidden names of targets that `ours` knows;
/// nothing where there is no such folder.
void remove_leftovers(const std::filesystem::path& folder, const std::function<bool(const std::string& target)>& ours,
                      Writers writers);

/// The same for the hidden names of one target that anybody may write.
void remove_leftovers_of(const std::filesystem::path& target);

}  // namespace mlrun
