#include "report/tensorboard.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"

namespace mlrun::report {
namespace {

constexpr std::size_t kHoldBack = 1 << 16;

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}

/// TFRecord stores checksums rotated and offset, so that a checksum of data which holds checksums
/// stays sound.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(value); ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

/// The wire format of protocol buffers, as far as events need it.
class Message {
 public:
  Message& number(int field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& real(int field, double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    key(field, 1);
    bytes_ += little_endian(bits);
    return *this;
  }
  Message& real32(int field, float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    key(field, 5);
    bytes_ += little_endian(bits);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& inner) { return text(field, inner.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<std::uint64_t>(field) << 3 | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// Field numbers of event.proto, summary.proto and tensor.proto.
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
constexpr int kValue = 1;
constexpr int kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9;

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

/// A name that sorts by time and that no other process and no earlier run of this second has.
std::filesystem::path unused_name(const std::filesystem::path& folder) {
  const std::string start = "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now())) + "." +
                            host_name() + "." + std::to_string(::getpid()) + ".";
  int number = 0;
  while (std::filesystem::exists(std::filesystem::symlink_status(folder / (start + std::to_string(number))))) ++number;
  return folder / (start + std::to_string(number));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

std::string tfrecord(std::string_view payload) {
  const std::string length = little_endian(static_cast<std::uint64_t>(payload.size()));
  return length + little_endian(masked(crc32c(length))) + std::string(payload) + little_endian(masked(crc32c(payload)));
}

std::string version_event(double wall_time) {
  return Message().real(kWallTime, wall_time).text(kFileVersion, "brain.Event:2").bytes();
}

std::string scalars_event(double wall_time, std::int64_t step, const Scalars& scalars) {
  Message summary;
  for (const auto& [tag, value] : scalars) {
    summary.message(kValue, Message().text(kTag, tag).real32(kSimpleValue, static_cast<float>(value)));
  }
  return Message().real(kWallTime, wall_time).number(kStep, step).message(kSummary, summary).bytes();
}

std::string text_event(double wall_time, std::int64_t step, const std::string& tag, const std::string& markdown) {
  constexpr int kStringType = 7;  // DT_STRING
  const Message shape = Message().message(2, Message().number(1, 1));
  const Message tensor = Message().number(1, kStringType).message(2, shape).text(8, markdown);
  const Message metadata = Message().message(1, Message().text(1, "text"));
  const Message value = Message().text(kTag, tag).message(kTensor, tensor).message(kMetadata, metadata);
  return Message()
      .real(kWallTime, wall_time)
      .number(kStep, step)
      .message(kSummary, Message().message(kValue, value))
      .bytes();
}

std::string restart_event(double wall_time, std::int64_t step) {
  constexpr int kStart = 1;  // SessionLog.START
  return Message()
      .real(kWallTime, wall_time)
      .number(kStep, step)
      .message(kSessionLog, Message().number(1, kStart))
      .bytes();
}

TensorBoard::TensorBoard(const std::filesystem::path& folder, std::optional<std::int64_t> first_step) {
  make_directories(folder);
  file_.emplace(unused_name(folder));
  add(version_event(now()));
  if (first_step) add(restart_event(now(), *first_step));
  flush();
}

TensorBoard::~TensorBoard() {
  try {
    flush();
  } catch (const std::exception& error) {
    if (std::uncaught_exceptions() <= exceptions_) log::error(error.what());
  }
}

void TensorBoard::scalars(std::int64_t step, const Scalars& scalars) {
  if (!scalars.empty()) add(scalars_event(now(), step, scalars));
}

void TensorBoard::text(std::int64_t step, const std::string& tag, const std::string& markdown) {
  add(text_event(now(), step, tag, markdown));
}

void TensorBoard::flush() {
  if (held_back_.empty()) return;
  // Taken out first: after a failed write nothing may follow the torn record.
  file_->append(std::exchange(held_back_, {}));
}

void TensorBoard::add(const std::string& event) {
  held_back_ += tfrecord(event);
  if (held_back_.size() >= kHoldBack) flush();
}

}  // namespace mlrun::report
