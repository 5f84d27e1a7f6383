#include "data/image/pnm.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kMostPnm = std::int64_t{1} << 31;
constexpr std::int64_t kDeepest = 65535;
constexpr double kWhite = 255;

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

void skip_blanks(std::string_view bytes, std::size_t& at) {
  while (at < bytes.size() && (is_blank(bytes[at]) || bytes[at] == '#')) {
    at = bytes[at] == '#' ? std::min(bytes.find_first_of("\r\n", at), bytes.size()) : at + 1;
  }
}

/// The next number, white space and comments before it left out; nothing at the end or where it is no number of a sane
/// size.
std::optional<std::int64_t> pnm_number(std::string_view bytes, std::size_t& at) {
  skip_blanks(bytes, at);
  std::int64_t value = 0;
  const std::size_t begin = at;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && value < kMostPnm; ++at) {
    value = 10 * value + (bytes[at] - '0');
  }
  if (at == begin || value >= kMostPnm) return std::nullopt;
  return value;
}

/// What each value becomes. Sums are Pillow's, so that halves fall to the same side.
struct PnmScale {
  std::vector<std::uint8_t> byte;
  std::int64_t first_clipped;  // of grey values of 16 bits

  explicit PnmScale(const PnmHead& head) : first_clipped(kMostPnm) {
    const bool deep = head.channels() == 1 && head.largest > 255;
    const double white = deep ? static_cast<double>(kDeepest) : kWhite;
    byte.resize(head.largest > 255 ? 65536 : 256);
    for (std::size_t i = 0; i < byte.size(); ++i) {
      const double scaled = std::nearbyint(static_cast<double>(i) / static_cast<double>(head.largest) * white);
      byte[i] = static_cast<std::uint8_t>(std::min(scaled, kWhite));
      if (deep && scaled > kWhite) first_clipped = std::min(first_clipped, static_cast<std::int64_t>(i));
    }
  }
};

/// The values of an image one after another.
class PnmValues {
 public:
  PnmValues(const PnmHead& head, std::string_view bytes, const std::string& name)
      : head_(head), bytes_(bytes), name_(name), at_(head.begin) {}

  std::int64_t next() {
    if (head_.kind == '1') return next_bit();
    return head_.text() ? next_number() : next_bytes();
  }

  /// Rows of bits are filled up to whole bytes.
  void end_row() { bit_ = 0; }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw file_error(name_, what, "mend or remove it"); }

  std::int64_t next_bit() {
    skip_blanks(bytes_, at_);
    if (at_ == bytes_.size()) fail("the image is cut short");
    const char c = bytes_[at_++];
    if (c != '0' && c != '1') fail("the image holds something else than 0 and 1");
    return c == '0' ? 1 : 0;
  }

  std::int64_t next_number() {
    const auto value = pnm_number(bytes_, at_);
    if (!value && at_ == bytes_.size()) fail("the image is cut short");
    if (!value) fail("the image holds something that is no number");
    if (*value > head_.largest) fail("the image holds a value above its largest, " + std::to_string(head_.largest));
    return *value;
  }

  std::int64_t next_bytes() {
    const auto byte = [&](std::size_t at) { return static_cast<std::int64_t>(static_cast<unsigned char>(bytes_[at])); };
    if (head_.kind == '4') {
      if (bit_ == 0) packed_ = byte(at_++);
      const bool black = (packed_ >> (7 - bit_) & 1) != 0;
      bit_ = (bit_ + 1) % 8;
      return black ? 0 : 1;
    }
    if (head_.largest <= 255) return byte(at_++);
    at_ += 2;
    return byte(at_ - 2) << 8 | byte(at_ - 1);
  }

  const PnmHead& head_;
  std::string_view bytes_;
  const std::string& name_;
  std::size_t at_;
  std::int64_t packed_ = 0;
  int bit_ = 0;
};

/// Bytes that are values already, which nearly all such files hold.
void copy_values(const PnmHead& head, std::string_view bytes, std::uint8_t* rgb) {
  const auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data()) + head.begin;
  const std::int64_t count = head.width * head.height;
  if (head.channels() == 3) {
    std::copy_n(in, 3 * count, rgb);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i, rgb += 3) rgb[0] = rgb[1] = rgb[2] = in[i];
}

}  // namespace

std::int64_t PnmHead::row_bytes() const {
  if (kind == '4') return (width + 7) / 8;
  return width * channels() * (largest > 255 ? 2 : 1);
}

bool is_pnm(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' && is_blank(bytes[2]);
}

std::optional<PnmHead> read_pnm_head(std::string_view bytes) {
  if (!is_pnm(bytes)) return std::nullopt;
  PnmHead head;
  head.kind = bytes[1];
  head.begin = 2;
  const bool bits = head.kind == '1' || head.kind == '4';
  const auto width = pnm_number(bytes, head.begin), height = pnm_number(bytes, head.begin);
  const auto largest = bits ? std::optional<std::int64_t>(1) : pnm_number(bytes, head.begin);
  if (!width || !height || !largest || *width == 0 || *height == 0) return std::nullopt;
  if (head.begin < bytes.size()) ++head.begin;  // one white space
  head.width = *width;
  head.height = *height;
  head.largest = *largest;
  return head;
}

bool pnm_truncated(const PnmHead& head, std::string_view bytes) {
  if (head.text()) return false;
  const auto left = static_cast<std::int64_t>(bytes.size() - std::min(bytes.size(), head.begin));
  return head.height > left / head.row_bytes();  // by division: the sizes can be anything
}

bool decode_pnm(const PnmHead& head, std::string_view bytes, const std::string& name, std::uint8_t* rgb) {
  if (head.largest < 1 || head.largest > kDeepest) {
    throw file_error(name, "says that its largest value is " + std::to_string(head.largest), "it must be 1 to 65535");
  }
  MLRUN_ASSERT(!pnm_truncated(head, bytes), "whoever decodes an image looks whether it is whole");
  if (!head.text() && head.largest == 255) return copy_values(head, bytes, rgb), false;
  const PnmScale scale(head);
  PnmValues values(head, bytes, name);
  bool clipped = false;
  const bool colour = head.channels() == 3;
  for (std::int64_t y = 0; y < head.height; ++y) {
    for (std::int64_t x = 0; x < head.width; ++x, rgb += 3) {
      const std::int64_t value = values.next();
      clipped = clipped || value >= scale.first_clipped;
      rgb[0] = rgb[1] = rgb[2] = scale.byte[static_cast<std::size_t>(value)];
      for (int c = 1; colour && c < 3; ++c) rgb[c] = scale.byte[static_cast<std::size_t>(values.next())];
    }
    values.end_row();
  }
  return clipped;
}

}  // namespace mlrun::data
