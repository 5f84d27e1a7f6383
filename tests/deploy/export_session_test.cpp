#include "deploy/export_session.h"

#include <torch/script.h>

#include "base/files.h"
#include "catch.h"
#include "deploy/torchscript.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;
using Catch::Matchers::ContainsSubstring;

namespace {

Subject small_subject() { return subject_of("small_cnn", {{"model.num_classes", "3"}}, 5, kGoldenSamples); }

}  // namespace

TEST_CASE("a TorchScript export computes what the model computes and lies beside its golden vectors", "[deploy]") {
  const test::TempDir folder;
  Subject subject = small_subject();
  subject.classes = {"cat", "dog", "eel"};
  const bool frozen = GENERATE(false, true);
  const Exported exported = export_subject(subject, {folder / "model.torchscript", "torchscript", frozen});
  REQUIRE(exported.met);
  CHECK(exported.files.size() == 4);
  CHECK(exported.bytes == std::filesystem::file_size(folder / "model.torchscript"));
  CHECK(read_file(folder / "model.torchscript.classes.txt") == "cat\ndog\neel\n");
  const auto golden = weights::read_safetensors(folder / "model.torchscript.golden.safetensors");
  REQUIRE(golden.tensors.size() == 2);
  const torch::Tensor found = load_torchscript(folder / "model.torchscript")(golden.tensors[0].second);
  CHECK(golden.tensors[0].second.size(0) == kGoldenSamples);
  CHECK(torch::allclose(found, golden.tensors[1].second, 1e-5, 1e-6));
  const Json preprocess = Json::parse(read_file(folder / "model.torchscript.preprocess.json"));
  CHECK(preprocess.at("model") == "small_cnn");
  CHECK(preprocess.at("classes").size() == 3);
  CHECK(preprocess.at("input").at("shape").at(0).is_null());
  torch::jit::ExtraFilesMap extra = {{"preprocess.json", ""}};
  const auto module = torch::jit::load((folder / "model.torchscript").string(), c10::nullopt, extra);
  CHECK(Json::parse(extra.at("preprocess.json")) == preprocess);
  CHECK((module.named_parameters().size() == 0) == frozen);
}

TEST_CASE("an export never replaces another one unasked", "[deploy]") {
  const test::TempDir folder;
  const Subject subject = small_subject();
  export_subject(subject, {folder / "a.torchscript", "torchscript"});
  CHECK_THROWS_WITH(export_subject(subject, {folder / "a.torchscript", "torchscript"}),
                    ContainsSubstring("exists already; add --force"));
  CHECK(export_subject(subject, {folder / "b.torchscript", "torchscript", true}).met);  // the same beside it
  const Subject other = subject_of("small_cnn", {{"model.num_classes", "4"}}, 5, kGoldenSamples);
  CHECK_THROWS_WITH(export_subject(other, {folder / "c.torchscript", "torchscript"}),
                    ContainsSubstring("is of another export"));
  CHECK_FALSE(std::filesystem::exists(folder / "c.torchscript"));
  CHECK(export_subject(other, {folder / "c.torchscript", "torchscript", false, true}).met);
}

TEST_CASE("an export into no folder, or onto one, is refused and leaves nothing", "[deploy]") {
  const test::TempDir folder;
  const Subject subject = small_subject();
  CHECK_THROWS_WITH(export_subject(subject, {folder / "absent/a.torchscript", "torchscript"}),
                    ContainsSubstring("is no folder"));
  CHECK_THROWS_WITH(export_subject(subject, {folder.path(), "torchscript"}), ContainsSubstring("is a folder"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a file that is no TorchScript is told in one line", "[deploy]") {
  const test::TempDir folder;
  const auto file = folder.write("x.torchscript", "not an archive");
  CHECK_THROWS_WITH(load_torchscript(file), ContainsSubstring("is no TorchScript archive"));
}
