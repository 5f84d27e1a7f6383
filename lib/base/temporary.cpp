#include "base/temporary.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <sstream>
#include <vector>

#include "base/files.h"
#include "base/paths.h"

namespace mlrun {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".tmp";
constexpr std::size_t kLongestName = 200;  // bytes: with all that is added, a name has at most 255
constexpr int kTries = 16;

/// A process among all of all machines.
struct Writer {
  std::uint64_t machine = 0, start = 0;
  std::int64_t pid = 0;
};

/// One boot of a machine, or a container on it: where process numbers mean the same.
std::uint64_t this_machine() {
  static const std::uint64_t number = [] {
    std::string text;
    std::ifstream boot("/proc/sys/kernel/random/boot_id");
    std::getline(boot, text);
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) text += std::string("\n") + name.data();
    std::array<char, 64> processes{};
    if (::readlink("/proc/self/ns/pid", processes.data(), processes.size() - 1) > 0) text += processes.data();
    return std::uint64_t{std::stoul(sha256(text.data(), text.size()).substr(0, 8), nullptr, 16)};
  }();
  return number;
}

/// When a process began, in ticks since the boot: with its number it is never given again. 0 where that is not told,
/// nothing where the process has ended and only waits to be asked for.
std::optional<std::uint64_t> start_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t command = text.rfind(')');
  if (command == std::string::npos) return 0;
  std::istringstream fields(text.substr(command + 1));
  std::string state, skipped;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  constexpr int kStateField = 3, kStartField = 22;
  for (int field = kStateField + 1; field < kStartField; ++field) fields >> skipped;
  std::uint64_t start = 0;
  return fields >> start ? start : 0;
}

bool is_gone(const Writer& writer) {
  if (::kill(static_cast<pid_t>(writer.pid), 0) != 0 && errno == ESRCH) return true;
  const auto start = start_of(writer.pid);
  return !start || (*start != 0 && writer.start != 0 && *start != writer.start);
}

struct HiddenName {
  std::string target;
  std::optional<Writer> writer;  ///< nothing: not told, as in names that mlrun 0.1 gave
};

std::optional<Writer> parse_writer(const std::string& text) {
  Writer writer;
  std::uint64_t random = 0;
  int length = 0;
  const int read = std::sscanf(text.c_str(), "%" SCNu64 "-%" SCNd64 "-%" SCNu64 "-%" SCNu64 "%n", &writer.machine,
                               &writer.pid, &writer.start, &random, &length);
  if (read != 4 || static_cast<std::size_t>(length) != text.size() || writer.pid <= 0) return std::nullopt;
  return writer;
}

std::optional<HiddenName> parse_hidden(const std::string& name) {
  const std::string ending = kEnding;
  if (name.size() < ending.size() + 2 || name.front() != '.') return std::nullopt;
  if (name.compare(name.size() - ending.size(), ending.size(), ending) != 0) return std::nullopt;
  const std::string body = name.substr(1, name.size() - 1 - ending.size());
  const std::size_t dot = body.rfind('.');
  if (dot == std::string::npos || dot == 0) return HiddenName{body, {}};
  const std::string last = body.substr(dot + 1);
  const auto writer = parse_writer(last);
  const bool number = !last.empty() && last.find_first_not_of("0123456789") == std::string::npos;
  return HiddenName{writer || number ? body.substr(0, dot) : body, writer};
}

/// The part of a target's name that its hidden names keep.
std::string kept_part(const std::string& name) {
  if (name.size() <= kLongestName) return name;
  std::size_t end = kLongestName;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;  // inside a UTF-8 character
  return name.substr(0, end);
}

std::string writer_text() {
  const std::int64_t pid = ::getpid();
  return std::to_string(this_machine()) + "-" + std::to_string(pid) + "-" + std::to_string(start_of(pid).value_or(0));
}

std::string random_digits() {
  std::random_device source;
  const std::uint64_t bits = (std::uint64_t{source()} << 32U) | source();
  return std::to_string(bits % 1'000'000'000'000U);
}

}  // namespace

fs::path hidden_beside(const fs::path& target) {
  const std::string name = kept_part(target.filename().string());
  return target.parent_path() / ("." + name + "." + writer_text() + "-" + random_digits() + kEnding);
}

int make_hidden_file(const fs::path& target, unsigned mode, fs::path& made) {
  int descriptor = -1;
  for (int i = 0; i < kTries && descriptor < 0; ++i) {
    made = hidden_beside(target);
    descriptor = ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (descriptor < 0 && errno != EEXIST) break;
  }
  return descriptor;
}

std::string hidden_target(const std::string& name) {
  const auto hidden = parse_hidden(name);
  return hidden ? hidden->target : "";
}

void remove_leftovers(const fs::path& folder, const std::function<bool(const std::string& target)>& ours,
                      Writers writers) {
  std::vector<fs::path> leftovers;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const auto hidden = parse_hidden(entry->path().filename().string());
    if (!hidden || !ours(hidden->target)) continue;
    const bool here = hidden->writer && hidden->writer->machine == this_machine();
    if (here ? is_gone(*hidden->writer) : writers == Writers::None) leftovers.push_back(entry->path());
  }
  for (const auto& path : leftovers) {
    if (writers == Writers::None) remove_tree(path);
    else fs::remove_all(path, error);  // another user's may stay
  }
}

void remove_leftovers_of(const fs::path& target) {
  const std::string name = kept_part(target.filename().string());
  remove_leftovers(
      folder_of(target), [&](const std::string& other) { return other == name; }, Writers::Others);
}

}  // namespace mlrun
