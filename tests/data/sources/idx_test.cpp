#include "data/sources/idx.h"

#include <zlib.h>

#include <map>
#include <set>

#include <torch/types.h>

#include "base/files.h"
#include "data/sources/idx_file.h"
#include "support.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

std::string idx(const std::vector<std::uint32_t>& dims, const std::string& values, char type = 8) {
  std::string bytes = {'\0', '\0', type, static_cast<char>(dims.size())};
  for (const auto dim : dims) bytes += big_endian(dim);
  return bytes + values;
}

/// `count` images of 2 x 3; value = 6 x image + place.
std::string images(std::uint32_t count) {
  std::string values;
  for (std::uint32_t i = 0; i < count * 6; ++i) values += static_cast<char>(i);
  return idx({count, 2, 3}, values);
}

/// Labels 0, 1, 2, 0, 1, ...
std::string labels(std::uint32_t count) {
  std::string values;
  for (std::uint32_t i = 0; i < count; ++i) values += static_cast<char>(i % 3);
  return idx({count}, values);
}

std::string gzip(const std::string& bytes) {
  const test::TempDir folder;
  const fs::path path = folder / "x.gz";
  const gzFile file = gzopen(path.c_str(), "wb9");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
  return read_file(path);
}

constexpr const char* kImages = "train-images-idx3-ubyte";
constexpr const char* kLabels = "train-labels-idx1-ubyte";
constexpr const char* kTestImages = "t10k-images-idx3-ubyte";
constexpr const char* kTestLabels = "t10k-labels-idx1-ubyte";

void write_train(const test::TempDir& folder, std::uint32_t count = 12) {
  folder.write(kImages, images(count));
  folder.write(kLabels, labels(count));
}

std::shared_ptr<const Dataset> open(const fs::path& root, const IdxOptions& options = {},
                                    const config::SplitOptions& split = {}) {
  return open_idx(options, {root, split});
}

std::string open_error(const fs::path& root, const IdxOptions& options = {}) {
  std::string text = test::user_error([&] { open(root, options); });
  REQUIRE(text.find('\n') == std::string::npos);
  const auto at = text.find(root.string() + "/");
  return at == 0 ? text.substr(root.string().size() + 1) : text;
}

Sample sample(const Source& source, std::int64_t index) { return source.get({index, 0, 0}); }

std::int64_t label_of(const Sample& sample) { return sample.targets.tensor("label").item<std::int64_t>(); }

}  // namespace

TEST_CASE("plain and gzip idx files give the same samples", "[data][idx]") {
  const test::TempDir folder;
  const bool packed = GENERATE(false, true);
  for (const auto& [name, bytes] : std::map<std::string, std::string>{
           {kImages, images(12)}, {kLabels, labels(12)}, {kTestImages, images(5)}, {kTestLabels, labels(5)}}) {
    folder.write(name + (packed ? ".gz" : ""), packed ? gzip(bytes) : bytes);
  }
  const auto data = open(folder.path());
  REQUIRE(data->info().name == folder.path().filename().string());
  REQUIRE(data->info().channels == 1);
  REQUIRE(data->info().classes == std::vector<std::string>{"0", "1", "2"});
  REQUIRE(data->info().fingerprint.size() == 64);
  REQUIRE(data->split(Split::Val) == nullptr);
  const auto train = data->split(Split::Train);
  const auto test = data->split(Split::Test);
  REQUIRE(train->size() == 12);
  REQUIRE(test->size() == 5);

  const Sample seventh = sample(*train, 7);
  REQUIRE(seventh.id == "7");
  REQUIRE(seventh.index == 7);
  REQUIRE(label_of(seventh) == 1);
  const auto& image = seventh.inputs.tensor("image");
  REQUIRE(image.scalar_type() == torch::kByte);
  REQUIRE(image.is_contiguous());
  REQUIRE(torch::equal(image, (torch::arange(6, torch::kByte) + 42).reshape({2, 3, 1})));
  REQUIRE(seventh.targets.tensor("label").scalar_type() == torch::kLong);
  REQUIRE(seventh.targets.tensor("label").dim() == 0);
  REQUIRE(sample(*test, 4).inputs.tensor("image")[1][2][0].item<int>() == 29);
}

TEST_CASE("a changed sample does not change the data", "[data][idx]") {
  const test::TempDir folder;
  write_train(folder);
  const auto train = open(folder.path())->split(Split::Train);
  Sample first = sample(*train, 0);
  torch::Tensor image = first.inputs.tensor("image");
  image.fill_(99);
  REQUIRE(sample(*train, 0).inputs.tensor("image")[0][1][0].item<int>() == 1);
}

