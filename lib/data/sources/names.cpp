#include "data/sources/names.h"

#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/unicode.h"
#include "data/shown_text.h"

namespace mlrun::data {
namespace {

/// In what two names that look the same differ.
std::string difference(const std::string& a, const std::string& b) {
  if (composed(a) == composed(b)) return "their letters and accents are written in two ways (Unicode's NFC and NFD)";
  return "they differ in upper case, blanks or characters that are not seen";
}

}  // namespace

std::string unfit_class_name(const std::string& name) {
  if (!is_utf8(name)) return "is not UTF-8 text";
  if (has_control(name)) return "holds a line break or another control character";
  return look_of(name).empty() ? "shows nothing" : "";
}

void check_class_names(const std::vector<std::string>& names, const std::string& where) {
  std::map<std::string, std::string> looks;
  for (const auto& name : names) {
    const std::string problem = unfit_class_name(name);
    if (!problem.empty()) {
      throw file_error(where, "the class name '" + shown_text(name) + "' " + problem, "rename the class");
    }
    const auto [other, fresh] = looks.emplace(look_of(name), name);
    if (fresh) continue;
    log::warning(where + ": the classes '" + other->second + "' and '" + name + "' look the same and count as two: " +
                 difference(other->second, name) + "; if they are one, give them one name");
  }
}

std::string look_alike(const std::string& name, const std::vector<std::string>& names) {
  const std::string look = look_of(name);
  for (const auto& other : names) {
    if (look_of(other) == look) return ", but '" + other + "', which looks the same: " + difference(name, other);
  }
  return "";
}

void check_file_names(const std::vector<ListedFile>& files, const std::string& root) {
  std::size_t count = 0;
  const ListedFile* first = nullptr;
  for (const auto& file : files) {
    if (is_utf8(file.path)) continue;
    if (count++ == 0) first = &file;
  }
  if (count == 0) return;
  throw file_error(root,
                   std::to_string(count) + (count == 1 ? " name is" : " names are") + " not UTF-8 text" +
                       (count == 1 ? ": '" : ", as '") + shown_text(first->path) + "'",
                   kRenameHint);
}

}  // namespace mlrun::data
