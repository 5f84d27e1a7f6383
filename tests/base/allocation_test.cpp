#include "base/allocation.h"

#include <sys/resource.h>

#include <cstddef>
#include <cstdlib>

#include "catch.h"

using namespace mlrun;

namespace {

/// Page faults of writing to a block of 64 MB that is allocated and freed again.
long faults_of_a_block() {
  constexpr std::size_t kSize = std::size_t{64} << 20, kPage = 4096;
  rusage before = {}, after = {};
  getrusage(RUSAGE_SELF, &before);
  void* block = std::malloc(kSize);
  REQUIRE(block != nullptr);
  volatile char* const bytes = static_cast<char*>(block);
  for (std::size_t i = 0; i < kSize; i += kPage) bytes[i] = 1;
  std::free(block);
  getrusage(RUSAGE_SELF, &after);
  return after.ru_minflt - before.ru_minflt;
}

}  // namespace

TEST_CASE("freed memory is used again without new pages", "[base]") {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  keep_freed_memory();
  faults_of_a_block();  // the heap grows
  const long faults = faults_of_a_block();
  CHECK(faults < 1000);  // of 16384 pages
#else
  keep_freed_memory();
  CHECK(faults_of_a_block() >= 0);
#endif
}
