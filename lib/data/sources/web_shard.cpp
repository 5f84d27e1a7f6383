#include "data/sources/web_shard.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <set>
#include <system_error>

#include "base/cache.h"
#include "base/error.h"
#include "base/files.h"
#include "base/input_file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/unicode.h"
#include "data/field_text.h"
#include "data/shown_text.h"
#include "data/sources/listing.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kShardTitle = "mlrun shard 2\n";
constexpr std::size_t kShardSum = 64;
constexpr std::uint64_t kLargestLabel = std::uint64_t{1} << 20;  // bytes of a cls or json
constexpr std::uint64_t kLargestIndex = std::uint64_t{1} << 31;  // bytes
constexpr std::int64_t kShardSettled = 2'500'000'000;            // ns; as for listings

/// A file's name as WebDataset divides it, at the first dot of its last part.
struct MemberName {
  std::string key, ending;
};

MemberName divide_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  const std::size_t dot = name.find('.', slash == std::string::npos ? 0 : slash + 1);
  if (dot == std::string::npos) return {name, ""};
  MemberName parts{name.substr(0, dot), name.substr(dot + 1)};
  for (char& c : parts.ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return parts;
}

/// Sample by sample through a shard's files.
class ShardReader {
 public:
  ShardReader(const ReadAt& read, const std::string& name) : read_(read), name_(name) {}

  void take(const TarEntry& entry) {
    const MemberName parts = divide_name(entry.name);
    if (parts.key.empty() || parts.key.back() == '/') return;  // hidden
    const std::string last = parts.ending.substr(parts.ending.rfind('.') + 1);
    const bool image = is_image_name("image." + last);
    const bool dotted = last != parts.ending;
    if (image && dotted) return pass_dotted(entry.name);
    if (!image && (dotted || (last != "cls" && last != "json"))) return index_.left_out.add(entry.name);
    if (!is_utf8(entry.name)) fail(entry.name, "is not UTF-8 text", "pack it with names in UTF-8");
    if (!key_ || *key_ != parts.key) finish();
    key_ = parts.key;
    if (!image) {
      if (!label_ || parts.ending == "cls") label_ = read_label(entry, parts.ending);
      return;
    }
    if (image_) fail(entry.name, "is the sample's second image", "keep one image for each sample");
    image_ = entry;
  }

  ShardIndex index() {
    finish();
    return std::move(index_);
  }

 private:
  [[noreturn]] void fail(const std::string& member, const std::string& what, const std::string& hint) const {
    throw file_error(name_, "'" + shown_text(member) + "' " + what, hint);
  }

  std::optional<std::int64_t> read_label(const TarEntry& entry, const std::string& ending) const {
    if (entry.size > kLargestLabel) fail(entry.name, "is too long for a label", "write the class's number into it");
    const std::string text = read_(entry.offset, static_cast<std::size_t>(entry.size));
    if (ending == "json") return json_label(entry, text);
    const std::size_t begin = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
    std::int64_t label = -1;
    if (begin != std::string::npos) {
      const auto [end, error] = std::from_chars(text.data() + begin, text.data() + last + 1, label);
      if (error != std::errc() || end != text.data() + last + 1) label = -1;
    }
    if (label < 0 || label > INT32_MAX) fail(entry.name, "holds no class number", "write 0, 1, 2, ... into it");
    return label;
  }

  std::optional<std::int64_t> json_label(const TarEntry& entry, const std::string& text) const {
    const Json values = parse_json(text);
    if (values.is_discarded()) fail(entry.name, "is no JSON", "mend it");
    for (const char* key : {"label", "cls", "class"}) {
      if (!values.is_object() || !values.contains(key) || !values[key].is_number_integer()) continue;
      const auto label = values[key].get<std::int64_t>();
      if (label >= 0 && label <= INT32_MAX) return label;
    }
    return std::nullopt;  // it may say other things, and a cls the label
  }

  void pass_dotted(const std::string& name) {
    if (index_.dotted++ == 0) index_.dotted_name = name;
  }

  void finish() {
    if (!key_) return;
    if (!image_) refuse_without_image();
    if (!label_) fail(image_->name, "has no label", "add a file " + shown_text(*key_) + ".cls with the class's number");
    index_.samples.push_back({image_->name, image_->offset, image_->size, *label_});
    key_.reset(), image_.reset(), label_.reset();
  }

  [[noreturn]] void refuse_without_image() const {
    std::string what = "has a label and no image";
    if (index_.dotted > 0) {
      what += "; '" + shown_text(index_.dotted_name) + "' is none, for keys end at the first dot";
    } else if (index_.left_out.has_images()) {
      what += "; '" + shown_text(index_.left_out.example) + "' is of a kind that is not read";
    }
    fail(*key_, what, "add its image, as jpg, jpeg, png or webp");
  }

