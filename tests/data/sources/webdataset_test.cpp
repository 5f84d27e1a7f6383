#include "data/sources/webdataset.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/files.h"
#include "data/images.h"
#include "data/pack.h"
#include "data/sources/detect_format.h"
#include "data/sources/image_folder.h"
#include "data/sources/tar_archive.h"
#include "data/sources/web_shard.h"
#include "logged.h"

using namespace mlrun;
using namespace mlrun::data;
using Catch::Matchers::ContainsSubstring;

namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Dataset> open_shards(const fs::path& root, config::SplitOptions split = {}) {
  return open_webdataset({}, {root, std::move(split), false});
}

std::string open_error(const fs::path& root) {
  return test::user_error([&] { open_shards(root); });
}

std::string png(int value) {
  return read_file(test::fixture(value % 2 == 0 ? "data/decode/rgb.png" : "data/decode/grey.png"));
}

/// One archive of files.
std::string archive(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string bytes;
  for (const auto& [name, text] : files) bytes += tar_header(name, text.size()) + text + tar_padding(text.size());
  return bytes + tar_end();
}

/// Folders of classes with some images, two of which have names that differ by their dots alone.
fs::path image_folders(const test::TempDir& folder) {
  for (const char* name : {"cat/a.b.png", "cat/a_b.png", "cat/z.PNG", "dog/1.png", "dog/2.png"}) {
    folder.write(std::string("data/") + name, png(name[4]));
  }
  return folder / "data";
}

}  // namespace

TEST_CASE("braces stand for names as in a shell", "[data]") {
  CHECK(expand_braces("a.tar") == std::vector<std::string>{"a.tar"});
  CHECK(expand_braces("s-{008..011}.tar") ==
        std::vector<std::string>{"s-008.tar", "s-009.tar", "s-010.tar", "s-011.tar"});
  CHECK(expand_braces("{a,b}-{1..2}") == std::vector<std::string>{"a-1", "a-2", "b-1", "b-2"});
  for (const char* wrong : {"s-{0..1.tar", "s-{0..x}.tar", "s-{5..1}.tar", "{0..999999}{0..9}", "{0..99999999}"}) {
    INFO(wrong);
    CHECK_THAT(test::user_error([&] { expand_braces(wrong); }), ContainsSubstring("write ranges as"));
  }
}

TEST_CASE("shards that Python wrote give their samples", "[data]") {
  const auto dataset = open_shards(test::fixture("data/shards"));
  const auto source = dataset->split(Split::Train);
  CHECK(dataset->info().classes == std::vector<std::string>{"0", "1", "2"});
  REQUIRE(source->size() == 7);  // gnu-001 has 4, pax-002 2, ustar-000 1
  const std::vector<std::int64_t> labels = {1, 2, 2, 1, 2, 1, 0};
  const std::vector<int> reds = {20, 30, 40, 50, 40, 50, 10};
  for (std::int64_t i = 0; i < 7; ++i) {
    const Sample sample = source->get({i, 0, 0});
    INFO(sample.id);
    CHECK(sample.targets.tensor("label").item<std::int64_t>() == labels[static_cast<std::size_t>(i)]);
    CHECK(sample.inputs.tensor("image").sizes() == torch::IntArrayRef({6, 8, 3}));
    CHECK(sample.inputs.tensor("image")[0][0][0].item<int>() == reds[static_cast<std::size_t>(i)]);
    CHECK(source->facts(i).id == sample.id);
  }
  CHECK(source->facts(0).id == "gnu-001.tar/b.PNG");
  CHECK(open_shards(test::fixture("data/shards") / "{ustar-000,pax-002}.tar")->split(Split::Train)->size() == 3);
  CHECK(open_shards(test::fixture("data/shards") / "ustar-000.tar")->split(Split::Train)->size() == 1);
  CHECK(detect_format(test::fixture("data/shards")) == "webdataset");
}

