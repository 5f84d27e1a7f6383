#include "engine/run/export_weights.h"

#include <cmath>

#include <torch/types.h>

#include "base/files.h"
#include "engine/train/training.h"
#include "models/named_model.h"
#include "nn/versions.h"
#include "weights/file.h"

using namespace mlrun;
using namespace mlrun::engine;
using namespace mlrun::test;
using Catch::Matchers::ContainsSubstring;

namespace {

void check_equal(const weights::NamedTensors& a, const weights::NamedTensors& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].first == b[i].first);
    CHECK(torch::equal(a[i].second, b[i].second));
  }
}

}  // namespace

TEST_CASE("an architecture is exported freshly initialised", "[engine]") {
  const TempDir folder;
  const std::vector<config::Override> options = {{"model.num_classes", "10"}};
  const Json first = export_model("mobilenet_v3_small", options, 7, {folder / "a.safetensors"});
  CHECK(first.at("format") == "safetensors");
  CHECK(first.at("tensors") == 244);
  CHECK(first.at("bytes") == std::filesystem::file_size(folder / "a.safetensors"));
  export_model("mobilenet_v3_small", options, 7, {folder / "b.pth"});
  export_model("mobilenet_v3_small", options, 8, {folder / "c.pth"});
  const auto a = weights::read_weights(folder / "a.safetensors"), b = weights::read_weights(folder / "b.pth");
  check_equal(a.tensors, b.tensors);
  CHECK_FALSE(torch::equal(a.tensors[0].second, weights::read_weights(folder / "c.pth").tensors[0].second));
  const auto model = models::make_named("mobilenet_v3_small", options);
  nn::initialise(*model.layer, 7);
  check_equal(a.tensors, nn::state_dict(*model.layer));
  CHECK(a.metadata.at("model") == "mobilenet_v3_small");
  const Json preprocessing = Json::parse(a.metadata.at("preprocessing"));
  CHECK(preprocessing.at("input_size") == 224);
  CHECK(preprocessing.at("mean") == Json{0.485, 0.456, 0.406});
  CHECK(a.metadata.count("classes") == 0);  // of random weights nothing is known
}

TEST_CASE("a .pth has its modules' versions, from wherever its weights come", "[engine]") {
  const Quiet quiet;
  const TempDir folder;
  const auto versions = [&](const std::string& name) { return weights::read_weights(folder / name).versions; };
  const auto again = [&](const std::string& from, const std::string& to) {
    export_file(folder / from, "", {folder / to});
    return versions(to);
  };
  export_model("mnasnet0_5", {{"model.num_classes", "3"}}, 7, {folder / "a.pth"});
  const weights::ModuleVersions expected = versions("a.pth");
  CHECK(expected == nn::module_versions(*models::make_named("mnasnet0_5", {}).layer));
  CHECK(expected.front() == std::pair<std::string, std::int64_t>("", 2));
  CHECK(again("a.pth", "b.pth") == expected);  // the file's own
  export_model("mnasnet0_5", {{"model.num_classes", "3"}}, 7, {folder / "a.safetensors"});
  CHECK(again("a.safetensors", "c.pth") == expected);  // by the model's name in its metadata
  CHECK(read_file(folder / "a.pth") == read_file(folder / "c.pth"));
  train_in(folder / "run", tiny({"train.epochs=1", "model={name: mnasnet0_5}", "data.height=32", "data.width=32"}));
  CHECK(again("run", "d.pth") == expected);  // by the recipe in its metadata
  const weights::NamedTensors foreign = {{"bn.num_batches_tracked", torch::tensor(1)}};
  weights::write_safetensors(folder / "e.safetensors", foreign, {{"model", "mnasnet0_5"}});
  CHECK(again("e.safetensors", "e.pth") == weights::module_versions(foreign));  // of no such model
}

