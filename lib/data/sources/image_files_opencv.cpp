#include "data/sources/image_files.h"

#include <numeric>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "data/sources/listing_cache.h"
#include "data/sources/selected_source.h"

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

class ImageFileSource : public EncodedSource {
 public:
  ImageFileSource(std::shared_ptr<const ImageFiles> files, std::vector<std::int64_t> positions)
      : EncodedSource(std::move(positions)), files_(std::move(files)) {}

 protected:
  EncodedImage encoded_at(std::int64_t position) const override {
    const auto& file = files_->files[static_cast<std::size_t>(position)];
    EncodedImage image;
    image.name = (files_->root / file.path).string();
    image.bytes = bytes_of(file, image.name);
    image.apply_exif = files_->apply_exif;
    return image;
  }

  SampleFacts facts_at(std::int64_t position) const override {
    const auto at = static_cast<std::size_t>(position);
    const auto& path = files_->files[at].path;
    return {path, {files_->labels[at]}, files_->root / path};
  }

 private:
  std::shared_ptr<const std::string> bytes_of(const ListedFile& file, const std::string& name) const {
    const auto read = [&] {
      std::string bytes = read_file(name, kLargestImageFile);
      check_listed_size(*files_, file, bytes.size());
      return bytes;
    };
    return files_->cache ? files_->cache->get(name, read) : std::make_shared<const std::string>(read());
  }

  std::shared_ptr<const ImageFiles> files_;
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
