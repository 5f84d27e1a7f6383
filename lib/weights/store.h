#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/published.h"

/// Published weights on this machine: mlrun's own cache, and that of torch.hub, which is only read.
/// `fetch` is the one place where mlrun touches the network.
namespace mlrun::weights {

/// Where `fetch` puts files: `weights` in the cache folder. UserError where this user has none.
std::filesystem::path store_folder();

/// The places where the file may lie, mlrun's own first: then $TORCH_HOME/hub/checkpoints, or
/// torch/hub/checkpoints in $XDG_CACHE_HOME or ~/.cache.
std::vector<std::filesystem::path> store_places(const models::PublishedWeights& weights);

/// The first of `store_places` that holds a file; its content is not looked at.
std::optional<std::filesystem::path> stored_file(const models::PublishedWeights& weights);

/// Weights that a training of a model begins from best: those on this machine before others, torchvision's DEFAULT
/// before its older ones. Null where none are published.
struct ToBeginFrom {
  const models::PublishedWeights* weights = nullptr;
  bool stored = false;  ///< on this machine
};
ToBeginFrom to_begin_from(const std::string& model);

/// The file, its checksum verified. UserError that says how to get it where it is on none of its
/// places, or damaged.
std::filesystem::path verified_file(const models::PublishedWeights& weights);

/// Told of the bytes so far and in all (0: not known); false stops the download.
using FetchProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

struct FetchOptions {
  std::string mirror;  ///< in place of the publisher's folder: http, https or file; empty: none
  FetchProgress progress;
};

struct Fetched {
  std::filesystem::path file;
  bool downloaded = false;  ///< false: it was there, whole
};

/// Makes sure that the weights are on this machine. A file appears whole or not at all and has the
/// right checksum; of many processes one downloads and the others wait for it. UserError that names
/// the URL, and which file to put where, when it cannot be downloaded.
Fetched fetch(const models::PublishedWeights& weights, const FetchOptions& options);

}  // namespace mlrun::weights