TEST_CASE("packed data are the same data", "[data]") {
  const test::TempDir folder;
  const auto original = open_image_folder({}, {image_folders(folder), {}, false});
  const auto findings = pack_data(*original, {folder / "packed", 6000});
  CHECK(findings.json["splits"]["train"]["samples"] == 5);
  CHECK(findings.json["splits"]["train"]["shards"].get<int>() > 1);
  const auto packed = open_shards(folder / "packed");
  CHECK(packed->info().classes == std::vector<std::string>{"cat", "dog"});
  const auto before = original->split(Split::Train), after = packed->split(Split::Train);
  REQUIRE(after->size() == 5);
  for (std::int64_t i = 0; i < 5; ++i) {
    CHECK(*after->encoded({i, 0, 0}).image.bytes == *before->encoded({i, 0, 0}).image.bytes);
    CHECK(after->facts(i).label() == before->facts(i).label());
  }
  pack_data(*original, {folder / "again", 6000});
  for (const auto& entry : fs::directory_iterator(folder / "packed")) {
    CHECK(read_file(entry.path()) == read_file(folder / "again" / entry.path().filename().string()));
  }
  CHECK(test::user_error([&] {
          pack_data(*original, {folder / "packed", 6000});
        }) == (folder / "packed").string() + ": is there already; choose another folder with -o, or remove it");
}

TEST_CASE("splits are packed into folders of their own", "[data]") {
  const test::TempDir folder;
  config::SplitOptions split;
  split.val = 0.4;
  const auto original = open_image_folder({}, {image_folders(folder), split, false});
  pack_data(*original, {folder / "packed"});
  const auto packed = open_shards(folder / "packed");
  for (const auto part : {Split::Train, Split::Val}) {
    REQUIRE(packed->split(part) != nullptr);
    CHECK(packed->split(part)->size() == original->split(part)->size());
  }
  CHECK(packed->split(Split::Test) == nullptr);
  CHECK(detect_format(folder / "packed") == "webdataset");
}

