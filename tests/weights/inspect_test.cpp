#include "weights/inspect.h"

#include <torch/types.h>

#include "base/files.h"
#include "support.h"
#include "weights/file.h"

using namespace mlrun;
using namespace mlrun::weights;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace {

const NamedTensors& tensors() {
  static const NamedTensors all = {{"fc.weight", torch::ones({2, 3})},
                                   {"fc.bias", torch::zeros({2}, torch::kFloat16)},
                                   {"count", torch::tensor(std::int64_t{5})}};
  return all;
}

}  // namespace

TEST_CASE("weight files of every format are described alike", "[weights]") {
  const TempDir folder;
  write_safetensors(folder / "w.safetensors", tensors(), {{"classes", "[\"a\", \"b\"]"}});
  write_pth(folder / "w.pth", tensors());
  const Json a = describe_weights(folder / "w.safetensors"), b = describe_weights(folder / "w.pth");
  CHECK(a.at("format") == "safetensors");
  CHECK(b.at("format") == "pth (zip)");
  CHECK(a.at("metadata") == Json{{"classes", "[\"a\", \"b\"]"}});
  CHECK(a.at("tensors") == b.at("tensors"));
  for (const Json& json : {a, b}) {
    const std::filesystem::path file = json.at("file").get<std::string>();
    CHECK(json.at("sha256") == sha256_file(file));
    CHECK(json.at("bytes") == std::filesystem::file_size(file));
    CHECK(json.at("params") == 9);
    REQUIRE(json.at("tensors").size() == 3);
    CHECK(json.at("tensors")[0] == Json{{"name", "fc.weight"}, {"dtype", "F32"}, {"shape", {2, 3}}, {"bytes", 24}});
    CHECK(json.at("tensors")[1].at("dtype") == "F16");
    CHECK(json.at("tensors")[2] == Json{{"name", "count"}, {"dtype", "I64"}, {"shape", Json::array()}, {"bytes", 8}});
  }
}

TEST_CASE("dtypes that LibTorch lacks are shown", "[weights]") {
  const TempDir folder;
  const std::string header = R"({"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})";
  std::string content(8, '\0');
  content[0] = static_cast<char>(header.size() + 1);
  content += header + " ";
  const auto file = folder.write("f8.safetensors", content + std::string(8, 'x'));
  CHECK(describe_weights(file).at("tensors")[0].at("dtype") == "F8_E4M3");
}

TEST_CASE("what is no weight file is refused in one line", "[weights]") {
  const TempDir folder;
  for (const char* content : {"", "text", "this is no weight file at all, but a longer text"}) {
    const auto file = folder.write("junk", content);
    const std::string text = user_error([&] { describe_weights(file); });
    CHECK(text.rfind(file.string() + ": ", 0) == 0);
    CHECK(text.find('\n') == std::string::npos);
  }
}

TEST_CASE("safetensors are known whatever the length of their header", "[weights]") {
  const TempDir folder;
  for (std::size_t length = 0; length < 256; length += 8) {  // 0x80 is how a pickle begins
    const auto file = folder / "w.safetensors";
    write_safetensors(file, {{"x", torch::ones({1})}}, {{"note", std::string(length, 'x')}});
    INFO(static_cast<int>(static_cast<unsigned char>(read_file(file).front())));
    CHECK(read_weights(file).format == "safetensors");
    CHECK(describe_weights(file).at("format") == "safetensors");
  }
}
