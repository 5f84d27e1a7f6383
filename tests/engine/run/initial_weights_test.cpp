#include "engine/run/initial_weights.h"

#include <torch/types.h>

#include <csignal>
#include <cstdlib>
#include <map>

#include "engine/train/training.h"
#include "weights/file.h"

using namespace mlrun;
using namespace mlrun::engine;
using namespace mlrun::test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A task with drawn weights, as the trainer hands it over.
std::unique_ptr<Task> drawn_task(const config::Resolved& resolved) {
  auto task = recipes::tasks().make(resolved.recipe.task.kind, TaskRequest{resolved.recipe, std::nullopt});
  nn::initialise(*task->models().front().second, 3);
  return task;
}

weights::NamedTensors weights_of(const Task& task) {
  weights::NamedTensors copies;
  for (const auto& [name, tensor] : nn::state_dict(*task.models().front().second)) {
    copies.emplace_back(name, tensor.detach().clone());
  }
  return copies;
}

std::string checked(const std::vector<std::string>& overrides) {
  return user_error([&] { check_initial_weights(tiny(overrides)); });
}

/// The tiny recipe with `model` in place of its own section.
std::string with_model(const std::string& model) {
  std::string text = tiny_text();
  const auto begin = text.find("model:"), end = text.find('\n', begin);
  return text.replace(begin, end - begin, model);
}

}  // namespace

TEST_CASE("training starts from the weights that the recipe names", "[engine]") {
  const Quiet quiet;
  const TempDir folder;
  const auto source = drawn_task(tiny());
  nn::initialise(*source->models().front().second, 77);
  const auto given = weights_of(*source);
  weights::write_safetensors(folder / "w.safetensors", given);
  weights::write_pth(folder / "w.pth", given);
  for (const char* name : {"w.safetensors", "w.pth"}) {
    const auto resolved = tiny({"model.weights=" + (folder / name).string()});
    check_initial_weights(resolved);
    const auto task = drawn_task(resolved);
    apply_initial_weights(*task, resolved.recipe);
    const auto now = weights_of(*task);
    for (std::size_t i = 0; i < given.size(); ++i) CHECK(torch::equal(now[i].second, given[i].second));
  }
}

TEST_CASE("a recipe without weights keeps what was drawn", "[engine]") {
  const auto resolved = tiny();
  check_initial_weights(resolved);
  const auto task = drawn_task(resolved);
  const auto before = weights_of(*task);
  apply_initial_weights(*task, resolved.recipe);
  const auto after = weights_of(*task);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(torch::equal(before[i].second, after[i].second));
}

TEST_CASE("a backbone is taken over for another number of classes", "[engine]") {
  const Quiet quiet;
  const TempDir folder;
  const auto source = drawn_task(tiny({"data.num_classes=7"}));
  nn::initialise(*source->models().front().second, 77);
  weights::write_pth(folder / "w.pth", weights_of(*source));
  const std::string file = "model.weights=" + (folder / "w.pth").string();
  const auto strict = tiny({file});
  CHECK_THAT(
      user_error([&] { apply_initial_weights(*drawn_task(strict), strict.recipe); }),
      ContainsSubstring("fc.weight [7, 16] instead of [4, 16], fc.bias [7] instead of [4]; for another number of "
                        "classes set model.head: reinit"));
  for (const char* key : {"model.head=reinit", "model.weights.head=reinit"}) {
    const auto resolved = tiny({file, key});
    check_initial_weights(resolved);
    const auto task = drawn_task(resolved);
    const auto drawn = weights_of(*task);
    apply_initial_weights(*task, resolved.recipe);
    const auto now = weights_of(*task), given = weights_of(*source);
    for (std::size_t i = 0; i < now.size(); ++i) {
      const bool head = now[i].first.rfind("fc.", 0) == 0;
      CHECK(torch::equal(now[i].second, (head ? drawn : given)[i].second));
    }
  }
}

TEST_CASE("missing weights are a problem of the recipe, at their place", "[engine]") {
  const TempDir folder;
  const auto file = folder.write("r.yaml", with_model("model: {name: small_cnn, weights: absent.pth}"));
  const auto resolved = config::resolve({file, {}}, recipes::catalogue());
  CHECK(user_error([&] { check_initial_weights(resolved); }) ==
        file.string() + ":2:35: model.weights.file: does not exist: " + (folder / "absent.pth").string() +
            "; `mlrun weights list` shows the published weights");
  CHECK(checked({"model.weights=/nowhere/x.pth"}) ==
        "command line: model.weights.file: does not exist: /nowhere/x.pth; `mlrun weights list` shows the published "
        "weights");
  CHECK_THAT(checked({"model.weights=/tmp"}),
             ContainsSubstring("is a folder, and neither a run nor a checkpoint: /tmp"));
  CHECK_THAT(checked({"model.weights=resnet18"}), ContainsSubstring("for published weights write DEFAULT"));
}

