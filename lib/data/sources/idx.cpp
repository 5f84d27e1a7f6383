#include "data/sources/idx.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>
#include <system_error>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "data/sources/groups.h"
#include "data/sources/idx_file.h"
#include "data/sources/listing.h"
#include "data/sources/names.h"
#include "data/sources/selected_source.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// Images and labels of one file pair, in memory.
struct IdxFile {
  fs::path images_path, labels_path;
  std::string images, labels;  // with their headers
  std::uint64_t images_offset = 0, labels_offset = 0;
  std::int64_t count = 0, height = 0, width = 0;

  std::int64_t label(std::int64_t at) const {
    return static_cast<unsigned char>(labels[labels_offset + static_cast<std::size_t>(at)]);
  }
};

std::shared_ptr<IdxFile> read_pair(const fs::path& images, const fs::path& labels) {
  const IdxHeader image_header = read_idx_header(images, 3);
  const IdxHeader label_header = read_idx_header(labels, 1);
  if (image_header.dims[0] != label_header.dims[0]) {
    throw file_error(labels.string(),
                     "holds " + std::to_string(label_header.dims[0]) + " labels, but " + images.filename().string() +
                         " holds " + std::to_string(image_header.dims[0]) + " images",
                     "the two files do not belong together");
  }
  auto file = std::make_shared<IdxFile>();
  file->images_path = images;
  file->labels_path = labels;
  file->labels = read_idx_bytes(labels, label_header);
  file->images = read_idx_bytes(images, image_header);
  file->images_offset = image_header.offset;
  file->labels_offset = label_header.offset;
  file->count = image_header.dims[0];
  file->height = image_header.dims[1];
  file->width = image_header.dims[2];
  return file;
}

class IdxSource : public SelectedSource {
 public:
  IdxSource(std::shared_ptr<const IdxFile> file, std::vector<std::int64_t> positions)
      : SelectedSource(std::move(positions)), file_(std::move(file)) {}

 protected:
  torch::Tensor image_at(std::int64_t position) const override {
    const auto bytes = static_cast<std::size_t>(file_->height * file_->width);
    torch::Tensor image = torch::empty({file_->height, file_->width, 1}, torch::kByte);
    std::memcpy(image.data_ptr<std::uint8_t>(),
                file_->images.data() + file_->images_offset + static_cast<std::size_t>(position) * bytes, bytes);
    return image;
  }

  SampleFacts facts_at(std::int64_t position) const override {
    return {std::to_string(position), {file_->label(position)}};
  }

 private:
  std::shared_ptr<const IdxFile> file_;
};

