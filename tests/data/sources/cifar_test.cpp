#include "data/sources/cifar.h"

#include <torch/types.h>

#include "data/sources/cifar_file.h"
#include "support.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// A record: label bytes, then red 1, green 2, blue 3 + `shade`, but for the first red pixel.
std::string record(const std::string& labels, char shade) {
  std::string planes = std::string(1024, 1) + std::string(1024, 2) + std::string(1024, static_cast<char>(3 + shade));
  planes[0] = 77;
  return labels + planes;
}

/// Batches of two images each; image i of all has label i % 10.
void write_cifar10(const test::TempDir& folder, const std::string& prefix = "") {
  int image = 0;
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    std::string bytes;
    for (int i = 0; i < 2; ++i, ++image)
      bytes += record(std::string(1, static_cast<char>(image % 10)), static_cast<char>(image));
    folder.write(prefix + name + ".bin", bytes);
  }
}

std::shared_ptr<const Dataset> open10(const fs::path& root, const config::SplitOptions& split = {}) {
  return open_cifar10({}, {root, split});
}

std::string error10(const test::TempDir& folder, const config::SplitOptions& split = {}) {
  const std::string text = test::user_error([&] { open10(folder.path(), split); });
  const std::string root = folder.path().string() + "/";
  return text.find(root) == 0 ? text.substr(root.size()) : text;
}

}  // namespace

TEST_CASE("CIFAR-10 opens from its folder or its parent", "[data][cifar]") {
  const test::TempDir folder;
  const bool below = GENERATE(false, true);
  write_cifar10(folder, below ? "cifar-10-batches-bin/" : "");
  const auto data = open10(folder.path());
  REQUIRE(data->info().classes == cifar_names(10));
  REQUIRE(data->info().channels == 3);
  const auto train = data->split(Split::Train), test = data->split(Split::Test);
  REQUIRE(train->size() == 10);
  REQUIRE(test->size() == 2);
  REQUIRE(data->split(Split::Val) == nullptr);
  const Sample sample = train->get({7, 0, 0});
  REQUIRE(sample.id == "7");
  REQUIRE(sample.targets.tensor("label").item<std::int64_t>() == 7);
  const auto& image = sample.inputs.tensor("image");
  REQUIRE(image.sizes() == torch::IntArrayRef({32, 32, 3}));
  REQUIRE(image[0][0][0].item<int>() == 77);
  REQUIRE(image[0][1][0].item<int>() == 1);
  REQUIRE(image[31][31][1].item<int>() == 2);
  REQUIRE(image[5][6][2].item<int>() == 10);
  REQUIRE(test->facts(1).label() == 1);
  REQUIRE(test->facts(1).file.empty());
}

TEST_CASE("shares divide CIFAR's training images", "[data][cifar]") {
  const test::TempDir folder;
  write_cifar10(folder);
  config::SplitOptions split;
  split.val = 0.2;
  REQUIRE(open10(folder.path(), split)->split(Split::Val)->size() == 2);
  split.test = 0.2;
  REQUIRE(error10(folder, split) == "data.split.test: the data set has a test split of its own; remove this share");
  split.test.reset();
  split.group = "x";
  REQUIRE(error10(folder, split) == "data.split.group: CIFAR-10 data have no groups; leave it null");
}

TEST_CASE("CIFAR's class names come from its files where they are there", "[data][cifar]") {
  const test::TempDir folder;
  write_cifar10(folder);
  folder.write("batches.meta.txt", "a\nb\nc\nd\ne\r\nf\ng\nh\ni\nj\n\n");
  REQUIRE(open10(folder.path())->info().classes[4] == "e");
  folder.write("batches.meta.txt", "a\nb\n");
  REQUIRE(error10(folder) ==
          "batches.meta.txt: must name 10 classes, one a line; it names 2; fetch it again, or remove it: the names are "
          "known");
  folder.write("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\na\n");
  REQUIRE(error10(folder).find("batches.meta.txt: names a class twice") == 0);
}

TEST_CASE("CIFAR files that are missing, short or of another kind are named", "[data][cifar]") {
  const test::TempDir folder;
  write_cifar10(folder);
  fs::remove(folder / "data_batch_4.bin");
  REQUIRE(error10(folder) ==
          "data_batch_4.bin: is not there; data.root must hold the files of CIFAR-10's binary version, or its folder "
          "cifar-10-batches-bin");
  folder.write("data_batch_4.bin", record(std::string(1, 3), 0).substr(0, 3000));
  REQUIRE(
      error10(folder) ==
      "data_batch_4.bin: is cut short: 3000 bytes are no multiple of the 3073 of one image; it ends within image 0; "
      "fetch it again");
  folder.write("data_batch_4.bin", "");
  REQUIRE(error10(folder) == "data_batch_4.bin: is empty; fetch it again");
  folder.write("data_batch_4.bin", record(std::string(1, 3), 0) + record(std::string(1, 10), 0));
  REQUIRE(error10(folder) ==
          "data_batch_4.bin: image 1 has label 10; there are 10 classes; this is not the binary version of this data "
          "set, or it is damaged");
}

TEST_CASE("CIFAR-100 has fine and coarse labels", "[data][cifar]") {
  const test::TempDir folder;
  folder.write("cifar-100-binary/train.bin",
               record(std::string("\x13\x63", 2), 0) + record(std::string("\x01\x02", 2), 0));
  folder.write("cifar-100-binary/test.bin", record(std::string("\x00\x05", 2), 0));
  const auto open100 = [&](const char* labels) { return open_cifar100({labels}, {folder.path(), {}}); };
  const auto fine = open100("fine"), coarse = open100("coarse");
  REQUIRE(fine->info().classes.size() == 100);
  REQUIRE(fine->info().classes[99] == "worm");
  REQUIRE(coarse->info().classes.size() == 20);
  REQUIRE(coarse->info().classes[19] == "vehicles_2");
  REQUIRE(fine->split(Split::Train)->facts(0).label() == 0x63);
  REQUIRE(coarse->split(Split::Train)->facts(0).label() == 0x13);
  REQUIRE(fine->split(Split::Test)->get({0, 0, 0}).inputs.tensor("image")[0][0][0].item<int>() == 77);
  folder.write("cifar-100-binary/test.bin", record(std::string("\x14\x05", 2), 0));
  REQUIRE_NOTHROW(open100("fine"));
  REQUIRE(test::user_error([&] { open100("coarse"); }).find("test.bin: image 0 has label 20; there are 20 classes") !=
          std::string::npos);
}

TEST_CASE("the known names of CIFAR's classes are distinct", "[data][cifar]") {
  for (const std::int64_t count : {10, 20, 100}) {
    std::string text;
    for (const auto& name : cifar_names(count)) text += name + "\n";
    REQUIRE(parse_cifar_names(text, count, "names") == cifar_names(count));
  }
}

}  // namespace mlrun::data
