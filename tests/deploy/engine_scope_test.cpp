#include "deploy/engine_scope.h"

#include "deploy/graph/graph.h"
#include "models/named_model.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;

namespace {

engine::Models models_of(const std::string& name) {
  auto made = models::make_named(name, {{"model.num_classes", "5"}});
  nn::initialise(*made.layer, 0);
  made.layer->eval();
  return {{"model", made.layer}};
}

}  // namespace

TEST_CASE("a scope lets graphs answer for the models, for as long as it lives", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const torch::NoGradGuard no_gradients;
  const engine::Models models = models_of("small_cnn");
  nn::Layer& model = *models.front().second;
  const torch::Tensor input = torch::randn({3, 1, 32, 32});
  const torch::Tensor expected = model(input.clone());
  {
    const EngineScope scope(models, "graph");
    CHECK(scope.engine() == "eager");  // nothing ran yet
    const torch::Tensor output = model(input);
    CHECK(scope.engine() == "graph");
    CHECK(torch::allclose(output, expected, 1e-4, 1e-5));
    // Training, and whoever wants gradients, get the layers.
    const torch::AutoGradMode gradients(true);
    CHECK(model(input.clone()).requires_grad());
  }
  CHECK(torch::equal(model(input.clone()), expected));
}

TEST_CASE("a model without a graph runs layer by layer", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const torch::NoGradGuard no_gradients;
  auto made = models::make_named("vit_b_16", {{"model.num_classes", "5"}, {"model.image_size", "32"}});
  nn::initialise(*made.layer, 0);
  made.layer->eval();
  const torch::Tensor input = torch::randn({1, 3, 32, 32});
  const torch::Tensor expected = (*made.layer)(input.clone());
  const engine::Models models = {{"model", made.layer}};
  const EngineScope scope(models, "graph");
  CHECK(torch::equal((*made.layer)(input), expected));
  CHECK(scope.engine() == "eager");
}

TEST_CASE("images too small for a model are told in a graph as by the layers", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const torch::NoGradGuard no_gradients;
  const engine::Models models = models_of("resnet18");
  const EngineScope scope(models, "graph");
  CHECK(models.front().second->run({torch::randn({1, 3, 64, 64})}).front().size(1) == 5);
  const engine::Models small = models_of("squeezenet1_1");
  const EngineScope other(small, "graph");
  CHECK_THROWS_AS(small.front().second->run({torch::randn({1, 3, 4, 4})}), UserError);
  CHECK(small.front().second->run({torch::randn({1, 3, 64, 64})}).front().size(1) == 5);
}

TEST_CASE("unknown engines are refused", "[deploy][graph]") {
  CHECK_THROWS_AS(EngineScope(models_of("small_cnn"), "fast"), UserError);
}
