#include "data/pack.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/paths.h"
#include "data/shown_text.h"
#include "data/sources/tar_archive.h"
#include "data/sources/webdataset.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// Where the new folder will lie, as an absolute path that ends with its name. UserError where something is there.
fs::path free_place(const fs::path& folder) {
  fs::path target = fs::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored))) {
    throw file_error(folder.string(), "is there already", "choose another folder with -o, or remove it");
  }
  return target;
}

/// Files one after another into numbered archives.
class ShardWriter {
 public:
  ShardWriter(fs::path folder, std::uint64_t most) : folder_(std::move(folder)), most_(most) {
    make_directories(folder_);
  }

  /// The files of one sample, which stay together.
  void write(const std::vector<std::pair<std::string, const std::string*>>& files) {
    std::string text;
    for (const auto& [name, bytes] : files) {
      text += tar_header(name, bytes->size());
      text += *bytes;
      text += tar_padding(bytes->size());
    }
    if (file_ && size_ + text.size() + tar_end().size() > most_) finish();
    if (!file_) {
      char name[32];
      std::snprintf(name, sizeof name, "shard-%06d.tar", count_++);
      file_.emplace(folder_ / name);
    }
    file_->write(text);
    size_ += text.size();
  }

  /// The number of archives.
  int finish() {
    if (file_) {
      file_->write(tar_end());
      file_->commit();
    }
    file_.reset();
    size_ = 0;
    return count_;
  }

 private:
  fs::path folder_;
  std::uint64_t most_, size_ = 0;
  int count_ = 0;
  std::optional<AtomicFile> file_;
};

/// A path that stays in the folder where an archive is unpacked, whatever a list of files named.
std::string inner_path(const std::string& id) {
  fs::path inner;
  for (const auto& part : fs::path(id).lexically_normal().relative_path()) {
    if (part != "..") inner /= part;
  }
  return inner.string();
}

/// Sample names as WebDataset wants them: no dot but the one before the ending, and none twice.
class KeyMaker {
 public:
  std::pair<std::string, std::string> divide(const std::string& sample) {
    const std::string id = inner_path(sample);
    const std::size_t slash = id.rfind('/'), begin = slash == std::string::npos ? 0 : slash + 1;
    const std::size_t dot = id.rfind('.');
    const bool ends = dot != std::string::npos && dot > begin;
    std::string key = ends ? id.substr(0, dot) : id, ending = ends ? id.substr(dot + 1) : "jpg";
    std::replace(key.begin() + static_cast<std::ptrdiff_t>(begin), key.end(), '.', '_');
    for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::string unique = key;
    for (int& number = used_[key]; !taken_.insert(unique).second;) unique = key + "_" + std::to_string(++number);
    return {unique, ending};
  }

 private:
  std::map<std::string, int> used_;
  std::set<std::string> taken_;
};

int pack_split(const Source& source, const fs::path& folder, const PackOptions& options, std::uint64_t& bytes) {
  ShardWriter writer(folder, options.shard_size);
  KeyMaker keys;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    const EncodedSample read = source.encoded({i, 0, 0});
    if (!read.image.bytes) {
      throw UserError("this data set does not consist of image files", "only image files can be packed");
    }
    if (!read.sample.targets.has("label")) {
      throw UserError("the sample '" + read.sample.id + "' has no class",
                      "only image files with one class can be packed");
    }
    const std::string label = std::to_string(read.sample.targets.tensor("label").item<std::int64_t>());
    const auto [key, ending] = keys.divide(read.sample.id);
    writer.write({{key + ".cls", &label}, {key + "." + ending, read.image.bytes.get()}});
    bytes += read.image.bytes->size();
  }
  return writer.finish();
}

std::string classes_text(const std::vector<std::string>& classes) {
  std::string text;
  for (const auto& name : classes) {
    if (name.empty() || name.find_first_of("\r\n") != std::string::npos) {
      throw UserError("the class name '" + shown_text(name) + "' cannot stand on a line", "rename the class");
    }
    text += name + "\n";
  }
  return text;
}

}  // namespace

Findings pack_data(const Dataset& dataset, const PackOptions& options) {
  const auto splits = splits_of(dataset);
  Draft folder(free_place(options.out));
  folder.make_folder();
  write_file(folder.path() / kClassesFile, classes_text(dataset.info().classes));
  Findings findings;
  findings.json["out"] = options.out.string();
  findings.json["splits"] = Json::object();
  const bool one = splits.size() == 1 && splits.front().split == Split::Train;
  for (const auto& [split, source] : splits) {
    const std::string name = split_name(split);
    std::uint64_t bytes = 0;
    const int shards = pack_split(*source, one ? folder.path() : folder.path() / name, options, bytes);
    findings.json["splits"][name] = {{"samples", source->size()}, {"shards", shards}, {"bytes", bytes}};
    findings.text += options.out.string() + ": " + name + ", " + std::to_string(source->size()) + " samples in " +
                     std::to_string(shards) + (shards == 1 ? " shard\n" : " shards\n");
  }
  folder.publish();
  return findings;
}

}  // namespace mlrun::data
