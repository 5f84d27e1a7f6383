#include "data/sources/webdataset.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <system_error>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/file_cache.h"
#include "data/shown_text.h"
#include "data/sources/groups.h"
#include "data/sources/listing.h"
#include "data/sources/names.h"
#include "data/sources/selected_source.h"
#include "data/sources/split_dataset.h"
#include "data/sources/split_names.h"
#include "data/sources/splits.h"
#include "data/sources/web_shard.h"
#include "report/format.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestClassesFile = std::uint64_t{1} << 26;

struct Shard {
  fs::path file;
  std::string name;  ///< below the root
  std::vector<ShardSample> samples;
};

/// The samples of some shards, one after another.
struct Shards {
  std::vector<Shard> list;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> places;  ///< shard and number in it
  std::shared_ptr<FileCache> cache;
  bool apply_exif = false;

  std::vector<std::int64_t> labels() const {
    std::vector<std::int64_t> all;
    for (const auto& [shard, number] : places) all.push_back(list[shard].samples[number].label);
    return all;
  }
};

class ShardSource : public EncodedSource {
 public:
  ShardSource(std::shared_ptr<const Shards> shards, std::vector<std::int64_t> positions)
      : EncodedSource(std::move(positions)), shards_(std::move(shards)) {}

 protected:
  EncodedImage encoded_at(std::int64_t position) const override {
    const auto& [shard, sample] = at(position);
    EncodedImage image;
    image.name = shard.file.string() + "/" + sample.name;
    image.apply_exif = shards_->apply_exif;
    image.bytes = shards_->cache->get(image.name, [&shard = shard, &sample = sample] {
      std::string bytes = read_range(shard.file, sample.offset, sample.size);
      if (bytes.size() == sample.size) return bytes;
      throw file_error(shard.file.string(), "is shorter than when it was indexed", "fetch or pack it again");
    });
    return image;
  }

  SampleFacts facts_at(std::int64_t position) const override {
    const auto& [shard, sample] = at(position);
    return {shard.name + "/" + sample.name, {sample.label}};
  }

 private:
  std::pair<const Shard&, const ShardSample&> at(std::int64_t position) const {
    const auto [shard, number] = shards_->places[static_cast<std::size_t>(position)];
    return {shards_->list[shard], shards_->list[shard].samples[number]};
  }

  std::shared_ptr<const Shards> shards_;
};

/// Names of the .tar files in a folder, in code point order.
std::vector<std::string> shard_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (entry->path().extension() == ".tar" && name.front() != '.') names.push_back(name);
  }
  if (error) throw file_error(folder.string(), "cannot be read: " + error.message(), "");
  std::sort(names.begin(), names.end());
  return names;
}

/// Where shards lie: of the pool that is divided, then of val and test.
struct ShardPlaces {
  fs::path root;  ///< holds classes.txt
  std::array<std::vector<std::string>, 3> names;
};

ShardPlaces find_shards(const fs::path& root) {
  std::error_code ignored;
  ShardPlaces places{root, {}};
  if (!fs::is_directory(root, ignored)) {
    places.root = root.parent_path();
    places.names[0] = expand_braces(root.filename().string());
    return places;
  }
  check_root(root);
  places.names[0] = shard_names(root);
  if (places.names[0].empty()) {
    const auto folders = split_folders(sub_folders(root), root);
    for (std::size_t i = 0; i < folders.size(); ++i) {
      if (folders[i].empty()) continue;
      for (const auto& name : shard_names(root / folders[i])) places.names[i].push_back(folders[i] + "/" + name);
    }
  }
  if (!places.names[0].empty()) return places;
  throw file_error(root.string(), "holds no .tar files",
                   "data.root must name their folder, or all of them, as "
                   "shards-{000..011}.tar");
}

/// What all shards pass over.
struct PassedOver {
  LeftOut left_out;
  std::int64_t dotted = 0;
  std::string dotted_name;

  void add(const ShardIndex& index) {
    left_out.add(index.left_out);
    if (dotted == 0) dotted_name = index.dotted_name;
    dotted += index.dotted;
  }

  void tell(const std::string& root) const {
    tell_left_out(left_out, root);
    if (dotted == 0) return;
    log::warning(root + ": " + report::grouped(dotted) + (dotted == 1 ? " image is" : " images are") +
                 " left out, with a dot before the ending of the name" + (dotted == 1 ? ": '" : ", as '") +
                 shown_text(dotted_name) + "'; WebDataset's keys end at the first dot: pack samples under other names");
  }
};