TEST_CASE("a failed packing leaves nothing", "[data]") {
  const test::TempDir folder;
  const fs::path root = image_folders(folder);
  const auto original = open_image_folder({}, {root, {}, false});
  fs::remove(root / "dog/2.png");
  CHECK_THAT(test::user_error([&] { pack_data(*original, {folder / "packed"}); }), ContainsSubstring("dog/2.png"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
  const auto synthetic = sources().make(sources().defaults("synthetic"), {});
  CHECK_THAT(test::user_error([&] { pack_data(*synthetic, {folder / "packed"}); }),
             ContainsSubstring("only image files can be packed"));
}

TEST_CASE("members that no sample takes are counted and told once for all shards", "[data]") {
  const test::TempDir folder;
  const std::vector<std::pair<std::string, std::string>> sample = {{"x/a.png", png(0)}, {"x/a.cls", "1"}};
  const auto with = [&](std::vector<std::pair<std::string, std::string>> more) {
    more.insert(more.begin(), sample.begin(), sample.end());
    return archive(more);
  };
  const std::string root = (folder / "s").string();
  folder.write("s/a.tar", with({{"x/._a.png", "?"}, {".hidden", ""}, {"x/a.txt", "text"}}));
  folder.write("s/b.tar", with({{"x/b.2021.jpg", ""}, {"x/b.seg.png", ""}}));
  CHECK(
      test::logged([&] { open_shards(folder / "s"); }) ==
      "info " + root + ": 1 file is left out: 1 .txt: 'x/a.txt'\nwarning " + root +
          ": 2 images are left out, with a dot before the ending of the name, as 'x/b.2021.jpg'; WebDataset's keys end "
          "at the first dot: pack samples under other names\n");
  folder.write("s/b.tar", with({{"x/b.gif", ""}}));
  CHECK_THAT(test::logged([&] { open_shards(folder / "s"); }),
             ContainsSubstring("2 files are left out: 1 .gif, 1 .txt"));
  CHECK(read_shard([](std::uint64_t, std::size_t) { return std::string(); }, 0, "empty").samples.empty());
}

TEST_CASE("shards lie in folders under the usual names of splits", "[data]") {
  const test::TempDir folder;
  for (const char* split : {"Training", "valid", "test"}) {
    folder.write(std::string("s/") + split + "/0.tar", archive({{"a.png", png(0)}, {"a.cls", "0"}}));
  }
  CHECK(detect_format(folder / "s") == "webdataset");
  const auto dataset = open_shards(folder / "s");
  for (const Split split : {Split::Train, Split::Val, Split::Test}) REQUIRE(dataset->split(split) != nullptr);
  CHECK(dataset->split(Split::Val)->facts(0).id == "valid/0.tar/a.png");
}

TEST_CASE("shards of other forms are refused by one line", "[data]") {
  const test::TempDir folder;
  const auto error = [&](const std::vector<std::pair<std::string, std::string>>& files) {
    folder.write("s/a.tar", archive(files));
    return open_error(folder / "s");
  };
  CHECK_THAT(error({{"a.png", png(0)}}), ContainsSubstring("a.tar: 'a.png' has no label; add a file a.cls"));
  CHECK_THAT(error({{"a.cls", "1"}}), ContainsSubstring("'a' has a label and no image"));
  CHECK_THAT(error({{"a.png", png(0)}, {"a.cls", "cat"}}), ContainsSubstring("'a.cls' holds no class number"));
  CHECK_THAT(error({{"a.png", png(0)}, {"a.cls", "-1"}}), ContainsSubstring("'a.cls' holds no class number"));
  CHECK_THAT(error({{"a.png", png(0)}, {"a.json", "{"}}), ContainsSubstring("'a.json' is no JSON"));
  CHECK_THAT(error({{"a.png", png(0)}, {"a.jpg", png(0)}}), ContainsSubstring("is the sample's second image"));
  CHECK_THAT(error({{"a.png", png(0)}, {"a.cls", "99999999"}}), ContainsSubstring("holds a label of 99999999"));
  CHECK_THAT(error({{"readme.txt", "x"}}), ContainsSubstring("the shards hold no samples"));
  CHECK_THAT(error({{"a.gif", "GIF8"}, {"a.cls", "1"}}),
             ContainsSubstring("'a' has a label and no image; 'a.gif' is of a kind that is not read; add its image"));
  CHECK_THAT(error({{"a.b.jpg", png(0)}, {"a.cls", "1"}}),
             ContainsSubstring("'a' has a label and no image; 'a.b.jpg' is none, for keys end at the first dot"));
  CHECK_THAT(error({{"\xE9.png", png(0)}, {"\xE9.cls", "1"}}),
             ContainsSubstring("is not UTF-8 text; pack it with names in UTF-8"));
  folder.write("s/classes.txt", "cat\n");
  CHECK_THAT(error({{"a.png", png(0)}, {"a.cls", "1"}}), ContainsSubstring("names 1 classes"));
  folder.write("s/classes.txt", "cat\ncaf\xE9\n");
  CHECK_THAT(error({{"a.png", png(0)}, {"a.cls", "1"}}),
             ContainsSubstring("classes.txt: the class name 'caf\\xe9' is not UTF-8 text"));
  CHECK_THAT(open_error(folder / "s" / "b-{0..1}.tar"), ContainsSubstring("b-0.tar: there is no such file"));
  CHECK_THAT(open_error(folder / "absent"), ContainsSubstring("there is no such file"));
}

TEST_CASE("an index is kept, and forgotten when the shard changes", "[data]") {
  const test::TempDir folder;
  ::setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
  const fs::path file =
      folder.write("a.tar", archive({{"a.png", png(0)}, {"a.cls", "1"}, {"a.gif", ""}, {"b.c.png", ""}}));
  const timespec old[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  ::utimensat(AT_FDCWD, file.c_str(), old, 0);
  CHECK(index_shard(file).samples.size() == 1);  // changed (ctime) just now: not kept
  CHECK_FALSE(fs::exists(folder / "cache"));
  const auto samples = index_shard(file);
  const std::string text = shard_index_text("stamp", samples);
  const auto kept = parse_shard_index("stamp", text);
  CHECK((kept.has_value() && *kept == samples));
  CHECK_FALSE(parse_shard_index("other", text).has_value());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    CHECK_FALSE(parse_shard_index("stamp", damaged).has_value());
  }
  ::unsetenv("XDG_CACHE_HOME");
}
