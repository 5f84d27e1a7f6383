#include "engine/run/checkpoint.h"

#include <sys/resource.h>

#include <fstream>

#include <torch/types.h>

#include "base/files.h"
#include "base/paths.h"
#include "base/signals.h"
#include "base/temporary.h"
#include "base/version.h"
#include "engine/run/schema.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::engine;
using test::TempDir;
using test::user_error;

namespace fs = std::filesystem;

namespace {

Checkpoint sample(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.step = step;
  checkpoint.weights = {{"fc.weight", torch::full({2, 3}, static_cast<double>(step))}, {"fc.bias", torch::zeros({2})}};
  checkpoint.metadata = {{"format", "pt"}, {"step", std::to_string(step)}};
  checkpoint.state.put("trainer.momentum", torch::arange(5, torch::kFloat));
  checkpoint.state.put("trainer.position", Json{{"step", step}, {"epoch", 1}});
  return checkpoint;
}

std::vector<std::string> names(const fs::path& folder) {
  std::vector<std::string> list;
  for (const auto& path : list_checkpoints(folder)) list.push_back(path.filename().string());
  return list;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void flip_byte(const fs::path& file, std::uintmax_t at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(stream.get() ^ 1);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(byte);
}

}  // namespace

TEST_CASE("a checkpoint is read back as it was written", "[engine]") {
  const TempDir folder;
  const fs::path path = write_checkpoint(folder / "checkpoints", sample(42));
  CHECK(path == folder / "checkpoints/step-00000042");
  CHECK(entries(path) == 4);
  const Checkpoint read = read_checkpoint(path);
  CHECK(read.step == 42);
  REQUIRE(read.weights.size() == 2);
  CHECK(read.weights[0].first == "fc.weight");
  CHECK(read.weights[0].second.equal(torch::full({2, 3}, 42.0)));
  CHECK(read.metadata.size() == 2);
  CHECK(read.state.tensor("trainer.momentum").equal(torch::arange(5, torch::kFloat)));
  CHECK(read.state.value("trainer.position")["step"] == 42);

  const Json manifest = Json::parse(read_file(path / "manifest.json"));
  CHECK(manifest["step"] == 42);
  for (const char* name : {"model.safetensors", "state.safetensors", "state.json"}) {
    CHECK(manifest["files"][name]["size"] == fs::file_size(path / name));
    CHECK(manifest["files"][name]["sha256"] == sha256_file(path / name));
  }
}

TEST_CASE("a damaged checkpoint is refused, whichever byte is wrong", "[engine]") {
  for (const char* name : {"model.safetensors", "state.safetensors", "state.json"}) {
    const TempDir folder;
    const fs::path path = write_checkpoint(folder.path(), sample(1));
    const auto size = fs::file_size(path / name);
    for (const auto at : {std::uintmax_t{0}, size / 2, size - 1}) {
      INFO(name << " at " << at);
      flip_byte(path / name, at);
      const std::string error = user_error([&] { read_checkpoint(path); });
      CHECK(error.find((path / name).string() + ": is damaged: its checksum") != std::string::npos);
      flip_byte(path / name, at);
      CHECK_NOTHROW(verify_checkpoint(path));
    }
    fs::resize_file(path / name, size - 1);
    CHECK(user_error([&] { verify_checkpoint(path); }).find("is damaged: it has") != std::string::npos);
    fs::remove(path / name);
    CHECK(user_error([&] { verify_checkpoint(path); }).find("is missing from its checkpoint") != std::string::npos);
  }
}

TEST_CASE("a damaged or missing manifest is refused", "[engine]") {
  const TempDir folder;
  const fs::path path = write_checkpoint(folder.path(), sample(1));
  const std::string manifest = read_file(path / "manifest.json");
  for (const std::string& text : {std::string("{"), std::string("[]"), std::string("{\"files\": 3}"),
                                  std::string("{\"files\": {\"model.safetensors\": 3}}"), std::string()}) {
    INFO(text);
    write_file(path / "manifest.json", text);
    CHECK(user_error([&] { verify_checkpoint(path); }).find("is damaged") != std::string::npos);
  }
  write_file(path / "manifest.json", manifest);
  CHECK_NOTHROW(verify_checkpoint(path));
  fs::remove(path / "manifest.json");
  CHECK(user_error([&] { verify_checkpoint(path); }).find("manifest.json") != std::string::npos);
  CHECK(user_error([&] { read_checkpoint(folder / "step-00000009"); }).find("is no checkpoint") != std::string::npos);
}

TEST_CASE("checkpoints are listed by step, nothing else is", "[engine]") {
  const TempDir folder;
  for (const std::int64_t step : {300, 5, 123456789}) write_checkpoint(folder.path(), sample(step));
  replace_link(folder.path(), "last", "step-00000300");
  folder.write("step-12/x", "");
  folder.write("step-0000000a/x", "");
  folder.write("notes.txt", "");
  CHECK(names(folder.path()) == std::vector<std::string>{"step-00000005", "step-00000300", "step-123456789"});
  CHECK(list_checkpoints(folder / "none").empty());
  CHECK(checkpoint_step("x/step-00000300") == 300);
  CHECK(checkpoint_step("last") == -1);
  CHECK(checkpoint_step("step-99999999999999999999999") == -1);
}

TEST_CASE("links are relative and move from one checkpoint to the next", "[engine]") {
  const TempDir folder;
  write_checkpoint(folder.path(), sample(1));
  write_checkpoint(folder.path(), sample(2));
  replace_link(folder.path(), "last", "step-00000001");
  replace_link(folder.path(), "last", "step-00000002");
  CHECK(fs::read_symlink(folder / "last") == "step-00000002");
  CHECK(read_checkpoint(folder / "last").step == 2);
  CHECK(entries(folder.path()) == 3);
}

TEST_CASE("pruning keeps the newest, last and best", "[engine]") {
  const TempDir folder;
  for (std::int64_t step = 1; step <= 6; ++step) write_checkpoint(folder.path(), sample(step));
  replace_link(folder.path(), "best", "step-00000002");
  replace_link(folder.path(), "last", "step-00000006");
  prune_checkpoints(folder.path(), 2);
  CHECK(names(folder.path()) == std::vector<std::string>{"step-00000002", "step-00000005", "step-00000006"});
  CHECK(entries(folder.path()) == 5);
  prune_checkpoints(folder.path(), 10);
  CHECK(names(folder.path()).size() == 3);
}

TEST_CASE("a checkpoint that is removed in part is not seen any more", "[engine]") {
  const TempDir folder;
  fs::permissions(folder.path(), fs::perms::all);
  for (std::int64_t step = 1; step <= 3; ++step) write_checkpoint(folder.path(), sample(step));
  const fs::path stuck = folder / "step-00000001/stuck";
  folder.write("step-00000001/stuck/a", "");
  fs::permissions(stuck.parent_path(), fs::perms::all);
  fs::permissions(stuck, fs::perms::owner_read | fs::perms::owner_exec);
  {
    const test::Unprivileged user;  // whom removing it stops half-way, as a kill may
    CHECK_THROWS_AS(prune_checkpoints(folder.path(), 1), UserError);
  }
  CHECK(names(folder.path()) == std::vector<std::string>{"step-00000002", "step-00000003"});
  for (const char* name : {"step-00000002", "step-00000003"}) CHECK_NOTHROW(verify_checkpoint(folder / name));
  CHECK(entries(folder.path()) == 3);
  remove_leftovers(folder.path(), is_checkpoint_name, Writers::None);
  CHECK(entries(folder.path()) == 3);  // this process made it, and lives
}

TEST_CASE("names that a run gives its checkpoints", "[engine]") {
  for (const char* name : {"last", "best", "step-00000100", "damaged-step-00000100"}) CHECK(is_checkpoint_name(name));
  for (const char* name : {"", "lasting", "step-1", "model.onnx", "damaged-", "damaged-model.onnx"}) {
    CHECK_FALSE(is_checkpoint_name(name));
  }
}

TEST_CASE("a checkpoint of which the folder was renamed is refused under the other step", "[engine]") {
  const TempDir folder;
  write_checkpoint(folder.path(), sample(3));
  fs::rename(folder / "step-00000003", folder / "step-00000007");
  replace_link(folder.path(), "last", "step-00000007");
  for (const char* name : {"step-00000007", "last"}) {
    const std::string refused = (folder / name / "manifest.json").string() +
                                ": is of step 3, and its folder was renamed to step 7; resume from an earlier "
                                "checkpoint or train again";
    CHECK(user_error([&] { verify_checkpoint(folder / name); }) == refused);
    CHECK(user_error([&] { read_checkpoint(folder / name); }) == refused);
    CHECK_THROWS_AS(read_checkpoint(folder / name), DamagedCheckpoint);
  }
  fs::rename(folder / "step-00000007", folder / "kept for later");  // which tells no step
  CHECK(read_checkpoint(folder / "kept for later").step == 3);
  for (const char* step : {"null", "\"3\"", "3.5", "-3"}) {
    Json manifest = Json::parse(read_file(folder / "kept for later/manifest.json"));
    manifest["step"] = Json::parse(step);
    write_file(folder / "kept for later/manifest.json", manifest.dump());
    CHECK_THAT(user_error([&] { verify_checkpoint(folder / "kept for later"); }),
               Catch::Matchers::ContainsSubstring("manifest.json: is damaged: it does not tell its step"));
  }
}

TEST_CASE("a checkpoint of a later mlrun is refused by name, and is not damaged", "[engine]") {
  const TempDir folder;
  const fs::path path = write_checkpoint(folder.path(), sample(3));
  const auto with = [&](const char* file, const Json& schema) {
    Json json = Json::parse(read_file(path / file));
    if (schema.is_null()) json.erase("schema");
    else json["schema"] = schema;
    write_file(path / file, json.dump());
  };
  const auto later = [&](const std::string& file) {
    return (path / file).string() + ": was written with schema 2, and this mlrun (" + kVersion +
           ") reads schema 1; use the mlrun that wrote it, or a later one";
  };
  with("manifest.json", 2);
  CHECK(user_error([&] { verify_checkpoint(path); }) == later("manifest.json"));
  CHECK_THROWS_AS(read_checkpoint(path), LaterSchema);
  with("manifest.json", "two");
  CHECK_THROWS_AS(read_checkpoint(path), DamagedCheckpoint);
  with("manifest.json", nullptr);
  CHECK(read_checkpoint(path).step == 3);

  with("state.json", 2);
  Json manifest = Json::parse(read_file(path / "manifest.json"));
  manifest["files"]["state.json"] = {{"size", fs::file_size(path / "state.json")},
                                     {"sha256", sha256_file(path / "state.json")}};
  write_file(path / "manifest.json", manifest.dump());
  CHECK_NOTHROW(verify_checkpoint(path));  // its weights can be had
  CHECK(user_error([&] { read_checkpoint(path); }) == later("state.json"));
}

TEST_CASE("a state's own values have no schema among them", "[engine]") {
  const TempDir folder;
  const fs::path path = write_checkpoint(folder.path(), sample(3));
  CHECK(Json::parse(read_file(path / "state.json")).at("schema") == 1);
  const Checkpoint read = read_checkpoint(path);
  CHECK_FALSE(read.state.has("schema"));
  CHECK(read.state.values() == sample(3).state.values());
}

TEST_CASE("a checkpoint of the same step is replaced", "[engine]") {
  const TempDir folder;
  write_checkpoint(folder.path(), sample(3));
  Checkpoint other = sample(3);
  other.metadata["note"] = "again";
  const fs::path path = write_checkpoint(folder.path(), other);
  CHECK(read_checkpoint(path).metadata.at("note") == "again");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a checkpoint that cannot be written leaves nothing behind", "[engine]") {
  const TempDir folder;
  write_checkpoint(folder.path(), sample(1));
  Checkpoint broken = sample(2);
  broken.weights.push_back(broken.weights.front());  // names must be unique
  CHECK_THROWS(write_checkpoint(folder.path(), broken));
  CHECK(names(folder.path()) == std::vector<std::string>{"step-00000001"});
  CHECK(entries(folder.path()) == 1);
  folder.write("file", "");
  CHECK(user_error([&] { write_checkpoint(folder / "file", sample(2)); }).find("cannot be created") !=
        std::string::npos);
}

TEST_CASE("a checkpoint that meets the file size limit is a user error and leaves nothing behind", "[engine]") {
  const TempDir folder;
  write_checkpoint(folder.path(), sample(1));
  Checkpoint large = sample(2);
  large.weights.emplace_back("large", torch::zeros({1 << 20}));
  watch_signals();  // SIGXFSZ would end the process
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit low = before;
  low.rlim_cur = 1 << 20;
  setrlimit(RLIMIT_FSIZE, &low);
  std::string error;
  try {
    write_checkpoint(folder.path(), large);
  } catch (const UserError& failure) {
    error = failure.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK(error.find("model.safetensors: cannot be written: File too large; raise the file size limit") !=
        std::string::npos);
  CHECK(entries(folder.path()) == 1);
}
