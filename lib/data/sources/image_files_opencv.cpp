#include "data/sources/image_files.h"

#include <numeric>
#include <utility>

#include <torch/torch.h>

#include "base/error.h"
#include "base/files.h"
#include "data/image/decode.h"
#include "data/sources/listing_cache.h"

namespace mlrun::data {
namespace {

constexpr std::uint64_t kLargestImageFile = std::uint64_t{1} << 30;

/// A cached listing cannot know of a file that was rewritten in place: it is dropped then.
void check_listed_size(const ImageFiles& files, const ListedFile& file, std::size_t size) {
  if (size == file.size) return;
  forget_listing(files.root);
  throw file_error(
      (files.root / file.path).string(),
      "has " + std::to_string(size) + " bytes; it had " + std::to_string(file.size) + " when it was listed",
      "leave the data alone while they are in use; run the command again");
}

class ImageFileSource : public Source {
 public:
  ImageFileSource(std::shared_ptr<const ImageFiles> files, std::vector<std::int64_t> positions)
      : files_(std::move(files)), positions_(std::move(positions)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(positions_.size()); }

  Sample get(const SampleKey& key) const override {
    EncodedSample read = encoded(key);
    read.sample.inputs.set("image", decode_image(*read.image.bytes, read.image.name, read.image.apply_exif));
    return std::move(read.sample);
  }

  EncodedSample encoded(const SampleKey& key) const override {
    const std::size_t at = place(key.index);
    EncodedSample read;
    read.image.name = (files_->root / files_->files[at].path).string();
    read.image.bytes = bytes_of(at, read.image.name);
    read.image.apply_exif = files_->apply_exif;
    read.sample.id = files_->files[at].path;
    read.sample.index = key.index;
    read.sample.targets.set("label", torch::scalar_tensor(files_->labels[at], torch::kLong));
    return read;
  }

  SampleFacts facts(std::int64_t index) const override {
    const std::size_t at = place(index);
    return {files_->files[at].path, files_->labels[at], files_->root / files_->files[at].path};
  }

 private:
  std::shared_ptr<const std::string> bytes_of(std::size_t at, const std::string& name) const {
    const auto read = [&] {
      std::string bytes = read_file(name, kLargestImageFile);
      check_listed_size(*files_, files_->files[at], bytes.size());
      return bytes;
    };
    return files_->cache ? files_->cache->get(name, read) : std::make_shared<const std::string>(read());
  }

  std::size_t place(std::int64_t index) const {
    MLRUN_ASSERT(index >= 0 && index < size(), "no such sample");
    return static_cast<std::size_t>(positions_[static_cast<std::size_t>(index)]);
  }

  std::shared_ptr<const ImageFiles> files_;
  std::vector<std::int64_t> positions_;
};

}  // namespace

std::shared_ptr<const Source> make_image_source(std::shared_ptr<const ImageFiles> files,
                                                std::vector<std::int64_t> positions) {
  return std::make_shared<ImageFileSource>(std::move(files), std::move(positions));
}

std::shared_ptr<const Source> make_image_source(std::shared_ptr<const ImageFiles> files) {
  std::vector<std::int64_t> all(files->files.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return make_image_source(std::move(files), std::move(all));
}

}  // namespace mlrun::data
