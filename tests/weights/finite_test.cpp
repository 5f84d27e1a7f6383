#include "weights/finite.h"

#include <cmath>
#include <limits>

#include <torch/types.h>

#include "support.h"

using namespace mlrun;
using namespace mlrun::test;
using weights::is_finite;

TEST_CASE("a number that is not finite is found in every dtype, wherever it stands", "[weights]") {
  for (const auto type : {torch::kFloat32, torch::kFloat64, torch::kFloat16, torch::kBFloat16}) {
    for (const std::int64_t size : {1, 7, 64, 1000}) {
      torch::Tensor tensor = torch::full({size}, 60000, type);  // near the end of float16
      tensor[0] = -1e-7;
      INFO(torch::toString(type) << ", " << size << " elements");
      CHECK(is_finite(tensor));
      for (const double bad : {std::nan(""), -std::nan(""), double{INFINITY}, -double{INFINITY}}) {
        for (const std::int64_t at : {std::int64_t{0}, size / 2, size - 1}) {
          torch::Tensor spoilt = tensor.clone();
          spoilt[at] = bad;
          INFO(bad << " at " << at);
          CHECK_FALSE(is_finite(spoilt));
        }
      }
    }
  }
  CHECK(is_finite(torch::tensor({std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()})));
  CHECK(is_finite(torch::full({2}, std::numeric_limits<double>::max(), torch::kDouble)));
  CHECK(is_finite(torch::full({2}, std::numeric_limits<double>::lowest(), torch::kDouble)));
}

TEST_CASE("what has no such numbers, no elements or another layout is looked at, too", "[weights]") {
  CHECK(is_finite(torch::full({3}, -1, torch::kLong)));
  CHECK(is_finite(torch::ones({3}, torch::kBool)));
  CHECK(is_finite(torch::empty({0, 4})));
  torch::Tensor grid = torch::ones({4, 6});
  grid[1][2] = NAN;
  CHECK(is_finite(grid.slice(1, 3)));  // a view beside it
  CHECK_FALSE(is_finite(grid.slice(1, 2)));
  CHECK_FALSE(is_finite(grid.t()));
  CHECK_FALSE(is_finite(grid.to_sparse()));
  CHECK_FALSE(is_finite(torch::complex(torch::zeros({4}), torch::tensor({0.F, 0.F, 0.F, INFINITY}))));
  torch::Tensor large = torch::zeros({1 << 20});  // several pieces
  CHECK(is_finite(large));
  large[(1 << 19) + 5] = NAN;
  CHECK_FALSE(is_finite(large));
}

TEST_CASE("weights that are not finite are refused with their file and the first tensor's name", "[weights]") {
  const torch::Tensor good = torch::ones({2}), bad = torch::tensor({0.F, NAN});
  CHECK_FALSE(weights::first_not_finite({{"a", good}, {"b", good}}));
  CHECK_NOTHROW(weights::refuse_not_finite({{"a", good}}, "x.pth"));
  CHECK(user_error([&] {
          weights::refuse_not_finite({{"a", good}, {"fc.weight", bad}}, "x.pth");
        }) ==
        "x.pth: fc.weight: holds numbers that are not finite; such weights are spoilt: take those of an earlier "
        "checkpoint, or another file");
  CHECK(user_error([&] {
          weights::refuse_not_finite({{"fc.weight", bad}, {"a", good}, {"b", bad}}, "x.pth");
        }) ==
        "x.pth: fc.weight: holds numbers that are not finite, as do 1 more of its tensors; such weights are spoilt: "
        "take those of an earlier checkpoint, or another file");
}
