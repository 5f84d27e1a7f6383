#include "nn/ports.h"

#include "support.h"

using namespace mlrun;
using nn::Port;
using nn::Tensors;

namespace {

const std::vector<Port> kPorts = {{"images"}, {"boxes", /*ragged=*/true}};

/// Three samples with 2, 0 and 1 boxes.
Tensors three() { return {torch::arange(6).reshape({3, 2}), torch::arange(3), torch::tensor({2, 0, 1}, torch::kLong)}; }

}  // namespace

TEST_CASE("samples are taken out of all ports alike", "[nn]") {
  CHECK(nn::tensor_count(kPorts) == 3);
  CHECK(nn::sample_count(kPorts, three()) == 3);
  CHECK(nn::sample_count({{"boxes", true}}, {torch::zeros({5, 4}), torch::tensor({5, 0})}) == 2);
  const Tensors last = nn::some_samples(kPorts, three(), 1, 2);
  REQUIRE(last.size() == 3);
  CHECK(torch::equal(last[0], torch::tensor({{2, 3}, {4, 5}}, torch::kLong)));
  CHECK(torch::equal(last[1], torch::tensor({2}, torch::kLong)));
  CHECK(torch::equal(last[2], torch::tensor({0, 1}, torch::kLong)));
}

TEST_CASE("samples that were taken apart are joined again", "[nn]") {
  std::vector<Tensors> parts;
  for (const std::int64_t i : {0, 1, 2}) parts.push_back(nn::some_samples(kPorts, three(), i, 1));
  const Tensors joined = nn::joined_samples(kPorts, parts);
  REQUIRE(joined.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(torch::equal(joined[i], three()[i]));
}

TEST_CASE("an output of training alone is left out in evaluation", "[nn]") {
  const std::vector<Port> ports = {{"output"}, {"aux", false, /*training_only=*/true}};
  CHECK(nn::some_samples(ports, {torch::ones({4, 2})}, 0, 2).size() == 1);
  CHECK(nn::some_samples(ports, {torch::ones({4, 2}), torch::ones({4, 3})}, 0, 2).size() == 2);
}
