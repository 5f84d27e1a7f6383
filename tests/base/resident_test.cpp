#include "base/resident.h"

#include <vector>

#include "catch.h"

using namespace mlrun;

TEST_CASE("a peak of memory counts from its restart", "[base][resident]") {
  constexpr std::size_t kBytes = 64 << 20;
  const bool restarts = restart_peak_resident();
  const std::int64_t before = peak_resident();
  CHECK(before > 1 << 20);
  {
    const std::vector<char> block(kBytes, 1);
    CHECK(block.back() == 1);
  }
  const std::int64_t peak = peak_resident();
  CHECK(peak >= before + static_cast<std::int64_t>(kBytes) * 9 / 10);
  CHECK(restart_peak_resident() == restarts);
  if (restarts) CHECK(peak_resident() < peak - static_cast<std::int64_t>(kBytes) / 2);
}
