#include "weights/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace mlrun::weights {

Mapping::Mapping(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw file_error(path.string(), std::string("cannot be read: ") + std::strerror(errno));
  const int error = map(descriptor);
  ::close(descriptor);
  if (error != 0) throw file_error(path.string(), std::string("cannot be read: ") + std::strerror(error));
}

Mapping::~Mapping() {
  if (size_ > 0) ::munmap(bytes_, size_);
}

void Mapping::release(std::size_t begin, std::size_t size) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = (begin + page - 1) / page * page, end = (begin + size) / page * page;
  if (first < end) ::madvise(bytes_ + first, end - first, MADV_DONTNEED);
}

int Mapping::map(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (!S_ISREG(status.st_mode)) return EINVAL;
  if (status.st_size == 0) return 0;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  if (bytes == MAP_FAILED) return errno;
  bytes_ = static_cast<char*>(bytes);
  size_ = size;
  return 0;
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
