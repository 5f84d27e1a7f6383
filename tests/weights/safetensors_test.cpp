#include "weights/safetensors.h"

#include <torch/types.h>

#include <cstring>
#include <limits>

#include "base/files.h"
#include "base/random.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::weights;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::fixture;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace {

torch::Tensor find(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return tensor;
  }
  FAIL("no tensor " << name);
  return {};
}

bool same(const torch::Tensor& a, const torch::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && torch::equal(a, b);
}

/// One tensor of each dtype, the narrow ones first, of odd lengths.
NamedTensors one_of_each() {
  NamedTensors tensors;
  tensors.emplace_back("flags", torch::tensor({1, 0, 1}).to(torch::kBool));
  for (const auto type : {torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32, torch::kInt64}) {
    tensors.emplace_back(torch::toString(type), torch::arange(7).to(type));
  }
  for (const auto type : {torch::kFloat16, torch::kBFloat16, torch::kFloat32, torch::kFloat64}) {
    tensors.emplace_back(torch::toString(type), (torch::arange(15).reshape({3, 5}) / 4 - 1).to(type));
  }
  tensors.emplace_back("complex", torch::complex(torch::ones({3}), torch::arange(3).to(torch::kFloat32)));
  tensors.emplace_back("scalar", torch::tensor(std::numeric_limits<std::int64_t>::min()));
  tensors.emplace_back("empty", torch::empty({2, 0}));
  return tensors;
}

}  // namespace

TEST_CASE("safetensors come back with every dtype, in order and aligned", "[weights]") {
  const TempDir folder;
  const NamedTensors written = one_of_each();
  write_safetensors(folder / "w.safetensors", written, {{"b", "2"}, {"a", "naïve \"1\"\n"}});
  const Safetensors read = read_safetensors(folder / "w.safetensors");
  REQUIRE(read.tensors.size() == written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    INFO(written[i].first);
    CHECK(read.tensors[i].first == written[i].first);
    CHECK(same(read.tensors[i].second, written[i].second));
  }
  CHECK(read.metadata == Metadata{{"a", "naïve \"1\"\n"}, {"b", "2"}});
  const SafetensorsHeader header = read_safetensors_header(folder / "w.safetensors");
  CHECK(header.data_begin % 8 == 0);
  for (const auto& info : header.tensors) CHECK(info.begin % safetensors_element_size(info.dtype) == 0);
}

TEST_CASE("a safetensors file is, byte by byte, what the format says", "[weights]") {
  const TempDir folder;
  write_safetensors(folder / "w", {{"b", torch::tensor({3}, torch::kUInt8)}, {"a", torch::tensor({{1.0F, -2.0F}})}},
                    {{"k", "v"}});
  const std::string header = R"({"__metadata__":{"k":"v"},"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},)"
                             R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  std::string expected = {static_cast<char>(header.size() + padding.size()), 0, 0, 0, 0, 0, 0, 0};
  expected += header + padding;
  expected += std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0\x03", 9);
  CHECK(read_file(folder / "w") == expected);
  write_safetensors(folder / "none", {});
  CHECK(read_file(folder / "none") == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  CHECK(read_safetensors(folder / "none").tensors.empty());
}

TEST_CASE("a safetensors file written by numpy is read, unaligned data too", "[weights]") {
  const Safetensors read = read_safetensors(fixture("weights/numpy.safetensors"));
  const auto& tensors = read.tensors;
  REQUIRE(tensors.size() == 11);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(same(find(tensors, "u8"), torch::tensor({0, 7, 255}, torch::kUInt8)));
  CHECK(same(find(tensors, "f64"), torch::tensor({{1.5, -2.25}, {infinity, 1e300}}, torch::kFloat64)));
  CHECK(same(find(tensors, "f32"), torch::arange(6).reshape({1, 2, 3}) / 4 - 0.5));
  CHECK(same(find(tensors, "flags"), torch::tensor({1, 0, 1}).to(torch::kBool)));
  CHECK(same(find(tensors, "f16"), torch::tensor({0.5, -65504.0}).to(torch::kFloat16)));
  CHECK(same(find(tensors, "bf16"), torch::tensor({1.0, -2.5, infinity}).to(torch::kBFloat16)));
  CHECK(same(find(tensors, "i64"), torch::tensor(-(std::int64_t{1} << 62))));
  CHECK(same(find(tensors, "i32"), torch::tensor({INT32_MIN, INT32_MAX}, torch::kInt32)));
  CHECK(same(find(tensors, "i16"), torch::tensor({-300, 300}, torch::kInt16)));
  CHECK(same(find(tensors, "i8"), torch::tensor({{-128}, {127}}, torch::kInt8)));
  CHECK(same(find(tensors, "none"), torch::empty({0, 3})));
  CHECK(read.metadata == Metadata{{"made_by", "numpy"}, {"grüße", "ja"}});
}

