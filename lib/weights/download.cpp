#include "weights/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/files.h"
#include "base/version.h"

namespace mlrun::weights {

namespace fs = std::filesystem;

namespace {

constexpr long kConnectSeconds = 30;
constexpr long kStalledSeconds = 60;
constexpr long kSlowest = 100;  // bytes a second, for as long
constexpr long kMostRedirects = 10;

/// The file that is written, its bounds, and the errno of a write that failed.
class DownloadTarget {
 public:
  DownloadTarget(const fs::path& path, std::uint64_t limit) : path_(path), left_(limit) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw write_error(path, "cannot be made", errno);
  }
  ~DownloadTarget() { ::close(descriptor_); }
  DownloadTarget(const DownloadTarget&) = delete;
  DownloadTarget& operator=(const DownloadTarget&) = delete;

  bool write(const char* bytes, std::size_t size) {
    too_large_ = size > left_;
    if (too_large_) return false;
    left_ -= size;
    while (size > 0) {
      const ssize_t done = ::write(descriptor_, bytes, size);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) error_ = errno;
      if (done <= 0) return false;
      bytes += done;
      size -= static_cast<std::size_t>(done);
    }
    return true;
  }

  /// Throws what went wrong with writing, if anything did.
  void check() const {
    if (error_ != 0) throw write_error(path_, "cannot be written", error_);
  }

  bool too_large() const { return too_large_; }

  void sync() {
    if (::fsync(descriptor_) != 0) error_ = errno;
    check();
  }

 private:
  const fs::path& path_;
  std::uint64_t left_;
  int descriptor_ = -1;
  int error_ = 0;
  bool too_large_ = false;
};

std::size_t take_bytes(char* bytes, std::size_t size, std::size_t count, void* target) {
  const bool written = static_cast<DownloadTarget*>(target)->write(bytes, size * count);
  return written ? size * count : 0;
}

int tell_progress(void* progress, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  const auto& tell = *static_cast<const FetchProgress*>(progress);
  const bool go_on = !tell || tell(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
  return go_on ? 0 : 1;
}

void configure_download(CURL* curl, const std::string& url, DownloadTarget& target, const FetchProgress& progress) {
  const std::string agent = std::string("mlrun/") + kVersion;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, redirect_protocols(url));
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMostRedirects);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowest);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &target);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, tell_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &progress);
}

std::string download_failure(CURLcode code, const char* details) {
  if (code == CURLE_ABORTED_BY_CALLBACK) return "it was stopped";
  std::string text = *details != '\0' ? details : curl_easy_strerror(code);
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  return text;
}

}  // namespace

const char* redirect_protocols(const std::string& url) { return url.rfind("http:", 0) == 0 ? "http,https" : "https"; }

void download(const std::string& url, const fs::path& target, const FetchProgress& progress, std::uint64_t limit) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (ready != CURLE_OK || !curl) throw DownloadError("libcurl cannot be started");
  DownloadTarget file(target, limit);
  char details[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, details);
  configure_download(curl.get(), url, file, progress);
  const CURLcode code = curl_easy_perform(curl.get());
  file.check();
  if (file.too_large()) throw DownloadError("it is larger than the " + std::to_string(limit) + " bytes allowed");
  if (code != CURLE_OK) throw DownloadError(download_failure(code, details));
  file.sync();
}

}  // namespace mlrun::weights
