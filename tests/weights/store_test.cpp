#include "weights/store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>

#include "base/cache.h"
#include "base/files.h"
#include "base/log.h"
#include "support.h"
#include "weights/download.h"

using namespace mlrun;
using namespace mlrun::weights;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace fs = std::filesystem;

namespace {

/// Environment variables for one test; empty means unset.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
      const char* before = std::getenv(name.c_str());
      before_.emplace(name, before == nullptr ? "" : before);
      set(name, value);
    }
    log::set_level(log::Level::Off);
  }
  ~Environment() {
    for (const auto& [name, value] : before_) set(name, value);
    log::set_level(log::Level::Info);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static void set(const std::string& name, const std::string& value) {
    if (value.empty()) ::unsetenv(name.c_str());
    else ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::map<std::string, std::string> before_;
};

/// A machine with an empty cache and a publisher in a folder.
struct World {
  TempDir folder;
  Environment environment{{{"XDG_CACHE_HOME", folder / "cache"}, {"TORCH_HOME", ""}, {"HOME", folder / "home"}}};
  std::string content = "these are weights";
  std::string digits = sha256(content.data(), content.size()).substr(0, 8);
  std::string name = "tiny-" + digits + ".pth";
  models::PublishedWeights weights = {"tiny",
                                      "Tiny_Weights",
                                      "IMAGENET1K_V1",
                                      true,
                                      name.c_str(),
                                      digits.c_str(),
                                      &models::kImagenet,
                                      {},
                                      0,
                                      224,
                                      256,
                                      "bilinear",
                                      {},
                                      {},
                                      1,
                                      "",
                                      ""};
  fs::path own = folder / "cache/mlrun/weights" / name;

  World() { folder.write("publisher/" + name, content); }
  FetchOptions from_mirror(const std::string& place = "publisher") const {
    return {"file://" + (folder / place).string(), {}};
  }
  /// What lies beside the weights and their lock.
  std::set<std::string> beside() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(own.parent_path())) names.insert(entry.path().filename().string());
    names.erase(name);
    names.erase(name + ".lock");
    return names;
  }
};

}  // namespace

TEST_CASE("caches lie where XDG says", "[weights]") {
  const Environment environment{{{"XDG_CACHE_HOME", "/x/cache"}, {"HOME", "/home/me"}}};
  CHECK(cache_folder() == "/x/cache/mlrun");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  CHECK(cache_folder() == "/home/me/.cache/mlrun");
  ::unsetenv("XDG_CACHE_HOME");
  CHECK(cache_folder() == "/home/me/.cache/mlrun");
  ::unsetenv("HOME");
  CHECK(cache_folder().empty());
  CHECK(user_error([] { store_folder(); }) ==
        "there is no cache folder; set HOME or XDG_CACHE_HOME to an absolute path");
}

TEST_CASE("weights are downloaded once", "[weights]") {
  World world;
  CHECK_FALSE(stored_file(world.weights));
  std::uint64_t told = 0;
  FetchOptions options = world.from_mirror();
  options.progress = [&](std::uint64_t done, std::uint64_t) { return told = std::max(told, done), true; };
  const Fetched first = fetch(world.weights, options);
  CHECK(first.downloaded);
  CHECK(first.file == world.own);
  CHECK(read_file(world.own) == world.content);
  CHECK(told == world.content.size());
  CHECK(world.beside().empty());
  CHECK_FALSE(fetch(world.weights, world.from_mirror("nowhere")).downloaded);
  CHECK(verified_file(world.weights) == world.own);
}

TEST_CASE("a download goes through no link, and removes what killed ones left", "[weights]") {
  World world;
  const fs::path victim = world.folder.write("victim", "as it was");
  const fs::path folder = world.own.parent_path();
  fs::create_directories(folder);
  fs::create_symlink(victim, world.own.string() + ".part");  // the name that mlrun 0.1 gave
  world.folder.write("cache/mlrun/weights/." + world.name + ".1-2-3-4.tmp", "half");
  world.folder.write("cache/mlrun/weights/.other.pth.1-2-3-4.tmp", "of another download");
  CHECK(fetch(world.weights, world.from_mirror()).downloaded);
  CHECK(world.beside() == std::set<std::string>{".other.pth.1-2-3-4.tmp"});
  CHECK(read_file(victim) == "as it was");
  CHECK(user_error([&] { download("file://" + victim.string(), world.own, {}, 1000); }) ==
        world.own.string() + ": cannot be made: File exists");
}

