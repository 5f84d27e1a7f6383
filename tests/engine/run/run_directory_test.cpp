#include "engine/run/run_directory.h"

#include <algorithm>

#include "base/files.h"
#include "base/version.h"
#include "config/layers.h"
#include "engine/run/schema.h"
#include "engine/train/training.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::RunDirectory;

namespace fs = std::filesystem;

namespace {

/// A run that has begun with `resolved`.
void begin_run(const fs::path& path, const config::Resolved& resolved, const char* state = "interrupted") {
  RunDirectory run = RunDirectory::claim(path, resolved, Resume::Never);
  CHECK_FALSE(run.resumed());
  run.update({{"state", state}, {"recipe", resolved.values}});
}

}  // namespace

TEST_CASE("the choices of --resume", "[engine]") {
  CHECK(engine::parse_resume("auto") == Resume::Auto);
  CHECK(engine::parse_resume("must") == Resume::Must);
  CHECK(engine::parse_resume("never") == Resume::Never);
  CHECK(user_error([] { engine::parse_resume("yes"); }) ==
        "--resume: unknown choice 'yes'; choose auto, must or never");
}

TEST_CASE("never refuses an existing run, must an absent one, auto neither", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  CHECK(user_error([&] { RunDirectory::claim(folder / "run", resolved, Resume::Must); }) ==
        (folder / "run").string() + ": holds no run to resume; start one with --resume auto or never");
  CHECK_FALSE(fs::exists(folder / "run"));
  begin_run(folder / "run", resolved);
  CHECK(user_error([&] { RunDirectory::claim(folder / "run", resolved, Resume::Never); }) ==
        (folder / "run").string() +
            ": already holds a run; continue it with --resume auto, or choose another folder with --out");
  for (const auto resume : {Resume::Auto, Resume::Must}) {
    CHECK(RunDirectory::claim(folder / "run", resolved, resume).resumed());
  }
  CHECK_FALSE(RunDirectory::claim(folder / "new", resolved, Resume::Auto).resumed());
}

TEST_CASE("a second writer is refused while the first one writes", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  {
    RunDirectory first = RunDirectory::claim(folder / "run", resolved, Resume::Never);
    first.update({{"state", "running"}, {"recipe", resolved.values}});
    const RunDirectory moved = std::move(first);
    const std::string error = user_error([&] { RunDirectory::claim(folder / "run", resolved, Resume::Auto); });
    CHECK(error.find("another mlrun is writing this run") != std::string::npos);
    CHECK(RunDirectory::open(folder / "run").state() == "running");  // readers are free
  }
  CHECK_NOTHROW(RunDirectory::claim(folder / "run", resolved, Resume::Auto));
}

TEST_CASE("only what killed writers of this run left is removed, and only from a run", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  const auto hidden = [&](const std::string& name) { return "run/" + name; };
  const std::vector<std::string> left = {
      ".run.json.1-2-3-4.tmp", ".metrics.csv.77.tmp", "checkpoints/.step-00000007.1-2-3-4.tmp/model.safetensors",
      "checkpoints/.damaged-step-00000007.1-2-3-4.tmp/model.safetensors", "checkpoints/.last.tmp"};
  const std::vector<std::string> of_others = {".model.onnx.1-2-3-4.tmp/model.onnx", ".notes.tmp",
                                              "checkpoints/.model.pth.5-6-7-8.tmp", "tensorboard/.run.json.123.tmp"};
  const auto there = [&](const std::string& name) { return fs::exists(folder / hidden(name)); };
  for (const auto& name : left) folder.write(hidden(name), "half");
  for (const auto& name : of_others) folder.write(hidden(name), "an export");
  const auto all_there = [&] {
    return std::all_of(left.begin(), left.end(), there) && std::all_of(of_others.begin(), of_others.end(), there);
  };
  RunDirectory::claim(folder / "run", resolved, Resume::Never);
  CHECK(all_there());  // there is no run yet
  write_file(folder / "run/run.json", Json{{"state", "finished"}, {"recipe", resolved.values}}.dump());
  RunDirectory run = RunDirectory::claim(folder / "run", resolved, Resume::Auto);
  CHECK(all_there());  // a finished one is left as it is
  run.update({{"state", "running"}});
  CHECK(std::none_of(left.begin(), left.end(), there));
  CHECK(std::all_of(of_others.begin(), of_others.end(), there));
}

