#pragma once

#include <string>
#include <vector>

#include "data/sources/listing.h"

/// Names of classes and files are bytes from users: what cannot be kept is refused when the data are opened, what looks
/// the same and is not is told.
namespace mlrun::data {

/// Why a class cannot bear this name, or nothing: no UTF-8, control characters, nothing but blanks.
std::string unfit_class_name(const std::string& name);

/// UserError at `where` for the first of `names` that is unfit; a warning for each two that look the same.
void check_class_names(const std::vector<std::string>& names, const std::string& where);

/// `, but 'x', which looks the same: WHY`, where one of `names` looks as `name` does; empty where none does.
std::string look_alike(const std::string& name, const std::vector<std::string>& names);

/// UserError at `root` unless all paths are UTF-8 text: what mlrun writes could not name the others.
void check_file_names(const std::vector<ListedFile>& files, const std::string& root);

/// How names that are no UTF-8 text are mended.
constexpr const char* kRenameHint = "rename them in UTF-8 (convmv -f latin1 -t utf8 does it for whole folders)";

}  // namespace mlrun::data
