#include "data/sources/groups.h"

#include "support.h"

namespace mlrun::data {
namespace {

std::string pattern_error(const std::string& pattern, const std::string& path = "a/b.jpg") {
  return test::user_error([&] { GroupPattern(pattern).of(path); });
}

}  // namespace

TEST_CASE("a group is an image's folder or the first capture of its path", "[data][groups]") {
  REQUIRE(GroupPattern("parent").of("cat/p1/x.jpg") == "cat/p1");
  REQUIRE(GroupPattern("parent").of("x.jpg").empty());
  REQUIRE(GroupPattern("/([^/_]+)_[^/]*$").of("cat/p17_003.jpg") == "p17");
  REQUIRE(GroupPattern("(\\d+)(x)?").of("a12b34") == "12");
}

TEST_CASE("patterns that find no group are refused", "[data][groups]") {
  const std::string hint =
      "; write `parent`, or a regular expression whose first parentheses hold the group, as '/([^/_]+)_[^/]*$'";
  REQUIRE(pattern_error("([a") == "data.split.group: '([a' is no regular expression" + hint);
  REQUIRE(pattern_error("a.*") == "data.split.group: 'a.*' has no parentheses" + hint);
  REQUIRE(pattern_error("(\\d+)") == "data.split.group: '(\\d+)' finds no group in 'a/b.jpg'" + hint);
  REQUIRE(pattern_error("a(x*)") == "data.split.group: 'a(x*)' finds no group in 'a/b.jpg'" + hint);
}

}  // namespace mlrun::data