TEST_CASE("shares divide the training file", "[data][idx]") {
  const test::TempDir folder;
  write_train(folder, 30);
  config::SplitOptions split;
  split.val = 0.2;
  split.test = 0.1;
  const auto data = open(folder.path(), {}, split);
  std::set<std::string> ids;
  std::map<Split, std::size_t> sizes;
  for (const Split part : {Split::Train, Split::Val, Split::Test}) {
    const auto source = data->split(part);
    for (std::int64_t i = 0; i < source->size(); ++i) {
      const Sample one = sample(*source, i);
      REQUIRE(one.index == i);
      REQUIRE(label_of(one) == std::stoll(one.id) % 3);
      ids.insert(one.id);
      ++sizes[part];
    }
  }
  REQUIRE(ids.size() == 30);
  REQUIRE(sizes[Split::Train] == 21);
  REQUIRE(sizes[Split::Val] == 6);
  REQUIRE(sizes[Split::Test] == 3);

  folder.write(kTestImages, images(5));
  folder.write(kTestLabels, labels(5));
  REQUIRE(test::user_error([&] { open(folder.path(), {}, split); }) ==
          "data.split.test: the data set has a test split of its own; remove this share");
  split.test.reset();
  const auto own = open(folder.path(), {}, split);
  REQUIRE(own->split(Split::Train)->size() == 24);
  REQUIRE(own->split(Split::Val)->size() == 6);
  REQUIRE(own->split(Split::Test)->size() == 5);
}

TEST_CASE("options name other files and the classes", "[data][idx]") {
  const test::TempDir folder;
  IdxOptions options;
  options.train_images = folder.write("a/pictures", images(6));
  options.train_labels = "a/answers";
  folder.write("a/answers", labels(6));
  options.classes = {"shirt", "shoe", "bag"};
  const auto data = open(folder.path(), options);
  REQUIRE(data->split(Split::Train)->size() == 6);
  REQUIRE(data->info().classes == options.classes);

  options.classes = {"shirt", "shoe"};
  REQUIRE(open_error(folder.path(), options) ==
          "a/answers: label 2 at position 2 has no class: data.classes names 2; name every class, or leave "
          "data.classes out");
  options.test_images = "nowhere";
  REQUIRE(open_error(folder.path(), options) ==
          "nowhere: there is no such file; it is named in the recipe, under data");
}

TEST_CASE("two classes of one name are refused by the options", "[data][idx]") {
  const auto spec = config::spec_of<IdxOptions>();
  IdxOptions options;
  options.classes = {"a", "b", "a"};
  REQUIRE(spec->rules.at(0).broken(&options) == "two classes have the same name");
  options.classes = {"a", "b"};
  REQUIRE(spec->rules.at(0).broken(&options).empty());
}

TEST_CASE("missing idx files are named", "[data][idx]") {
  const test::TempDir folder;
  REQUIRE(open_error(folder.path()) ==
          std::string(kImages) +
              ": is not there, nor with .gz at its end; data.root must hold the idx files under these names, or "
              "data.train_images must name another");
  folder.write(kImages, images(3));
  REQUIRE(open_error(folder.path()).find(std::string(kLabels) + ": is not there") == 0);
  folder.write(kLabels, labels(3));
  folder.write(kTestImages, images(3));
  REQUIRE(open_error(folder.path()).find(std::string(kTestLabels) + ": is not there") == 0);
  REQUIRE(test::user_error([&] { open(folder / "none"); }) == "data.root: there is no folder '" +
                                                                  (folder / "none").string() +
                                                                  "'; name the folder that holds the data set");
  REQUIRE(test::user_error([&] { open(folder / kImages); }).find("is not a folder") != std::string::npos);
  REQUIRE(test::user_error([&] { open(""); }) == "data.root: is not set; name the folder that holds the data set");
}

TEST_CASE("wrong headers are refused before anything is allocated", "[data][idx]") {
  const test::TempDir folder;
  write_train(folder, 3);
  const auto error = [&](const std::string& bytes) {
    folder.write(kImages, bytes);
    const std::string text = open_error(folder.path());
    REQUIRE(text.find(std::string(kImages) + ": ") == 0);
    return text.substr(std::string(kImages).size() + 2);
  };
  REQUIRE(error("JUNK and more of it") == "is not an idx file; it must begin with two zero bytes, gzip or not");
  REQUIRE(error(labels(3)) == "holds idx type 8 with 1 dimensions; expected type 8 (unsigned bytes) with 3");
  REQUIRE(error(idx({3, 2, 3}, std::string(72, 'x'), 13)) ==
          "holds idx type 13 with 3 dimensions; expected type 8 (unsigned bytes) with 3");
  REQUIRE(error(idx({3, 0, 3}, "")) == "is empty: its header gives a size of 0");
  REQUIRE(error("") == "ends within its header; fetch it again");
  for (const std::uint32_t huge : {0xFFFFFFFFU, 0x80000000U, 0x10000000U}) {
    REQUIRE(error(idx({huge, huge, huge}, "abc")) ==
            "its header promises more than its 19 bytes can hold; fetch it again");
    REQUIRE(error(idx({3, 1, huge}, "abc")) == "its header promises more than its 19 bytes can hold; fetch it again");
  }
  REQUIRE(error(idx({3, 2, 3}, std::string(17, 'x'))) == "holds 33 bytes; its header promises 34; fetch it again");
  REQUIRE(error(idx({3, 2, 3}, std::string(19, 'x'))) == "expands to more than the 34 bytes expected");
}

