#include "data/sources/listing_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "base/files.h"
#include "support.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// A variable of the environment for as long as a test lasts.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

constexpr int kFiles = 2100;  // enough for a cache

void age(const fs::path& folder) {
  const timespec long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, folder.c_str(), long_ago, 0) == 0);
}

/// A root with two folders of images that nobody touched for long: times of change cannot be set, so it waits.
void fill_tree(const test::TempDir& root) {
  for (int i = 0; i < kFiles; ++i) root.write((i % 2 == 0 ? "a/" : "b/x/") + std::to_string(i) + ".jpg", "12");
  for (const char* folder : {"a", "b/x", "b"}) age(root / folder);
  std::this_thread::sleep_for(std::chrono::milliseconds(2600));
}

using Lists = std::vector<std::vector<ListedFile>>;

bool same(const Lists& a, const Lists& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool equal = std::equal(a[i].begin(), a[i].end(), b[i].begin(), b[i].end(),
                                  [](const auto& x, const auto& y) { return x.path == y.path && x.size == y.size; });
    if (!equal) return false;
  }
  return true;
}

const std::vector<std::string> kFolders = {"a", "b"};

/// 20 processes and then 8 threads list the tree at once while its cache is damaged and removed.
void list_at_once(const fs::path& root, const fs::path& file) {
  const Lists expected = list_tree(root, kFolders).images;
  std::vector<pid_t> children;
  for (int child = 0; child < 20; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      bool right = true;
      for (int round = 0; round < 5; ++round) {
        if (child % 5 == round) forget_listing(root);
        if (child == 3) std::ofstream(file) << "damaged";
        right = right && same(list_image_folders(root, kFolders), expected);
      }
      ::_exit(right ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(status == 0);
  }
  std::vector<std::thread> threads;
  std::vector<char> right(8, 0);
  for (std::size_t i = 0; i < right.size(); ++i) {
    threads.emplace_back([&, i] {
      forget_listing(root);
      right[i] = same(list_image_folders(root, kFolders), expected) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(std::count(right.begin(), right.end(), 1) == 8);
  list_image_folders(root, kFolders);
  REQUIRE(parse_listing(read_file(file)));
  for (const auto& entry : fs::directory_iterator(file.parent_path())) REQUIRE(entry.path() == file);
}

}  // namespace

TEST_CASE("a listing is read back as it was written, and damage is seen", "[data][listing_cache]") {
  TreeListing listing;
  listing.asked = {"a", "new\nline"};
  listing.images = {{{"a/1.jpg", 5}, {"a/ 2.jpg", 0}}, {}};
  listing.left_out.add("a/x.gif");
  listing.folders = {{"a", 1, 2, -3, 4}, {"new\nline", 5, 6, 7, INT64_MAX}};
  const std::string text = listing_text(listing);
  const auto read = parse_listing(text);
  REQUIRE(read);
  REQUIRE(read->asked == listing.asked);
  REQUIRE(same(read->images, listing.images));
  REQUIRE((read->folders == listing.folders));
  REQUIRE(read->left_out == listing.left_out);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    REQUIRE_FALSE(parse_listing(damaged));
    REQUIRE_FALSE(parse_listing(text.substr(0, i)));
  }
}

TEST_CASE("the cache lies in this user's folder of caches, if there is any", "[data][listing_cache]") {
  const test::TempDir root;
  const Environment home("HOME", "/somewhere");
  const Environment cache("XDG_CACHE_HOME", "relative");
  REQUIRE(listing_cache_file(root.path())->parent_path() == "/somewhere/.cache/mlrun/listings");
  REQUIRE_FALSE(listing_cache_file(root / "none"));
  const Environment no_home("HOME", "");
  REQUIRE_FALSE(listing_cache_file(root.path()));
}

TEST_CASE("large trees are listed from the cache until a folder changes", "[data][listing_cache]") {
  const test::TempDir root, caches;
  const Environment cache("XDG_CACHE_HOME", caches.path().string());
  fill_tree(root);
  const auto file = *listing_cache_file(root.path());
  const Lists first = list_image_folders(root.path(), kFolders);
  REQUIRE(first[0].size() == kFiles / 2);
  REQUIRE(fs::exists(file));
  REQUIRE(same(list_image_folders(root.path(), kFolders), first));

  auto planted = *parse_listing(read_file(file));  // the cache is really read
  planted.images[0][0].size = 99;
  planted.left_out.add("a/x.gif");
  write_file(file, listing_text(planted));
  LeftOut left_out;
  REQUIRE(list_image_folders(root.path(), kFolders, &left_out)[0][0].size == 99);
  REQUIRE(left_out.list() == "1 .gif");
  forget_listing(root.path());
  REQUIRE(same(list_image_folders(root.path(), kFolders), first));

  write_file(file, "nonsense");
  REQUIRE(same(list_image_folders(root.path(), kFolders), first));
  REQUIRE(parse_listing(read_file(file)));

  list_at_once(root.path(), file);

  fs::remove_all(caches.path() / "mlrun");
  caches.write("mlrun", "a file in the way");
  REQUIRE(same(list_image_folders(root.path(), kFolders), first));
  fs::remove(caches.path() / "mlrun");
  REQUIRE(list_image_folders(root.path(), {"b"}).size() == 1);
  list_image_folders(root.path(), kFolders);

  root.write("b/x/new.jpg", "1");
  age(root / "b/x");  // the time of change tells
  REQUIRE(list_image_folders(root.path(), kFolders)[1].size() == kFiles / 2 + 1);
  fs::remove(root / "a/0.jpg");
  REQUIRE(list_image_folders(root.path(), kFolders)[0].size() == kFiles / 2 - 1);
}

TEST_CASE("small trees and trees touched just now are not cached", "[data][listing_cache]") {
  const test::TempDir root, caches;
  const Environment cache("XDG_CACHE_HOME", caches.path().string());
  root.write("a/1.jpg", "1");
  list_image_folders(root.path(), {"a"});
  for (int i = 0; i < kFiles; ++i) root.write("a/" + std::to_string(i) + ".jpg", "1");
  list_image_folders(root.path(), {"a"});
  REQUIRE(fs::is_empty(caches.path()));
}

}  // namespace mlrun::data
