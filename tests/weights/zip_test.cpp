#include "weights/zip.h"

#include "support.h"
#include "weights/archive.h"

namespace mlrun::weights::zip_tests {
namespace {

using namespace mlrun::test::built;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::user_error;

std::string error_of(const std::string& archive) {
  return user_error([&] { parse_zip(archive, "w"); });
}

std::string error_of(const std::vector<Entry>& entries) { return error_of(zip_of(entries)); }

}  // namespace

TEST_CASE("stored and deflated entries are read", "[weights]") {
  const std::string zeros(100'000, '\0');
  const std::string archive = zip_of({entry("a/one", "hello"), deflated("a/two", zeros), deflated("a/three", "")});
  const auto entries = parse_zip(archive, "w");
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].name == "a/one");
  CHECK(archive.substr(entries[0].begin, entries[0].stored) == "hello");
  CHECK(zip_content(archive, entries[0], "w") == "hello");
  CHECK(entries[1].stored < 1000);
  CHECK(zip_content(archive, entries[1], "w") == zeros);
  CHECK(zip_content(archive, entries[2], "w").empty());
  CHECK(parse_zip(zip_of({}), "w").empty());
}

TEST_CASE("an archive's tricks are refused by name", "[weights]") {
  const Entry good = entry("a/good", "12345678");
  Entry bad = good;
  bad.name = "a/bad";
  CHECK(error_of({good, good}) == "w: a/good: stands in the zip archive twice; the file is damaged; fetch it again");
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "a\\x", "..", ""}) {
    CHECK_THAT(error_of({good, entry(name, "x")}), ContainsSubstring("is a name that leaves the zip archive"));
  }
  CHECK_THAT(error_of({good, entry(std::string("a\0b", 3), "x")}),
             ContainsSubstring("a\\u0000b: is a name that leaves"));
  bad.header = 0;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/bad: is another entry than the zip archive's directory says"));
  bad = good, bad.name = "a/badd", bad.local_name = "a/good", bad.header = 0;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/badd: is another entry"));
  bad = entry("a/bad", "x"), bad.header = 1'000'000;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/bad: does not lie where the zip archive says"));
  bad = entry("a/bad", "x"), bad.stored = 5000;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/bad: reaches beyond the zip archive"));
  bad = entry("a/bad", "x"), bad.stored = 30;
  CHECK_THAT(error_of({bad, good}), ContainsSubstring("a/good: overlaps another entry of the zip archive"));
  bad = entry("a/bad", "xyz"), bad.size = 4;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/bad: has two sizes"));
  bad = entry("a/bad", "x"), bad.flags = 1;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/bad: is encrypted in the zip archive"));
  bad = entry("a/bad", "x"), bad.method = 12;
  CHECK_THAT(error_of({good, bad}), ContainsSubstring("a/bad: is compressed by method 12, which is not supported"));
}

TEST_CASE("bombs and wrong contents are refused", "[weights]") {
  Entry bomb = deflated("a/bomb", std::string(1'000'000, '\0'));
  bomb.size = 4'000'000'000;
  CHECK_THAT(error_of({bomb}), ContainsSubstring("w: is a zip archive that expands to more than 671"));
  const std::vector<Entry> wrong = [] {
    Entry larger = deflated("a/x", std::string(5000, 'x'));
    Entry smaller = larger, flipped = larger, cut = larger, sum = larger, stored = entry("a/x", "abc");
    larger.size = 5001;
    smaller.size = 4999;
    flipped.content[3] = static_cast<char>(flipped.content[3] ^ 0x55);
    cut.content.pop_back();
    sum.crc ^= 1;
    stored.crc ^= 1;
    return std::vector<Entry>{larger, smaller, flipped, cut, sum, stored};
  }();
  for (const Entry& item : wrong) {
    const std::string archive = zip_of({item});
    const auto entries = parse_zip(archive, "w");
    CHECK(user_error([&] { zip_content(archive, entries[0], "w"); }) ==
          "w: a/x: is damaged in the zip archive; fetch it again");
  }
}

TEST_CASE("a directory that lies is refused", "[weights]") {
  const std::string archive = zip_of({entry("a/one", "hello"), entry("a/two", "world")});
  const std::size_t end = archive.size() - 22;
  const auto with = [&](std::size_t at, const std::string& bytes) {
    std::string changed = archive;
    return changed.replace(at, bytes.size(), bytes);
  };
  CHECK_THAT(error_of(archive.substr(0, archive.size() - 1)), ContainsSubstring("without its end: it was cut short"));
  CHECK_THAT(error_of(archive + "x"), ContainsSubstring("without its end"));
  CHECK_NOTHROW(parse_zip(with(end + 20, le(3, 2)) + "abc", "w"));
  CHECK_THAT(error_of(with(end + 8, le(1, 2))), ContainsSubstring("is a part of a zip archive"));
  CHECK_THAT(error_of(with(end + 8, le(1, 2) + le(1, 2))), ContainsSubstring("directory has another size"));
  CHECK_THAT(error_of(with(end + 8, le(3, 2) + le(3, 2))),
             ContainsSubstring("announces too many") || ContainsSubstring("broken directory"));
  CHECK_THAT(error_of(with(end + 8, le(60000, 2) + le(60000, 2))), ContainsSubstring("announces too many entries"));
  CHECK_THAT(error_of(with(end + 12, le(1, 4))), ContainsSubstring("directory does not lie where it should"));
  CHECK_THAT(error_of(with(end + 16, le(0xfffffff0, 4))), ContainsSubstring("does not lie where it should"));
}

}  // namespace mlrun::weights::zip_tests
