#include <sys/stat.h>

#include <cstdlib>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// A weight file as Python's safetensors writes it, of no tensors and one line of metadata.
std::string file_that_says(const std::string& text) {
  const std::string header = R"({"__metadata__":{"note":")" + text + R"("}})";
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i) file[static_cast<std::size_t>(i)] = static_cast<char>(header.size() >> (8 * i) & 255U);
  return file + header;
}

/// The exit code of mlrun with 64 KiB of stack.
int code_with_little_stack(const std::string& words, const fs::path& out) {
  const std::string command = "ulimit -s 64; exec " + std::string(MLRUN_EXECUTABLE) + " " + words;
  return std::system(("sh -c '" + command + "' >" + out.string() + " 2>&1").c_str());
}

TEST_CASE("devices, pipes and nested JSON in place of files end in a line", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  REQUIRE(::mkfifo((folder / "pipe.yaml").c_str(), 0600) == 0);
  for (const char* name : {"piped", "nested"}) fs::create_directories(folder / name);
  REQUIRE(::mkfifo((folder / "piped/run.json").c_str(), 0600) == 0);
  folder.write("nested/run.json", std::string(1'000'000, '['));
  const auto outcomes = run_all({{{"predict", tiny.run, "/dev/zero"}},
                                 {{"config", "check", folder / "pipe.yaml"}},
                                 {{"inspect", folder / "piped"}},
                                 {{"inspect", folder / "nested"}},
                                 {{"eval", tiny.run, "--weights", "/dev/zero"}}});
  const std::string device = "/dev/zero: is a device, not a file; save what it gives to a file\n";
  CHECK(refusal(outcomes[0]) == "error: " + device);
  CHECK(refusal(outcomes[1]) == "error: " + (folder / "pipe.yaml").string() +
                                    ": is a pipe, not a file; a recipe is a YAML text file of at most 4 MiB\n");
  CHECK(refusal(outcomes[2]) ==
        "error: " + (folder / "piped/run.json").string() + ": is a pipe, not a file; save what it gives to a file\n");
  CHECK(refusal(outcomes[3]) ==
        "error: " + (folder / "nested/run.json").string() + ": is damaged: it is no JSON object\n");
  CHECK(outcomes[4].code == 2);
}

TEST_CASE("bytes of strangers do not reach the terminal", "[apps]") {
  const TempDir folder;
  const auto file = folder.write("a\u009B31m.safetensors", file_that_says("x\\u001b[2J\\u009b31m\\u202ey"));
  const auto outcomes =
      run_all({{{"inspect", file}}, {{"inspect", file, "--json"}}, {{"inspect", file.string() + "x"}}});
  CHECK(outcomes[0].code == 0);
  CHECK(contains(outcomes[0].out, "\nnote:\nx\\x1b[2J\\u009b31m\\u202ey\n"));
  CHECK(contains(outcomes[0].out, "/a\\u009b31m.safetensors: "));
  CHECK(contains(outcomes[2].err, "/a\\u009b31m.safetensorsx: "));
  for (const auto& outcome : outcomes) {
    for (const char* hostile : {"\x1B", "\u009B", "\u202E"}) {
      CHECK_FALSE(contains(outcome.out, hostile));
      CHECK_FALSE(contains(outcome.err, hostile));
    }
  }
  CHECK(result_of(outcomes[1], "inspect", "ok").at("metadata").at("note") == "x\x1B[2J\u009B31m\u202Ey");
}

TEST_CASE("a small stack is no crash", "[apps]") {
  const TempDir folder;
  const std::string run = tiny_run().run.string();
  const auto image = folder.write("image.ppm", ppm(16, 16, 7));
  CHECK(code_with_little_stack("predict " + run + " " + image.string() + " --workers 2", folder / "out") == 0);
  INFO(read_file(folder / "out"));
  CHECK(contains(read_file(folder / "out"), "probability"));
}

}  // namespace
}  // namespace mlrun::test
