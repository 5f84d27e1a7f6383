#include "base/temporary.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "base/files.h"
#include "base/paths.h"
#include "support.h"

using namespace mlrun;
using test::TempDir;

namespace fs = std::filesystem;

namespace {

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

/// A process that has made a file and a folder under hidden names and lives until it is told to end.
class Writer {
 public:
  Writer(const fs::path& file, const fs::path& folder) {
    int ready[2] = {-1, -1};
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      write_file(hidden_beside(file), "half");
      const fs::path hidden = hidden_beside(folder);
      fs::create_directory(hidden);
      write_file(hidden / "a", "half");
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      ::pause();
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Writer() {
    end();
    ::waitpid(pid_, nullptr, 0);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// It has then ended and was not waited for, as in a container without an init process.
  void end() const {
    ::kill(pid_, SIGKILL);
    siginfo_t about = {};
    ::waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOWAIT);
  }

 private:
  pid_t pid_ = -1;
};

bool any(const std::string&) { return true; }

}  // namespace

TEST_CASE("a hidden name cannot be foreseen, and tells its target", "[base]") {
  const fs::path first = hidden_beside("folder/run.json"), second = hidden_beside("folder/run.json");
  CHECK(first != second);
  CHECK(first.parent_path() == "folder");
  CHECK(first.filename().string().rfind(".run.json.", 0) == 0);
  CHECK(first.extension() == ".tmp");
  CHECK(hidden_target(first.filename().string()) == "run.json");
  CHECK(hidden_target(hidden_beside("a.1-2").filename().string()) == "a.1-2");
  CHECK(hidden_beside("name").parent_path().empty());
}

TEST_CASE("names of mlrun 0.1 tell their target too, and other names none", "[base]") {
  CHECK(hidden_target(".run.json.123.tmp") == "run.json");
  CHECK(hidden_target(".step-00000007.tmp") == "step-00000007");
  for (const char* name : {"run.json", ".lock", "notes.tmp", ".tmp", "..tmp", ""}) {
    INFO(name);
    CHECK(hidden_target(name).empty());
  }
}

TEST_CASE("the longest name has a hidden one, cut between characters", "[base]") {
  const TempDir folder;
  std::string longest(255, 'n');
  write_file(folder / longest, "1");
  CHECK(read_file(folder / longest) == "1");
  const std::string umlauts = "x" + [] {
    std::string text;
    for (int i = 0; i < 127; ++i) text += "ä";
    return text;
  }();
  const std::string target = hidden_target(hidden_beside(umlauts).filename().string());
  CHECK(target.size() % 2 == 1);  // whole characters of two bytes after one of one
  CHECK(umlauts.rfind(target, 0) == 0);
}

TEST_CASE("what living processes write is left alone, and goes when they are gone", "[base]") {
  const TempDir folder;
  const Writer writer(folder / "run.json", folder / "step-00000001");
  folder.write(hidden_beside(folder / "run.json").filename(), "of this process");
  remove_leftovers(folder.path(), any, Writers::None);
  CHECK(names_in(folder.path()).size() == 3);
  writer.end();
  remove_leftovers(
      folder.path(), [](const std::string& name) { return name == "run.json"; }, Writers::Others);
  CHECK(names_in(folder.path()).size() == 2);
  remove_leftovers_of(folder / "step-00000001");
  CHECK(names_in(folder.path()).size() == 1);
}

TEST_CASE("what other machines and unknown writers left goes only for who alone writes there", "[base]") {
  const TempDir folder;
  const std::set<std::string> hidden = {".run.json.1-2-3-4.tmp", ".run.json.123.tmp", ".run.json.tmp"};
  for (const auto& name : hidden) folder.write(name, "half");
  folder.write(".model.onnx.1-2-3-4.tmp/model.onnx", "of an export");
  folder.write(".notes.tmp", "of the user");
  folder.write("notes.tmp", "of the user");
  folder.write("below/.run.json.123.tmp", "elsewhere");
  const auto before = names_in(folder.path());
  const auto ours = [](const std::string& name) { return name == "run.json"; };
  remove_leftovers(folder.path(), ours, Writers::Others);
  CHECK(names_in(folder.path()) == before);
  remove_leftovers(folder.path(), ours, Writers::None);
  CHECK(names_in(folder.path()) ==
        std::set<std::string>{".model.onnx.1-2-3-4.tmp", ".notes.tmp", "notes.tmp", "below"});
  CHECK(fs::exists(folder / "below/.run.json.123.tmp"));
  remove_leftovers(folder / "absent", any, Writers::None);
}

TEST_CASE("a process number that another process has now is no sign of life", "[base]") {
  const TempDir folder;
  std::string name = hidden_beside(folder / "a").filename();
  const std::size_t pid = name.find('-'), start = name.find('-', pid + 1), random = name.find('-', start + 1);
  name.replace(start + 1, random - start - 1, "1");  // this process's number, begun when the machine was
  folder.write(name, "half");
  remove_leftovers_of(folder / "a");
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a hidden file is a new one, with the mode that is asked for", "[base]") {
  const TempDir folder;
  fs::path made;
  const int descriptor = make_hidden_file(folder / "a", 0600, made);
  REQUIRE(descriptor >= 0);
  struct stat about = {};
  CHECK(::fstat(descriptor, &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600U);
  CHECK((::fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_WRONLY);
  ::close(descriptor);
  CHECK(names_in(folder.path()) == std::set<std::string>{made.filename().string()});
  CHECK(make_hidden_file(folder / "none/a", 0600, made) == -1);
}
