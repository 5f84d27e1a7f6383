#include "data/sources/masked_images.h"

#include <algorithm>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/input_file.h"
#include "data/image/head.h"
#include "data/shown_text.h"
#include "data/sources/listing.h"
#include "data/sources/names.h"
#include "data/sources/split_dataset.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

class MaskedSource : public Source {
 public:
  MaskedSource(std::shared_ptr<const MaskedImages> pairs, std::vector<std::int64_t> positions)
      : pairs_(std::move(pairs)),
        positions_(positions),
        images_(make_image_source(pairs_->images, std::move(positions))) {}

  std::int64_t size() const override { return images_->size(); }
  SampleFacts facts(std::int64_t index) const override {
    SampleFacts facts = images_->facts(index);
    facts.labels.clear();
    return facts;
  }
  Sample get(const SampleKey& key) const override {
    Sample sample = images_->get(key);
    add_mask(sample, key.index);
    return sample;
  }
  EncodedSample encoded(const SampleKey& key) const override {
    EncodedSample encoded = images_->encoded(key);
    add_mask(encoded.sample, key.index);
    return encoded;
  }

 private:
  void add_mask(Sample& sample, std::int64_t index) const {
    sample.targets = {};
    sample.targets.set("mask", pairs_->mask(static_cast<std::size_t>(positions_[static_cast<std::size_t>(index)])));
  }

  std::shared_ptr<const MaskedImages> pairs_;
  std::vector<std::int64_t> positions_;
  std::shared_ptr<const Source> images_;
};

/// The head of a file's first bytes, and of the whole where those do not tell.
ImageHead head_of(const fs::path& file) {
  constexpr std::size_t kFirst = 4096;
  const ImageHead head = read_image_head(read_head(file, kFirst));
  return head.width > 0 ? head : read_image_head(read_file(file));
}

/// UserError that names the masks that have not their images' sizes.
void check_sizes(const MaskFiles& files) {
  const auto text = [](const ImageHead& of) { return std::to_string(of.width) + "x" + std::to_string(of.height); };
  FileProblems problems;
  for (std::size_t i = 0; i < files.masks.size(); ++i) {
    const ImageHead image = head_of(files.images->root / files.images->files[i].path);
    const ImageHead mask = head_of(files.masks[i]);
    const bool known = image.width > 0 && mask.width > 0;
    if (!known || (image.height == mask.height && image.width == mask.width)) continue;
    problems.add(files.masks[i], "is of " + text(mask) + " pixels, and its image of " + text(image),
                 "masks have the sizes of their images");
  }
  problems.check();
}

std::uint64_t size_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) throw file_error(file.string(), "cannot be read: " + error.message(), "is the data set whole?");
  return size;
}

}  // namespace

void FileProblems::add(const fs::path& file, std::string message, std::string hint) {
  if (++count_ <= kMost) problems_.push_back({file.string(), 0, 0, "", std::move(message), std::move(hint)});
}

void FileProblems::check() {
  if (count_ == 0) return;
  if (count_ > kMost) {
    const std::size_t more = count_ - kMost;
    problems_.push_back(
        {"", 0, 0, "", std::to_string(more) + (more == 1 ? " more file is" : " more files are") + " like these", ""});
  }
  throw UserError(std::move(problems_));
}

std::shared_ptr<const Source> make_masked_source(std::shared_ptr<const MaskedImages> pairs,
                                                 std::vector<std::int64_t> positions) {
  return std::make_shared<MaskedSource>(std::move(pairs), std::move(positions));
}

Division divide_masked(const std::optional<Division>& own, std::size_t count, const config::SplitOptions& shares) {
  if (!own) return divide(std::vector<std::int64_t>(count, 0), shares);
  check_shares(shares, !own->of(Split::Val).empty(), !own->of(Split::Test).empty());
  const std::vector<std::int64_t>& pool = own->of(Split::Train);
  if (pool.empty()) return *own;
  const Division parts = divide(std::vector<std::int64_t>(pool.size(), 0), shares);
  Division division = *own;
  for (const Split split : {Split::Train, Split::Val, Split::Test}) {
    if (split != Split::Train && parts.of(split).empty()) continue;
    division.of(split).clear();
    for (const auto at : parts.of(split)) division.of(split).push_back(pool[static_cast<std::size_t>(at)]);
  }
  return division;
}

std::shared_ptr<const Dataset> masked_dataset(DataInfo info, std::shared_ptr<const MaskedImages> pairs,
                                              const Division& division, const std::vector<fs::path>& others) {
  auto files = pairs->images->files;
  check_file_names(files, pairs->images->root.string());
  for (const auto& file : others) {
    files.push_back({file.lexically_relative(pairs->images->root).string(), size_of(file)});
  }
  info.fingerprint = fingerprint(std::move(files));
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (!division.parts[i].empty()) splits[i] = make_masked_source(pairs, division.parts[i]);
  }
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

void MaskFiles::add(const std::string& image, const fs::path& mask) {
  for (const fs::path& path : {fs::path(image), mask.lexically_relative(images->root)}) {
    const bool outside = path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
    if (outside)
      throw file_error(images->root.string(), "'" + shown_text(path.string()) + "' leads out of it",
                       "name files in it");
  }
  images->files.push_back({image, size_of(images->root / image)});
  images->labels.push_back(0);
  size_of(mask);
  masks.push_back(mask);
}

std::shared_ptr<ImageFiles> image_files_of(const OpenRequest& request) {
  auto files = std::make_shared<ImageFiles>();
  files->root = request.root;
  files->apply_exif = request.apply_exif;
  files->cache = std::make_shared<FileCache>(request.cache);
  return files;
}

std::shared_ptr<const Dataset> open_mask_files(const OpenRequest& request, MaskFiles files, MaskValues values,
                                               const std::optional<Division>& own) {
  check_sizes(files);
  DataInfo info;
  info.name = data_name(request.root);
  info.classes = values.classes().names;
  if (!values.classes().colours.empty()) set_class_colours(info, values.classes().colours);
  const Division division = divide_masked(own, files.masks.size(), request.split);
  auto pairs = std::make_shared<MaskedImages>();
  pairs->images = files.images;
  const auto masks = std::make_shared<const std::vector<fs::path>>(std::move(files.masks));
  pairs->mask = [masks, values = std::make_shared<const MaskValues>(std::move(values))](std::size_t position) {
    return values->read((*masks)[position]);
  };
  return masked_dataset(std::move(info), std::move(pairs), division, *masks);
}

std::vector<std::pair<std::string, int>> read_name_list(const fs::path& list) {
  std::istringstream lines(read_file(list));
  std::vector<std::pair<std::string, int>> names;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (!line.empty()) names.emplace_back(line, number);
  }
  return names;
}

}  // namespace mlrun::data