TEST_CASE("images and labels must be equally many", "[data][idx]") {
  const test::TempDir folder;
  folder.write(kImages, images(4));
  folder.write(kLabels, labels(3));
  REQUIRE(open_error(folder.path()) == std::string(kLabels) + ": holds 3 labels, but " + kImages +
                                           " holds 4 images; the two files do not belong together");
}

TEST_CASE("a file cut short anywhere is one clear error", "[data][idx]") {
  const test::TempDir folder;
  write_train(folder, 12);
  const bool packed = GENERATE(false, true);
  fs::remove(folder / kImages);
  const std::string whole = packed ? gzip(images(12)) : images(12);
  const std::string name = std::string(kImages) + (packed ? ".gz" : "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    folder.write(name, whole.substr(0, size));
    INFO("cut to " << size << " of " << whole.size());
    const std::string text = open_error(folder.path());
    REQUIRE(text.find(name + ": ") == 0);
    REQUIRE(text.find("fetch it again") != std::string::npos);
  }
  folder.write(name, whole);
  REQUIRE_NOTHROW(open(folder.path()));
}

TEST_CASE("a gzip file changed anywhere is an error or the same data", "[data][idx]") {
  const test::TempDir folder;
  write_train(folder, 12);
  fs::remove(folder / kImages);
  const std::string name = std::string(kImages) + ".gz";
  const std::string whole = gzip(images(12));
  folder.write(name, whole);
  const auto expected = sample(*open(folder.path())->split(Split::Train), 11).inputs.tensor("image");
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x41);
    folder.write(name, changed);
    try {
      const auto data = open(folder.path());  // time stamps and the like do not matter
      REQUIRE(torch::equal(sample(*data->split(Split::Train), 11).inputs.tensor("image"), expected));
    } catch (const UserError& error) {
      REQUIRE(std::string(error.what()).find(name) != std::string::npos);
      ++refused;
    }
  }
  REQUIRE(refused > static_cast<int>(whole.size()) / 2);
}

TEST_CASE("a gzip bomb stops where its header ends", "[data][idx]") {
  const test::TempDir folder;
  write_train(folder, 3);
  fs::remove(folder / kImages);
  folder.write(std::string(kImages) + ".gz", gzip(images(3) + std::string(30000000, '\0')));
  REQUIRE(open_error(folder.path()) == std::string(kImages) + ".gz: expands to more than the 34 bytes expected");
}

TEST_CASE("the fingerprint follows names and sizes", "[data][idx]") {
  const test::TempDir one, two, three;
  write_train(one, 3);
  write_train(two, 3);
  write_train(three, 4);
  const auto fingerprint = open(one.path())->info().fingerprint;
  REQUIRE(fingerprint == open(two.path())->info().fingerprint);
  REQUIRE(fingerprint != open(three.path())->info().fingerprint);
}

TEST_CASE("Fashion-MNIST opens as its authors describe it", "[data][idx]") {
  const auto root = test::real_data("fashion-mnist");
  if (!root) return;
  const auto data = open(*root);
  REQUIRE(data->info().classes.size() == 10);
  const auto train = data->split(Split::Train);
  REQUIRE(train->size() == 60000);
  REQUIRE(data->split(Split::Test)->size() == 10000);
  std::map<std::int64_t, int> counts;
  double sum = 0;
  for (std::int64_t i = 0; i < train->size(); ++i) {
    const Sample one = sample(*train, i);
    ++counts[label_of(one)];
    sum += one.inputs.tensor("image").sum().item<double>();
  }
  for (const auto& [label, count] : counts) REQUIRE(count == 6000);
  REQUIRE(sum / (60000.0 * 784 * 255) == Approx(0.2860).margin(5e-5));  // the mean that is in use everywhere
  REQUIRE(label_of(sample(*train, 0)) == 9);
}

}  // namespace mlrun::data
