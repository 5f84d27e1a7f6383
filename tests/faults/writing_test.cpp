#include <sys/mount.h>

#include "faults/faults.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// One call of a run that writes below its folder.
struct Call {
  int number = 0;  ///< among all, from 1
  std::string name;
  std::string path;  ///< relative to the run
};

std::vector<Call> calls_of(const FaultFolder& folder) {
  const std::string report = folder / "calls";
  REQUIRE(run(folder.train("count", {{"FAULT_REPORT", report}})).code == 0);
  std::vector<Call> calls;
  std::istringstream lines(read_file(report));
  Call call;
  while (lines >> call.number >> call.name >> call.path) {
    call.path = fs::path(call.path).lexically_relative(folder / "count").string();
    calls.push_back(call);
  }
  REQUIRE(calls.size() > 100);
  return calls;
}

/// What a message about a failure at `path` has to name: the file that was to become of a temporary one.
std::string final_name(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  if (name == ".") return "";
  if (name == ".lock") return "";
  if (name.rfind("events.", 0) == 0) return "events.";
  if (name.size() > 4 && name.substr(name.size() - 4) == ".tmp") {
    name = name.substr(1, name.size() - 5);
    name.resize(name.find_last_of('.'));  // which process made it
  }
  return name;
}

/// The last call of each kind: the same function on the same file, whatever the step and the process.
std::vector<Call> one_of_each(const std::vector<Call>& calls) {
  std::map<std::string, Call> last;
  for (const auto& call : calls) {
    std::string key = call.name + " " + call.path;
    key.erase(std::remove_if(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; }), key.end());
    last[key] = call;
  }
  std::vector<Call> chosen;
  for (const auto& item : last) chosen.push_back(item.second);
  return chosen;
}

struct Fault {
  Call call;
  bool stays = false;  ///< every later write fails too, as on a full disk
  int error = ENOSPC;

  std::string out() const { return "at" + std::to_string(call.number) + (stays ? "stays" : "once"); }
  Environment environment() const {
    return {{"FAULT_AT", std::to_string(call.number)},
            {"FAULT_STAYS", stays ? "1" : "0"},
            {"FAULT_SHORT", stays ? "1" : "0"},
            {"FAULT_ERRNO", std::to_string(error)}};
  }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void check_outcome(const Fault& fault, const Outcome& outcome, const fs::path& run) {
  INFO("call " << fault.call.number << ": " << fault.call.name << " " << fault.call.path
               << (fault.stays ? " stays" : "") << "\nstderr: " << outcome.err);
  auto lines = lines_of(outcome.err);
  // The log alone may be lost: the training goes on, and says so.
  const bool log_line = fault.call.name == "write" && fault.call.path == "train.log";
  if (log_line || (fault.stays && lines.size() == 2)) {
    REQUIRE_FALSE(lines.empty());
    CHECK(lines.front().rfind("warning: ", 0) == 0);
    CHECK(contains(lines.front(), "train.log: cannot be written: " + std::string(std::strerror(fault.error))));
    lines.erase(lines.begin());
  }
  if (log_line && !fault.stays) {
    CHECK(outcome.code == 0);
    CHECK(lines.empty());
  } else {
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    REQUIRE(lines.size() == 1);
    CHECK(lines.front().rfind("error: " + fault.out(), 0) == 0);
    CHECK(contains(lines.front(), std::strerror(fault.error)));
    if (!log_line) CHECK(contains(lines.front(), final_name(fault.call.path)));
  }
  CHECK(left_behind(run) == std::vector<std::string>{});
  check_checkpoints(run);
}

/// Lets each fault hit a training of its own, then resumes it on a machine that is whole again.
void check_faults(const FaultFolder& folder, const std::vector<Fault>& faults) {
  std::vector<Invocation> broken, again;
  for (const auto& fault : faults) {
    broken.push_back(folder.train(fault.out(), fault.environment()));
    again.push_back(folder.train(fault.out(), {}, {"--resume", "auto"}));
  }
  const auto outcomes = run_all(broken);
  for (std::size_t i = 0; i < faults.size(); ++i) check_outcome(faults[i], outcomes[i], folder / faults[i].out());
  const auto resumed = run_all(again);
  for (std::size_t i = 0; i < faults.size(); ++i) {
    INFO("call " << faults[i].call.number << ": " << faults[i].call.name << " " << faults[i].call.path
                 << "\nstderr: " << resumed[i].err);
    CHECK(resumed[i].code == 0);
    CHECK(resumed[i].err.empty());
    check_same(folder / faults[i].out(), undisturbed());
    CHECK(left_behind(folder / faults[i].out()) == std::vector<std::string>{});
  }
}

TEST_CASE("Each kind of write may fail: one line, no rest, and resume gives the same bytes", "[faults]") {
  const FaultFolder folder;
  const int errors[] = {ENOSPC, EIO, EROFS, EDQUOT};
  std::vector<Fault> faults;
  for (const auto& call : one_of_each(calls_of(folder))) {
    faults.push_back({call, faults.size() % 2 == 1, errors[faults.size() % 4]});
  }
  CHECK(faults.size() > 20);
  check_faults(folder, faults);
}

TEST_CASE("Every single write may fail, once and for good", "[.][faults-full]") {
  const FaultFolder folder;
  for (const auto& call : calls_of(folder)) {
    check_faults(folder, {{call, false, ENOSPC}, {call, true, ENOSPC}});
    for (const char* mode : {"once", "stays"}) fs::remove_all(folder / ("at" + std::to_string(call.number) + mode));
  }
}

/// A file system of this test's own, in `folder`; skipped where the test may not mount one.
class Mount {
 public:
  Mount(const fs::path& folder, const std::string& options) : folder_(folder) {
    fs::create_directory(folder);
    mounted_ = ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) skip("no file system can be mounted here: " + std::string(std::strerror(errno)));
  }
  ~Mount() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  explicit operator bool() const { return mounted_; }
  void remount(unsigned long flags, const std::string& options) const {
    REQUIRE(::mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT | flags, options.c_str()) == 0);
  }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

