/// A library for LD_PRELOAD that makes a program's calls fail as a broken machine would. Settings come from the
/// environment; a call "counts" when it writes below the folder.
///
///   FAULT_UNDER=DIR        the folder; without it no writing call fails
///   FAULT_CALLS=a,b        only these calls count (default: all of kWriting)
///   FAULT_AT=N             the N-th counted call fails; 0 or absent: none
///   FAULT_STAYS=1          so do all after it
///   FAULT_ERRNO=N          with this errno (default ENOSPC)
///   FAULT_SHORT=1          where that is a write, half of it succeeds first: the disk is full in the middle
///   FAULT_REPORT=FILE      every counted call is appended to FILE as `number call path`
///   FAULT_FREE=BYTES       what statvfs says is free
///   FAULT_READ=PART        opening a file for reading whose path holds PART fails from the FAULT_READ_AT-th time on
///   FAULT_READ_ERRNO=N     with this errno (default ENOENT)
///   FAULT_CLOCK=SECONDS    CLOCK_REALTIME jumps by so much at every second reading
///   FAULT_MEMORY=BYTES     allocations of exactly that size fail
///   FAULT_FILES=N          the process may have N files open, from when all libraries are loaded
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

namespace {

constexpr std::size_t kLongestPath = 4096;

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

const char* text(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

long long number(const char* name, long long otherwise) {
  const char* value = text(name);
  return *value == '\0' ? otherwise : std::atoll(value);
}

bool below(const char* path, const char* folder) {
  const std::size_t length = std::strlen(folder);
  return length > 0 && std::strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/// `path` made absolute, seen from the folder that `at` is open on; not resolved further.
void absolute(int at, const char* path, char* out) {
  out[0] = '\0';
  if (path[0] == '/') {
    std::snprintf(out, kLongestPath, "%s", path);
    return;
  }
  char link[64];
  char folder[kLongestPath] = {};
  if (at == AT_FDCWD) std::snprintf(link, sizeof link, "/proc/self/cwd");
  else std::snprintf(link, sizeof link, "/proc/self/fd/%d", at);
  if (::readlink(link, folder, sizeof folder - 1) < 0) return;
  std::snprintf(out, kLongestPath, "%.*s/%s", 2000, folder, path);
}

bool listed(const char* call, const char* list) {
  const std::size_t length = std::strlen(call);
  for (const char* at = list; (at = std::strstr(at, call)) != nullptr; at += length) {
    const bool begins = at == list || at[-1] == ',';
    if (begins && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

std::atomic<long long> counted{0};

void report(long long at, const char* call, const char* path) {
  const char* file = text("FAULT_REPORT");
  if (*file == '\0') return;
  static const auto open_file = next<int (*)(const char*, int, ...)>("open");
  static const auto write_bytes = next<ssize_t (*)(int, const void*, std::size_t)>("write");
  char line[kLongestPath + 64];
  const int length = std::snprintf(line, sizeof line, "%lld %s %s\n", at, call, path);
  const int descriptor = open_file(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) return;
  if (write_bytes(descriptor, line, static_cast<std::size_t>(length)) < 0) std::abort();
  ::close(descriptor);
}

/// Counts a writing call on `path`; true where it must fail, with errno set.
bool fails(const char* call, const char* path) {
  const int before = errno;
  if (!below(path, text("FAULT_UNDER"))) return false;
  const char* calls = text("FAULT_CALLS");
  if (*calls != '\0' && !listed(call, calls)) return false;
  const long long at = ++counted;
  report(at, call, path);
  const long long wanted = number("FAULT_AT", 0);
  const bool failing = wanted > 0 && (at == wanted || (at > wanted && number("FAULT_STAYS", 0) != 0));
  errno = failing ? static_cast<int>(number("FAULT_ERRNO", ENOSPC)) : before;
  return failing;
}

bool fails_at(const char* call, int at, const char* path) {
  char full[kLongestPath];
  absolute(at, path, full);
  return fails(call, full);
}

bool fails_on(const char* call, int descriptor) {
  if (*text("FAULT_UNDER") == '\0') return false;
  char link[64];
  char path[kLongestPath] = {};
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (::readlink(link, path, sizeof path - 1) < 0) return false;
  return fails(call, path);
}

/// True where opening `path` for reading must fail, with errno set.
bool read_fails(int at, const char* path) {
  static std::atomic<long long> reads{0};
  const char* part = text("FAULT_READ");
  if (*part == '\0') return false;
  char full[kLongestPath];
  absolute(at, path, full);
  if (std::strstr(full, part) == nullptr || ++reads < number("FAULT_READ_AT", 1)) return false;
  errno = static_cast<int>(number("FAULT_READ_ERRNO", ENOENT));
  return true;
}

bool open_fails(const char* call, int at, const char* path, int flags) {
  if ((flags & O_ACCMODE) == O_RDONLY && (flags & O_CREAT) == 0)
    return (flags & O_DIRECTORY) == 0 && read_fails(at, path);
  return fails_at(call, at, path);
}

bool out_of_memory(std::size_t size) {
  static const long long refused = number("FAULT_MEMORY", 0);
  return refused > 0 && size == static_cast<std::size_t>(refused);
}

__attribute__((constructor)) void limit_files() {
  const long long files = number("FAULT_FILES", 0);
  const rlimit limit = {static_cast<rlim_t>(files), static_cast<rlim_t>(files)};
  if (files > 0 && ::setrlimit(RLIMIT_NOFILE, &limit) != 0) std::abort();
}

void jump(std::timespec* time) {
  static const long long by = number("FAULT_CLOCK", 0);
  static std::atomic<long long> readings{0};
  if (by != 0 && time != nullptr && ++readings % 2 == 0) time->tv_sec += by;
}

}  // namespace

#define PASS(type, name, parameters, arguments)             \
  static const auto real = next<type(*) parameters>(#name); \
  return real arguments

extern "C" {

#define OPEN(name)                                                 \
  int name(const char* path, int flags, ...) {                     \
    mode_t mode = 0;                                               \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                    \
      va_list rest;                                                \
      va_start(rest, flags);                                       \
      mode = va_arg(rest, mode_t);                                 \
      va_end(rest);                                                \
    }                                                              \
    if (open_fails("open", AT_FDCWD, path, flags)) return -1;      \
    PASS(int, name, (const char*, int, ...), (path, flags, mode)); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                        \
  int name(int at, const char* path, int flags, ...) {                      \
    mode_t mode = 0;                                                        \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                             \
      va_list rest;                                                         \
      va_start(rest, flags);                                                \
      mode = va_arg(rest, mode_t);                                          \
      va_end(rest);                                                         \
    }                                                                       \
    if (open_fails("open", at, path, flags)) return -1;                     \
    PASS(int, name, (int, const char*, int, ...), (at, path, flags, mode)); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                                \
  std::FILE* name(const char* path, const char* mode) {                                            \
    const bool reads = std::strchr(mode, 'r') != nullptr && std::strchr(mode, '+') == nullptr;     \
    if (open_fails("open", AT_FDCWD, path, reads ? O_RDONLY : O_WRONLY | O_CREAT)) return nullptr; \
    PASS(std::FILE*, name, (const char*, const char*), (path, mode));                              \
  }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  static std::atomic<bool> shortened{false};
  if (fails_on("write", descriptor)) {
    if (number("FAULT_SHORT", 0) == 0 || size < 2 || shortened.exchange(true)) return -1;
    size /= 2;
  }
  PASS(ssize_t, write, (int, const void*, std::size_t), (descriptor, bytes, size));
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t size, off_t at) {
  if (fails_on("write", descriptor)) return -1;
  PASS(ssize_t, pwrite, (int, const void*, std::size_t, off_t), (descriptor, bytes, size, at));
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t size, off64_t at) {
  if (fails_on("write", descriptor)) return -1;
  PASS(ssize_t, pwrite64, (int, const void*, std::size_t, off64_t), (descriptor, bytes, size, at));
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (fails_on("write", descriptor)) return -1;
  PASS(ssize_t, writev, (int, const iovec*, int), (descriptor, parts, count));
}

/// The C library's own streams write from inside, so the failure is made here; nothing is written.
std::size_t fwrite(const void* bytes, std::size_t size, std::size_t count, std::FILE* file) {
  if (fails_on("write", ::fileno(file))) return 0;
  PASS(std::size_t, fwrite, (const void*, std::size_t, std::size_t, std::FILE*), (bytes, size, count, file));
}

int fsync(int descriptor) {
  if (fails_on("fsync", descriptor)) return -1;
  PASS(int, fsync, (int), (descriptor));
}

int fdatasync(int descriptor) {
  if (fails_on("fsync", descriptor)) return -1;
  PASS(int, fdatasync, (int), (descriptor));
}

int rename(const char* from, const char* to) {
  if (fails_at("rename", AT_FDCWD, to)) return -1;
  PASS(int, rename, (const char*, const char*), (from, to));
}

int renameat(int from_at, const char* from, int to_at, const char* to) {
  if (fails_at("rename", to_at, to)) return -1;
  PASS(int, renameat, (int, const char*, int, const char*), (from_at, from, to_at, to));
}

int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  if (fails_at("rename", to_at, to)) return -1;
  PASS(int, renameat2, (int, const char*, int, const char*, unsigned), (from_at, from, to_at, to, flags));
}

int mkdir(const char* path, mode_t mode) {
  if (fails_at("mkdir", AT_FDCWD, path)) return -1;
  PASS(int, mkdir, (const char*, mode_t), (path, mode));
}

int mkdirat(int at, const char* path, mode_t mode) {
  if (fails_at("mkdir", at, path)) return -1;
  PASS(int, mkdirat, (int, const char*, mode_t), (at, path, mode));
}

int symlink(const char* target, const char* path) {
  if (fails_at("symlink", AT_FDCWD, path)) return -1;
  PASS(int, symlink, (const char*, const char*), (target, path));
}

int symlinkat(const char* target, int at, const char* path) {
  if (fails_at("symlink", at, path)) return -1;
  PASS(int, symlinkat, (const char*, int, const char*), (target, at, path));
}

#define TRUNCATE(name, offset)                            \
  int name(const char* path, offset size) {               \
    if (fails_at("truncate", AT_FDCWD, path)) return -1;  \
    PASS(int, name, (const char*, offset), (path, size)); \
  }
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)

#define FTRUNCATE(name, offset)                         \
  int name(int descriptor, offset size) {               \
    if (fails_on("truncate", descriptor)) return -1;    \
    PASS(int, name, (int, offset), (descriptor, size)); \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define STATVFS(name, type)                                                         \
  int name(const char* path, struct type* out) {                                    \
    static const auto real = next<int (*)(const char*, struct type*)>(#name);       \
    const int result = real(path, out);                                             \
    const long long free = number("FAULT_FREE", -1);                                \
    if (result == 0 && free >= 0) {                                                 \
      out->f_bavail = out->f_bfree = static_cast<fsblkcnt_t>(free) / out->f_frsize; \
    }                                                                               \
    return result;                                                                  \
  }
STATVFS(statvfs, statvfs)
STATVFS(statvfs64, statvfs64)

int clock_gettime(clockid_t clock, std::timespec* time) {
  static const auto real = next<int (*)(clockid_t, std::timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (clock == CLOCK_REALTIME) jump(time);
  return result;
}

std::time_t time(std::time_t* out) {
  std::timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  if (out_of_memory(size)) return ENOMEM;
  PASS(int, posix_memalign, (void**, std::size_t, std::size_t), (out, alignment, size));
}

void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) {
  if (file < 0 && out_of_memory(size)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  PASS(void*, mmap, (void*, std::size_t, int, int, int, off_t), (at, size, protection, flags, file, offset));
}

}  // extern "C"

/// What C++ allocates; LibTorch's tensors come from posix_memalign, large ones from mmap.
void* operator new(std::size_t size) {
  void* memory = out_of_memory(size) ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
