#include "engine/average/files.h"

#include <cmath>
#include <set>

#include <torch/types.h>

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::AverageInput;

namespace fs = std::filesystem;

namespace {

fs::path write_weights(const TempDir& folder, const std::string& name, const weights::NamedTensors& tensors) {
  weights::write_safetensors(folder / name, tensors);
  return folder / name;
}

weights::NamedTensors sample_weights(float value) {
  return {{"fc.weight", torch::full({2, 3}, value)},
          {"n", torch::tensor(static_cast<std::int64_t>(value), torch::kLong)}};
}

std::vector<AverageInput> three(const TempDir& folder) {
  std::vector<fs::path> files;
  for (const float value : {1.0F, 2.0F, 6.0F}) {
    files.push_back(
        write_weights(folder, "w" + std::to_string(static_cast<int>(value)) + ".safetensors", sample_weights(value)));
  }
  return engine::inputs_of(files, false);
}

}  // namespace

TEST_CASE("files are averaged with their shares, integers are the last file's", "[engine][averaging]") {
  const TempDir folder;
  auto inputs = three(folder);
  engine::set_shares(inputs, {});
  const auto equal = engine::average_files(inputs, std::nullopt);
  CHECK(equal.tensors[0].second.eq(3).all().item<bool>());
  CHECK(equal.tensors[1].second.item<std::int64_t>() == 6);
  const Json sources = Json::parse(equal.metadata.at("averaged_from"));
  REQUIRE(sources.size() == 3);
  CHECK(sources[2]["sha256"] == sha256_file(inputs[2].file));
  engine::set_shares(inputs, {0.5, 0.25, 0.25});
  CHECK(engine::average_files(inputs, std::nullopt).tensors[0].second.eq(2.5).all().item<bool>());
  CHECK(engine::average_files(inputs, 0.5).tensors[0].second.eq(3.75).all().item<bool>());
}

TEST_CASE("shares that do not fit are refused", "[engine][averaging]") {
  const TempDir folder;
  auto inputs = three(folder);
  CHECK(user_error([&] {
          engine::set_shares(inputs, {0.5, 0.5});
        }) == "--weights names 2 shares for 3 inputs; give one for each, as --weights 0.5,0.3,0.2");
  CHECK(user_error([&] {
          engine::set_shares(inputs, {0.5, 0.5, 0.5});
        }) == "--weights: the shares sum to 1.5; give shares above 0 that sum to 1");
  CHECK(user_error([&] {
          engine::set_shares(inputs, {1.5, 0.5, -1});
        }).find("not all are above 0") != std::string::npos);
}

TEST_CASE("files of other models say how they differ", "[engine][averaging]") {
  const TempDir folder;
  const auto good = write_weights(folder, "good.safetensors", sample_weights(1));
  const auto check = [&](const weights::NamedTensors& other, const std::string& how) {
    const auto file = write_weights(folder, "other.safetensors", other);
    auto inputs = engine::inputs_of({good, file}, false);
    CHECK(user_error([&] { engine::average_files(inputs, std::nullopt); }) ==
          file.string() + ": is not of the same model as " + good.string() + ": " + how +
              "; average weights of one architecture with one number of classes");
  };
  check({{"fc.weight", torch::zeros({2, 4})}, {"n", torch::tensor(1, torch::kLong)}},
        "fc.weight is [2, 4] instead of [2, 3]");
  check({{"fc.weight", torch::zeros({2, 3})}}, "lacks n");
  check({{"fc.weight", torch::zeros({2, 3})}, {"n", torch::tensor(1, torch::kLong)}, {"x", torch::zeros({1})}},
        "has x besides");
  const auto quantized = write_weights(folder, "q.safetensors", {{"fc.weight", torch::zeros({2, 3}, torch::kChar)}});
  CHECK(user_error([&] {
          engine::average_files(engine::inputs_of({quantized}, false), std::nullopt);
        }).find("is a quantized model, whose weights cannot be averaged") != std::string::npos);
  CHECK(user_error([&] { engine::inputs_of({folder / "none"}, false); }).find("does not exist") != std::string::npos);
}