/// The file an option names, or the usual one, plain or gzip; nothing where there is none.
std::optional<fs::path> find_file(const fs::path& root, const std::optional<fs::path>& named, const char* usual) {
  std::error_code ignored;
  if (named) {
    const fs::path path = root / *named;  // an absolute one stays as it is
    if (fs::is_regular_file(path, ignored)) return path;
    throw file_error(path.string(), "there is no such file", "it is named in the recipe, under data");
  }
  for (const char* ending : {"", ".gz"}) {
    fs::path path = root / (std::string(usual) + ending);
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return std::nullopt;
}

struct PairNames {
  const char* images;
  const char* labels;
  const char* prefix;  // of the options that name other files
};

/// Both files of a pair, or null where neither is there and `required` is false.
std::shared_ptr<IdxFile> open_pair(const fs::path& root, const std::optional<fs::path>& images,
                                   const std::optional<fs::path>& labels, const PairNames& names, bool required) {
  const auto image_path = find_file(root, images, names.images);
  const auto label_path = find_file(root, labels, names.labels);
  if (!image_path && !label_path && !required) return nullptr;
  const auto missing = [&](const char* usual, const char* kind) {
    return file_error((root / usual).string(), "is not there, nor with .gz at its end",
                      std::string("data.root must hold the idx files under these names, or data.") + names.prefix +
                          kind + " must name another");
  };
  if (!image_path) throw missing(names.images, "_images");
  if (!label_path) throw missing(names.labels, "_labels");
  return read_pair(*image_path, *label_path);
}

void check_label_range(const IdxFile& file, std::int64_t classes) {
  for (std::int64_t at = 0; at < file.count; ++at) {
    if (file.label(at) < classes) continue;
    throw file_error(file.labels_path.string(),
                     "label " + std::to_string(file.label(at)) + " at position " + std::to_string(at) +
                         " has no class: data.classes names " + std::to_string(classes),
                     "name every class, or leave data.classes out");
  }
}

std::vector<std::string> class_names(const std::vector<std::string>& named,
                                     const std::vector<std::shared_ptr<IdxFile>>& files) {
  if (!named.empty()) {
    for (const auto& file : files) check_label_range(*file, static_cast<std::int64_t>(named.size()));
    return named;
  }
  std::int64_t largest = 0;
  for (const auto& file : files) {
    for (std::int64_t at = 0; at < file->count; ++at) largest = std::max(largest, file->label(at));
  }
  std::vector<std::string> names;
  for (std::int64_t label = 0; label <= largest; ++label) names.push_back(std::to_string(label));
  return names;
}

std::vector<ListedFile> listed(const std::vector<std::shared_ptr<IdxFile>>& files) {
  std::vector<ListedFile> list;
  for (const auto& file : files) {
    for (const auto& path : {file->images_path, file->labels_path}) {
      list.push_back({path.filename().string(), fs::file_size(path)});
    }
  }
  return list;
}

}  // namespace

void IdxOptions::declare(config::Declare<IdxOptions>& d) {
  d("train_images", &IdxOptions::train_images, "training images; null: train-images-idx3-ubyte[.gz] in the root");
  d("train_labels", &IdxOptions::train_labels, "training labels; null: train-labels-idx1-ubyte[.gz] in the root");
  d("test_images", &IdxOptions::test_images, "test images; null: t10k-images-idx3-ubyte[.gz], where it is there");
  d("test_labels", &IdxOptions::test_labels, "test labels; null: t10k-labels-idx1-ubyte[.gz], where it is there");
  d("classes", &IdxOptions::classes, "names of the classes in the order of their labels; empty: the labels as text");
  d.rule("classes", [](const IdxOptions& o) -> std::string {
    const bool distinct = std::set<std::string>(o.classes.begin(), o.classes.end()).size() == o.classes.size();
    return distinct ? "" : "two classes have the same name";
  });
}

std::shared_ptr<const Dataset> open_idx(const IdxOptions& options, const OpenRequest& request) {
  check_root(request.root);
  const auto train = open_pair(request.root, options.train_images, options.train_labels,
                               {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "train"}, /*required=*/true);
  const auto test = open_pair(request.root, options.test_images, options.test_labels,
                              {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "test"}, /*required=*/false);
  refuse_groups(request.split, "idx");
  check_shares(request.split, /*has_val=*/false, /*has_test=*/test != nullptr);
  std::vector<std::shared_ptr<IdxFile>> files = {train};
  if (test) files.push_back(test);

  DataInfo info;
  info.name = data_name(request.root);
  info.fingerprint = fingerprint(listed(files));
  info.classes = class_names(options.classes, files);
  check_class_names(info.classes, "data.classes");
  info.channels = 1;

  std::vector<std::int64_t> labels(static_cast<std::size_t>(train->count));
  for (std::int64_t at = 0; at < train->count; ++at) labels[static_cast<std::size_t>(at)] = train->label(at);
  Division division = divide_pool(info, labels, {}, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    auto& part = division.parts[i];
    if (!part.empty()) splits[i] = std::make_shared<IdxSource>(train, std::move(part));
  }
  if (test) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(test->count));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    splits[2] = std::make_shared<IdxSource>(test, std::move(all));
  }
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace mlrun::data