TEST_CASE("tensors of any layout are written dense and row-major", "[weights]") {
  const TempDir folder;
  const torch::Tensor image = torch::arange(24).to(torch::kFloat32).reshape({1, 2, 3, 4});
  const torch::Tensor matrix = torch::arange(6).to(torch::kFloat32).reshape({2, 3});
  write_safetensors(folder / "w", {{"last", image.contiguous(torch::MemoryFormat::ChannelsLast)},
                                   {"turned", matrix.t()},
                                   {"slice", matrix.select(1, 1)},
                                   {"sparse", matrix.to_sparse()},
                                   {"parameter", matrix.clone().requires_grad_()}});
  const NamedTensors tensors = read_safetensors(folder / "w").tensors;
  CHECK(same(find(tensors, "last"), image));
  CHECK(find(tensors, "last").is_contiguous());
  CHECK(same(find(tensors, "turned"), matrix.t().contiguous()));
  CHECK(same(find(tensors, "slice"), torch::tensor({1.0F, 4.0F})));
  CHECK(same(find(tensors, "sparse"), matrix));
  CHECK(same(find(tensors, "parameter"), matrix));
}

TEST_CASE("the same tensors give the same safetensors bytes, and a failed write leaves nothing", "[weights]") {
  const TempDir folder;
  write_safetensors(folder / "a", one_of_each(), {{"x", "1"}, {"y", "2"}});
  write_safetensors(folder / "b", one_of_each(), {{"y", "2"}, {"x", "1"}});
  CHECK(read_file(folder / "a") == read_file(folder / "b"));
  CHECK_THROWS_AS(write_safetensors(folder / "c", {{"t", torch::ones(1)}, {"t", torch::ones(1)}}), InternalError);
  CHECK_THROWS_AS(write_safetensors(folder / "c", {{"__metadata__", torch::ones(1)}}), InternalError);
  CHECK_THROWS_AS(write_safetensors(folder / "c", {{"t", torch::Tensor()}}), InternalError);
  CHECK_THROWS_AS(write_safetensors(folder / "c", {{"t", torch::ones(1).to(torch::kComplexDouble)}}), InternalError);
  CHECK_THROWS_AS(write_safetensors(folder / "no/such/c", {}), UserError);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("tensors outlive the file's name and their writes stay private", "[weights]") {
  const TempDir folder;
  write_safetensors(folder / "w", {{"t", torch::arange(1000)}});
  const std::string before = read_file(folder / "w");
  torch::Tensor tensor = read_safetensors(folder / "w").tensors.front().second;
  tensor.add_(1);
  CHECK(read_file(folder / "w") == before);
  std::filesystem::remove(folder / "w");
  CHECK(torch::equal(tensor, torch::arange(1000) + 1));
}

TEST_CASE("what is no safetensors file is named", "[weights]") {
  const TempDir folder;
  CHECK_THAT(user_error([&] { read_safetensors(folder / "gone"); }),
             ContainsSubstring("gone: cannot be read: No such file"));
  CHECK_THAT(user_error([&] { read_safetensors(folder.path()); }), ContainsSubstring("cannot be read: Is a directory"));
  folder.write("empty", "");
  CHECK_THAT(user_error([&] { read_safetensors(folder / "empty"); }), ContainsSubstring("empty: is too short"));
  const std::string header = R"({"t":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}} )";
  folder.write("u16", std::string("\x37\0\0\0\0\0\0\0", 8) + header + std::string(2, '\0'));
  REQUIRE(header.size() == 0x37);
  CHECK_THAT(user_error([&] { read_safetensors(folder / "u16"); }), ContainsSubstring("t: dtype U16 is not supported"));
  const std::string flags = R"({"t":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})";
  folder.write("flags", std::string("\x37\0\0\0\0\0\0\0", 8) + flags + "\1\2");
  REQUIRE(flags.size() == 0x37);
  CHECK_THAT(user_error([&] { read_safetensors(folder / "flags"); }), ContainsSubstring("neither 0 nor 1"));
}

TEST_CASE("mutated safetensors files load or end in a user error", "[weights]") {
  const TempDir folder;
  write_safetensors(folder / "w", one_of_each(), {{"x", "1"}});
  const std::string original = read_file(folder / "w");
  int refused = 0;
  for (std::uint64_t round = 0; round < 500; ++round) {
    KeyedRandom random(11, "mutate", round);
    std::string content = original;
    for (std::uint64_t changes = 1 + random.below(6); changes > 0; --changes) {
      content[random.below(content.size())] = static_cast<char>(random.below(256));
    }
    if (random.chance(0.2)) content.resize(random.below(content.size()));
    const auto path = folder.write("mutated", content);
    try {
      for (const auto& item : read_safetensors(path).tensors) (void)item.second.clone();
    } catch (const UserError&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
  CHECK(refused < 500);
}
