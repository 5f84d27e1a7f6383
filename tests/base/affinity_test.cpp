#include "base/affinity.h"

#include <set>
#include <thread>

#include "catch.h"

using namespace mlrun;

TEST_CASE("a scope keeps every thread on as many processors as it says, and gives them back", "[base][affinity]") {
  const auto all = usable_processors();
  REQUIRE_FALSE(all.empty());
  CHECK(std::set<int>(all.begin(), all.end()).size() == all.size());
  {
    const ProcessorScope one(1);
    CHECK(usable_processors() == std::vector<int>{all.front()});
    std::size_t seen = 0;
    std::thread([&seen] { seen = usable_processors().size(); }).join();
    CHECK(seen == 1);
  }
  CHECK(usable_processors() == all);
  {
    const ProcessorScope more(static_cast<int>(all.size()) + 7);
    CHECK(usable_processors() == all);
  }
  const ProcessorScope none(0);
  CHECK(usable_processors() == all);
}
