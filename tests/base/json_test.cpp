#include "base/json.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "support.h"

using namespace mlrun;

namespace fs = std::filesystem;

namespace {

std::string nested(std::size_t levels, const std::string& open, const std::string& close) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += open;
  for (std::size_t i = 0; i < levels; ++i) text += close;
  return text;
}

double seconds_for_keys(int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  text += "}";
  const auto begin = std::chrono::steady_clock::now();
  CHECK(parse_json(text).size() == static_cast<std::size_t>(count));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("JSON is read with its keys in order", "[base]") {
  const std::string text = R"({"b":[1,-2,2.5,true,null,"x\u00e9"],"a":{"k":{}},"l":[]})";
  CHECK(parse_json(text).dump() == "{\"b\":[1,-2,2.5,true,null,\"x\u00e9\"],\"a\":{\"k\":{}},\"l\":[]}");
  CHECK(parse_json("3") == Json(3));
  CHECK(parse_json(" \"a\" ") == Json("a"));
}

TEST_CASE("what is no JSON is discarded", "[base]") {
  for (const std::string text : {"", "{", "[1,2", "{}x", "{\"a\" 1}", "nul", "1e999", "\"\xFF\"", "[1,]"}) {
    INFO(text);
    CHECK(parse_json(text).is_discarded());
  }
  CHECK(parse_json(std::string_view("{} \0", 4)).is_discarded());
}

TEST_CASE("of a key that stands twice the later value counts, in the earlier place", "[base]") {
  CHECK(parse_json(R"({"a":1,"b":2,"a":[3]})").dump() == R"({"a":[3],"b":2})");
  std::string many = "{", wanted = "{";
  for (int i = 0; i < 60; ++i) {
    many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i % 40) + "\":" + std::to_string(i);
    if (i < 40) wanted += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":" + std::to_string(i < 20 ? i + 40 : i);
  }
  CHECK(parse_json(many + "}").dump() == wanted + "}");
}

TEST_CASE("JSON is read to a bounded depth", "[base]") {
  CHECK_FALSE(parse_json(nested(kDeepestJson, "[", "]")).is_discarded());
  CHECK(parse_json(nested(kDeepestJson + 1, "[", "]")).is_discarded());
  CHECK_FALSE(parse_json("{\"a\":" + nested(kDeepestJson - 1, "[", "]") + "}").is_discarded());
  std::string objects = "1";
  for (std::size_t i = 0; i <= kDeepestJson; ++i) objects = "{\"a\":" + objects + "}";
  CHECK(parse_json(objects).is_discarded());
  CHECK(parse_json(std::string(10'000'000, '[')).is_discarded());  // and no stack is used up
}

TEST_CASE("JSON of too many values is discarded", "[base]") {
  std::string text = "[";
  for (std::size_t i = 0; i < kMostJsonValues; ++i) text += i == 0 ? "0" : ",0";
  CHECK(parse_json(text + "]").is_discarded());  // the list itself is one, too
}

TEST_CASE("an object of many keys is read in linear time", "[base]") {
  const double few = seconds_for_keys(20'000);
  CHECK(seconds_for_keys(160'000) < 40 * few + 0.5);  // quadratic: 64 times 0.2 s and more
}

TEST_CASE("nobody else reads JSON", "[base][floors]") {
  // The header of safetensors is read event by event, and refuses all that the format does not have.
  const std::vector<std::string> known = {"lib/base/json.cpp", "lib/weights/safetensors_header.cpp"};
  std::vector<std::string> found;
  for (const char* folder : {"lib", "apps", "recipes"}) {
    for (const auto& entry : fs::recursive_directory_iterator(test::source_root() / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream stream(entry.path());
      const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
      for (const char* way :
           {"Json::parse(", "json::parse(", "sax_parse(", "Json::accept(", "json::accept(", ">> json"}) {
        if (text.find(way) != std::string::npos) found.push_back(entry.path().lexically_relative(test::source_root()));
      }
    }
  }
  std::sort(found.begin(), found.end());
  CHECK(found == known);
}
