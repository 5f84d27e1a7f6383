#include "data/sources/tar_archive.h"

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

std::vector<TarEntry> entries_of(const std::string& bytes) {
  const ReadAt read = [&](std::uint64_t at, std::size_t count) {
    return at < bytes.size() ? bytes.substr(static_cast<std::size_t>(at), count) : std::string();
  };
  return read_tar(read, bytes.size(), "a.tar");
}

std::string archive_bytes(const std::string& name) { return read_file(test::fixture("data/shards/" + name)); }

std::string archive_error(const std::string& bytes) {
  return test::user_error([&] { entries_of(bytes); });
}

std::string long_name() {
  std::string name = "folder/";
  for (int i = 0; i < 20; ++i) name += "long-name-";
  return name;
}

}  // namespace

TEST_CASE("archives that Python's tarfile writes are read", "[data]") {
  const auto ustar = entries_of(archive_bytes("ustar-000.tar"));
  REQUIRE(ustar.size() == 3);  // the folder is none
  CHECK(ustar[0].name == "cats/a.png");
  CHECK(ustar[2].name == "cats/a.txt");
  CHECK(archive_bytes("ustar-000.tar").substr(ustar[2].offset, ustar[2].size) == "a cat");
  const auto gnu = entries_of(archive_bytes("gnu-001.tar")), pax = entries_of(archive_bytes("pax-002.tar"));
  REQUIRE(gnu.size() == 8);
  REQUIRE(pax.size() == 4);
  CHECK(gnu[4].name == long_name() + ".png");
  CHECK(gnu[6].name == "d.json");  // the long name is the next file's alone
  CHECK(pax[0].name == long_name() + ".png");
  CHECK(pax[1].name == long_name() + ".cls");
}

TEST_CASE("what is written is read, whatever the name's length", "[data]") {
  for (const std::size_t length : {1U, 99U, 100U, 101U, 150U, 256U, 257U, 1000U}) {
    for (const bool folders : {false, true}) {
      std::string name(length, 'n');
      for (std::size_t i = 60; folders && i + 1 < length; i += 61) name[i] = '/';
      const std::string bytes = tar_header(name, 3) + "abc" + tar_padding(3) + tar_header("last", 0) + tar_end();
      INFO(name);
      CHECK(bytes.size() % 512 == 0);
      const auto entries = entries_of(bytes);
      REQUIRE(entries.size() == 2);
      CHECK(entries[0].name == name);
      CHECK(bytes.substr(entries[0].offset, entries[0].size) == "abc");
      CHECK(entries[1].name == "last");
    }
  }
}

TEST_CASE("files beyond 8 GiB have their size in a pax header", "[data]") {
  const std::uint64_t size = std::uint64_t{1} << 34;
  const std::string header = tar_header("big", size);
  const ReadAt read = [&](std::uint64_t at, std::size_t count) { return header.substr(at, count); };
  const auto entries = read_tar(read, header.size() + size, "a.tar");
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].size == size);
}

TEST_CASE("damaged archives are refused by one line", "[data]") {
  const std::string good = archive_bytes("ustar-000.tar");
  CHECK(archive_error("no archive") ==
        "a.tar: the tar archive is damaged at byte 0: the archive is cut short; fetch or pack it again");
  CHECK(archive_error(std::string(512, 'x')).find("byte 0: it does not begin as a tar file does") != std::string::npos);
  std::string flipped = good;
  flipped[entries_of(good)[1].offset - 512] ^= 1;
  CHECK(archive_error(flipped).find("a header's checksum is wrong") != std::string::npos);
  CHECK(archive_error(good.substr(0, entries_of(good)[1].offset - 300)).find("the archive is cut short") !=
        std::string::npos);
  CHECK(archive_error(tar_header("a", 513) + std::string(512, 'x')).find("ends before a file in it does") !=
        std::string::npos);
  CHECK(entries_of(good.substr(0, entries_of(good)[2].offset + 512)).size() == 3);  // no closing blocks
  CHECK(entries_of("").empty());
}

TEST_CASE("an archive may be cut anywhere", "[data]") {
  for (const char* name : {"gnu-001.tar", "pax-002.tar"}) {
    const std::string bytes = archive_bytes(name);
    for (std::size_t size = 0; size < bytes.size(); size += 37) {
      try {
        entries_of(bytes.substr(0, size));
      } catch (const UserError& error) {
        REQUIRE(std::string(error.what()).find("a.tar: the tar archive is damaged at byte ") == 0);
      }
    }
  }
}
