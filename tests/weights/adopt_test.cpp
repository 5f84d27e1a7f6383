#include "weights/adopt.h"

#include <torch/types.h>

#include "support.h"

namespace mlrun::weights::adopt_tests {

TEST_CASE("a tensor takes over memory that fits and copies what does not", "[weights]") {
  const auto model = [] { return torch::zeros({2, 3}).requires_grad_(); };
  const torch::Tensor plain = torch::rand({2, 3}), turned = torch::rand({3, 2}).t(), both = torch::rand({2, 2, 3});
  const torch::Tensor wide = torch::rand({2, 3}, torch::kFloat64), odd = torch::rand({7}).slice(0, 1).view({2, 3});
  const std::vector<torch::Tensor> given = {plain, turned, both[0], both[1], wide, odd};
  std::vector<std::pair<torch::Tensor, torch::Tensor>> pairs;
  for (const torch::Tensor& tensor : given) pairs.emplace_back(model(), tensor);
  const std::vector<std::pair<torch::Tensor, torch::Tensor>> same = pairs;
  adopt_tensors(pairs);
  for (std::size_t i = 0; i < given.size(); ++i) {
    INFO(i);
    CHECK(torch::equal(same[i].first, given[i].to(torch::kFloat32)));
    CHECK(same[i].first.requires_grad());
    CHECK(same[i].first.is_leaf());
    CHECK(same[i].first.scalar_type() == torch::kFloat32);
    CHECK(same[i].first.is_contiguous());
    CHECK(same[i].first.is_alias_of(given[i]) == (i == 0));
  }
  (same[0].first * 2).sum().backward();
  CHECK(torch::equal(same[0].first.grad(), torch::full({2, 3}, 2.0F)));
}

}  // namespace mlrun::weights::adopt_tests
