#include "base/input_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using test::user_error;

namespace fs = std::filesystem;

namespace {

/// All that reads a file by its name.
std::vector<std::string> refusals(const fs::path& path) {
  return {user_error([&] { InputFile file(path); }),  user_error([&] { read_file(path); }),
          user_error([&] { read_head(path, 8); }),    user_error([&] { sha256_file(path); }),
          user_error([&] { read_gzip(path, 1000); }), user_error([&] { read_gzip_head(path, 8); })};
}

void check_refusals(const fs::path& path, const std::string& reason) {
  for (const auto& error : refusals(path)) CHECK(error == path.string() + ": " + reason);
}

}  // namespace

TEST_CASE("what is no file is refused at once, whoever reads it", "[base]") {
  const test::TempDir folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  check_refusals(folder / "pipe", "is a pipe, not a file; save what it gives to a file");
  check_refusals("/dev/zero", "is a device, not a file; save what it gives to a file");
  fs::create_symlink("/dev/zero", folder / "link");
  check_refusals(folder / "link", "is a device, not a file; save what it gives to a file");
  check_refusals(folder.path(), "cannot be read: Is a directory");
  check_refusals(folder / "absent", "cannot be read: No such file or directory");
}

TEST_CASE("a socket is refused", "[base]") {
  const test::TempDir folder;
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "s").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  check_refusals(folder / "s", "is a socket or device, not a file; save what it gives to a file");
  ::close(listener);
}

TEST_CASE("an endless file is refused by its size, before it is read", "[base]") {
  const test::TempDir folder;
  const fs::path sparse = folder.write("sparse", "");
  fs::resize_file(sparse, std::uintmax_t{1} << 40U);
  CHECK(user_error([&] { read_file(sparse); }) ==
        sparse.string() + ": is larger than the 1073741824 bytes allowed here");
  CHECK(user_error([&] { read_file(sparse, 10); }) == sparse.string() + ": is larger than the 10 bytes allowed here");
}

TEST_CASE("a file is read in order, and anywhere", "[base]") {
  const test::TempDir folder;
  const fs::path path = folder.write("f", "0123456789");
  const InputFile file(path);
  CHECK(file.size() == 10);
  std::string bytes(4, ' ');
  CHECK(file.read_at(8, bytes.data(), 4) == 2);
  CHECK(bytes.substr(0, 2) == "89");
  CHECK(file.read(bytes.data(), 4) == 4);
  CHECK(bytes == "0123");
  CHECK(read_head(path, 3) == "012");
  CHECK(read_head(path, 30) == "0123456789");
  CHECK(read_file("/proc/self/comm").size() > 1);  // says that it has no bytes
}
