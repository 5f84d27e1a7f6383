#include "data/sources/tar_archive.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "base/error.h"

namespace mlrun::data {
namespace {

constexpr std::uint64_t kTarBlock = 512;
constexpr std::uint64_t kLargestName = std::uint64_t{1} << 16;  // of a name or pax header, in bytes
constexpr std::uint64_t kLargestTar = std::uint64_t{1} << 62;

std::uint64_t whole_blocks(std::uint64_t size) { return (size + kTarBlock - 1) / kTarBlock * kTarBlock; }

[[noreturn]] void fail_tar(const std::string& name, std::uint64_t at, const std::string& what) {
  throw file_error(name, "the tar archive is damaged at byte " + std::to_string(at) + ": " + what,
                   "fetch or pack it again");
}

std::string_view text_field(std::string_view field) { return field.substr(0, field.find('\0')); }

/// Octal digits between spaces, or 256-based where the first bit is set (GNU); nothing for anything else.
std::optional<std::uint64_t> number_field(std::string_view field) {
  std::uint64_t value = 0;
  if (static_cast<unsigned char>(field[0]) == 0x80) {
    for (const char c : field.substr(1)) {
      if (value >= kLargestTar >> 8) return std::nullopt;
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  field = text_field(field);
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  field = field.substr(0, field.find(' '));
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  const bool whole = end == field.data() + field.size() && error == std::errc();
  return whole || field.empty() ? std::optional(value) : std::nullopt;
}

/// The sum of a header's bytes, its own field taken as spaces.
std::uint64_t header_sum(std::string_view header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    sum += i >= 148 && i < 156 ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(header[i]);
  }
  return sum;
}

std::string header_name(std::string_view header) {
  const std::string name(text_field(header.substr(0, 100)));
  const bool posix = header.substr(257, 6) == std::string_view("ustar\0", 6);
  const std::string_view prefix = posix ? text_field(header.substr(345, 155)) : std::string_view();
  return prefix.empty() ? name : std::string(prefix) + "/" + name;
}

/// What a header before an entry says of it.
struct Overrides {
  std::optional<std::string> name;
  std::optional<std::uint64_t> size;
};

/// Records `length key=value\n` of a pax header; false where they are none.
bool read_pax(std::string_view text, Overrides& overrides) {
  while (!text.empty()) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length > text.size() || length < digits + 2 || text[digits] != ' ') return false;
    const std::string_view record = text.substr(digits + 1, static_cast<std::size_t>(length) - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || text[static_cast<std::size_t>(length) - 1] != '\n') return false;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path" && value.find('\0') != std::string_view::npos) return false;
    if (key == "path") overrides.name = std::string(value);
    if (key == "size") {
      std::uint64_t size = 0;
      const auto [last, wrong] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (wrong != std::errc() || last != value.data() + value.size()) return false;
      overrides.size = size;
    }
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return true;
}

class TarReader {
 public:
  TarReader(const ReadAt& read, std::uint64_t size, const std::string& name) : read_(read), size_(size), name_(name) {}

  std::vector<TarEntry> entries() {
    while (at_ < size_ && next()) {}
    return std::move(entries_);
  }

 private:
  /// One header and what belongs to it; false at the archive's end.
  bool next() {
    const std::string header = take(kTarBlock);
    if (header.find_first_not_of('\0') == std::string::npos) return false;
    const std::uint64_t begin = at_ - kTarBlock;
    if (number_field(std::string_view(header).substr(148, 8)) != header_sum(header)) {
      fail_tar(
          name_, begin,
          entries_.empty() && begin == 0 ? "it does not begin as a tar file does" : "a header's checksum is wrong");
    }
    const auto own_size = number_field(std::string_view(header).substr(124, 12));
    if (!own_size) fail_tar(name_, begin, "a header has no size");
    const char kind = header[156];
    if (kind == 'x' || kind == 'L') return read_override(kind, *own_size, begin);
    const bool has_data = kind < '1' || kind > '6';
    const std::uint64_t size = has_data ? overrides_.size.value_or(*own_size) : 0;
    if (size > size_ - at_) fail_tar(name_, begin, "the archive ends before a file in it does");
    if (kind == '0' || kind == '\0' || kind == '7') {
      entries_.push_back({overrides_.name.value_or(header_name(header)), at_, size});
    }
    if (kind != 'g' && kind != 'K') overrides_ = {};
    pass(whole_blocks(size));
    return true;
  }

  bool read_override(char kind, std::uint64_t size, std::uint64_t begin) {
    if (size > kLargestName) fail_tar(name_, begin, "a name is longer than 65536 bytes");
    const std::string text = take(size);
    pass(whole_blocks(size) - size);
    if (kind == 'L') overrides_.name = std::string(text_field(text));
    else if (!read_pax(text, overrides_)) fail_tar(name_, begin, "a pax header has a broken record");
    return true;
  }

  std::string take(std::uint64_t count) {
    std::string bytes = read_(at_, static_cast<std::size_t>(count));
    if (bytes.size() != count) fail_tar(name_, at_, "the archive is cut short");
    at_ += count;
    return bytes;
  }

  /// The file may end before its last block is full.
  void pass(std::uint64_t count) { at_ += std::min(count, size_ - at_); }

  const ReadAt& read_;
  const std::uint64_t size_;
  const std::string& name_;
  std::uint64_t at_ = 0;
  Overrides overrides_;
  std::vector<TarEntry> entries_;
};

std::string raw_header(const std::string& prefix, const std::string& name, std::uint64_t size, char kind) {
  std::string header(kTarBlock, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  const auto octal = [](std::uint64_t value, std::size_t digits) {
    std::string text(digits, '0');
    for (; value > 0 && digits > 0; value /= 8) text[--digits] = static_cast<char>('0' + value % 8);
    return text;
  };
  put(0, name);
  put(100, octal(0644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(0, 11));
  header[156] = kind;
  put(257, std::string("ustar\0"
                       "00",
                       8));
  put(345, prefix);
  put(148, octal(header_sum(header), 6));
  header[155] = ' ';
  return header;
}

std::string pax_record(const std::string& key, const std::string& value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) length = std::to_string(length).size() + rest;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

/// Where a long name may be divided into prefix and name; npos where it cannot.
std::size_t division(const std::string& name) {
  const std::size_t slash = name.find('/', name.size() > 101 ? name.size() - 101 : 0);
  return slash != std::string::npos && slash > 0 && slash <= 155 && slash + 1 < name.size() ? slash : std::string::npos;
}

}  // namespace

std::vector<TarEntry> read_tar(const ReadAt& read, std::uint64_t size, const std::string& name) {
  return TarReader(read, size, name).entries();
}

std::string tar_header(const std::string& name, std::uint64_t size) {
  constexpr std::uint64_t kLargestOctal = (std::uint64_t{1} << 33) - 1;
  const bool large = size > kLargestOctal;
  if (name.size() <= 100 && !large) return raw_header("", name, size, '0');
  const std::size_t slash = division(name);
  if (slash != std::string::npos && !large) return raw_header(name.substr(0, slash), name.substr(slash + 1), size, '0');
  std::string records = pax_record("path", name);
  if (large) records += pax_record("size", std::to_string(size));
  return raw_header("", "pax", records.size(), 'x') + records + tar_padding(records.size()) +
         raw_header("", name.substr(0, 100), large ? 0 : size, '0');
}

std::string tar_padding(std::uint64_t size) { return std::string(whole_blocks(size) - size, '\0'); }

std::string tar_end() { return std::string(2 * kTarBlock, '\0'); }

}  // namespace mlrun::data