TEST_CASE("a run that was removed, moved or begun anew by another is not written any more", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  const fs::path path = folder / "run";
  const std::string refused = path.string() +
                              ": was removed, moved or replaced while this training wrote it; nothing more is written; "
                              "leave the folder of a training alone; start this one again with another --out";
  RunDirectory first = RunDirectory::claim(path, resolved, Resume::Never);
  first.update({{"state", "running"}});
  CHECK_NOTHROW(first.require_own());
  fs::rename(path, folder / "moved");
  CHECK(user_error([&] { first.update({{"step", 1}}); }) == refused);
  CHECK_FALSE(fs::exists(path));
  RunDirectory second = RunDirectory::claim(path, resolved, Resume::Never);
  second.update({{"state", "running"}, {"step", 7}});
  CHECK(user_error([&] { first.update({{"step", 1}}); }) == refused);
  CHECK(RunDirectory::open(path).info() == Json{{"state", "running"}, {"step", 7}});
  CHECK_NOTHROW(second.require_own());
  CHECK_NOTHROW(RunDirectory::open(path).require_own());  // who only reads holds nothing
}

TEST_CASE("a run is written through no link that somebody put into its folder", "[engine]") {
  for (const std::string name : {".lock", "recipe.yaml", "run.json"}) {
    const TempDir folder;
    folder.write("victim", "as it was");
    fs::create_directory(folder / "run");
    fs::create_symlink(folder / (name == "run.json" ? "not there" : "victim"), folder / "run" / name);
    const auto write = [&] {
      RunDirectory::claim(folder / "run", tiny(), Resume::Never).update({{"state", "running"}});
    };
    CHECK(user_error(write) ==
          (folder / "run" / name).string() + ": is a link or no file, through which mlrun does not write; remove it");
    CHECK(read_file(folder / "victim") == "as it was");
    CHECK_FALSE(fs::exists(folder / "not there"));
    CHECK_FALSE(engine::is_being_written(folder / "run"));
  }
}

TEST_CASE("a run of a later mlrun is refused by name", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  begin_run(folder / "run", resolved);
  Json info = Json::parse(read_file(folder / "run/run.json"));
  info["version"] = "9.1.0";
  const std::string file = (folder / "run/run.json").string();
  const auto error_of = [&](const Json& schema) {
    info["schema"] = schema;
    write_file(file, info.dump());
    const std::string error = user_error([&] { RunDirectory::open(folder / "run"); });
    CHECK(user_error([&] { RunDirectory::claim(folder / "run", resolved, Resume::Auto); }) == error);
    return error;
  };
  CHECK(error_of(7) == file + ": was written by mlrun 9.1.0 with schema 7, and this mlrun (" + kVersion +
                           ") reads schema 1; use the mlrun that wrote it, or a later one");
  CHECK_THROWS_AS(RunDirectory::open(folder / "run"), engine::LaterSchema);
  for (const Json& schema : {Json("1"), Json(0), Json(-1), Json(1.5), Json::array(), Json(nullptr)}) {
    CHECK(error_of(schema) == file + ": is damaged: its schema is no number that mlrun writes");
  }
  info.erase("schema");
  write_file(file, info.dump());
  CHECK_NOTHROW(RunDirectory::open(folder / "run"));
}

