#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace mlrun::data {

/// Keeps the bytes of files in memory, up to a limit, first come first kept: what is in stays, for an epoch
/// reads every file once, and whatever else was kept would be thrown out before it is wanted again. A file
/// that changes afterwards is not noticed. For any number of threads.
class FileCache {
 public:
  explicit FileCache(std::int64_t limit) : limit_(limit) {}

  /// The bytes known by `name`, else those that `read` gives.
  std::shared_ptr<const std::string> get(const std::string& name, const std::function<std::string()>& read);

  /// Bytes that are kept.
  std::int64_t size() const;

 private:
  const std::int64_t limit_;
  mutable std::mutex mutex_;  // guards what follows; nothing is read under it
  std::unordered_map<std::string, std::shared_ptr<const std::string>> files_;
  std::int64_t size_ = 0;
};

}  // namespace mlrun::data
