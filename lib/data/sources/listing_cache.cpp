#include "data/sources/listing_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

#include "base/cache.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/temporary.h"
#include "data/field_text.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListingTitle = "mlrun listing 2\n";
constexpr std::size_t kSumLength = 64;
constexpr std::size_t kSmallestCached = 2000;  // files: fewer are listed as fast as a cache is read
constexpr std::uint64_t kLargestListing = std::uint64_t{1} << 31;
// A change within one tick of the file system's clock leaves no trace in the times: trees that were
// touched just now are not kept. The coarsest clock (FAT) ticks every two seconds.
constexpr std::int64_t kSettled = 2'500'000'000;

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

std::optional<FolderStamp> stamp_of(const fs::path& root, const std::string& relative) {
  struct stat about {};
  if (::stat((root / relative).c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) return std::nullopt;
  return FolderStamp{relative, about.st_dev, about.st_ino, nanoseconds(about.st_mtim), nanoseconds(about.st_ctim)};
}

bool fresh(const TreeListing& listing, const fs::path& root) {
  return std::all_of(listing.folders.begin(), listing.folders.end(),
                     [&](const FolderStamp& folder) { return stamp_of(root, folder.path) == folder; });
}

std::optional<TreeListing> read_cached(const fs::path& file, const fs::path& root,
                                       const std::vector<std::string>& folders) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  try {
    auto listing = parse_listing(read_file(file, kLargestListing));
    if (!listing) log::debug(file.string() + ": the cached listing is damaged and made again");
    if (listing && listing->asked == folders && fresh(*listing, root)) return listing;
  } catch (const UserError& error) {
    log::debug(std::string("no cached listing: ") + error.what());
  }
  return std::nullopt;
}

/// Whether the tree was left alone for long enough before `now` for its times to tell of any change.
bool settled(const TreeListing& listing, std::int64_t now) {
  return std::all_of(listing.folders.begin(), listing.folders.end(), [now](const FolderStamp& folder) {
    return std::max(folder.modified, folder.changed) + kSettled < now;
  });
}

void write_cached(const fs::path& file, const TreeListing& listing) {
  try {
    make_directories(file.parent_path());
    remove_leftovers_of(file);
    write_file(file, listing_text(listing), Links::Refuse);
  } catch (const UserError& error) {
    log::debug(std::string("the listing is not cached: ") + error.what());
  }
}

}  // namespace

std::optional<fs::path> listing_cache_file(const fs::path& root) {
  std::error_code error;
  const fs::path caches = cache_folder();
  const std::string place = fs::canonical(root, error).string();
  if (caches.empty() || error) return std::nullopt;
  return caches / "listings" / sha256(place.data(), place.size());
}

void forget_listing(const fs::path& root) {
  std::error_code ignored;
  if (const auto file = listing_cache_file(root)) fs::remove(*file, ignored);
}

std::string listing_text(const TreeListing& listing) {
  std::string body;
  add_number(body, listing.asked.size());
  for (std::size_t i = 0; i < listing.asked.size(); ++i) {
    add_field(body, listing.asked[i]);
    add_number(body, listing.images[i].size());
    for (const auto& file : listing.images[i]) {
      add_field(body, file.path);
      add_number(body, file.size);
    }
  }
  add_left_out(body, listing.left_out);
  for (const auto& folder : listing.folders) {
    add_field(body, folder.path);
    add_number(body, folder.device);
    add_number(body, folder.inode);
    add_number(body, folder.modified);
    add_number(body, folder.changed);
  }
  return std::string(kListingTitle) + sha256(body.data(), body.size()) + body;
}

std::optional<TreeListing> parse_listing(std::string_view text) {
  if (text.substr(0, kListingTitle.size()) != kListingTitle) return std::nullopt;
  text.remove_prefix(kListingTitle.size());
  if (text.size() < kSumLength) return std::nullopt;
  const std::string_view body = text.substr(kSumLength);
  if (sha256(body.data(), body.size()) != text.substr(0, kSumLength)) return std::nullopt;
  FieldReader reader(body);
  TreeListing listing;
  for (auto left = reader.number<std::uint64_t>(); left > 0 && !reader.failed(); --left) {
    listing.asked.emplace_back(reader.text());
    auto& images = listing.images.emplace_back();
    for (auto files = reader.number<std::uint64_t>(); files > 0 && !reader.failed(); --files) {
      ListedFile file;
      file.path = reader.text();
      file.size = reader.number<std::uint64_t>();
      images.push_back(std::move(file));
    }
  }
  listing.left_out = read_left_out(reader);
  while (!reader.failed() && !reader.finished()) {
    FolderStamp folder;
    folder.path = reader.text();
    folder.device = reader.number<std::uint64_t>();
    folder.inode = reader.number<std::uint64_t>();
    folder.modified = reader.number<std::int64_t>();
    folder.changed = reader.number<std::int64_t>();
    listing.folders.push_back(std::move(folder));
  }
  if (reader.failed()) return std::nullopt;
  return listing;
}

TreeListing list_tree(const fs::path& root, const std::vector<std::string>& folders) {
  TreeListing listing;
  listing.asked = folders;
  for (const auto& folder : folders) {
    // Times are asked for before a folder is read: what changes meanwhile then makes the listing stale.
    const auto before_reading = [&](const std::string& path) {
      if (auto stamp = stamp_of(root, path)) listing.folders.push_back(std::move(*stamp));
    };
    listing.images.push_back(list_images(root, folder, /*dangling=*/false, before_reading, &listing.left_out));
  }
  return listing;
}

std::vector<std::vector<ListedFile>> list_image_folders(const fs::path& root, const std::vector<std::string>& folders,
                                                        LeftOut* left_out) {
  const auto file = listing_cache_file(root);
  if (file) {
    if (auto cached = read_cached(*file, root, folders)) {
      if (left_out != nullptr) left_out->add(cached->left_out);
      return std::move(cached->images);
    }
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  TreeListing listing = list_tree(root, folders);
  std::size_t count = 0;
  for (const auto& images : listing.images) count += images.size();
  if (file && count >= kSmallestCached && settled(listing, nanoseconds(now))) write_cached(*file, listing);
  if (left_out != nullptr) left_out->add(listing.left_out);
  return std::move(listing.images);
}

}  // namespace mlrun::data
