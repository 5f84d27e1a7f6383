#include "weights/zip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

constexpr std::string_view kLocalHeader = "PK\x03\x04";
constexpr std::string_view kDirectoryEntry = "PK\x01\x02";
constexpr std::string_view kEnd{"PK\x05\x06"};
constexpr std::string_view kEnd64{"PK\x06\x06"};
constexpr std::string_view kLocator64{"PK\x06\x07"};
constexpr std::uint64_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr std::uint64_t kMostComment = 65535;
constexpr std::uint32_t k32 = UINT32_MAX;
constexpr std::uint64_t kExpandedFloor = std::uint64_t{64} << 20;
constexpr std::uint64_t kExpandedFactor = 20;
constexpr std::uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;
constexpr std::uint16_t kSizesFollow = 1 << 3;

struct Directory {
  std::uint64_t begin = 0, size = 0, count = 0;
};

/// An entry as the directory tells it, with the offset of its local header.
struct Listed {
  ZipEntry entry;
  std::uint64_t header = 0;
  std::uint16_t flags = 0, method = 0;
};

class ZipReader {
 public:
  ZipReader(std::string_view content, const std::string& file) : content_(content), file_(file) {}

  std::vector<ZipEntry> read() {
    const Directory directory = find_directory();
    std::vector<Listed> listed = list(directory);
    for (Listed& item : listed) enter(item, directory.begin);
    check_apart(listed);
    check_expansion(listed);
    std::vector<ZipEntry> entries;
    for (Listed& item : listed) entries.push_back(std::move(item.entry));
    return entries;
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& name = "") {
    throw UserError(Problem{file_, 0, 0, printable_name(name), what, "the file is damaged; fetch it again"});
  }

