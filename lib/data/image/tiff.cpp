#include "data/image/tiff.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kTiffEntry = 12;  // bytes
constexpr std::uint32_t kOrientationTag = 0x0112;

/// Of one value, in bytes; 0 for the types that are no whole numbers without a sign.
std::size_t value_size(std::uint32_t type) { return type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0; }

}  // namespace

std::optional<std::uint32_t> number_at(std::string_view bytes, std::size_t at, std::size_t count, bool little) {
  if (count > bytes.size() || at > bytes.size() - count) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = little ? at + count - 1 - i : at + i;
    value = value << 8 | static_cast<unsigned char>(bytes[place]);
  }
  return value;
}

bool is_tiff(std::string_view bytes) {
  const std::string_view mark = bytes.substr(0, 4);
  return mark == std::string_view("II*\0", 4) || mark == std::string_view("MM\0*", 4);
}

TiffDirectory::TiffDirectory(std::string_view bytes) : bytes_(bytes) {
  if (!is_tiff(bytes)) return;
  little_ = bytes[0] == 'I';
  const auto directory = number(4, 4);
  const auto entries = directory ? number(*directory, 2) : std::nullopt;
  if (!entries) return;
  first_ = std::size_t{*directory} + 2;
  entries_ = *entries;
}

std::optional<TiffDirectory::Entry> TiffDirectory::find(std::uint32_t tag) const {
  for (std::uint32_t i = 0; i < entries_; ++i) {
    const std::size_t at = first_ + i * kTiffEntry;
    if (at + kTiffEntry > bytes_.size()) break;
    if (number(at, 2) != tag) continue;
    Entry entry;
    entry.type = *number(at + 2, 2);
    entry.count = *number(at + 4, 4);
    const std::size_t size = value_size(entry.type);
    entry.at = size * entry.count <= 4 ? at + 8 : *number(at + 8, 4);
    return entry;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> TiffDirectory::value(const Entry& entry, std::uint32_t index) const {
  const std::size_t size = value_size(entry.type);
  if (size == 0 || index >= entry.count) return std::nullopt;
  return number(entry.at + index * size, size);
}

std::uint32_t TiffDirectory::value_or(std::uint32_t tag, std::uint32_t otherwise) const {
  const auto entry = find(tag);
  const auto found = entry ? value(*entry) : std::nullopt;
  return found.value_or(otherwise);
}

std::optional<int> tiff_orientation(const TiffDirectory& directory) {
  const auto entry = directory.find(kOrientationTag);
  if (!entry) return std::nullopt;
  const auto value = entry->count == 1 ? directory.value(*entry) : std::nullopt;
  return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
}

}  // namespace mlrun::data
