#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)

#include "data/sources/labelled_files.h"

#include <map>

#include <torch/types.h>

#include "base/files.h"
#include "logged.h"
#include "support.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// Two pixels of one value, as PPM.
std::string tiny_image(char value) { return "P6\n2 1\n255\n" + std::string(6, value); }

void write_images(const test::TempDir& folder, const std::vector<std::string>& names) {
  char value = 1;
  for (const auto& name : names) folder.write(name, tiny_image(value++));
}

config::SplitOptions share_val(double val, std::optional<std::string> group = {}) {
  config::SplitOptions split;
  split.val = val;
  split.group = std::move(group);
  return split;
}

std::shared_ptr<const Dataset> open_rows(const fs::path& root, const config::SplitOptions& split = {}) {
  return open_csv({}, {root, split});
}

std::vector<std::string> ids_of(const Dataset& data, Split split) {
  std::vector<std::string> ids;
  const auto source = data.split(split);
  for (std::int64_t i = 0; source && i < source->size(); ++i) ids.push_back(source->facts(i).id);
  return ids;
}

std::string rows_error(const test::TempDir& folder, const std::string& text, const config::SplitOptions& split = {}) {
  const fs::path file = folder.write("l.csv", text);
  std::string message = test::user_error([&] { open_rows(file, split); });
  const std::string root = folder.path().string();
  for (auto at = message.find(root); at != std::string::npos; at = message.find(root))
    message.replace(at, root.size(), "ROOT");
  return message;
}

}  // namespace

TEST_CASE("a CSV of paths and labels opens, whatever the order of its rows", "[data][csv]") {
  const test::TempDir folder;
  write_images(folder, {"x/b.ppm", "a.ppm", "c.ppm", "d.ppm"});
  folder.write("one.csv", "path,label,split\nx/b.ppm,dog,train\na.ppm,cat,train\nc.ppm,cat,val\nd.ppm,dog,test\n");
  folder.write("two.csv",
               "split,label,path\r\ntest,dog,d.ppm\r\nval,cat,c.ppm\r\ntrain,cat,a.ppm\r\ntrain,dog,x/b.ppm\r\n");
  const auto one = open_rows(folder / "one.csv"), two = open_rows(folder / "two.csv");
  for (const auto& data : {one, two}) {
    REQUIRE(data->info().classes == std::vector<std::string>{"cat", "dog"});
    REQUIRE(ids_of(*data, Split::Train) == std::vector<std::string>{"a.ppm", "x/b.ppm"});
    REQUIRE(ids_of(*data, Split::Val) == std::vector<std::string>{"c.ppm"});
    REQUIRE(ids_of(*data, Split::Test) == std::vector<std::string>{"d.ppm"});
  }
  REQUIRE(one->info().name == "one.csv");
#ifdef MLRUN_WITH_OPENCV
  const Sample sample = one->split(Split::Train)->get({1, 0, 0});
  REQUIRE(sample.id == "x/b.ppm");
  REQUIRE(sample.targets.tensor("label").item<std::int64_t>() == 1);
  REQUIRE(torch::equal(sample.inputs.tensor("image"), torch::ones({1, 2, 3}, torch::kByte)));
#endif
  fs::rename(folder / "one.csv", folder / "labels.csv");
  REQUIRE(open_rows(folder.path())->split(Split::Train)->size() == 2);
}

TEST_CASE("shares divide a CSV's rows, by group where a column is named", "[data][csv]") {
  const test::TempDir folder;
  std::string text = "path,label,patient\n";
  for (int i = 0; i < 40; ++i) {
    const std::string name = std::to_string(i) + ".ppm";
    folder.write(name, tiny_image(1));
    text += name + "," + (i % 2 == 0 ? "a" : "b") + ",p" + std::to_string(i / 4) + "\n";
  }
  folder.write("l.csv", text);
  REQUIRE(open_rows(folder / "l.csv", share_val(0.25))->split(Split::Val)->size() == 10);
  const auto grouped = open_rows(folder / "l.csv", share_val(0.2, "patient"));
  const auto val = ids_of(*grouped, Split::Val);
  REQUIRE(val.size() == 8);
  std::map<int, int> of_patient;
  for (const auto& id : val) ++of_patient[std::stoi(id) / 4];
  for (const auto& [patient, count] : of_patient) REQUIRE(count == 4);
}

TEST_CASE("what is wrong with a CSV's rows is told with their lines", "[data][csv]") {
  const test::TempDir folder;
  write_images(folder, {"a.ppm", "b.ppm"});
  fs::create_directory(folder / "dir.ppm");
  REQUIRE(rows_error(folder, "path,label\na.ppm,x\ngone.ppm,x\ndir.ppm,y\na.ppm/b,y\n") ==
          "ROOT/l.csv:3: 'gone.ppm' is not there; paths are relative to ROOT\n"
          "ROOT/l.csv:4: 'dir.ppm' is no file; paths are relative to ROOT\n"
          "ROOT/l.csv:5: 'a.ppm/b' is not there; paths are relative to ROOT");
  REQUIRE(rows_error(folder, "path,label,split\na.ppm,x,train\nb.ppm,y,val\n") ==
          "ROOT/l.csv:3: train has no class 'y'; the splits must hold the same classes");
  REQUIRE(rows_error(folder, "path,label,split\na.ppm,x,train\nb.ppm,x,val\n", share_val(0.5)) ==
          "data.split.val: the data set has a val split of its own; remove this share");
  REQUIRE(test::user_error([&] { open_rows(folder / "none.csv"); }) ==
          (folder / "none.csv").string() +
              ": there is no such file; data.root must name the CSV file, or the folder that holds labels.csv");
  REQUIRE(test::user_error([] { open_rows(""); }) == "data.root: is not set; name the folder that holds the data set");
}

