#include "data/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/decode.h"
#include "data/listing.h"
#include "data/split_dataset.h"
#include "data/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;

/// The images of one folder of classes, sorted by id.
struct Shelf {
  fs::path root;
  std::vector<ListedFile> files;
  std::vector<std::int64_t> labels;
  bool apply_exif = false;
};

class FolderSource : public Source {
 public:
  FolderSource(std::shared_ptr<const Shelf> shelf, std::vector<std::int64_t> positions)
      : shelf_(std::move(shelf)), positions_(std::move(positions)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(positions_.size()); }

  Sample get(const SampleKey& key) const override {
    MLRUN_ASSERT(key.index >= 0 && key.index < size(), "no such sample");
    const auto at = static_cast<std::size_t>(positions_[static_cast<std::size_t>(key.index)]);
    const fs::path path = shelf_->root / shelf_->files[at].path;
    Sample sample;
    sample.id = shelf_->files[at].path;
    sample.index = key.index;
    sample.inputs.set("image", decode_image(read_file(path, kLargestFile), path.string(), shelf_->apply_exif));
    sample.targets.set("label", torch::scalar_tensor(shelf_->labels[at], torch::kLong));
    return sample;
  }

 private:
  std::shared_ptr<const Shelf> shelf_;
  std::vector<std::int64_t> positions_;
};

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool holds_splits(const std::vector<std::string>& folders) {
  const bool only_splits = std::all_of(folders.begin(), folders.end(), [](const std::string& name) {
    return name == "train" || name == "val" || name == "test";
  });
  return only_splits && has(folders, "train") && folders.size() > 1;
}

std::vector<std::string> class_folders(const fs::path& folder) {
  auto classes = sub_folders(folder);
  if (!classes.empty()) return classes;
  throw file_error(folder.string(), "holds no class folders", "put each class's images into a folder with its name");
}

/// `prefix` is the split's folder with a slash, or empty where the classes lie in the root.
std::shared_ptr<Shelf> fill_shelf(const OpenRequest& request, const std::string& prefix,
                                  const std::vector<std::string>& classes) {
  const fs::path& root = request.root;
  auto shelf = std::make_shared<Shelf>();
  shelf->root = root;
  shelf->apply_exif = request.apply_exif;
  for (const auto& name : class_folders(root / prefix)) {
    const auto found = std::lower_bound(classes.begin(), classes.end(), name);
    const fs::path folder = root / (prefix + name);
    if (found == classes.end() || *found != name) {
      throw file_error(folder.string(), "train has no class '" + name + "'", "the splits must hold the same classes");
    }
    auto files = list_images(root, prefix + name);
    if (files.empty()) {
      throw file_error(folder.string(), "the class folder holds no images",
                       "jpg, jpeg, png, bmp, webp, tif, tiff, ppm and pgm files count; remove the folder or fill it");
    }
    shelf->labels.insert(shelf->labels.end(), files.size(), found - classes.begin());
    std::move(files.begin(), files.end(), std::back_inserter(shelf->files));
  }
  return shelf;
}

void warn_of_one_class(const fs::path& root, const std::vector<std::string>& classes) {
  if (classes.size() > 1) return;
  log::warning(root.string() + ": there is one class only, '" + classes.front() +
               "'; if its folders are the classes, data.root must name it");
}

}  // namespace

std::shared_ptr<const Dataset> open_image_folder(const config::NoOptions&, const OpenRequest& request) {
  check_root(request.root);
  const auto folders = class_folders(request.root);
  const bool split = holds_splits(folders);
  const bool has_val = split && has(folders, "val");
  const bool has_test = split && has(folders, "test");
  check_shares(request.split, has_val, has_test);

  DataInfo info;
  info.name = data_name(request.root);
  info.classes = split ? class_folders(request.root / "train") : folders;
  warn_of_one_class(request.root, info.classes);

  const auto pool = fill_shelf(request, split ? "train/" : "", info.classes);
  std::vector<ListedFile> all = pool->files;
  Division division = divide(pool->labels, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (!division.parts[i].empty()) splits[i] = std::make_shared<FolderSource>(pool, std::move(division.parts[i]));
  }
  const auto add_own = [&](Split which) {
    const auto shelf = fill_shelf(request, std::string(split_name(which)) + "/", info.classes);
    all.insert(all.end(), shelf->files.begin(), shelf->files.end());
    Division whole = divide(shelf->labels, {});
    splits[static_cast<std::size_t>(which)] = std::make_shared<FolderSource>(shelf, std::move(whole.of(Split::Train)));
  };
  if (has_val) add_own(Split::Val);
  if (has_test) add_own(Split::Test);
  info.fingerprint = fingerprint(std::move(all));
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace mlrun::data
