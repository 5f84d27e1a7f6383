#include "report/tensorboard.h"

#include <cstring>

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::report;
using mlrun::test::TempDir;

namespace {

/// Text from bytes written as hexadecimal digits; spaces are skipped.
std::string from_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

std::uint64_t integer(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(at + i))) << (8 * i);
  }
  return value;
}

/// The payloads of a file's records, whose framing must be right to the last byte.
std::vector<std::string> payloads(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::vector<std::string> found;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t size = integer(content, at, 8);
    const std::string payload = content.substr(at + 12, size);
    REQUIRE(tfrecord(payload) == content.substr(at, size + 16));
    found.push_back(payload);
    at += size + 16;
  }
  return found;
}

}  // namespace

TEST_CASE("CRC-32C gives the check values of its definition (RFC 3720, B.4)", "[report]") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
}

TEST_CASE("a record is framed by its length and masked checksums", "[report]") {
  const std::string record = tfrecord("123456789");
  REQUIRE(record.size() == 8 + 4 + 9 + 4);
  CHECK(record.substr(0, 8) == from_hex("0900000000000000"));
  CHECK(record.substr(12, 9) == "123456789");
  // 0xE3069283 rotated right by 15 bits is 0x2507C60D.
  CHECK(integer(record, 21, 4) == ((0x2507C60Du + 0xA282EAD8u) & 0xFFFFFFFFu));
}

TEST_CASE("events are encoded as protocol buffers, byte by byte", "[report]") {
  const std::string half = from_hex("09 000000000000e03f");
  CHECK(version_event(0.5) == half + from_hex("1a 0d") + "brain.Event:2");
  CHECK(scalars_event(0.5, 300, {{"val/acc1", 1.5}, {"b", -2}}) ==
        half + from_hex("10 ac02") + from_hex("2a 1b") +                      // step, summary
            from_hex("0a 0f 0a 08") + "val/acc1" + from_hex("15 0000c03f") +  // first value
            from_hex("0a 08 0a 01") + "b" + from_hex("15 000000c0"));
  CHECK(restart_event(0.5, 7) == half + from_hex("10 07 3a 02 08 01"));
  CHECK(text_event(0.5, 0, "recipe", "# a") == half + from_hex("10 00 2a 23 0a 21") + from_hex("0a 06") + "recipe" +
                                                   from_hex("42 0d 08 07 12 04 12 02 08 01") + from_hex("42 03") +
                                                   "# a" + from_hex("4a 08 0a 06 0a 04") + "text");
}

TEST_CASE("lengths over 127 bytes take two", "[report]") {
  const std::string event = text_event(0.5, 1, "t", std::string(200, 'x'));
  CHECK(event.find(from_hex("42 c801") + std::string(200, 'x')) != std::string::npos);
}

TEST_CASE("an event file starts with its version and holds all events in order", "[report]") {
  const TempDir folder;
  std::filesystem::path path;
  {
    TensorBoard board(folder / "tensorboard");
    path = board.path();
    CHECK(path.filename().string().find("events.out.tfevents.") == 0);
    for (int step = 0; step < 3000; ++step) board.scalars(step, {{"train/loss", 1.0 / (step + 1)}});
    board.scalars(3000, {});
    board.text(3000, "recipe", "text");
    CHECK(read_file(path).size() > 65536);
  }
  const std::vector<std::string> events = payloads(path);
  REQUIRE(events.size() == 3002);
  CHECK(events[0].substr(9) == version_event(0).substr(9));
  CHECK(events[1000].substr(9) == scalars_event(0, 999, {{"train/loss", 0.001}}).substr(9));
  CHECK(events[3001].substr(9) == text_event(0, 3000, "recipe", "text").substr(9));
  double seconds = 0;
  std::memcpy(&seconds, events[0].data() + 1, sizeof(seconds));
  CHECK(seconds > 1.7e9);
}

TEST_CASE("a resumed run writes another file that says where it starts again", "[report]") {
  const TempDir folder;
  const TensorBoard first(folder.path());
  const TensorBoard second(folder.path(), 41);
  CHECK(first.path() != second.path());
  const std::vector<std::string> events = payloads(second.path());
  REQUIRE(events.size() == 2);
  CHECK(events[1].substr(9) == restart_event(0, 41).substr(9));
  CHECK(payloads(first.path()).size() == 1);
}

TEST_CASE("a folder that cannot be made is a user error", "[report]") {
  const TempDir folder;
  folder.write("file", "x");
  CHECK_THROWS_AS(TensorBoard(folder / "file"), UserError);
}
