#include "engine/starter.h"

#include "support.h"

namespace mlrun::engine {
namespace {

TEST_CASE("training images give what splits the data lack", "[engine]") {
  std::vector<std::string> warnings;
  const auto line = [&](std::int64_t train, bool val, bool test) {
    return split_text(starter_split(train, val, test, warnings), test);
  };
  CHECK(line(100, false, false) ==
        "  split: {val: 0.15, test: 0.15, seed: 0}  # held out of the training images; val chooses the best epoch, "
        "test is "
        "only for the end\n");
  CHECK(line(99, false, true) ==
        "  split: {val: 0.2, seed: 0}  # held out of the training images; val chooses the best epoch\n");
  CHECK(line(99, true, false) == "  # Your own splits train and val are used as they are.\n");
  CHECK(line(99, true, true) == "  # Your own splits train and val and test are used as they are.\n");
  CHECK(warnings.empty());
  CHECK(line(99, false, false) ==
        "  split: {val: 0.2, seed: 0}  # held out of the training images; val chooses the best epoch\n");
  CHECK(warnings == std::vector<std::string>{kNoTestSplit});
}

TEST_CASE("a first training is written with its comments in one column", "[engine]") {
  CHECK(training_text({.epochs = 100, .batch_size = 8, .warmup = 2, .more = "  eval_batch_size: 1\n"}) ==
        "train:\n"
        "  epochs: 100     # passes over the training images; more are seldom worse, the best one is kept\n"
        "  batch_size: 8   # lower it where memory is short\n"
        "  eval_batch_size: 1\n"
        "  seed: 0\n"
        "\n"
        "optimizer: {name: adamw, lr: 1e-3, weight_decay: 1e-2}  # lr matters most: try a third and three times of it\n"
        "schedule: {name: cosine, warmup: 2 epochs, interval: step}\n");
}

TEST_CASE("epochs make the steps that are wanted, within bounds", "[engine]") {
  CHECK(epochs_of_steps(2500, 1600, 8, 10, 100) == 13);  // of 200 steps each
  CHECK(epochs_of_steps(2500, 40, 4, 10, 100) == 100);
  CHECK(epochs_of_steps(2500, 1e6, 8, 10, 100) == 10);
  CHECK(epochs_of_steps(50, 2, 8, 10, 100) == 50);  // an epoch has a step at least
}

TEST_CASE("the head of a first recipe ends with what to mind", "[engine]") {
  const std::string head = starter_header("my.yaml", "Found: 3 images\n", {"few", "a\nb"});
  CHECK(head.substr(head.find("#\n")) == "#\n# Found: 3 images\n# Mind: few.\n# Mind: a b.\n");
}

}  // namespace
}  // namespace mlrun::engine
