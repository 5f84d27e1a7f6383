#include "engine/average/weight_source.h"

#include <map>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/apply/ensemble.h"
#include "engine/average/averager.h"
#include "engine/average/norm_renewal.h"
#include "engine/run/checkpoint.h"
#include "engine/run/model_state.h"
#include "engine/train/training.h"
#include "figures.h"

using namespace mlrun;
using namespace mlrun::test;

namespace fs = std::filesystem;

namespace {

constexpr const char* kSwag = "averaging={name: swag, start: 1 epoch, every: 2 steps, rank: 3}";

/// A finished run of swag, made once for all tests of this file.
const fs::path& swag_run() {
  static const TempDir folder;
  static const fs::path run = [] {
    train_in(folder / "run", tiny({kSwag, "model.dropout=0"}));
    return folder / "run";
  }();
  return run;
}

config::Resolved recipe_of(const fs::path& run) {
  return config::resolve({run / "recipe.yaml", {}}, recipes::catalogue());
}

std::map<std::string, torch::Tensor> applied(const engine::WeightSource& source, std::int64_t draw, std::uint64_t key) {
  const Quiet quiet;
  const auto loaded = engine::prepare(recipes::tasks(), recipe_of(swag_run()), source);
  source.apply(*loaded.task, loaded.context, draw, key);
  std::map<std::string, torch::Tensor> weights;
  for (const auto& [name, tensor] : engine::model_tensors(loaded.task->models()))
    weights[name] = tensor.detach().clone();
  return weights;
}

void check_equal(const std::map<std::string, torch::Tensor>& a, const std::map<std::string, torch::Tensor>& b) {
  for (const auto& [name, tensor] : a) {
    INFO(name);
    CHECK(torch::equal(tensor, b.at(name)));
  }
}

engine::PosteriorRequest last_of(const fs::path& run) {
  engine::PosteriorRequest request;
  request.checkpoint = run / "checkpoints" / "last";
  request.samples = 4;
  return request;
}

}  // namespace

TEST_CASE("a file is a source of one draw", "[engine]") {
  const auto source = engine::file_weights(recipe_of(swag_run()), engine::choose_weights(swag_run(), "last"));
  CHECK(source->draws() == 1);
  CHECK(source->name(0) == "last");
  CHECK(source->known()->classes.size() == 4);
  const auto file = weights::read_safetensors(swag_run() / "checkpoints/last/model.safetensors");
  check_equal({file.tensors.begin(), file.tensors.end()}, applied(*source, 0, 0));
}

TEST_CASE("a posterior's draws are those of its moments, batch norm's statistics made for each", "[engine]") {
  const auto source = engine::posterior_weights(recipe_of(swag_run()), last_of(swag_run()));
  CHECK(source->draws() == 4);
  CHECK(source->name(2) == "draw 2");
  const auto drawn = applied(*source, 2, 9);

  optim::GaussianAverage posterior(3);
  posterior.load(engine::read_checkpoint(swag_run() / "checkpoints/last").state, engine::kSavedAverage);
  CHECK(posterior.count() == 4);  // steps 5, 7, 9 and 11
  const auto resolved = recipe_of(swag_run());
  const auto loaded = engine::prepare(recipes::tasks(), resolved, *source);
  {
    const torch::NoGradGuard no_gradients;
    engine::load_model_tensors(loaded.task->models(), posterior.sample(9, 2, 0.5), "a draw");
  }
  engine::RenewalRequest renewal;
  renewal.batch_size = 16;
  renewal.seed = 3;
  engine::renew_norms(*loaded.task, loaded.context, renewal);
  const auto expected = engine::model_tensors(loaded.task->models());
  check_equal(drawn, {expected.begin(), expected.end()});

  // A draw depends on (key, number) alone; a source that begins later goes on with the numbers.
  auto later = last_of(swag_run());
  later.first = 2;
  check_equal(drawn, applied(*engine::posterior_weights(resolved, later), 0, 9));
  CHECK_FALSE(torch::equal(drawn.begin()->second, applied(*source, 1, 9).begin()->second));
  CHECK_FALSE(torch::equal(drawn.begin()->second, applied(*source, 2, 8).begin()->second));
}

TEST_CASE("what has no posterior says so", "[engine]") {
  const TempDir folder;
  train_in(folder / "plain", tiny({"train.epochs=1"}));
  CHECK(user_error([&] { engine::posterior_weights(recipe_of(folder / "plain"), last_of(folder / "plain")); }) ==
        (folder / "plain/checkpoints/last").string() +
            ": has no posterior to draw from; train with averaging: swag, or leave out --samples");
  train_in(folder / "short", tiny({"train.epochs=1", "averaging={name: swag, start: 0 steps, every: 3 steps}"}));
  CHECK(user_error([&] {
          engine::posterior_weights(recipe_of(folder / "short"), last_of(folder / "short"));
        }).find("holds 1 sets of weights, and a posterior takes 2") != std::string::npos);
}

TEST_CASE("members that see other samples are refused", "[engine]") {
  const TempDir folder;
  // As many samples and classes, and the same data set, divided by another seed.
  const auto recipe = [&](const std::string& seed) {
    return tiny({"train.epochs=1", "data={format: csv, root: " + (folder / "list.csv").string() +
                                       ", split: {train: 0.5, val: 0.25, test: 0.25, seed: " + seed +
                                       "}, augment: [normalize], preprocess: [normalize]}"});
  };
  fs::create_directory(folder / "images");
  std::string list = "path,label\n";
  for (int i = 0; i < 32; ++i) {
    const std::string name = "images/" + std::to_string(i) + ".ppm";
    folder.write(name, "P6\n8 8\n255\n" + std::string(8 * 8 * 3, static_cast<char>(i * 7)));
    list += name + "," + (i % 2 == 0 ? "even" : "odd") + "\n";
  }
  folder.write("list.csv", list);
  std::vector<engine::Member> members;
  for (const std::string seed : {"0", "0", "1"}) {
    const auto run = folder / std::to_string(members.size());
    const auto resolved = recipe(seed);
    train_in(run, resolved);
    members.push_back({run.string(), resolved, [run, resolved] {
                         return engine::file_weights(resolved, engine::choose_weights(run, "last"));
                       }});
  }
  const Quiet quiet;
  engine::EvalRequest request;
  request.progress = false;
  const auto evaluate = [&](const std::vector<engine::Member>& chosen) {
    return engine::evaluate_ensemble(recipes::tasks(), chosen, request);
  };
  const auto same = evaluate({members[0], members[1]});
  CHECK(same.members.size() == 2);
  CHECK(same.members[0].figures == same.members[1].figures);
  CHECK(user_error([&] {
          evaluate({members[0], members[2]});
        }).find("evaluates other samples than the ensemble's first member") != std::string::npos);
}