  /// An unsigned number of `size` bytes at `at`, which the caller knows to lie in the content.
  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(content_[at + i])} << (8 * i);
    }
    return value;
  }
  std::uint16_t half(std::uint64_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t word(std::uint64_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  bool starts(std::uint64_t at, std::string_view signature) const {
    return content_.compare(at, signature.size(), signature) == 0;
  }

  /// Where the end record stands: the last one whose comment ends with the file.
  std::uint64_t find_end() {
    for (std::uint64_t comment = 0; comment <= kMostComment && content_.size() >= kEndBytes + comment; ++comment) {
      const std::uint64_t at = content_.size() - kEndBytes - comment;
      if (starts(at, kEnd) && half(at + 20) == comment) return at;
    }
    fail("is a zip archive without its end: it was cut short");
  }

  Directory find_directory() {
    const std::uint64_t end = find_end();
    Directory directory{word(end + 16), word(end + 12), half(end + 10)};
    if (half(end + 4) != 0 || half(end + 6) != 0 || half(end + 8) != half(end + 10)) fail("is a part of a zip archive");
    std::uint64_t limit = end;
    if (end >= kLocator64Bytes && starts(end - kLocator64Bytes, kLocator64)) {
      limit = number(end - kLocator64Bytes + 8, 8);
      directory = find_directory_64(limit, end - kLocator64Bytes, directory);
    }
    if (directory.begin > limit || directory.size != limit - directory.begin) {
      fail("is a zip archive whose directory does not lie where it should");
    }
    return directory;
  }

  Directory find_directory_64(std::uint64_t at, std::uint64_t locator, const Directory& small) {
    if (locator < kEnd64Bytes || at > locator - kEnd64Bytes || !starts(at, kEnd64)) {
      fail("is a zip archive whose zip64 end does not lie where it should");
    }
    if (number(at + 4, 8) != locator - at - 12) fail("is a zip archive whose zip64 end has another size than it says");
    const Directory directory{number(at + 48, 8), number(at + 40, 8), number(at + 32, 8)};
    const bool agree = (small.begin == k32 || small.begin == directory.begin) &&
                       (small.size == k32 || small.size == directory.size) &&
                       (small.count == UINT16_MAX || small.count == directory.count);
    if (!agree) fail("is a zip archive whose two ends contradict each other");
    return directory;
  }

  std::vector<Listed> list(const Directory& directory) {
    if (directory.count > directory.size / kEntryBytes) fail("is a zip archive that announces too many entries");
    std::vector<Listed> listed;
    std::unordered_set<std::string> names;
    std::uint64_t at = directory.begin;
    const std::uint64_t end = directory.begin + directory.size;
    for (std::uint64_t i = 0; i < directory.count; ++i) {
      if (end - at < kEntryBytes || !starts(at, kDirectoryEntry)) fail("is a zip archive with a broken directory");
      const std::uint64_t length = kEntryBytes + half(at + 28) + half(at + 30) + half(at + 32);
      if (end - at < length) fail("is a zip archive with a broken directory");
      listed.push_back(listed_at(at));
      const std::string& name = listed.back().entry.name;
      check_name(name);
      if (!names.insert(name).second) fail("stands in the zip archive twice", name);
      at += length;
    }
    if (at != end) fail("is a zip archive whose directory has another size than it says");
    return listed;
  }

  Listed listed_at(std::uint64_t at) {
    Listed item;
    item.flags = half(at + 8);
    item.method = half(at + 10);
    item.entry.crc = word(at + 16);
    item.entry.stored = word(at + 20);
    item.entry.size = word(at + 24);
    item.entry.name = content_.substr(at + kEntryBytes, half(at + 28));
    item.header = word(at + 42);
    const std::uint64_t extra = at + kEntryBytes + half(at + 28);
    read_zip64(extra, half(at + 30), {&item.entry.size, &item.entry.stored, &item.header}, item.entry.name);
    return item;
  }

  /// Replaces those `values` that 32 bits could not hold by what the extra fields say.
  void read_zip64(std::uint64_t at, std::uint64_t length, const std::vector<std::uint64_t*>& values,
                  const std::string& name) {
    const bool wanted = std::any_of(values.begin(), values.end(), [](const auto* value) { return *value == k32; });
    const std::uint64_t end = at + length;
    while (wanted && end - at >= 4) {
      const std::uint64_t size = half(at + 2);
      if (size > end - at - 4) break;
      if (half(at) != 1) {
        at += 4 + size;
        continue;
      }
      std::uint64_t field = at + 4;
      for (std::uint64_t* value : values) {
        if (*value != k32) continue;
        if (field + 8 > at + 4 + size) fail("lacks its zip64 sizes in the zip archive", name);
        *value = number(field, 8);
        field += 8;
      }
      return;
    }
  }

  void check_name(const std::string& name) {
    const bool outside = name.empty() || name.front() == '/' || name.find('\\') != name.npos ||
                         name.find('\0') != name.npos || ("/" + name + "/").find("/../") != std::string::npos;
    if (!outside) return;
    throw UserError(Problem{file_, 0, 0, printable_name(name), "is a name that leaves the zip archive",
                            "take weights from a source that you trust"});
  }

  /// Checks an entry against its local header and finds its bytes, which end before `limit`.
  void enter(Listed& item, std::uint64_t limit) {
    ZipEntry& entry = item.entry;
    if ((item.flags & kEncrypted) != 0) {
      throw UserError(Problem{file_, 0, 0, printable_name(entry.name), "is encrypted in the zip archive",
                              "save it without a password"});
    }
    if (item.method != 0 && item.method != Z_DEFLATED) {
      throw UserError(Problem{file_, 0, 0, printable_name(entry.name),
                              "is compressed by method " + std::to_string(item.method) + ", which is not supported",
                              "store or deflate it"});
    }
    entry.deflated = item.method == Z_DEFLATED;
    if (!entry.deflated && entry.stored != entry.size) fail("has two sizes in the zip archive", entry.name);
    const std::uint64_t at = item.header;
    if (limit < kLocalBytes || at > limit - kLocalBytes || !starts(at, kLocalHeader)) {
      fail("does not lie where the zip archive says", entry.name);
    }
    entry.begin = at + kLocalBytes + half(at + 26) + half(at + 28);
    if (entry.begin > limit || entry.stored > limit - entry.begin) fail("reaches beyond the zip archive", entry.name);
    check_local(item, at);
  }

  void check_local(const Listed& item, std::uint64_t at) {
    const ZipEntry& entry = item.entry;
    const std::uint64_t name = half(at + 26), flags = half(at + 6);
    bool same = content_.substr(at + kLocalBytes, name) == entry.name && half(at + 8) == item.method &&
                ((flags ^ item.flags) & (kEncrypted | kSizesFollow)) == 0;
    if (same) {
      std::uint64_t stored = word(at + 18), size = word(at + 22);
      read_zip64(at + kLocalBytes + name, half(at + 28), {&size, &stored}, entry.name);
      const bool later = (flags & kSizesFollow) != 0;
      const auto agree = [later](std::uint64_t here, std::uint64_t there) {
        return here == there || (later && here == 0);
      };
      same = agree(stored, entry.stored) && agree(size, entry.size) && agree(word(at + 14), entry.crc);
    }
    if (!same) fail("is another entry than the zip archive's directory says", entry.name);
  }

  void check_apart(const std::vector<Listed>& listed) {
    std::vector<const Listed*> order;
    for (const Listed& item : listed) order.push_back(&item);
    std::sort(order.begin(), order.end(), [](const Listed* a, const Listed* b) { return a->header < b->header; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const ZipEntry& before = order[i - 1]->entry;
      if (order[i]->header < before.begin + before.stored) {
        fail("overlaps another entry of the zip archive", order[i]->entry.name);
      }
    }
  }

  void check_expansion(const std::vector<Listed>& listed) {
    const std::uint64_t limit = kExpandedFloor + kExpandedFactor * content_.size();
    std::uint64_t total = 0;
    for (const Listed& item : listed) {
      if (!item.entry.deflated) continue;
      if (item.entry.size > limit - total) {
        throw file_error(file_, "is a zip archive that expands to more than " + std::to_string(limit) + " bytes",
                         "save it uncompressed");
      }
      total += item.entry.size;
    }
  }

  std::string_view content_;
  const std::string& file_;
};

/// Inflates `deflated` into the whole of `content`; false when it is damaged or of another size.
bool inflate_raw(std::string_view deflated, std::string& content) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> owner(&stream, &inflateEnd);
  constexpr std::uint64_t most = 1 << 30;
  std::uint64_t taken = 0, given = 0;
  unsigned char none = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    const auto in = static_cast<uInt>(std::min<std::uint64_t>(most, deflated.size() - taken));
    const auto out = static_cast<uInt>(std::min<std::uint64_t>(most, content.size() - given));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data() + taken));
    stream.avail_in = in;
    stream.next_out = out > 0 ? reinterpret_cast<Bytef*>(content.data() + given) : &none;
    stream.avail_out = out;
    state = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in;
    given += out - stream.avail_out;
  }
  return state == Z_STREAM_END && taken == deflated.size() && given == content.size();
}

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::vector<ZipEntry> parse_zip(std::string_view content, const std::string& file) {
  return ZipReader(content, file).read();
}

std::string zip_content(std::string_view archive, const ZipEntry& entry, const std::string& file) {
  const std::string_view stored = archive.substr(entry.begin, entry.stored);
  std::string content;
  bool whole = true;
  if (entry.deflated) {
    content.resize(entry.size);
    whole = inflate_raw(stored, content);
  } else {
    content = stored;
  }
  // torch.serialization.set_crc32_options(False) leaves the checksums of stored entries out.
  if (whole) whole = crc_of(content) == entry.crc || (entry.crc == 0 && !entry.deflated);
  if (whole) return content;
  throw UserError(Problem{file, 0, 0, printable_name(entry.name), "is damaged in the zip archive", "fetch it again"});
}

}  // namespace mlrun::weights