TEST_CASE("changed options are refused by name, all together", "[engine]") {
  const TempDir folder;
  begin_run(folder / "run", tiny());
  const auto changed = tiny({"optimizer.lr=0.2", "train.seed=5", "model.width=8", "train.workers=2"});
  const std::string error = user_error([&] { RunDirectory::claim(folder / "run", changed, Resume::Auto); });
  CHECK(error.find("optimizer.lr: was 0.05 when this run began and is 0.2 now") != std::string::npos);
  CHECK(error.find("train.seed: was 3 when this run began and is 5 now") != std::string::npos);
  CHECK(error.find("model.width: was 4 when this run began and is 8 now") != std::string::npos);
  CHECK(error.find("train.workers") == std::string::npos);

  const std::string other =
      user_error([&] { RunDirectory::claim(folder / "run", tiny({"optimizer={name: adamw}"}), Resume::Auto); });
  CHECK(other.find("optimizer.name: was \"sgd\" when this run began and is \"adamw\" now") != std::string::npos);
  CHECK(other.find("optimizer.momentum: was 0.9 when this run began and is absent now") != std::string::npos);
}

TEST_CASE("more epochs are refused with the way to train on", "[engine]") {
  const TempDir folder;
  begin_run(folder / "run", tiny(), "finished");
  const std::string run = (folder / "run").string();
  CHECK(user_error([&] { RunDirectory::claim(run, tiny({"train.epochs=9"}), Resume::Auto); }) ==
        run +
            ": train.epochs: was 4 when this run began and is 9 now; restore it or, to train on from these weights, "
            "start another run with --out and model.weights: " +
            run);
}

TEST_CASE("an option that came after a run began is no change while it has its default", "[engine]") {
  const TempDir folder;
  Json before = tiny().values;
  before["data"].erase("drop_last");
  RunDirectory::claim(folder / "run", tiny(), Resume::Never).update({{"state", "interrupted"}, {"recipe", before}});
  CHECK(RunDirectory::claim(folder / "run", tiny(), Resume::Must).resumed());
  const std::string run = (folder / "run").string();
  CHECK(user_error([&] { RunDirectory::claim(run, tiny({"data.drop_last=true"}), Resume::Auto); }) ==
        run +
            ": data.drop_last: was absent when this run began and is true now; restore it, or start another run with "
            "--out");
}

TEST_CASE("workers, logging, checkpoints and expectations may change on resume", "[engine]") {
  const TempDir folder;
  begin_run(folder / "run", tiny());
  const auto changed = tiny({"train.workers=2", "train.log_every=1 s", "train.log_steps=7", "train.checkpoint.keep=9",
                             "train.checkpoint.every=2 epochs", "expect=[{metric: test/acc1, value: 90}]"});
  CHECK(RunDirectory::claim(folder / "run", changed, Resume::Auto).resumed());
  const std::string recipe = read_file(folder / "run" / "recipe.yaml");
  CHECK(recipe.find("log_steps: 7") != std::string::npos);
}

TEST_CASE("recipe.yaml is the whole recipe and reads back to the same", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny({"expect=[{metric: test/acc1, value: 90, source: here}]"});
  begin_run(folder / "run", resolved);
  const auto again = config::resolve({folder / "run" / "recipe.yaml", {}}, recipes::catalogue());
  CHECK(again.values == resolved.values);
}

TEST_CASE("what is no run is refused by name", "[engine]") {
  const TempDir folder;
  CHECK(user_error([&] { RunDirectory::open(folder / "none"); }).find("does not exist") != std::string::npos);
  CHECK(user_error([&] { RunDirectory::open(folder.path()); }).find("is no run") != std::string::npos);
  folder.write("run.json", "{\"state\": ");
  CHECK(user_error([&] { RunDirectory::open(folder.path()); }).find("run.json: is damaged") != std::string::npos);
  CHECK(user_error([&] { RunDirectory::claim(folder.path(), tiny(), Resume::Never); }).find("is damaged") !=
        std::string::npos);
  folder.write("file", "");
  CHECK(user_error([&] { RunDirectory::claim(folder / "file", tiny(), Resume::Never); }).find("cannot be created") !=
        std::string::npos);
}

