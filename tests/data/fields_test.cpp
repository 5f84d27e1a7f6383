#include "data/fields.h"

#include <torch/cuda.h>
#include <torch/types.h>

#include "support.h"

namespace mlrun::data {
namespace {

Fields several() {
  Fields fields;
  fields.set("image", torch::arange(6).reshape({2, 3}));
  fields.set("boxes", std::vector<torch::Tensor>{torch::ones({3, 4}), torch::zeros({0, 4}), torch::full({1, 4}, 7.0)});
  fields.set("id", std::string("a/b.jpg"));
  fields.set("length", 2.5);
  return fields;
}

std::vector<std::string> names(const Fields& fields) {
  std::vector<std::string> found;
  for (const auto& [name, value] : fields) found.push_back(name);
  return found;
}

TEST_CASE("fields keep their order, and setting one again replaces its value", "[data]") {
  Fields fields = several();
  fields.set("image", std::string("gone"));
  CHECK(fields.size() == 4);
  CHECK(names(fields) == std::vector<std::string>{"image", "boxes", "id", "length"});
  CHECK(std::get<std::string>(fields.at("image")) == "gone");
  CHECK(fields.has("id"));
  CHECK_FALSE(fields.has("ID"));
  CHECK_THROWS_AS(fields.at("ID"), InternalError);
  CHECK_THROWS_AS(fields.tensor("image"), InternalError);
  CHECK_THROWS_AS(fields.tensor("boxes"), InternalError);
}

TEST_CASE("moving fields to a device moves tensors and lists of them and nothing else", "[data]") {
  const Fields fields = several();
  const Fields there = fields.to(torch::kMeta);
  CHECK(names(there) == names(fields));
  CHECK(there.tensor("image").is_meta());
  CHECK(there.tensor("image").sizes() == fields.tensor("image").sizes());
  const auto& boxes = std::get<std::vector<torch::Tensor>>(there.at("boxes"));
  REQUIRE(boxes.size() == 3);
  for (const auto& box : boxes) CHECK(box.is_meta());
  CHECK(boxes[1].size(0) == 0);
  CHECK(std::get<std::string>(there.at("id")) == "a/b.jpg");
  CHECK(std::get<double>(there.at("length")) == 2.5);
  CHECK(fields.to(torch::kCPU).tensor("image").is_same(fields.tensor("image")));
}

// A copy from the GPU that nobody waits for is read before it has arrived: the queue in front of it is long here.
TEST_CASE("what comes from a GPU can be read at once", "[data][gpu]") {
  if (!torch::cuda::is_available()) return test::skip("there is no GPU");
  const auto work = torch::ones({4096, 4096}, torch::kCUDA);
  for (int i = 0; i < 20; ++i) {
    auto product = work;
    for (int k = 0; k < 20; ++k) product = product.matmul(work).clamp(0, 1);
    Fields fields;
    fields.set("value", product + i);
    fields.set("list", std::vector<torch::Tensor>{product + i, product + i});
    const Fields here = fields.to(torch::kCPU);
    CHECK(here.tensor("value").eq(1 + i).all().item<bool>());
    for (const auto& one : std::get<std::vector<torch::Tensor>>(here.at("list")))
      CHECK(one.eq(1 + i).all().item<bool>());
  }
}

}  // namespace
}  // namespace mlrun::data
