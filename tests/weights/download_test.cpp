#include "weights/download.h"

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using weights::download;
using weights::DownloadError;

namespace {

std::string download_error(const std::string& url, const std::filesystem::path& target, std::uint64_t limit) {
  try {
    download(url, target, {}, limit);
  } catch (const DownloadError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a download is bounded, also where it has no end", "[weights]") {
  const test::TempDir folder;
  const auto source = folder.write("source", "0123456789");
  CHECK(download_error("file://" + source.string(), folder / "whole", 10).empty());
  CHECK(read_file(folder / "whole") == "0123456789");
  CHECK(download_error("file://" + source.string(), folder / "less", 9) == "it is larger than the 9 bytes allowed");
  CHECK(download_error("file:///dev/zero", folder / "endless", 1 << 20) ==
        "it is larger than the 1048576 bytes allowed");
  CHECK(std::filesystem::file_size(folder / "endless") <= 1 << 20);
}

TEST_CASE("a redirection never leads away from https", "[weights]") {
  CHECK(std::string(weights::redirect_protocols("https://example.org/w.pth")) == "https");
  CHECK(std::string(weights::redirect_protocols("file:///w.pth")) == "https");
  CHECK(std::string(weights::redirect_protocols("http://example.org/w.pth")) == "http,https");
}