TEST_CASE("run.json is merged; null removes", "[engine]") {
  const TempDir folder;
  RunDirectory run = RunDirectory::claim(folder / "run", tiny(), Resume::Never);
  run.update({{"state", "failed"}, {"error", "disk full"}});
  run.update({{"state", "running"}, {"error", nullptr}, {"step", 3}});
  const Json info = Json::parse(read_file(folder / "run" / "run.json"));
  CHECK(info == Json{{"state", "running"}, {"step", 3}});
  CHECK(run.info() == info);
}

TEST_CASE("a run that failed before it began is begun again", "[engine]") {
  const TempDir folder;
  RunDirectory::claim(folder / "run", tiny(), Resume::Never).update({{"state", "failed"}, {"error", "no data"}});
  for (const auto resume : {Resume::Never, Resume::Auto}) {
    CHECK_FALSE(RunDirectory::claim(folder / "run", tiny({"train.seed=8"}), resume).resumed());
  }
}

TEST_CASE("checkpoints without their run.json are not built over", "[engine]") {
  const TempDir folder;
  const auto resolved = tiny();
  begin_run(folder / "run", resolved);
  const fs::path checkpoint = folder / "run" / "checkpoints" / "step-00000007";
  fs::create_directories(checkpoint);
  folder.write("run/checkpoints/step-00000007/manifest.json", "{}");
  fs::remove(folder / "run" / "run.json");
  for (const auto resume : {Resume::Never, Resume::Auto, Resume::Must}) {
    CHECK(user_error([&] { RunDirectory::claim(folder / "run", resolved, resume); }) ==
          (folder / "run").string() +
              ": holds checkpoints, but no run.json that tells which run they belong to; restore run.json, or "
              "choose another folder with --out");
  }
  CHECK(fs::exists(checkpoint / "manifest.json"));
  fs::remove_all(folder / "run" / "checkpoints");
  CHECK_FALSE(RunDirectory::claim(folder / "run", resolved, Resume::Never).resumed());
}

TEST_CASE("a run takes no folder that holds files of others under its names", "[engine]") {
  const TempDir folder;
  for (const std::string name : {"recipe.yaml", "metrics.jsonl", "metrics.csv", "train.log"}) {
    INFO(name);
    const fs::path mine = folder.write(name + "-folder/" + name, "my own");
    CHECK(user_error([&] { RunDirectory::claim(mine.parent_path(), tiny(), Resume::Auto); }) ==
          mine.string() +
              ": is of no run, and one in this folder would replace it; move it away, or choose another "
              "folder with --out");
    CHECK(read_file(mine) == "my own");
    CHECK_FALSE(fs::exists(mine.parent_path() / ".lock"));
  }
  const fs::path killed = folder.write("killed/.lock", "").parent_path();  // after its recipe, before its run.json
  folder.write("killed/recipe.yaml", "half a life");
  CHECK_FALSE(RunDirectory::claim(killed, tiny(), Resume::Never).resumed());
  CHECK(read_file(killed / "recipe.yaml") != "half a life");
}

TEST_CASE("a data set's description goes through JSON", "[engine]") {
  const data::DataInfo info{"photos", "abc", {"ant", "bee"}, 3, {{"rate", 16000}}};
  const data::DataInfo again = engine::data_info(engine::to_json(info));
  CHECK(again.name == info.name);
  CHECK(again.fingerprint == info.fingerprint);
  CHECK(again.classes == info.classes);
  CHECK(again.channels == info.channels);
  CHECK(again.facts == info.facts);
  CHECK_FALSE(engine::to_json({"photos", "abc", {"ant", "bee"}, 3}).contains("facts"));  // as runs of before have it
  CHECK(user_error([] { engine::data_info(Json{{"name", 3}}); }).find("is damaged") != std::string::npos);
  const std::string now = engine::timestamp();
  CHECK(now.size() == 20);
  CHECK(now.back() == 'Z');
}
