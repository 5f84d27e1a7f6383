#include "base/json_items.h"

#include <vector>

#include "support.h"

namespace mlrun {

TEST_CASE("objects in the lists of an object are given one by one", "[base][json]") {
  std::vector<std::string> taken;
  const auto take = [&](const std::string& list, const Json& item) { taken.push_back(list + " " + json_text(item)); };
  CHECK(parse_json_items(
      R"({"info": {"a": [{"x": 1}]}, "b": [{"y": [1, {"z": 2}]}, 3, "t", [4]], "c": [], "d": 5, "b": [{}]})", take));
  CHECK(taken == std::vector<std::string>{R"(b {"y":[1,{"z":2}]})", "b [4]", "b {}"});
  taken.clear();
  CHECK_FALSE(parse_json_items(R"([{"x": 1}])", take));
  CHECK_FALSE(parse_json_items("7", take));
  CHECK(taken.empty());
  CHECK_FALSE(parse_json_items(R"({"b": [{"x": 1}, {"x": )", take));
  CHECK(taken == std::vector<std::string>{R"(b {"x":1})"});
  CHECK_FALSE(parse_json_items(std::string("{\"b\": []}\0", 10), take));
}

TEST_CASE("objects in a list are given one by one", "[base][json]") {
  std::string taken;
  const auto take = [&](const Json& item) { taken += json_text(item) + " "; };
  CHECK(parse_json_list(R"([{"x": [{"y": 1}]}, [2, {}], {"z": 3}])", take));
  CHECK(taken == R"({"x":[{"y":1}]} [2,{}] {"z":3} )");
  taken.clear();
  CHECK(parse_json_list("[]", take));
  CHECK_FALSE(parse_json_list(R"({"b": [{"x": 1}]})", take));
  CHECK_FALSE(parse_json_list("7", take));
  CHECK(taken.empty());
  CHECK_FALSE(parse_json_list("[1, {}]", take));
  CHECK_FALSE(parse_json_list("[{}", take));
}

TEST_CASE("what stands in a list's items has their bounds, not the whole's", "[base][json]") {
  std::string text = R"({"list": [)";
  std::string item = "[0";
  for (int i = 1; i < 1000; ++i) item += ",0";
  item += "]";
  constexpr std::size_t kItems = 20000;  // of 1,000 values: more than one text may have
  static_assert(kItems * 1000 > kMostJsonValues);
  for (std::size_t i = 0; i < kItems; ++i) text += (i == 0 ? "" : ",") + item;
  text += "]}";
  std::size_t count = 0;
  CHECK(parse_json_items(text, [&](const std::string&, const Json& one) { count += one.size(); }));
  CHECK(count == kItems * 1000);
  std::string deep = R"({"list": [)" + std::string(kDeepestJson, '[') + std::string(kDeepestJson, ']') + "]}";
  CHECK_FALSE(parse_json_items(deep, [](const std::string&, const Json&) {}));
}

}  // namespace mlrun
