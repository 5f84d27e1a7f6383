#include "deploy/graph/memory.h"

#include "catch.h"

using namespace mlrun::deploy;

TEST_CASE("buffers that live together do not overlap, others share memory", "[deploy][graph]") {
  // 0 and 1 meet in step 1, 1 and 2 in step 2, 0 and 2 never; 3 meets all.
  const std::vector<BufferLife> lives = {{1000, 0, 1}, {640, 1, 2}, {900, 2, 3}, {64, 0, 3}};
  const ArenaPlan plan = plan_arena(lives);
  REQUIRE(plan.offsets.size() == 4);
  for (std::size_t a = 0; a < lives.size(); ++a) {
    CHECK(plan.offsets[a] % 64 == 0);
    CHECK(plan.offsets[a] + lives[a].bytes <= plan.bytes);
    for (std::size_t b = 0; b < a; ++b) {
      const bool together = lives[a].first <= lives[b].last && lives[b].first <= lives[a].last;
      const bool apart =
          plan.offsets[a] + lives[a].bytes <= plan.offsets[b] || plan.offsets[b] + lives[b].bytes <= plan.offsets[a];
      if (together) CHECK(apart);
    }
  }
  CHECK(plan.offsets[0] == plan.offsets[2]);
  CHECK(plan.bytes == 1024 + 640 + 64);
}

TEST_CASE("no buffers need no memory", "[deploy][graph]") { CHECK(plan_arena({}).bytes == 0); }