TEST_CASE("published weights must be of the model and on this machine", "[engine]") {
  const TempDir folder;
  CHECK(checked({"model.weights=IMAGENET1K_V1"}) ==
        "command line: model.weights.file: no published weights are called 'IMAGENET1K_V1'; `mlrun weights list` shows "
        "them");
  CHECK(checked({"model=resnet18", "model.weights=resnet50/IMAGENET1K_V1"}) ==
        "command line: model.weights.file: the weights resnet50/IMAGENET1K_V1 are of another model than resnet18; "
        "`mlrun weights list resnet18` shows those of this model");
  CHECK_THAT(checked({"model=resnet18", "model.weights=IMAGENET1K_V7"}),
             ContainsSubstring("no published weights are called 'IMAGENET1K_V7'; did you mean IMAGENET1K_V1?"));
  ::setenv("XDG_CACHE_HOME", folder.path().c_str(), 1);
  CHECK(checked({"model=resnet18", "model.weights=IMAGENET1K_V1"}) ==
        "command line: model.weights.file: the weights resnet18/IMAGENET1K_V1 are not on this machine; run `mlrun "
        "weights get resnet18/IMAGENET1K_V1`, or put the file resnet18-f37072fd.pth into " +
            (folder / "mlrun/weights").string());
  // With a map, those of another model are a part of this one.
  CHECK_THAT(checked({"model=resnet18", "model.weights={file: resnet50/IMAGENET1K_V1, map: {layer1: layer1}}"}),
             ContainsSubstring("the weights resnet50/IMAGENET1K_V1 are not on this machine"));
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_CASE("a head is started anew only where weights are given", "[engine]") {
  CHECK(checked({"model.head=reinit"}) ==
        "command line: model.head: reinit starts the last layer of given weights anew; name them: model.weights: FILE");
}

TEST_CASE("a run starts from weights and goes on without them", "[engine]") {
  const TempDir folder;
  train_in(folder / "first", tiny({"train.epochs=1"}));
  const auto weights = folder / "w.safetensors";
  std::filesystem::copy(folder / "first/checkpoints/last/model.safetensors", weights);
  const std::vector<std::string> from = {"model.weights=" + weights.string(), "optimizer.lr=1e-20"};
  train_in(folder / "second", tiny(from));
  const auto before = weights::read_weights(weights),
             after = weights::read_weights(folder / "second/checkpoints/last/model.safetensors");
  for (std::size_t i = 0; i < before.tensors.size(); ++i) {
    const auto& [name, tensor] = before.tensors[i];
    const bool statistic = name.find("running") != std::string::npos || name.find("num_batches") != std::string::npos;
    INFO(name);
    if (!statistic) CHECK(torch::allclose(tensor, after.tensors[i].second, 0, 1e-12));
  }
  // Stopped and resumed, the file is no longer needed.
  const auto whole = train_in(folder / "whole", tiny({from[0]}));
  const auto stop = [calls = std::make_shared<int>(0)](Task&, const data::Batch&) {
    if (++*calls == 4) std::raise(SIGTERM);
  };
  train_in(folder / "parts", tiny_watched({from[0]}), Resume::Never, watched_tasks(stop));
  std::filesystem::remove(weights);
  train_in(folder / "parts", tiny_watched({from[0]}), Resume::Must, watched_tasks());
  const auto one = weights::read_weights(folder / "whole/checkpoints/last/model.safetensors");
  const auto two = weights::read_weights(folder / "parts/checkpoints/last/model.safetensors");
  for (std::size_t i = 0; i < one.tensors.size(); ++i)
    CHECK(torch::equal(one.tensors[i].second, two.tensors[i].second));
}

TEST_CASE("a run stands for its best weights, a checkpoint for its own", "[engine]") {
  const TempDir folder;
  train_in(folder / "run", tiny({"train.checkpoint.keep=9"}));
  const Quiet quiet;
  for (const char* name : {"run", "run/checkpoints/best", "run/checkpoints/step-00000003"}) {
    INFO(name);
    const bool own = std::string(name).find("step") != std::string::npos;
    const auto resolved = tiny({"model.weights=" + (folder / name).string()});
    check_initial_weights(resolved);
    const auto task = drawn_task(resolved);
    apply_initial_weights(*task, resolved.recipe);
    const auto expected =
        weights::read_safetensors(folder / (own ? name : "run/checkpoints/best") / "model.safetensors").tensors;
    std::map<std::string, torch::Tensor> given(expected.begin(), expected.end());
    for (const auto& [key, tensor] : weights_of(*task)) CHECK(torch::equal(tensor, given.at(key)));
  }
  const auto file = folder / "run/checkpoints/step-00000003/model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 4);
  const auto damaged = tiny({"model.weights=" + (folder / "run/checkpoints/step-00000003").string()});
  const auto task = drawn_task(damaged);
  CHECK_THAT(user_error([&] { apply_initial_weights(*task, damaged.recipe); }), ContainsSubstring("is damaged"));
  std::filesystem::remove_all(folder / "run/checkpoints");
  CHECK_THAT(checked({"model.weights=" + (folder / "run").string()}), ContainsSubstring("has no checkpoint yet"));
}