TEST_CASE("a flat folder takes its labels from a file", "[data][flat]") {
  const test::TempDir folder;
  write_images(folder, {"a 1.ppm", "b.ppm", "c.ppm"});
  const auto open = [&](FlatOptions options = {}, const config::SplitOptions& split = {}) {
    return open_flat(options, {folder.path(), split});
  };
  REQUIRE(test::user_error([&] { open(); }) ==
          folder.path().string() + ": holds neither labels.csv nor labels.txt; let data.labels name the label file");
  folder.write("labels.txt", "a 1.ppm 1\nb.ppm 0\n");
  const auto data = open();
  REQUIRE(data->info().classes == std::vector<std::string>{"0", "1"});
  REQUIRE(ids_of(*data, Split::Train) == std::vector<std::string>{"a 1.ppm", "b.ppm"});
  folder.write("own.csv", "path,label\nc.ppm,z\n");
  REQUIRE(ids_of(*open({"own.csv"}), Split::Train) == std::vector<std::string>{"c.ppm"});
  REQUIRE(test::user_error([&] { open({"gone.txt"}); }) ==
          (folder / "gone.txt").string() + ": there is no such file; data.labels names it");
  REQUIRE(ids_of(*open({}, share_val(0.5, "^(.)")), Split::Val).size() == 1);
  REQUIRE(test::user_error([&] { open({}, share_val(0.5, "parent")); }) ==
          "data.split.group: 'a 1.ppm' lies in no folder of its group; write a regular expression whose first "
          "parentheses hold the group");
}

TEST_CASE("a label file without training samples or UTF-8 is told by name", "[data][csv]") {
  const test::TempDir folder;
  write_images(folder, {"a.ppm", "b.ppm"});
  folder.write("t.csv", "path,label,split\na.ppm,x,test\nb.ppm,y,val\n");
  REQUIRE(test::user_error([&] { open_rows(folder / "t.csv"); }) ==
          (folder / "t.csv").string() +
              ": gives no sample to train; write train in the column split of the rows to learn from");
  folder.write("l.csv", "path,label\na.ppm,\xE9t\xE9\nb.ppm,\xC3\xA9t\xC3\xA9\n");
  REQUIRE(test::user_error([&] { open_rows(folder / "l.csv"); }) ==
          (folder / "l.csv").string() + ":2: the label is not UTF-8 text; save the file as UTF-8");
}

TEST_CASE("a split column takes the usual names, and paths Windows' backslashes", "[data][csv]") {
  const test::TempDir folder;
  write_images(folder, {"x/a.ppm", "x/b.ppm", "y/c.ppm"});
  folder.write("l.csv", "path,label,split\nx\\a.ppm,x,Training\nx\\b.ppm,x,valid\ny\\c.ppm,x,EVAL\n");
  const auto data = open_rows(folder / "l.csv");
  CHECK(ids_of(*data, Split::Train) == std::vector<std::string>{"x/a.ppm"});
  CHECK(ids_of(*data, Split::Val) == std::vector<std::string>{"x/b.ppm"});
  CHECK(ids_of(*data, Split::Test) == std::vector<std::string>{"y/c.ppm"});
  CHECK(rows_error(folder, "path,label,split\nx/a.ppm,x,later\n") ==
        "ROOT/l.csv:2: there is no split 'later'; write train, val or test");
  CHECK(rows_error(folder, "path,label\n\xE9.ppm,x\n") ==
        "ROOT/l.csv:2: the path is not UTF-8 text; save the file as UTF-8");
  CHECK(rows_error(folder, "path,label\nx/a.ppm,\"a\nb\"\n") ==
        "ROOT/l.csv:2: the label 'a b' holds a line break or another control character; mend it");
}

TEST_CASE("a flat folder tells of images beside the labelled ones, of kinds that are not read too", "[data][flat]") {
  const test::TempDir folder;
  write_images(folder, {"a.ppm", "b.ppm"});
  folder.write("c.gif", "");
  folder.write("notes.md", "");
  folder.write("labels.txt", "a.ppm 1\n");
  const std::string root = folder.path().string();
  CHECK(test::logged([&] {
          open_flat({}, {folder.path(), {}});
        }).find("warning " + root + ": 3 files are left out: 1 .gif, 1 .md, 1 .txt, as 'c.gif'") == 0);
}

TEST_CASE("a file that changes its size after it was listed is an error", "[data][csv]") {
  const test::TempDir folder;
  write_images(folder, {"a.ppm"});
  folder.write("l.csv", "path,label\na.ppm,x\n");
  const auto data = open_rows(folder / "l.csv");
  folder.write("a.ppm", tiny_image(1) + "more");
  REQUIRE(test::user_error([&] {
            data->split(Split::Train)->get({0, 0, 0});
          }) == (folder / "a.ppm").string() +
                    ": has 21 bytes; it had 17 when it was listed; leave the data alone while they "
                    "are in use; run the command again");
}

}  // namespace mlrun::data

#endif
