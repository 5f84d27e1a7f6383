#include "dist/group.h"

#include <torch/types.h>

#include "support.h"

using namespace mlrun;

TEST_CASE("one process is a group whose sums are its own numbers", "[dist]") {
  dist::Group& group = dist::alone();
  CHECK(group.rank() == 0);
  CHECK(group.size() == 1);
  const torch::Tensor numbers = torch::tensor({1.F, 2.F});
  group.sum({numbers});
  CHECK(numbers.equal(torch::tensor({1.F, 2.F})));
}
