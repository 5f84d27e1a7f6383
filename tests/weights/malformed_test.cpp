#include <sys/mman.h>
#include <unistd.h>

#include <torch/types.h>

#include <set>

#include "base/files.h"
#include "base/random.h"
#include "support.h"
#include "weights/archive.h"
#include "weights/file.h"

namespace mlrun::weights::malformed_tests {
namespace {

using namespace mlrun::test::built;
using mlrun::test::fixture;
using mlrun::test::TempDir;

constexpr const char* kGood[] = {"plain.pth",     "legacy.pth", "legacy4.pth", "deflated.pth", "protocol5.pth",
                                 "timm.pth",      "module.pth", "traced.pt",   "tensors.pth",  "tensors_legacy.pth",
                                 "lightning.pth", "ema.pth",    "scripted.pt"};

/// What became of files that are not as they should be.
struct Tally {
  int files = 0, read = 0;
  std::set<std::string> messages;
};

/// A file in memory alone, since thousands are written.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("weights", MFD_CLOEXEC)) { REQUIRE(descriptor_ >= 0); }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path write(const std::string& content) const {
    REQUIRE(::ftruncate(descriptor_, 0) == 0);
    REQUIRE(::pwrite(descriptor_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

/// Reads `content`: tensors whose every element can be touched, or one UserError of one line.
void attempt(const MemoryFile& file, const std::string& content, Tally& tally) {
  const auto path = file.write(content);
  ++tally.files;
  try {
    for (const auto& item : read_weights(path).tensors) (void)item.second.clone();
    ++tally.read;
  } catch (const UserError& error) {
    REQUIRE(error.problems().size() == 1);
    const std::string message = error.what();
    REQUIRE_THAT(message, Catch::Matchers::StartsWith(path.string() + ": "));
    REQUIRE(message.find('\n') == std::string::npos);
    REQUIRE(message.size() < path.string().size() + 600);
    tally.messages.insert(message.substr(path.string().size()));
  }
}

std::string content_of(const char* name) { return read_file(fixture(std::string("weights/") + name)); }

/// Positions where the parts of a file meet: all of its zip records, and about 40 of the places where
/// instructions of its pickles, storages and padding begin.
std::set<std::size_t> boundaries(const std::string& content) {
  std::set<std::size_t> found = {0, 1, 8, content.size() - 1, content.size() - 8}, minor;
  const auto find_all = [&](const std::vector<std::string>& marks, std::set<std::size_t>& into) {
    for (const std::string& mark : marks) {
      for (std::size_t at = content.find(mark); at != std::string::npos; at = content.find(mark, at + 1)) {
        into.insert(at);
      }
    }
  };
  find_all({"PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "\x80\x02", "u."}, found);
  find_all({"ctorch", "tQ", "q", "X", "ZZZZ"}, minor);
  std::size_t position = 0;
  for (const std::size_t at : minor) {
    if (position++ % (minor.size() / 40 + 1) == 0) found.insert(at);
  }
  return found;
}

}  // namespace

TEST_CASE("weights that are cut short anywhere end in one line", "[weights]") {
  const MemoryFile file;
  Tally tally;
  for (const char* name : kGood) {
    const std::string content = content_of(name);
    for (const std::size_t at : boundaries(content)) attempt(file, content.substr(0, at), tally);
  }
  CHECK(tally.files > 600);
  CHECK(tally.read == 0);
}

TEST_CASE("weights with flipped bits end in one line or change tensors alone", "[weights]") {
  const MemoryFile file;
  Tally tally;
  for (const char* name : kGood) {
    const std::string good = content_of(name);
    for (std::uint64_t round = 0; round < 150; ++round) {
      KeyedRandom random(3, name, round);
      std::string content = good;
      for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
        char& byte = content[random.below(content.size())];
        byte = static_cast<char>(byte ^ 1 << random.below(8));
      }
      attempt(file, content, tally);
    }
  }
  CHECK(tally.files == 150 * 13);
  CHECK(tally.read > 300);
  CHECK(tally.messages.size() > 50);
}

TEST_CASE("pickles whose bytes are exchanged in a sound archive end in one line", "[weights]") {
  const MemoryFile file;
  Tally tally;
  const std::string tensor = text("a") + tensor_code({});
  const std::string good = dict_of(tensor + text("b") + tensor_code({}) + text("n") + "K\x01");
  const std::string instructions = "().NRKMJXQ]}abcehijloqrstu\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8f\x90\x93\x94\x95";
  for (std::uint64_t round = 0; round < 1500; ++round) {
    KeyedRandom random(5, "pickle", round);
    std::string code = good;
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
      const std::size_t at = random.below(code.size());
      switch (random.below(3)) {
        case 0: code[at] = instructions[random.below(instructions.size())]; break;
        case 1: code.erase(at, 1 + random.below(6)); break;
        default: code.insert(at, code.substr(random.below(code.size()), random.below(40)));
      }
    }
    attempt(file, pth_of(code), tally);
  }
  CHECK(tally.read < 900);
  CHECK(tally.messages.size() > 60);
}

TEST_CASE("pickles that would run code run nothing and are named", "[weights]") {
  const MemoryFile file;
  const TempDir folder;
  Tally tally;
  const std::string command = "touch " + (folder / "ran").string();
  const std::vector<std::pair<std::string, std::string>> attacks = {
      {"os", "system"},        {"posix", "system"}, {"subprocess", "check_output"}, {"builtins", "eval"},
      {"builtins", "exec"},    {"os", "popen"},     {"runpy", "run_path"},          {"__builtin__", "eval"},
      {"nt", "system"},        {"pty", "spawn"},    {"webbrowser", "open"},         {"torch.hub", "load"},
      {"my.module", "attack"}, {"torch", "load"},   {"numpy.testing", "runstring"}, {"functools", "partial"}};
  for (const auto& [module, name] : attacks) {
    for (const std::string& callee : {global(module, name), text(module) + text(name) + "\x93"}) {
      const std::string call = callee + text(command) + "\x85R";
      const std::string tensor = text("a") + tensor_code({});
      std::vector<std::string> codes = {call,
                                        dict_of(text("a") + call),
                                        dict_of(tensor + text("b") + call),
                                        dict_of(text("state_dict") + call),
                                        callee + text(command) + "\x85\x81",
                                        "(" + callee + text(command) + "o",
                                        dict_of(tensor) + call + "b0" + call};
      Described of;
      of.storage = call;
      codes.push_back(dict_of(text("a") + tensor_code(of)));
      for (const std::string& code : codes) attempt(file, pth_of(code), tally);
      const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
      attempt(file, magic + pickle_of("M" + le(1001, 2)) + pickle_of(call) + pickle_of(call) + pickle_of("]"), tally);
      attempt(file, magic + pickle_of("M" + le(1001, 2)) + pickle_of("}") + pickle_of(call) + pickle_of("]"), tally);
    }
  }
  CHECK(tally.files == 320);
  CHECK(tally.read == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "ran"));
  const std::string refused = ": would run code if Python loaded it: its pickle names os.system; nothing was run; ";
  CHECK(tally.messages.count(refused + "take weights from a source that you trust") == 1);
  const std::string object = "is an object made by my.module.attack, not a tensor; nothing was run; ";
  CHECK(tally.messages.count(": b: " + object + "save the state_dict alone") == 1);
}

TEST_CASE("archives with wrong places, sizes and bombs end in one line", "[weights]") {
  const MemoryFile file;
  Tally tally;
  const Entry pickle = entry("w/data.pkl", pickle_of(dict_of(text("a") + tensor_code({}))));
  const Entry data = entry("w/data/0", std::string(16, '\0'));
  const auto with = [&](auto change) {
    Entry first = pickle, second = data;
    change(first, second);
    attempt(file, zip_of({first, second}), tally);
  };
  with([](Entry&, Entry&) {});
  CHECK(tally.read == 1);
  for (const std::uint64_t size :
       {0ULL, 1ULL, 15ULL, 17ULL, 64ULL, 1000ULL, 0x7fffffffULL, 0xfffffffeULL, 0xffffffffULL}) {
    with([&](Entry&, Entry& it) { it.stored = size; });
    with([&](Entry&, Entry& it) { it.size = size; });
    with([&](Entry&, Entry& it) { it.stored = it.size = size; });
    with([&](Entry&, Entry& it) { it.header = size; });
    with([&](Entry& it, Entry&) { it.stored = size; });
    with([&](Entry& it, Entry&) { it.header = size | 1; });
    with([&](Entry& it, Entry&) { it = deflated(it.name, it.content), it.size = size; });
    with([&](Entry&, Entry& it) { it = deflated(it.name, it.content), it.size = size; });
    with([&](Entry&, Entry& it) { it = deflated(it.name, std::string(size % 5000 + 20, '\0')); });
  }
  for (std::uint16_t method = 1; method < 20; ++method) with([&](Entry&, Entry& it) { it.method = method; });
  with([](Entry& it, Entry&) { it.flags = 1; });
  with([](Entry&, Entry& it) { it.name = "w/data/../data/0"; });
  with([](Entry&, Entry& it) { it.local_name = "w/data/1"; });
  with([](Entry& first, Entry& second) { second.name = first.name; });
  CHECK(tally.files > 100);
  CHECK(tally.read == 1);
}

}  // namespace mlrun::weights::malformed_tests
