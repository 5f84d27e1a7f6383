#include "data/sources/label_paths.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <system_error>

#include "base/log.h"
#include "base/unicode.h"
#include "data/problem_list.h"
#include "data/shown_text.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// Fills in the size of an image, or returns the reason why it cannot be used.
std::string look_for(const fs::path& path, std::uint64_t& size) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    return absent ? "is not there" : "cannot be read: " + std::error_code(errno, std::generic_category()).message();
  }
  size = static_cast<std::uint64_t>(about.st_size);
  return S_ISREG(about.st_mode) ? "" : "is no file";
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Paths that were found under another spelling.
struct Respelled {
  std::size_t count = 0;
  std::string example;

  void add(const std::string& path) {
    if (count++ == 0) example = path;
  }
  void tell(const std::string& name, const std::string& how) const {
    if (count == 0) return;
    log::warning(name + ": " + std::to_string(count) + (count == 1 ? " path is" : " paths are") + " written " + how +
                 (count == 1 ? ": '" : ", as '") + shown_text(example) + "'");
  }
};

/// Finds files whose names differ from what is asked for in the way that accents are written.
class AccentFinder {
 public:
  explicit AccentFinder(const fs::path& root) : root_(root) {}

  /// The path that is there, relative to the root; nothing where none is, or two are.
  std::optional<std::string> find(const std::string& path) {
    fs::path found;
    for (const auto& part : fs::path(path)) {
      if (is_there(root_ / found / part)) {
        found /= part;
        continue;
      }
      const auto& names = names_in(found);
      const auto [begin, end] = names.equal_range(composed(part.string()));
      if (begin == end || std::next(begin) != end) return std::nullopt;
      found /= begin->second;
    }
    return found.string();
  }

 private:
  using Names = std::multimap<std::string, std::string>;  // by their composed form

  const Names& names_in(const fs::path& folder) {
    const auto [place, fresh] = folders_.emplace(folder.string(), Names());
    if (!fresh) return place->second;
    std::error_code error;
    const fs::path path = folder.empty() && root_.empty() ? fs::path(".") : root_ / folder;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      place->second.emplace(composed(name), name);
    }
    return place->second;
  }

  const fs::path& root_;
  std::map<std::string, Names> folders_;
};

/// Where else a path that is not there may mean.
class PathFinder {
 public:
  explicit PathFinder(const fs::path& root) : root_(root), accents_(root) {}

  /// Whether the entry was found; its path is then the one that is there.
  bool respell(LabelledEntry& entry) {
    std::string path = entry.path;
    std::replace(path.begin(), path.end(), '\\', '/');
    path = fs::path(path).lexically_normal().string();
    const bool slashes = path != entry.path;
    const std::string written = entry.path;
    if (!slashes || !look_for(root_ / path, entry.size).empty()) {
      const auto found = is_utf8(path) ? accents_.find(path) : std::nullopt;
      if (!found || !look_for(root_ / *found, entry.size).empty()) return false;
      path = *found;
      accented_.add(written);
    }
    if (slashes) backslashed_.add(written);
    entry.path = path;
    return true;
  }

  bool any() const { return accented_.count + backslashed_.count > 0; }

  void tell(const std::string& name) const {
    backslashed_.tell(name, "with backslashes, which are read as slashes");
    accented_.tell(name, "with other accents than on disk (Unicode's NFC and NFD), and taken for the files there");
  }

 private:
  const fs::path& root_;
  AccentFinder accents_;
  Respelled backslashed_, accented_;
};

bool is_windows_path(const std::string& path) {
  return path.size() > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
}

}  // namespace

void locate_images(LabelledList& list, const fs::path& root, const std::string& name) {
  PathFinder finder(root);
  std::map<int, std::pair<std::string, std::string>> missing;  // by line
  for (auto& entry : list.entries) {
    const std::string problem = look_for(root / entry.path, entry.size);
    if (problem.empty() || (problem == "is not there" && finder.respell(entry))) continue;
    const std::string hint = is_windows_path(entry.path)
                                 ? std::string("write it relative to this file, with / between the folders")
                                 : "paths are relative to " + (root.empty() ? "." : root.string());
    missing[entry.line] = {"'" + shown_text(entry.path) + "' " + problem, hint};
  }
  ProblemList problems(name);
  for (const auto& [line, told] : missing) problems.add(line, told.first, told.second);
  problems.check();
  if (!finder.any()) return;
  finder.tell(name);
  sort_by_path(list, name);
}

}  // namespace mlrun::data
