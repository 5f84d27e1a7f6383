#include "engine/ports.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/train/training.h"
#include "nn/layers.h"

using namespace mlrun;
using namespace mlrun::test;
using data::Fields;
using nn::Tensors;

namespace {

/// Doubles the rows of every sample; in training says how many there were, too.
class Doubler : public nn::Layer {
 public:
  Doubler() : Layer("Doubler") {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    Tensors outputs = {inputs.at(0) * 2, inputs.at(1)};
    if (is_training()) outputs.push_back(inputs.at(1).to(torch::kFloat));
    return outputs;
  }
  nn::Interface interface() const override {
    return {{{"rows", true}}, {{"doubled", true}, {"how_many", false, true}}};
  }
};

const Tensors kRows = {torch::ones({2, 3}), torch::zeros({0, 3}), torch::full({1, 3}, 5.0)};

}  // namespace

TEST_CASE("ragged fields go to a model as rows and counts and come back as lists", "[engine]") {
  Doubler model;
  const Tensors tensors = engine::port_tensors(model, {{"other", 1.0}, {"rows", kRows}});
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].sizes() == torch::IntArrayRef({3, 3}));
  CHECK(torch::equal(tensors[1], torch::tensor({2, 0, 1}, torch::kLong)));
  model.eval();
  const Fields outputs = engine::run_model(model, {{"rows", kRows}});
  CHECK(outputs.size() == 1);
  const auto& doubled = std::get<Tensors>(outputs.at("doubled"));
  REQUIRE(doubled.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(torch::equal(doubled[i], kRows[i] * 2));
}

TEST_CASE("outputs of training alone have their names, and integers stay integers", "[engine]") {
  Doubler model;
  const Fields outputs = engine::run_model(model, {{"rows", Tensors{torch::ones({2, 1}, torch::kLong)}}});
  CHECK(outputs.tensor("how_many").item<double>() == 2);
  CHECK(std::get<Tensors>(outputs.at("doubled")).front().scalar_type() == torch::kLong);
}

TEST_CASE("what does not fit a model's ports is a bug that names the port", "[engine]") {
  Doubler model;
  CHECK_THROWS_AS(engine::run_model(model, {{"cows", kRows}}), InternalError);
  CHECK_THROWS_AS(engine::run_model(model, {{"rows", torch::ones(3)}}), InternalError);
  nn::Linear plain(2, 2);
  CHECK_THROWS_AS(engine::port_fields(plain, {torch::ones(1), torch::ones(1)}), InternalError);
  CHECK_THROWS_AS(engine::model_named({{"model", nullptr}}, "critic"), InternalError);
}

TEST_CASE("what a task gives its model is seen at the door, and the model stays as it was", "[engine]") {
  const auto resolved = tiny();
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 1);
  model.train();
  std::vector<data::Sample> samples;
  for (std::int64_t i = 0; i < 3; ++i) samples.push_back(task->evaluation_source(data::Split::Train)->get({i, 0, 0}));
  const data::Batch batch = task->collate(std::move(samples));
  const auto inputs = engine::model_inputs(*task, batch);
  REQUIRE(inputs.size() == 1);
  REQUIRE(inputs.at("model").size() == 1);
  CHECK(torch::equal(inputs.at("model").front(), batch.inputs.tensor("image")));
  for (nn::Layer* layer : model.all_layers()) CHECK(layer->is_training());
}
