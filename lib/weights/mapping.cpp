#include "weights/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/error.h"
#include "base/input_file.h"

namespace mlrun::weights {

Mapping::Mapping(const std::filesystem::path& path) {
  const InputFile file(path);
  if (file.size() == 0) return;
  const auto size = static_cast<std::size_t>(file.size());
  void* bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.descriptor(), 0);
  if (bytes == MAP_FAILED) throw read_error(path, errno);
  bytes_ = static_cast<char*>(bytes);
  size_ = size;
  range_.emplace(bytes, size, path);
}

Mapping::~Mapping() {
  range_.reset();
  if (size_ > 0) ::munmap(bytes_, size_);
}

void Mapping::release(std::size_t begin, std::size_t size) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = (begin + page - 1) / page * page, end = (begin + size) / page * page;
  if (first < end) ::madvise(bytes_ + first, end - first, MADV_DONTNEED);
}

Arena::Arena(std::size_t size) : size_(size) {
  if (size == 0) return;
  void* bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) throw UserError("no memory for " + std::to_string(size) + " bytes of weights");
  bytes_ = static_cast<char*>(bytes);
  ::madvise(bytes, size, MADV_HUGEPAGE);
}

Arena::~Arena() {
  if (size_ > 0) ::munmap(bytes_, size_);
}

char* Arena::take(std::size_t size) {
  MLRUN_ASSERT(rounded(size) <= size_ - used_, "an arena is too small");
  char* piece = bytes_ + used_;
  used_ += rounded(size);
  return piece;
}

}  // namespace mlrun::weights
