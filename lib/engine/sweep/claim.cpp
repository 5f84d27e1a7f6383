#include "engine/sweep/claim.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"

namespace mlrun::engine {

SweepClaim::SweepClaim(const std::filesystem::path& sweep, const std::string& combination) {
  const std::filesystem::path folder = sweep / ".claims";
  make_directories(folder);
  if (std::filesystem::is_symlink(folder)) {
    throw file_error(folder.string(), "is a link, through which mlrun does not write", "remove it");
  }
  file_ = open_lasting(folder / combination, O_RDWR);
  if (file_ < 0) throw write_error(folder, "cannot be written", errno);
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  // A file system without locks keeps nobody out; the run's own lock warns of that.
  held_ = ::fcntl(file_, F_OFD_SETLK, &whole) == 0 || (errno != EAGAIN && errno != EACCES);
}

SweepClaim::~SweepClaim() { ::close(file_); }

}  // namespace mlrun::engine
