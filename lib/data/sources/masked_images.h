#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/error.h"
#include "data/class_colours.h"
#include "data/sources/image_files.h"
#include "data/sources/mask_values.h"
#include "data/sources/source.h"
#include "data/sources/splits.h"

namespace mlrun::data {

/// Image files, and how the mask of each is made: uint8 [H, W], the class of each pixel, 255 where it is ignored.
struct MaskedImages {
  std::shared_ptr<ImageFiles> images = std::make_shared<ImageFiles>();
  std::function<torch::Tensor(std::size_t position)> mask;
};

/// The images at `positions`, with their masks as `targets.mask`.
std::shared_ptr<const Source> make_masked_source(std::shared_ptr<const MaskedImages> pairs,
                                                 std::vector<std::int64_t> positions);

/// Splits of their own, and parts of the training images where `shares` asks for them. Without splits of their own,
/// parts of all of `count`. UserError as `check_shares` and `divide`.
Division divide_masked(const std::optional<Division>& own, std::size_t count, const config::SplitOptions& shares);

/// A data set of them: `info` without a fingerprint, and the files beside the images that belong to it.
std::shared_ptr<const Dataset> masked_dataset(DataInfo info, std::shared_ptr<const MaskedImages> pairs,
                                              const Division& division,
                                              const std::vector<std::filesystem::path>& others);

/// What is wrong with files of a data set, told together: the first 20 and how many more there are.
class FileProblems {
 public:
  void add(const std::filesystem::path& file, std::string message, std::string hint);
  /// UserError where there is any.
  void check();

 private:
  static constexpr std::size_t kMost = 20;

  std::size_t count_ = 0;
  std::vector<Problem> problems_;
};

/// Image files with a mask file for each.
struct MaskFiles {
  std::shared_ptr<ImageFiles> images = std::make_shared<ImageFiles>();
  std::vector<std::filesystem::path> masks;

  /// Adds a pair; UserError where one of the two files is not there, or not in the root.
  void add(const std::string& image, const std::filesystem::path& mask);
};

/// An empty list of image files of `request`.
std::shared_ptr<ImageFiles> image_files_of(const OpenRequest& request);

/// Opens them; UserError where an image and its mask have different sizes, and where some of the masks have values that
/// no class has.
std::shared_ptr<const Dataset> open_mask_files(const OpenRequest& request, MaskFiles files, MaskValues values,
                                               const std::optional<Division>& own);

/// The names that a list has, one a line, with the lines where they stand.
std::vector<std::pair<std::string, int>> read_name_list(const std::filesystem::path& list);

}  // namespace mlrun::data
