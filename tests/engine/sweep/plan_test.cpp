#include "engine/sweep/plan.h"

#include "base/version.h"
#include "engine/run/schema.h"
#include "engine/sweep/claim.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using namespace mlrun::engine;

namespace fs = std::filesystem;

namespace {

/// Plans two trainings of the tiny recipe.
PlannedSweep plan_in(const fs::path& sweep) {
  const TempDir folder;
  SweepRequest request;
  request.base = "tiny.yaml";
  request.layers = {folder.write("tiny.yaml", tiny_text()), {}};
  request.axes = {config::parse_sweep_axis("train.seed=1,2")};
  return write_sweep(sweep, request, recipes::catalogue());
}

}  // namespace

TEST_CASE("planning a sweep leaves what others have in its folder alone", "[engine][sweep]") {
  const TempDir folder;
  for (const char* mine : {"recipes/best.yaml", "recipes/0000-seed=1.yaml", "recipes/deep/a", "notes.txt", "a.tmp"}) {
    const fs::path sweep = folder / "sweep";
    folder.write(fs::path("sweep") / mine, "by hand");
    CHECK(user_error([&] { plan_in(sweep); }) ==
          sweep.string() + ": is not empty and holds no sweep; choose another folder with -o");
    CHECK(read_file(sweep / mine) == "by hand");
    CHECK_FALSE(fs::exists(sweep / "sweep.json"));
    fs::remove_all(sweep);
  }
}

TEST_CASE("a plan that was killed before it was whole is made again", "[engine][sweep]") {
  const TempDir folder;
  const fs::path whole = folder / "whole", sweep = folder / "sweep";
  CHECK_FALSE(plan_in(whole).existed);
  CHECK(plan_in(whole).existed);
  folder.write("sweep/.recipes.1-2-3-4.tmp/0000-seed=1.yaml", "half");
  folder.write("sweep/.sweep.json.1-2-3-4.tmp", "half");
  fs::copy(whole / "recipes", sweep / "recipes");
  CHECK_FALSE(plan_in(sweep).existed);
  CHECK(read_file(sweep / "sweep.json") == read_file(whole / "sweep.json"));
  CHECK(read_sweep(sweep).combinations.size() == 2);
}

TEST_CASE("a sweep of a later mlrun is refused by name", "[engine][sweep]") {
  const TempDir folder;
  plan_in(folder / "sweep");
  const fs::path file = folder / "sweep/sweep.json";
  Json plan = Json::parse(read_file(file));
  plan["schema"] = 3;
  write_file(file, plan.dump());
  CHECK(user_error([&] { read_sweep(folder / "sweep"); }) ==
        file.string() + ": was written with schema 3, and this mlrun (" + kVersion +
            ") reads schema 1; use the mlrun that wrote it, or a later one");
  plan["schema"] = "one";
  write_file(file, plan.dump());
  CHECK(user_error([&] { read_sweep(folder / "sweep"); }) ==
        file.string() + ": is damaged: its schema is no number that mlrun writes");
}

TEST_CASE("a claim is had by one, and never through a link", "[engine][sweep]") {
  const TempDir folder;
  {
    const SweepClaim first(folder.path(), "0000-seed=1"), second(folder.path(), "0000-seed=1");
    CHECK(first.held());
    CHECK_FALSE(second.held());
  }
  folder.write("victim", "as it was");
  fs::create_symlink(folder / "victim", folder / ".claims/0001-seed=2");
  CHECK(user_error([&] { SweepClaim(folder.path(), "0001-seed=2"); }) ==
        (folder / ".claims/0001-seed=2").string() +
            ": is a link or no file, through which mlrun does not write; remove it");
  folder.write("elsewhere/a", "");
  fs::create_directory(folder / "other");
  fs::create_directory_symlink(folder / "elsewhere", folder / "other/.claims");
  CHECK(user_error([&] { SweepClaim(folder / "other", "0000-seed=1"); }) ==
        (folder / "other/.claims").string() + ": is a link, through which mlrun does not write; remove it");
  CHECK(std::distance(fs::directory_iterator(folder / "elsewhere"), {}) == 1);
  CHECK(read_file(folder / "victim") == "as it was");
}
