#include "weights/safetensors_header.h"

#include "base/random.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::weights;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::user_error;

namespace {

/// A file with this header text and `data` zero bytes; `length` overrides the announced length.
std::string file_with(const std::string& header, std::size_t data, std::uint64_t length = UINT64_MAX) {
  if (length == UINT64_MAX) length = header.size();
  std::string content;
  for (int i = 0; i < 8; ++i) content += static_cast<char>(length >> (8 * i) & 0xff);
  return content + header + std::string(data, '\0');
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string error_of(const std::string& content) {
  const std::string text = user_error([&] { parse_safetensors(content, "w.safetensors"); });
  CHECK_THAT(text, Catch::Matchers::StartsWith("w.safetensors: "));
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

std::string valid_file() {
  return file_with("{" + tensor("a.weight", "F32", "[2,3]", "[0,24]") + "," + tensor("b", "I64", "[]", "[24,32]") +
                       R"(,"__metadata__":{"format":"pt","x":"\u00e9"},)" + tensor("c", "BOOL", "[0,5]", "[32,32]") +
                       "}  ",
                   32);
}

}  // namespace

TEST_CASE("a safetensors header is read in its own order", "[weights]") {
  const SafetensorsHeader header = parse_safetensors(valid_file(), "w");
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "a.weight");
  CHECK(header.tensors[0].dtype == "F32");
  CHECK(header.tensors[0].shape == std::vector<std::int64_t>{2, 3});
  CHECK(header.tensors[1].begin == 24);
  CHECK(header.tensors[1].end == 32);
  CHECK(header.tensors[1].shape.empty());
  CHECK(header.tensors[2].shape == std::vector<std::int64_t>{0, 5});
  CHECK(header.metadata == Metadata{{"format", "pt"}, {"x", "\xc3\xa9"}});
  CHECK(header.data_begin == valid_file().size() - 32);
  CHECK(parse_safetensors(file_with("{}", 0), "w").tensors.empty());
}

TEST_CASE("safetensors offsets may stand in any order", "[weights]") {
  const std::string swapped = "{" + tensor("z", "U8", "[4]", "[4,8]") + "," + tensor("y", "F32", "[1]", "[0,4]") + "}";
  CHECK(parse_safetensors(file_with(swapped, 8), "w").tensors[0].name == "z");
}

TEST_CASE("a safetensors file that ends early is refused at every byte", "[weights]") {
  const std::string whole = valid_file();
  for (std::size_t size = 0; size < whole.size(); ++size) error_of(whole.substr(0, size));
  CHECK_THAT(error_of(whole + "x"), ContainsSubstring("its last 1 bytes belong to no tensor"));
}

TEST_CASE("safetensors header lengths that lie are refused", "[weights]") {
  const std::string header = "{" + tensor("a", "U8", "[1]", "[0,1]") + "}";
  CHECK_THAT(error_of(""), ContainsSubstring("too short"));
  CHECK_THAT(error_of(file_with("{}", 0, 100'000'001)), ContainsSubstring("100000000 are allowed"));
  CHECK_THAT(error_of(file_with("{}", 0, UINT64_MAX - 1)), ContainsSubstring("18446744073709551614 bytes"));
  CHECK_THAT(error_of(file_with("{}", 0, 3)), ContainsSubstring("ends within its header: 3 bytes announced, 2 there"));
  CHECK_THAT(error_of(file_with(header, 1, header.size() - 1)), ContainsSubstring("not valid JSON"));
  CHECK_THAT(error_of(file_with(header, 1, header.size() + 1)), ContainsSubstring("not valid JSON"));
  CHECK_THAT(error_of(file_with(header, 1, 0)), ContainsSubstring("not valid JSON"));
}

TEST_CASE("safetensors headers of another structure are refused", "[weights]") {
  const auto [header, message] = GENERATE(table<std::string, std::string>({
      {"[]", "is not a safetensors file"},
      {"PK\3\4", "is not a safetensors file"},
      {"{\"a\":1}", "a: is a number, not an object"},
      {"{\"a\":null}", "a: is null, not an object"},
      {"{\"a\":[1]}", "a: is a list, not an object"},
      {"{\"a\":{}}", "a: dtype, shape or data_offsets is missing"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "is missing"},
      {"{\"a\":{\"dtype\":3}}", "a: unexpected a number in dtype"},
      {"{\"a\":{\"dtype\":[]}}", "a: unexpected a list in dtype"},
      {"{\"a\":{\"dtype\":{}}}", "a: unexpected an object in dtype"},
      {"{\"a\":{\"shape\":\"x\"}}", "a: unexpected text in shape"},
      {"{\"a\":{\"shape\":[[1]]}}", "a: unexpected a list in shape"},
      {"{\"a\":{\"shape\":[true]}}", "a: unexpected a boolean in shape"},
      {"{\"a\":{\"shape\":[-1]}}", "a: unexpected a negative number in shape"},
      {"{\"a\":{\"shape\":[1.5]}}", "a: unexpected a number that is no whole number of 64 bits in shape"},
      {"{\"a\":{\"shape\":[18446744073709551616]}}", "no whole number of 64 bits"},
      {"{\"a\":{\"shape\":[9223372036854775808]}}", "a: shape holds a number that is too large"},
      {"{\"a\":{\"data_offsets\":[0,1,2]}}", "a: data_offsets has too many items"},
      {"{\"a\":{\"data_offsets\":[0]}}", "a: data_offsets needs two numbers"},
      {"{\"a\":{\"strides\":[0]}}", "a: unknown field 'strides'"},
      {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "a: dtype stands twice"},
      {"{\"__metadata__\":{\"k\":1}}", "__metadata__: 'k' is a number, not text"},
      {"{\"__metadata__\":{\"k\":{}}}", "__metadata__: 'k' is an object, not text"},
      {"{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", "__metadata__: 'k' stands twice"},
      {"{\"__metadata__\":\"x\"}", "__metadata__: is text, not an object"},
      {"{\"__metadata__\":{},\"__metadata__\":{}}", "__metadata__: stands in the header twice"},
      {"{\"a\xff\":{}}", "not valid JSON in UTF-8"},
      {"{\"a\\ud800\":{}}", "not valid JSON in UTF-8"},
      {"{} {}", "not valid JSON"},
      {"{\"a\\n\":1}", "a\\n: is a number"},
  }));
  CHECK_THAT(error_of(file_with(header, 0)), ContainsSubstring(message));
}

TEST_CASE("safetensors offsets and shapes must agree with the data", "[weights]") {
  const auto [entries, data, message] = GENERATE(table<std::string, int, std::string>({
      {tensor("a", "F32", "[2]", "[0,4]"), 4, "a: its shape needs 8 bytes, its offsets 0 to 4 give 4"},
      {tensor("a", "F32", "[1]", "[4,0]"), 4, "a: its bytes 4 to 0 do not lie in the 4 bytes of data"},
      {tensor("a", "F32", "[2]", "[0,8]"), 4, "a: its bytes 0 to 8 do not lie in the 4 bytes of data"},
      {tensor("a", "F32", "[4611686018427387904,4]", "[0,0]"), 0, "a: its shape is too large"},
      {tensor("a", "F32", "[0,4611686018427387904,4]", "[0,0]"), 0, "a: its shape is too large"},
      {tensor("a", "F64", "[1152921504606846976]", "[0,0]"), 0, "a: its shape is too large"},
      {tensor("a", "F4", "[1]", "[0,1]"), 1, "a: unknown dtype 'F4'; save it as one of"},
      {tensor("a", "f32", "[1]", "[0,4]"), 4, "a: unknown dtype 'f32'"},
      {tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("b", "U8", "[2]", "[1,3]"), 3, "b: its bytes overlap"},
      {tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("b", "U8", "[2]", "[0,2]"), 2, "its bytes overlap"},
      {tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("b", "U8", "[2]", "[3,5]"), 5, "b: there is a gap before"},
      {tensor("a", "U8", "[2]", "[1,3]"), 3, "a: there is a gap before"},
      {tensor("a", "U8", "[2]", "[0,2]"), 5, "its last 3 bytes belong to no tensor"},
      {tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("a", "U8", "[2]", "[2,4]"), 4, "a: stands in the header twice"},
  }));
  CHECK_THAT(error_of(file_with("{" + entries + "}", static_cast<std::size_t>(data))), ContainsSubstring(message));
}

TEST_CASE("safetensors depth and rank bombs end at once", "[weights]") {
  std::string deep = "{\"a\":";
  for (int i = 0; i < 1'000'000; ++i) deep += "{\"a\":";
  CHECK_THAT(error_of(file_with(deep, 0)), ContainsSubstring("unknown field 'a'"));
  CHECK_THAT(error_of(file_with("{\"a\":" + std::string(1'000'000, '['), 0)), ContainsSubstring("a: is a list"));
  std::string rank = "1";
  for (int i = 0; i < 64; ++i) rank += ",1";
  CHECK_THAT(error_of(file_with("{" + tensor("a", "U8", "[" + rank + "]", "[0,1]") + "}", 1)),
             ContainsSubstring("too many"));
  CHECK(error_of(file_with("{\"" + std::string(100'000, 'n') + "\":1}", 0)).size() < 300);
}

TEST_CASE("mutated safetensors headers load or end in a user error", "[weights]") {
  const std::string original = valid_file();
  int loaded = 0, refused = 0;
  for (std::uint64_t round = 0; round < 5000; ++round) {
    KeyedRandom random(7, "mutate", round);
    std::string content = original;
    for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
      const std::size_t at = random.below(content.size());
      switch (random.below(4)) {
        case 0: content[at] = static_cast<char>(random.below(256)); break;
        case 1: content[at] = "0123456789[]{},:\"\\"[random.below(18)]; break;
        case 2: content.erase(at, 1 + random.below(8)); break;
        default: content.insert(at, content.substr(random.below(content.size()), random.below(16)));
      }
      if (content.empty()) content = "x";
    }
    try {
      parse_safetensors(content, "w");
      ++loaded;
    } catch (const UserError&) {
      ++refused;
    }
  }
  CHECK(loaded + refused == 5000);
  CHECK(refused > 2500);
  CHECK(loaded > 50);
}