std::shared_ptr<Shards> index_shards(const ShardPlaces& places, std::size_t split, const OpenRequest& request,
                                     const std::shared_ptr<FileCache>& cache, PassedOver& passed) {
  auto shards = std::make_shared<Shards>();
  shards->cache = cache;
  shards->apply_exif = request.apply_exif;
  for (const auto& name : places.names[split]) {
    const fs::path file = places.root / name;
    auto index = index_shard(file);
    passed.add(index);
    const auto shard = static_cast<std::uint32_t>(shards->list.size());
    for (std::uint32_t i = 0; i < index.samples.size(); ++i) shards->places.emplace_back(shard, i);
    shards->list.push_back({file, name, std::move(index.samples)});
  }
  return shards;
}

/// The names of the classes; UserError where a label has none.
std::vector<std::string> shard_classes(const fs::path& root, const std::array<std::shared_ptr<Shards>, 3>& splits) {
  std::int64_t highest = -1;
  const Shard* where = nullptr;
  for (const auto& shards : splits) {
    for (const auto& shard : shards->list) {
      for (const auto& sample : shard.samples) {
        if (sample.label > highest) highest = sample.label, where = &shard;
      }
    }
  }
  std::vector<std::string> classes;
  const fs::path file = root / kClassesFile;
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) {
    if (highest >= (1 << 20)) {
      throw file_error(where->file.string(), "holds a label of " + std::to_string(highest),
                       "labels must be the numbers of classes, from 0 on");
    }
    for (std::int64_t i = 0; i <= highest; ++i) classes.push_back(std::to_string(i));
    return classes;
  }
  std::istringstream lines(read_file(file, kLargestClassesFile));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) classes.push_back(line);
  }
  if (highest < static_cast<std::int64_t>(classes.size())) return classes;
  throw file_error(where->file.string(),
                   "holds a label of " + std::to_string(highest) + ", but " + file.string() + " names " +
                       std::to_string(classes.size()) + " classes",
                   "labels count from 0");
}

std::string shard_fingerprint(const ShardPlaces& places) {
  std::vector<ListedFile> files;
  for (const auto& names : places.names) {
    for (const auto& name : names) files.push_back({name, fs::file_size(places.root / name)});
  }
  return fingerprint(std::move(files));
}

std::vector<std::string> shard_groups(const Shards& shards, const config::SplitOptions& split) {
  std::vector<std::string> groups;
  if (!split.group) return groups;
  const GroupPattern find(*split.group);
  for (const auto& [shard, number] : shards.places) groups.push_back(find.of(shards.list[shard].samples[number].name));
  return groups;
}

}  // namespace

std::shared_ptr<const Dataset> open_webdataset(const config::NoOptions&, const OpenRequest& request) {
  if (request.root.empty()) check_root(request.root);
  const ShardPlaces places = find_shards(request.root);
  check_shares(request.split, !places.names[1].empty(), !places.names[2].empty());
  const auto cache = std::make_shared<FileCache>(request.cache);
  std::array<std::shared_ptr<Shards>, 3> shards;
  PassedOver passed;
  for (std::size_t i = 0; i < shards.size(); ++i) shards[i] = index_shards(places, i, request, cache, passed);
  passed.tell(request.root.string());
  if (shards[0]->places.empty()) {
    throw file_error(request.root.string(), "the shards hold no samples", "pack them again");
  }
  DataInfo info;
  info.name = data_name(request.root);
  info.classes = shard_classes(places.root, shards);
  check_class_names(info.classes, (places.root / kClassesFile).string());
  info.fingerprint = shard_fingerprint(places);
  Division division = divide_pool(info, shards[0]->labels(), shard_groups(*shards[0], request.split), request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    std::vector<std::int64_t> positions = std::move(division.parts[i]);
    const bool own = i > 0 && !shards[i]->places.empty();
    if (own) {
      for (std::size_t at = 0; at < shards[i]->places.size(); ++at) positions.push_back(static_cast<std::int64_t>(at));
    }
    if (!positions.empty()) splits[i] = std::make_shared<ShardSource>(shards[own ? i : 0], std::move(positions));
  }
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace mlrun::data
