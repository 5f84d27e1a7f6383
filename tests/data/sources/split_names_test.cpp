#include "data/sources/split_names.h"

#include "support.h"

namespace mlrun::data {

TEST_CASE("splits go by their usual names, in any case", "[data][split]") {
  for (const std::string name : {"train", "Train", "TRAINING", "training"}) CHECK(split_named(name) == Split::Train);
  for (const std::string name : {"val", "valid", "Validation", "DEV"}) CHECK(split_named(name) == Split::Val);
  for (const std::string name : {"test", "Testing", "eval", "Evaluation"}) CHECK(split_named(name) == Split::Test);
  for (const std::string name : {"", "trains", "train2", "tests", "cat", "val "}) CHECK_FALSE(split_named(name));
  for (const Split split : {Split::Train, Split::Val, Split::Test}) CHECK(split_named(split_name(split)) == split);
}

TEST_CASE("the folders of splits are found, and two of one split refused", "[data][split]") {
  CHECK(split_folders({"Testing", "Training"}, "d") == std::array<std::string, 3>{"Training", "", "Testing"});
  CHECK(split_folders({"cat", "dev", "train"}, "d") == std::array<std::string, 3>{"train", "dev", ""});
  CHECK(test::user_error([] {
          split_folders({"train", "val", "valid"}, "d");
        }) ==
        "d: 'val' and 'valid' both name the split val; leave one of them there, or name them train, val and test");
}

}  // namespace mlrun::data