  const ReadAt& read_;
  const std::string& name_;
  std::optional<std::string> key_;
  std::optional<TarEntry> image_;
  std::optional<std::int64_t> label_;
  ShardIndex index_;
};

std::int64_t shard_time(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

struct ShardStamp {
  std::string text;
  std::uint64_t size = 0;
  std::int64_t changed = 0;  // last, in ns
};

ShardStamp stamp_of_shard(const fs::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) {
    throw file_error(file.string(), "there is no such file", "data.root names it");
  }
  const std::int64_t modified = shard_time(about.st_mtim), changed = shard_time(about.st_ctim);
  ShardStamp stamp;
  for (const auto number : {static_cast<std::int64_t>(about.st_dev), static_cast<std::int64_t>(about.st_ino),
                            static_cast<std::int64_t>(about.st_size), modified, changed}) {
    stamp.text += std::to_string(number) + " ";
  }
  stamp.size = static_cast<std::uint64_t>(about.st_size);
  stamp.changed = std::max(modified, changed);
  return stamp;
}

std::optional<fs::path> shard_cache_file(const fs::path& file) {
  std::error_code error;
  const fs::path caches = cache_folder();
  const std::string place = fs::canonical(file, error).string();
  if (caches.empty() || error) return std::nullopt;
  return caches / "shards" / sha256(place.data(), place.size());
}

std::optional<ShardIndex> read_cached_shard(const fs::path& cache, const std::string& stamp) {
  std::error_code ignored;
  if (!fs::is_regular_file(cache, ignored)) return std::nullopt;
  try {
    return parse_shard_index(stamp, read_file(cache, kLargestIndex));
  } catch (const UserError& error) {
    log::debug(std::string("no cached shard: ") + error.what());
    return std::nullopt;
  }
}

void write_cached_shard(const fs::path& cache, const std::string& text) {
  try {
    make_directories(cache.parent_path());
    write_file(cache, text, Links::Refuse);
  } catch (const UserError& error) {
    log::debug(std::string("the shard's index is not cached: ") + error.what());
  }
}

}  // namespace

ShardIndex read_shard(const ReadAt& read, std::uint64_t size, const std::string& name) {
  ShardReader reader(read, name);
  for (const TarEntry& entry : read_tar(read, size, name)) reader.take(entry);
  return reader.index();
}

std::string read_range(const fs::path& file, std::uint64_t at, std::size_t count) {
  const InputFile input(file);
  std::string bytes(count, '\0');
  bytes.resize(input.read_at(at, bytes.data(), count));
  return bytes;
}

ShardIndex index_shard(const fs::path& file) {
  const ShardStamp stamp = stamp_of_shard(file);
  const auto cache = shard_cache_file(file);
  if (cache) {
    if (auto cached = read_cached_shard(*cache, stamp.text)) return std::move(*cached);
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const ReadAt read = [&](std::uint64_t at, std::size_t count) { return read_range(file, at, count); };
  auto index = read_shard(read, stamp.size, file.string());
  const bool settled = stamp.changed + kShardSettled < shard_time(now);
  if (cache && settled) write_cached_shard(*cache, shard_index_text(stamp.text, index));
  return index;
}

std::string shard_index_text(const std::string& stamp, const ShardIndex& index) {
  std::string body;
  add_field(body, stamp);
  add_left_out(body, index.left_out);
  add_number(body, index.dotted);
  add_field(body, index.dotted_name);
  for (const auto& sample : index.samples) {
    add_field(body, sample.name);
    add_number(body, sample.offset);
    add_number(body, sample.size);
    add_number(body, sample.label);
  }
  return std::string(kShardTitle) + sha256(body.data(), body.size()) + body;
}

std::optional<ShardIndex> parse_shard_index(const std::string& stamp, std::string_view text) {
  if (text.substr(0, kShardTitle.size()) != kShardTitle) return std::nullopt;
  text.remove_prefix(kShardTitle.size());
  if (text.size() < kShardSum) return std::nullopt;
  const std::string_view body = text.substr(kShardSum);
  if (sha256(body.data(), body.size()) != text.substr(0, kShardSum)) return std::nullopt;
  FieldReader reader(body);
  if (reader.text() != stamp) return std::nullopt;
  ShardIndex index;
  index.left_out = read_left_out(reader);
  index.dotted = reader.number<std::int64_t>();
  index.dotted_name = reader.text();
  while (!reader.failed() && !reader.finished()) {
    ShardSample sample;
    sample.name = reader.text();
    sample.offset = reader.number<std::uint64_t>();
    sample.size = reader.number<std::uint64_t>();
    sample.label = reader.number<std::int64_t>();
    index.samples.push_back(std::move(sample));
  }
  if (reader.failed()) return std::nullopt;
  return index;
}

}  // namespace mlrun::data