TEST_CASE("weights that are nowhere are asked for", "[weights]") {
  World world;
  const std::string folder = (world.folder / "cache/mlrun/weights").string();
  CHECK(
      user_error([&] { verified_file(world.weights); }) ==
      "the weights tiny/IMAGENET1K_V1 are not on this machine; run `mlrun weights get tiny/IMAGENET1K_V1`, or put the "
      "file " +
          world.name + " into " + folder);
  const std::string text = user_error([&] { fetch(world.weights, world.from_mirror("nowhere")); });
  CHECK_THAT(text, ContainsSubstring("file://" + (world.folder / "nowhere").string() + "/" + world.name +
                                     " cannot be downloaded: "));
  CHECK_THAT(text, ContainsSubstring("; put the file " + world.name + " into " + folder));
  CHECK(text.find('\n') == std::string::npos);
  CHECK_FALSE(fs::exists(world.own));
  CHECK(world.beside().empty());
}

TEST_CASE("what has another checksum is not kept", "[weights]") {
  World world;
  world.folder.write("forged/" + world.name, "these are other weights");
  CHECK_THAT(
      user_error([&] { fetch(world.weights, world.from_mirror("forged")); }),
      ContainsSubstring(", which does not begin with " + world.digits + "; try again or from elsewhere, or put"));
  CHECK_FALSE(fs::exists(world.own));
  CHECK(world.beside().empty());
  // A damaged file in the cache is not used, and replaced by the next download.
  world.folder.write("cache/mlrun/weights/" + world.name, "these are");
  CHECK(stored_file(world.weights));
  CHECK_THAT(user_error([&] { verified_file(world.weights); }), ContainsSubstring("are not on this machine"));
  CHECK(fetch(world.weights, world.from_mirror()).downloaded);
  CHECK(verified_file(world.weights) == world.own);
}

TEST_CASE("torch.hub's cache is read", "[weights]") {
  World world;
  const fs::path shared = world.folder.write("cache/torch/hub/checkpoints/" + world.name, world.content);
  CHECK(verified_file(world.weights) == shared);
  const Fetched found = fetch(world.weights, world.from_mirror("nowhere"));
  CHECK(found.file == shared);
  CHECK_FALSE(found.downloaded);
  CHECK_FALSE(fs::exists(world.own));
  fs::remove(shared);
  ::setenv("TORCH_HOME", (world.folder / "torch").c_str(), 1);
  const fs::path chosen = world.folder.write("torch/hub/checkpoints/" + world.name, world.content);
  CHECK(verified_file(world.weights) == chosen);
  ::unsetenv("TORCH_HOME");
}

TEST_CASE("a download that is stopped leaves nothing", "[weights]") {
  World world;
  FetchOptions options = world.from_mirror();
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  CHECK_THAT(user_error([&] { fetch(world.weights, options); }),
             ContainsSubstring("cannot be downloaded: it was stopped"));
  CHECK_FALSE(fs::exists(world.own));
  CHECK(world.beside().empty());
}

TEST_CASE("a cache that cannot be written is named", "[weights]") {
  World world;
  world.folder.write("cache", "a file in the folder's place");
  CHECK_THAT(user_error([&] { fetch(world.weights, world.from_mirror()); }),
             ContainsSubstring((world.folder / "cache").string()));
}

TEST_CASE("of many processes one downloads", "[weights]") {
  World world;
  const fs::path counted = world.folder / "downloads";
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Fetched fetched = fetch(world.weights, world.from_mirror());
      if (fetched.downloaded) append_file(counted, "x");
      ::_exit(read_file(fetched.file) == world.content ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  CHECK(read_file(counted) == "x");
}
