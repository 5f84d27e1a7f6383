#include <filesystem>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// Two classes with three images each.
void write_photos(const TempDir& folder) {
  for (int i = 0; i < 6; ++i) {
    const std::string name = std::string(i < 3 ? "photos/cat/" : "photos/dog/") + std::to_string(i) + ".ppm";
    folder.write(name, ppm(20 + i, 30, static_cast<unsigned>(3 + 2 * i)));
  }
}

}  // namespace

#ifdef MLRUN_WITH_OPENCV

TEST_CASE("`data info` finds the format and takes keys of a recipe", "[apps]") {
  const TempDir folder;
  write_photos(folder);
  const Json info =
      result_of(mlrun({"data", "info", "photos", "data.split.test=0.34", "--json"}, folder.path()), "data info", "ok");
  CHECK(info.at("format") == "image_folder");
  CHECK(info.at("root") == (folder / "photos").string());
  CHECK(info.at("samples") == Json({{"train", 4}, {"test", 2}}));
  CHECK(info.at("images").at("width") == Json({{"min", 20}, {"median", 22}, {"max", 25}}));
  const Outcome text = mlrun({"data", "info", "photos"}, folder.path());
  CHECK(text.code == 0);
  CHECK(contains(text.out, "format       image_folder\n"));
  CHECK(contains(text.out, "dog        3\n"));

  const std::string odd = "odd ${x} $y {z} #1";
  fs::copy(folder / "photos", folder / odd, fs::copy_options::recursive);
  CHECK(result_of(mlrun({"data", "info", odd, "--json"}, folder.path()), "data info", "ok").at("name") == odd);

  folder.write("list.csv", "path,label\nphotos/cat/0.ppm,x\nphotos/dog/4.ppm,y\n");
  CHECK(result_of(mlrun({"data", "info", "list.csv", "--json"}, folder.path()), "data info", "ok").at("format") ==
        "csv");
  folder.write("list.csv", "path,label\nphotos/cat/9.ppm,x\n");
  CHECK(contains(refusal(mlrun({"data", "info", "list.csv"}, folder.path())),
                 "list.csv:2: 'photos/cat/9.ppm' is not there; paths are relative to "));
}

TEST_CASE("`data verify` names broken files and ends with 2", "[apps]") {
  const TempDir folder;
  write_photos(folder);
  CHECK(mlrun({"data", "verify", "photos"}, folder.path()).code == 0);
  folder.write("photos/cat/broken.jpg", "no image");
  fs::copy_file(folder / "photos/cat/0.ppm", folder / "photos/dog/copy.ppm");
  const Outcome outcome = mlrun({"data", "verify", "photos", "--json"}, folder.path());
  CHECK(outcome.code == 2);
  const Json result = result_of(outcome, "data verify", "error");
  CHECK(result.at("unreadable").at(0).at("id") == "cat/broken.jpg");
  CHECK(result.at("equal").at("conflicting_labels") == 1);
  CHECK(contains(outcome.json().at("errors").at(0).at("message"), "photos/cat/broken.jpg: "));
}

TEST_CASE("`data show` writes what the network of a recipe or run sees", "[apps]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  const Json shown = result_of(
      mlrun({"data", "show", tiny.run, "-o", "run.png", "--samples", "6", "--json"}, folder.path()), "data show", "ok");
  CHECK(shown.at("samples").size() == 6);
  CHECK(shown.at("with") == "augment");
  CHECK(read_file(folder / "run.png").substr(1, 3) == "PNG");
  write_photos(folder);
  CHECK(mlrun({"data", "show", "photos", "--samples", "4"}, folder.path()).out ==
        "samples.png: 4 samples of train with data.augment\n");
  CHECK(contains(refusal(mlrun({"data", "show", "photos", "--split", "val"}, folder.path())),
                 "the data set has no val split; choose another with --split, or set data.split"));
  CHECK(contains(refusal(mlrun({"data", "show", "photos", "-o", "none/x.png"}, folder.path())),
                 "none/x.png: cannot be written: No such file or directory"));
}

#endif

TEST_CASE("`data` of what is no data set is one line", "[apps]") {
  const TempDir folder;
  CHECK(contains(refusal(mlrun({"data", "info"}, folder.path())),
                 "no data are named; name a folder, a CSV file, a recipe or a run"));
  CHECK(contains(refusal(mlrun({"data", "info", "."}, folder.path())), "holds no data set of a known kind"));
  CHECK(contains(refusal(mlrun({"data", "info", "nowhere"}, folder.path())),
                 "there is no folder, file or recipe 'nowhere'; `mlrun list recipes` shows the shipped recipes"));
  CHECK(contains(refusal(mlrun({"data", "info", ".", "data.format=idx", "data.fromat=idx"}, folder.path())), "fromat"));
}

}  // namespace mlrun::test
