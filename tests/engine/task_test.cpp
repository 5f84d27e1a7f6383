#include "engine/task.h"

#include "base/error.h"
#include "deploy/bench/subject.h"
#include "models/named_model.h"
#include "recipes/registry.h"
#include "support.h"

namespace mlrun::engine {

TEST_CASE("a task says what it makes of its models alone", "[engine]") {
  const ModelAlone& alone = recipes::tasks().alone("classification", "small_cnn");
  REQUIRE(alone.preprocess.size() == 1);
  CHECK(alone.preprocess[0].name == "classification_eval");
  const auto model = models::make_named("small_cnn", {{"model.num_classes", "7"}});
  CHECK(model.task == "classification");
  CHECK(alone.recipe(model, 4, 12).find("num_classes: 7, height: 12, width: 12, channels: 1") != std::string::npos);
}

TEST_CASE("a model of a task that makes nothing of it alone needs a recipe", "[engine]") {
  TaskFactory tasks("task");
  CHECK(test::user_error([&] { deploy::bench_recipe(tasks, recipes::catalogue(), "small_cnn", {}, 1, 8); }) ==
        "the model small_cnn is of the task classification, which takes none without a recipe; name a recipe or a run "
        "in place of the model");
  CHECK_THROWS_AS(tasks.add_alone("classification", {}), InternalError);  // it is not registered
}

}  // namespace mlrun::engine
