#include "deploy/export_session.h"

#include <sys/stat.h>

#include <map>
#include <set>

#include <torch/script.h>

#include "base/files.h"
#include "catch.h"
#include "deploy/torchscript.h"
#include "engine/train/training.h"
#include "recipes/registry.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;
using Catch::Matchers::ContainsSubstring;

namespace {

ExportSubject small_subject() {
  return subject_of(recipes::tasks(), recipes::transforms(), "small_cnn", {{"model.num_classes", "3"}}, 5,
                    kGoldenSamples);
}

}  // namespace

TEST_CASE("a TorchScript export computes what the model computes and lies beside its golden vectors", "[deploy]") {
  const test::TempDir folder;
  ExportSubject subject = small_subject();
  subject.classes = {"cat", "dog", "eel"};
  const bool frozen = GENERATE(false, true);
  const Exported exported = export_subject(subject, {folder / "model.torchscript", "torchscript", frozen});
  REQUIRE(exported.met);
  CHECK(exported.files.size() == 4);
  CHECK(exported.bytes == std::filesystem::file_size(folder / "model.torchscript"));
  CHECK(read_file(folder / "model.torchscript.classes.txt") == "cat\ndog\neel\n");
  const auto golden = weights::read_safetensors(folder / "model.torchscript.golden.safetensors");
  REQUIRE(golden.tensors.size() == 2);
  const torch::Tensor found = load_torchscript(folder / "model.torchscript")({golden.tensors[0].second}).front();
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
  const ExportSubject subject = small_subject();
  export_subject(subject, {folder / "a.torchscript", "torchscript"});
  CHECK_THROWS_WITH(export_subject(subject, {folder / "a.torchscript", "torchscript"}),
                    ContainsSubstring("exists already; add --force"));
  const ExportSubject other =
      subject_of(recipes::tasks(), recipes::transforms(), "small_cnn", {{"model.num_classes", "4"}}, 5, kGoldenSamples);
  const std::string beside = (folder / "c.torchscript.preprocess.json").string();
  folder.write("c.torchscript.preprocess.json", "of another");
  CHECK(test::user_error([&] {
          export_subject(other, {folder / "c.torchscript", "torchscript"});
        }) == beside + ": exists already and is of another export; add --force to replace it, or choose another name");
  CHECK_FALSE(std::filesystem::exists(folder / "c.torchscript"));
  CHECK(export_subject(other, {folder / "c.torchscript", "torchscript", false, true}).met);
}

TEST_CASE("exports in one folder leave each other's files alone, and a forced one leaves nothing old", "[deploy]") {
  const test::TempDir folder;
  ExportSubject subject = small_subject();
  subject.classes = {"cat", "dog", "eel"};
  for (const char* name : {"net.torchscript", "net.frozen"}) {
    CHECK(export_subject(subject, {folder / name, "torchscript", name == std::string("net.frozen")}).met);
  }
  ExportSubject other =
      subject_of(recipes::tasks(), recipes::transforms(), "small_cnn", {{"model.num_classes", "4"}}, 5, kGoldenSamples);
  CHECK(export_subject(other, {folder / "net.torchscript", "torchscript", false, true}).met);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    names.insert(entry.path().filename().string());
  }
  CHECK(names == std::set<std::string>{"net.frozen", "net.frozen.classes.txt", "net.frozen.golden.safetensors",
                                       "net.frozen.preprocess.json", "net.torchscript",
                                       "net.torchscript.golden.safetensors", "net.torchscript.preprocess.json"});
  CHECK(read_file(folder / "net.frozen.classes.txt") == "cat\ndog\neel\n");
  const Json preprocess = parse_json(read_file(folder / "net.torchscript.preprocess.json"));
  CHECK(preprocess.at("golden").at("file") == "net.torchscript.golden.safetensors");
}

TEST_CASE("an export never replaces a link or what is no regular file", "[deploy]") {
  const test::TempDir folder;
  const ExportSubject subject = small_subject();
  folder.write("real", "precious");
  std::filesystem::create_symlink("real", folder / "link.torchscript");
  std::filesystem::create_symlink("real", folder / "a.torchscript.preprocess.json");
  REQUIRE(::mkfifo((folder / "pipe.torchscript").c_str(), 0600) == 0);
  const auto refusal = [&](const char* name) {
    const bool force = true;
    return test::user_error([&] { export_subject(subject, {folder / name, "torchscript", false, force}); });
  };
  const std::string hint = "; name a file: an exported model is one of several that lie together";
  CHECK(refusal("link.torchscript") == (folder / "link.torchscript").string() + ": is a symbolic link" + hint);
  CHECK(refusal("pipe.torchscript") == (folder / "pipe.torchscript").string() + ": is no regular file" + hint);
  CHECK(refusal("a.torchscript") ==
        (folder / "a.torchscript.preprocess.json").string() + ": is a symbolic link" + hint);
  CHECK_FALSE(std::filesystem::exists(folder / "a.torchscript"));
  CHECK(read_file(folder / "real") == "precious");
}

TEST_CASE("an export's preprocessing is what is in use, not what was published", "[deploy]") {
  const test::TempDir folder;
  test::train_in(folder / "run", test::tiny({"train.epochs=1"}));
  const auto subject = [&](const std::string& preprocess) {
    const test::Quiet quiet;
    const config::LayerRequest recipe{folder / "run/recipe.yaml",
                                      {config::parse_override("data.preprocess=" + preprocess)}};
    return subject_of(recipes::tasks(), config::resolve(recipe, recipes::catalogue()),
                      engine::choose_weights(folder / "run", ""), kGoldenSamples);
  };
  using Facts = std::map<std::string, Json>;  // in any order
  Json own = subject("[{name: classification_eval, resize_size: 10, crop_size: 6}]").preprocessing;
  own.erase("transforms");
  CHECK(own.get<Facts>() == Facts{{"channels", 1},
                                  {"input_channels", 1},
                                  {"input_size", 6},
                                  {"resize_size", 10},
                                  {"interpolation", "bilinear"},
                                  {"mean", Json::array({0.449})},
                                  {"std", Json::array({0.226})}});
  Json plain = subject("[{name: normalize, mean: 0.5, std: 0.2}]").preprocessing;
  plain.erase("transforms");
  CHECK(plain.get<Facts>() == Facts{{"channels", 1},
                                    {"input_channels", 1},
                                    {"input_size", 8},
                                    {"mean", Json::array({0.5})},
                                    {"std", Json::array({0.2})}});
}

TEST_CASE("an export into no folder, or onto one, is refused and leaves nothing", "[deploy]") {
  const test::TempDir folder;
  const ExportSubject subject = small_subject();
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
