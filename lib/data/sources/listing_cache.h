#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/listing.h"

namespace mlrun::data {

/// What tells whether a folder's entries are still those that were listed.
struct FolderStamp {
  std::string path;  ///< relative to the root
  std::uint64_t device = 0, inode = 0;
  std::int64_t modified = 0, changed = 0;  ///< in ns: st_mtime and st_ctime

  bool operator==(const FolderStamp&) const = default;
};

/// The image files below some folders of a root.
struct TreeListing {
  std::vector<std::string> asked;               ///< the folders, relative to the root
  std::vector<std::vector<ListedFile>> images;  ///< of each of them, sorted by path
  std::vector<FolderStamp> folders;             ///< every folder that was read
  LeftOut left_out;                             ///< what else lies there
};

/// `list_images` for several folders of a root at once. Listings of large trees are kept below
/// $XDG_CACHE_HOME/mlrun/listings (else ~/.cache) and taken from there while every folder of the tree
/// has the inode and the times of modification and change that it had. What that cannot see is a file
/// that is rewritten in place; its size then differs from the listed one, which is an error when it
/// is read (`make_image_source`). Caches that are damaged or cannot be written are passed over.
std::vector<std::vector<ListedFile>> list_image_folders(const std::filesystem::path& root,
                                                        const std::vector<std::string>& folders,
                                                        LeftOut* left_out = nullptr);

/// Removes the cached listing of a root, where there is one.
void forget_listing(const std::filesystem::path& root);

/// As `list_image_folders`, without any cache.
TreeListing list_tree(const std::filesystem::path& root, const std::vector<std::string>& folders);

/// A listing as the cache holds it, and back; nothing where `text` is anything else.
std::string listing_text(const TreeListing& listing);
std::optional<TreeListing> parse_listing(std::string_view text);

/// The cache of a root's listing; nothing where no folder for caches is known.
std::optional<std::filesystem::path> listing_cache_file(const std::filesystem::path& root);

}  // namespace mlrun::data