TEST_CASE("a run among the inputs stands for its best weights, and tells its seed", "[engine][averaging]") {
  const TempDir folder;
  const fs::path plain = folder / "plain", ema = folder / "ema";
  train_in(plain, tiny({"train.seed=5"}));
  train_in(ema, tiny({"train.seed=6", "averaging={name: ema, decay: 0.5}"}));
  const auto best = [](const fs::path& run) {
    return run / "checkpoints" / fs::read_symlink(run / "checkpoints/best").string();
  };
  auto inputs = engine::inputs_of({plain, ema, plain / "checkpoints/last"}, false);
  REQUIRE(inputs.size() == 3);
  CHECK(inputs[0].file == best(plain) / "model.safetensors");
  CHECK(inputs[1].file == best(ema) / "model.safetensors");
  engine::set_shares(inputs, {});
  CHECK(engine::average_files(inputs, std::nullopt).seeds == std::set<std::string>{"5", "6"});
  CHECK(engine::inputs_of({ema}, true).front().file.filename() == "averaged.safetensors");
  CHECK(user_error([&] { engine::inputs_of({plain}, true); }) ==
        plain.string() + ": has no averaged weights; take the raw ones, or name runs that trained with `averaging`");
  CHECK(user_error([&] { engine::inputs_of({folder.path()}, false); }) ==
        folder.path().string() + ": is neither a run nor a checkpoint; name runs, checkpoints or weight files");
  // Weights that began with others say nothing of where: soups of fine-tuned models are fine.
  train_in(folder / "tuned", tiny({"train.seed=7", "train.epochs=1", "model.weights=" + plain.string()}));
  CHECK(engine::average_files(engine::inputs_of({folder / "tuned"}, false), std::nullopt).seeds.empty());
}

TEST_CASE("checkpoints of a run are chosen by age, figure and epoch", "[engine][averaging]") {
  const TempDir folder;
  const fs::path run = folder / "run";
  train_in(run, tiny({"train.checkpoint.keep=99"}));
  const auto steps = [&](const engine::Selection& selection) {
    std::vector<std::string> names;
    for (const auto& input : engine::select_checkpoints(run, selection, false)) {
      names.push_back(input.file.parent_path().filename().string());
    }
    return names;
  };
  engine::Selection last, best, late;
  last.last = 2;
  CHECK(steps(last) == std::vector<std::string>{"step-00000009", "step-00000012"});
  late.from_epoch = 3;
  CHECK(steps(late) == std::vector<std::string>{"step-00000009", "step-00000012"});
  best.best = 1;
  CHECK(steps(best) == std::vector<std::string>{fs::read_symlink(run / "checkpoints/best").string()});
  last.last = 50;
  CHECK(user_error([&] { steps(last); }).find("such checkpoints where 50 are wanted") != std::string::npos);
  late.from_epoch = 50;
  CHECK(user_error([&] { steps(late); }).find("has 0 such checkpoints where 1 are wanted") != std::string::npos);
  CHECK(user_error([&] { engine::select_checkpoints(run, {}, true); }).find("holds no averaged weights") !=
        std::string::npos);
}

TEST_CASE("a file that would spoil an average is named", "[engine][averaging]") {
  const TempDir folder;
  weights::write_safetensors(folder / "a.safetensors", {{"fc.bias", torch::zeros({2})}});
  weights::write_safetensors(folder / "b.safetensors", {{"fc.bias", torch::tensor({0.F, INFINITY})}});
  CHECK(user_error([&] {
          engine::average_files({{folder / "a.safetensors", "", 0.5}, {folder / "b.safetensors", "", 0.5}}, {});
        }).find((folder / "b.safetensors").string() + ": fc.bias: holds numbers that are not finite") == 0);
}
