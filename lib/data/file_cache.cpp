#include "data/file_cache.h"

#include <utility>

namespace mlrun::data {

std::shared_ptr<const std::string> FileCache::get(const std::string& name, const std::function<std::string()>& read) {
  if (limit_ <= 0) return std::make_shared<const std::string>(read());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = files_.find(name);
    if (found != files_.end()) return found->second;
  }
  auto bytes = std::make_shared<const std::string>(read());
  const auto size = static_cast<std::int64_t>(bytes->size());
  const std::lock_guard<std::mutex> lock(mutex_);
  if (size > limit_ - size_) return bytes;
  const auto [place, added] = files_.emplace(name, bytes);
  if (added) size_ += size;
  return place->second;
}

std::int64_t FileCache::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return size_;
}

}  // namespace mlrun::data
