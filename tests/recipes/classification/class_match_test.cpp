#include "recipes/classification/class_match.h"

#include "support.h"

using namespace mlrun;
using namespace mlrun::test;
using classification::match_classes;

namespace {

using Names = std::vector<std::string>;
using Labels = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("classes of other data are found by name, whatever their order and number", "[recipes]") {
  const Names known = {"cat", "dog", "eel"};
  CHECK(match_classes(known, {"cat", "dog", "eel"}, "/d") == Labels{0, 1, 2});
  CHECK(match_classes(known, {"eel", "cat"}, "/d") == Labels{2, 0});
  CHECK(match_classes(known, {"dog"}, "/d") == Labels{1});
}

TEST_CASE("classes that a model does not know are named", "[recipes]") {
  CHECK(user_error([] {
          match_classes({"cat", "dog"}, {"Cat", "dog"}, "/d");
        }) ==
        "/d: has other classes than the data this model was trained on: 'Cat' is not among 'cat', 'dog'; leave them "
        "out, or name them as in training");
  CHECK(user_error([] {
          match_classes({"a", "b", "c", "d", "e", "f", "g"}, {"1", "2", "3", "4", "5", "6\n"}, "/d");
        }) ==
        "/d: has other classes than the data this model was trained on: '1', '2', '3', '4', '5' and 1 more are "
        "not among 'a', 'b', 'c', 'd', 'e' and 2 more; leave them out, or name them as in training");
}
