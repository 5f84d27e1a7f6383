#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/sources/left_out.h"

namespace mlrun::data {

/// A file of a data set.
struct ListedFile {
  std::string path;  ///< relative to the root, with `/`
  std::uint64_t size = 0;
};

/// SHA-256 over the files' (path, size) pairs, sorted by path.
std::string fingerprint(std::vector<ListedFile> files);

/// The last component of `root`, as the user wrote it.
std::string data_name(const std::filesystem::path& root);

/// UserError unless `root` is a folder that can be read.
void check_root(const std::filesystem::path& root);

/// The first of these paths that is there in `root`; the first of them where none is.
std::string first_there(const std::filesystem::path& root, const std::vector<std::string>& paths);

/// Names of the folders in `folder`, hidden ones (`is_quiet_name`) left out, in code point order.
std::vector<std::string> sub_folders(const std::filesystem::path& folder);

/// Names of the files in `folder` itself that end as images do, read or not, hidden ones left out.
LeftOut loose_images(const std::filesystem::path& folder);

/// The files below `root/folder` whose names are `wanted`, sorted by path. Hidden files and folders are left out;
/// links are followed, and a folder that is reached twice is read once. UserError for a folder that
/// cannot be read and for a wanted file that is a dangling link.
/// With `dangling` such a link is listed like a file, of size 0. `before_reading` is told each folder. What else lies
/// there is added to `left_out`.
std::vector<ListedFile> list_files(const std::filesystem::path& root, const std::string& folder,
                                   const std::function<bool(const std::string& name)>& wanted, bool dangling = false,
                                   const std::function<void(const std::string&)>& before_reading = {},
                                   LeftOut* left_out = nullptr);

/// The same of image files.
std::vector<ListedFile> list_images(const std::filesystem::path& root, const std::string& folder, bool dangling = false,
                                    const std::function<void(const std::string&)>& before_reading = {},
                                    LeftOut* left_out = nullptr);

}  // namespace mlrun::data
