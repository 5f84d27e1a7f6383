#include <torch/types.h>

#include "base/files.h"
#include "support.h"
#include "weights/file.h"

namespace mlrun::weights::write_pth_tests {
namespace {

using mlrun::test::fixture;
using mlrun::test::TempDir;

NamedTensors tensors_of(const std::filesystem::path& path) { return read_weights(path).tensors; }

void check_round_trip(const NamedTensors& written) {
  const TempDir folder;
  write_pth(folder / "w.pth", written);
  const NamedTensors given = tensors_of(folder / "w.pth");
  REQUIRE(given.size() == written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    INFO(written[i].first);
    CHECK(given[i].first == written[i].first);
    CHECK(given[i].second.scalar_type() == written[i].second.scalar_type());
    CHECK(given[i].second.is_contiguous());
    CHECK(torch::equal(given[i].second, written[i].second.to_dense()));
  }
}

}  // namespace

TEST_CASE("tensors written as .pth come back with every dtype and in order", "[weights]") {
  NamedTensors tensors = tensors_of(fixture("weights/expected.safetensors"));
  check_round_trip(tensors);
  tensors.clear();
  for (const auto type :
       {torch::kBool, torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32, torch::kInt64, torch::kFloat16,
        torch::kBFloat16, torch::kFloat32, torch::kFloat64, torch::kComplexFloat, torch::kComplexDouble}) {
    tensors.emplace_back(torch::toString(type), torch::arange(2).to(type).repeat({300}));
  }
  tensors.emplace_back("grüße \"1\"\n", torch::tensor(3));
  tensors.emplace_back("", torch::empty({0, 70'000}));
  tensors.emplace_back("turned", torch::arange(6).reshape({2, 3}).t());
  tensors.emplace_back("expanded", torch::ones({1}).expand({400}));
  tensors.emplace_back("parameter", torch::ones({2}).requires_grad_());
  check_round_trip(tensors);
  check_round_trip({{"sparse", torch::eye(3).to_sparse()}});
  check_round_trip({});
}

TEST_CASE("tensors that share memory share it in the file", "[weights]") {
  const TempDir folder;
  const torch::Tensor base = torch::arange(100'000).to(torch::kFloat32).reshape({100, 1000});
  write_pth(folder / "w.pth", {{"row", base[50]}, {"all", base}, {"turned", base.t()}, {"tied", base}});
  CHECK(std::filesystem::file_size(folder / "w.pth") < 402'000);
  const NamedTensors given = tensors_of(folder / "w.pth");
  CHECK(torch::equal(given[0].second, base[50]));
  CHECK(torch::equal(given[2].second, base.t()));
  given[1].second.zero_();
  CHECK(given[0].second.eq(0).all().item<bool>());
  CHECK(given[3].second.eq(0).all().item<bool>());
  CHECK(base[50][1].item<float>() == 50'001);

  write_pth(folder / "slice.pth", {{"row", base[3]}, {"other", base[7]}});
  CHECK(std::filesystem::file_size(folder / "slice.pth") < 10'000);
  CHECK(torch::equal(tensors_of(folder / "slice.pth")[1].second, base[7]));
}

TEST_CASE("the same tensors give the same .pth, whose data are aligned as torch.save aligns them", "[weights]") {
  const TempDir folder;
  const auto tensors = [] {
    return NamedTensors{{"a", torch::arange(5)}, {"b", torch::ones({3}, torch::kUInt8)}, {"c", torch::ones({7})}};
  };
  write_pth(folder / "a.pth", tensors());
  write_pth(folder / "b.pth", tensors());
  const std::string bytes = read_file(folder / "a.pth");
  CHECK(bytes == read_file(folder / "b.pth"));
  const std::string ones("\0\0\x80\x3f\0\0\x80\x3f", 8);
  CHECK(bytes.find(ones) % 64 == 0);
  CHECK(bytes.find(std::string("\x80\x02"
                               "ccollections\nOrderedDict\n)R(X")) %
            64 ==
        0);
  CHECK(bytes.find("archive/data/2") != std::string::npos);
}

TEST_CASE("a .pth carries the versions of its modules, by default those that names tell", "[weights]") {
  const TempDir folder;
  const torch::Tensor one = torch::ones({1});
  const NamedTensors tensors = {{"stem.0.weight", one},
                                {"stem.1.running_mean", one},
                                {"stem.1.num_batches_tracked", torch::tensor(0)},
                                {"fc.weight", one},
                                {"fc.bias", one},
                                {"scale", one}};
  const ModuleVersions told = {{"", 1}, {"stem", 1}, {"stem.0", 1}, {"stem.1", 2}, {"fc", 1}};
  CHECK(module_versions(tensors) == told);
  write_pth(folder / "told.pth", tensors);
  CHECK(read_weights(folder / "told.pth").versions == told);
  const ModuleVersions given = {{"", 2}, {"stem", 70'000}, {"fc", 300}};
  write_pth(folder / "given.pth", tensors, given);
  CHECK(read_weights(folder / "given.pth").versions == given);
  CHECK(read_weights(folder / "given.pth").tensors.size() == 6);
  const ModuleVersions python = {{"", 1}, {"stem", 1}, {"stem.0", 1}, {"stem.1", 2}, {"head", 1}};
  CHECK(read_weights(fixture("weights/plain.pth")).versions == python);
  CHECK(read_weights(fixture("weights/legacy.pth")).versions == python);
  CHECK(read_weights(fixture("weights/parallel.pth")).versions.empty());  // of the wrapper's modules
  write_pth(folder / "none.pth", {});
  CHECK(read_weights(folder / "none.pth").versions == ModuleVersions{{"", 1}});
}

TEST_CASE("a .pth that cannot be written leaves nothing", "[weights]") {
  const TempDir folder;
  CHECK_THROWS_AS(write_pth(folder / "w", {{"a", torch::ones(1)}, {"a", torch::ones(1)}}), InternalError);
  CHECK_THROWS_AS(write_pth(folder / "w", {{"a", torch::Tensor()}}), InternalError);
  CHECK_THROWS_AS(write_pth(folder / "no/such/w", {{"a", torch::ones(1)}}), UserError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace mlrun::weights::write_pth_tests
