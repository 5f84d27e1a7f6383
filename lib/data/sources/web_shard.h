#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/left_out.h"
#include "data/sources/tar_archive.h"

namespace mlrun::data {

/// One labelled image of a WebDataset shard.
struct ShardSample {
  std::string name;  ///< of the image in the archive
  std::uint64_t offset = 0, size = 0;
  std::int64_t label = 0;

  bool operator==(const ShardSample&) const = default;
};

/// The samples of a shard, and what is passed over.
struct ShardIndex {
  std::vector<ShardSample> samples;
  LeftOut left_out;           ///< files that are no part of any sample
  std::int64_t dotted = 0;    ///< images whose names have a dot before their ending
  std::string dotted_name{};  ///< the first of these

  bool operator==(const ShardIndex&) const = default;
};

/// The samples of a tar shard: neighbouring files whose names agree up to the first dot of their last part. Each
/// has one image (jpg, jpeg, png, webp and the other kinds of images) and its label: an integer in `cls`, or under
/// `label`, `cls` or `class` in `json`. Files with other endings are passed over, as are those with a dot before their
/// ending: WebDataset's keys end at the first dot. Hidden files are as if they were not there. UserError at `name`
/// otherwise.
ShardIndex read_shard(const ReadAt& read, std::uint64_t size, const std::string& name);

/// The samples of a shard file. They are kept below $XDG_CACHE_HOME/mlrun/shards (else ~/.cache) and taken
/// from there while the file has its inode, size and times.
ShardIndex index_shard(const std::filesystem::path& file);

/// An index as the cache holds it, and back; nothing where `text` is anything else or has another `stamp`.
std::string shard_index_text(const std::string& stamp, const ShardIndex& index);
std::optional<ShardIndex> parse_shard_index(const std::string& stamp, std::string_view text);

/// `count` bytes of a file from `at` on, fewer where it ends before. UserError where it cannot be read.
std::string read_range(const std::filesystem::path& file, std::uint64_t at, std::size_t count);

}  // namespace mlrun::data
