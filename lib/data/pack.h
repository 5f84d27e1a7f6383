#pragma once

#include <cstdint>
#include <filesystem>

#include "data/inspect.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct PackOptions {
  std::filesystem::path out;                 ///< a folder that must not be there yet
  std::uint64_t shard_size = 1'000'000'000;  ///< bytes that a shard with several samples has at most
};

/// Writes a data set of image files as WebDataset shards: every file's bytes as they are, its label as `cls`, and
/// the names of the classes in classes.txt. Where there are more splits than train, each has a folder. The same data
/// give the same bytes. The folder appears when all is written. UserError where it is there, where samples are no
/// image files, and where one cannot be read.
Findings pack_data(const Dataset& dataset, const PackOptions& options);

}  // namespace mlrun::data
