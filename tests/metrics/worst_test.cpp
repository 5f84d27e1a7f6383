#include "metrics/worst.h"

#include <string>

#include "catch.h"

using mlrun::metrics::Worst;

TEST_CASE("the worst are kept, of equally bad ones those that came first", "[metrics]") {
  Worst<std::string> worst(3);
  CHECK(worst.list().empty());
  for (const auto& [badness, name] : {std::pair<double, const char*>{1, "a"}, {3, "b"}, {1, "c"}, {3, "d"}, {2, "e"}}) {
    worst.add(badness, name);
  }
  CHECK(worst.list() == std::vector<std::string>{"b", "d", "e"});
  CHECK_FALSE(worst.wants(2));
  CHECK(worst.wants(2.5));
  worst.add(3, "f");
  CHECK(worst.list() == std::vector<std::string>{"b", "d", "f"});
  CHECK_FALSE(Worst<int>(0).wants(1e9));
}
