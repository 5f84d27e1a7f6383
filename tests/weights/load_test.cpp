#include "weights/load.h"

#include "support.h"

using namespace mlrun;
using namespace mlrun::weights;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::user_error;

namespace {

/// A layer with a weight, a counter and as many further weights as asked for.
class Small : public nn::Layer {
 public:
  explicit Small(int further = 0) : nn::Layer("Small") {
    weight = register_parameter("weight", torch::zeros({2, 3}));
    count = register_buffer("count", torch::zeros({}, torch::kInt64));
    for (int i = 0; i < further; ++i) register_parameter("w" + std::to_string(i), torch::zeros({1}));
  }
  nn::Tensors forward(const nn::Tensors& inputs) override { return inputs; }

  torch::Tensor weight, count;
};

const torch::Tensor kOnes = torch::ones({2, 3});
const torch::Tensor kFive = torch::tensor(std::int64_t{5});

std::string error_of(Small& model, const NamedTensors& tensors) {
  const std::string text = user_error([&] { load_weights(model, tensors, "w.safetensors"); });
  CHECK(torch::equal(model.weight, torch::zeros({2, 3})));
  CHECK(model.count.item<std::int64_t>() == 0);
  return text;
}

}  // namespace

TEST_CASE("weights are copied into a model whatever their order", "[weights]") {
  Small model;
  const torch::Tensor before = model.weight;
  load_weights(model, {{"count", kFive}, {"weight", kOnes}}, "w");
  CHECK(torch::equal(model.weight, kOnes));
  CHECK(model.count.item<std::int64_t>() == 5);
  CHECK(before.is_same(model.weight));
  CHECK(model.weight.requires_grad());
}

TEST_CASE("floating weights take the model's dtype", "[weights]") {
  Small model;
  load_weights(model, {{"weight", kOnes.to(torch::kFloat16) * 0.5}, {"count", kFive}}, "w");
  CHECK(model.weight.scalar_type() == torch::kFloat32);
  CHECK(torch::equal(model.weight, kOnes * 0.5));
  load_weights(model, {{"weight", kOnes.to(torch::kFloat64) * 3}, {"count", kFive}}, "w");
  CHECK(torch::equal(model.weight, kOnes * 3));
}

TEST_CASE("all that does not fit is named at once and nothing is copied", "[weights]") {
  Small model(1);
  const std::string text = error_of(
      model, {{"weight", torch::ones({3, 2})}, {"count", kFive.to(torch::kInt32)}, {"bias", torch::ones({1})}});
  CHECK(text ==
        "w.safetensors: weights that are not in the file (1): w0; are they of this model?\n"
        "w.safetensors: weights that the model does not have (1): bias; are they of this model?\n"
        "w.safetensors: weights of another shape (1): weight [3, 2] instead of [2, 3]; check the model's options, as "
        "num_classes\n"
        "w.safetensors: weights of another dtype (1): count Int instead of Long; only floating types are converted");
  CHECK_THAT(
      error_of(model, {{"weight", torch::ones({2, 3}, torch::kInt64)}, {"count", torch::ones({})}, {"w0", kFive}}),
      ContainsSubstring("weight Long instead of Float, count Float instead of Long") &&
          ContainsSubstring("w0 [] instead of [1]"));
}

TEST_CASE("long lists of keys end in a count", "[weights]") {
  Small model(25);
  const std::string text = error_of(model, {{"weight", kOnes}, {"count", kFive}});
  CHECK_THAT(text, ContainsSubstring("weights that are not in the file (25): w0, w1, ") &&
                       ContainsSubstring("w9 and 15 more;"));
  CHECK(text.find("w10") == std::string::npos);
}

TEST_CASE("a tensor given twice is a bug", "[weights]") {
  Small model;
  CHECK_THROWS_AS(load_weights(model, {{"weight", kOnes}, {"weight", kOnes}}, "w"), InternalError);
}