TEST_CASE("an architecture is exported with given weights", "[engine]") {
  const Quiet quiet;
  const TempDir folder;
  export_model("small_cnn", {{"model.num_classes", "5"}}, 1, {folder / "five.pth"});
  const std::vector<config::Override> options = {
      {"model.num_classes", "3"}, {"model.weights", (folder / "five.pth").string()}, {"model.head", "reinit"}};
  export_model("small_cnn", options, 2, {folder / "three.pth"});
  const auto five = weights::read_weights(folder / "five.pth"), three = weights::read_weights(folder / "three.pth");
  CHECK(torch::equal(five.tensors[0].second, three.tensors[0].second));
  CHECK(three.tensors.back().second.size(0) == 3);
}

TEST_CASE("weight files are converted, and carry their metadata where the format does", "[engine]") {
  const TempDir folder;
  const weights::NamedTensors tensors = {{"w", torch::ones({3})}, {"half", torch::ones({2}, torch::kBFloat16)}};
  weights::write_safetensors(folder / "a.safetensors", tensors, {{"classes", "[\"x\"]"}});
  const Json to_pth = export_file(folder / "a.safetensors", "", {folder / "b.pth"});
  CHECK(to_pth.at("notes") == Json::array({"metadata is left out: a .pth file holds tensors alone"}));
  check_equal(weights::read_weights(folder / "b.pth").tensors, tensors);
  export_file(folder / "b.pth", "", {folder / "c.out", "safetensors"});
  check_equal(weights::read_safetensors(folder / "c.out").tensors, tensors);
  export_file(folder / "a.safetensors", "", {folder / "d.safetensors"});
  CHECK(weights::read_safetensors(folder / "d.safetensors").metadata.at("classes") == "[\"x\"]");
}

TEST_CASE("the best weights of a run are exported", "[engine]") {
  const TempDir folder;
  train_in(folder / "run", tiny({"train.epochs=1"}));
  export_file(folder / "run", "", {folder / "best.safetensors"});
  const auto best = weights::read_safetensors(folder / "run/checkpoints/best/model.safetensors");
  const auto written = weights::read_safetensors(folder / "best.safetensors");
  check_equal(written.tensors, best.tensors);
  CHECK(written.metadata == best.metadata);
  export_file(folder / "run/checkpoints/last", "", {folder / "last.pth"});
  export_file(folder / "run", "last", {folder / "again.pth"});
  CHECK(read_file(folder / "last.pth") == read_file(folder / "again.pth"));
}

TEST_CASE("an export overwrites nothing unasked and leaves no half files", "[engine]") {
  const TempDir folder;
  const auto there = folder.write("there.pth", "precious");
  const auto failure = [&](const ExportTarget& target) {
    return user_error([&] { export_model("small_cnn", {}, 0, target); });
  };
  CHECK(failure({there}) == there.string() + ": exists already; add --force to replace it, or choose another name");
  CHECK(read_file(there) == "precious");
  export_model("small_cnn", {}, 0, {there, "", /*force=*/true});
  CHECK(weights::read_weights(there).tensors.size() > 10);
  CHECK(failure({folder / "x.bin"}) ==
        (folder / "x.bin").string() + ": does not tell a format; add --format safetensors");
  CHECK(failure({folder / "x.bin", "onyx"}) == "--format: there is no format 'onyx'; choose safetensors or pth");
  CHECK(failure({folder.path(), "pth"}) == folder.path().string() + ": is a folder; name a file");
  CHECK_THAT(failure({folder / "no/such/x.pth"}), ContainsSubstring((folder / "no/such").string()));
  CHECK(user_error([&] { export_file(folder / "absent", "", {folder / "x.pth"}); }) ==
        (folder / "absent").string() + ": does not exist");
  CHECK_FALSE(std::filesystem::exists(folder / "x.pth"));
}

TEST_CASE("weights that are not finite are not exported", "[engine]") {
  const TempDir folder;
  weights::write_safetensors(folder / "bad.safetensors", {{"a", torch::ones({2})}, {"b", torch::tensor({NAN})}});
  CHECK(user_error([&] {
          export_file(folder / "bad.safetensors", "", {folder / "out.pth"});
        }).find((folder / "bad.safetensors").string() + ": b: holds numbers that are not finite") == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "out.pth"));
}