/// `mlrun train tiny.yaml --quiet --out OUT` as its user would call it.
Outcome plain_train(const FaultFolder& folder, const std::string& out) {
  Invocation line{{"train", "tiny.yaml", "--quiet", "--out", out, "--resume", "auto"}, folder.path(), {}};
  line.environment = {{"OMP_NUM_THREADS", "1"}};
  return run(line);
}

TEST_CASE("A small file system: too small at once, full half-way, then large enough", "[faults]") {
  const FaultFolder folder;
  const Mount disk(folder / "disk", "size=48k");
  if (!disk) return;
  const std::string small = refusal(plain_train(folder, "disk/run"));
  CHECK_THAT(small, Catch::Matchers::StartsWith("error: disk/run"));
  CHECK(left_behind(folder / "disk") == std::vector<std::string>{});

  disk.remount(0, "size=8m,nr_inodes=24");  // room for bytes, not for the second checkpoint's files
  const std::string full = refusal(plain_train(folder, "disk/run"));
  CHECK_THAT(full, Catch::Matchers::ContainsSubstring("No space left on device; free some space"));
  CHECK(left_behind(folder / "disk") == std::vector<std::string>{});
  CHECK(check_checkpoints(folder / "disk" / "run") >= 1);

  disk.remount(0, "size=8m,nr_inodes=1000");
  CHECK(plain_train(folder, "disk/run").code == 0);
  check_same(folder / "disk" / "run", undisturbed());
}

TEST_CASE("A folder that cannot be written is told at once", "[faults]") {
  const FaultFolder folder;
  const Mount disk(folder / "disk", "size=8m");
  if (!disk) return;
  const auto line = folder.train("disk/run", {{"FAULT_AT", "200"}});
  CHECK(run(line).code == 2);  // there is a run to resume
  disk.remount(MS_RDONLY, "size=8m");
  CHECK(refusal(plain_train(folder, "disk/other")) ==
        "error: disk/other: cannot be created: Read-only file system; make the folder writable or choose another one "
        "with --out\n");
  const std::string resumed = refusal(plain_train(folder, "disk/run"));
  CHECK_THAT(resumed, Catch::Matchers::ContainsSubstring("disk/run: cannot be written: Read-only file system"));
  disk.remount(0, "size=8m");
  CHECK(plain_train(folder, "disk/run").code == 0);
  check_same(folder / "disk" / "run", undisturbed());
}

TEST_CASE("A limit of file sizes is an error of the file and not the end of the process", "[faults]") {
  const FaultFolder folder;
  for (const rlim_t bytes : {0, 4096, 16384}) {
    Outcome outcome;
    {
      const Limit limit(RLIMIT_FSIZE, bytes);
      Invocation line{{"train", "tiny.yaml", "--out", "run", "--resume", "auto"}, folder.path(), {}};
      line.standard_out = "/dev/null";
      line.arguments.push_back("--log-level=off");  // stderr is a file here, and limited too
      outcome = run(line);
    }
    INFO(bytes);
    CHECK(outcome.code == 2);
    CHECK(left_behind(folder / "run") == std::vector<std::string>{});
    check_checkpoints(folder / "run");
  }
  {
    const Limit limit(RLIMIT_FSIZE, 16384);
    CHECK_THAT(refusal(plain_train(folder, "other")),
               Catch::Matchers::ContainsSubstring("File too large; raise the file size limit (ulimit -f)"));
  }
  CHECK(plain_train(folder, "run").code == 0);
  check_same(folder / "run", undisturbed());
}

TEST_CASE("An export that does not fit leaves nothing and says why", "[faults]") {
  const TempDir folder;
  const Limit limit(RLIMIT_FSIZE, 256 * 1024);
  CHECK_THAT(refusal(mlrun({"export", "--model", "small_cnn", "-o", "big.torchscript"}, folder.path())),
             Catch::Matchers::ContainsSubstring("File too large; raise the file size limit (ulimit -f)"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("Few open files: a clear line, or no harm", "[faults]") {
  const FaultFolder folder;
  int refused = 0;
  for (int files = 3; files < 9; ++files) {
    Outcome outcome = run(folder.train("run" + std::to_string(files), {{"FAULT_FILES", std::to_string(files)}}));
    if (outcome.err.rfind("Error in cpuinfo", 0) == 0) outcome.err.erase(0, outcome.err.find('\n') + 1);  // LibTorch's
    INFO(files << " files\nstderr: " << outcome.err);
    if (outcome.code == 0) continue;
    ++refused;
    CHECK_THAT(refusal(outcome), Catch::Matchers::ContainsSubstring("Too many open files"));
    CHECK(left_behind(folder / ("run" + std::to_string(files))) == std::vector<std::string>{});
  }
  CHECK(refused > 0);
}

TEST_CASE("A training whose stdout is closed or full is trained all the same", "[faults]") {
  const FaultFolder folder;
  for (const char* stdout_is : {"-", "/dev/full"}) {
    const std::string out = stdout_is[0] == '-' ? "closed" : "full";
    Invocation line = folder.train(out);
    line.standard_out = stdout_is;
    const Outcome outcome = run(line);
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, "error: stdout cannot be written: "));
    CHECK_FALSE(contains(read_file(folder / out / "train.log"), "finished: "));  // no file took stdout's place
    check_same(folder / out, undisturbed());
  }
}

}  // namespace
}  // namespace mlrun::test
