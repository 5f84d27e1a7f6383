#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct IdxOptions {
  std::optional<std::filesystem::path> train_images, train_labels, test_images, test_labels;
  std::vector<std::string> classes;
  static void declare(config::Declare<IdxOptions>& d);
};

/// Opens the idx files below `request.root`: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`
/// and, where they are there, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte` (each also with
/// `.gz`), or those that the options name. Shares divide the training file. Images are uint8
/// [H, W, 1], held in memory; a sample's id is its position in its file.
std::shared_ptr<const Dataset> open_idx(const IdxOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
