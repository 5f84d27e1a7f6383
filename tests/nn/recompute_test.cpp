#include "nn/recompute.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/branches.h"
#include "nn/layers.h"
#include "nn/repeated.h"
#include "support.h"

using namespace mlrun;

namespace {

/// Counts the computations of layers of one type.
class Count : public nn::Interceptor {
 public:
  explicit Count(std::string type) : type_(std::move(type)) {}
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    calls += layer.type() == type_;
    return proceed(inputs);
  }
  int calls = 0;

 private:
  std::string type_;
};

std::shared_ptr<nn::Sequential> branch() {
  auto steps = std::make_shared<nn::Sequential>();
  steps->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 4, .out = 4, .kernel = 3, .padding = 1}));
  steps->push(std::make_shared<nn::BatchNorm2d>(4));
  steps->push(std::make_shared<nn::Activation>(nn::Act::Hardswish));
  steps->push(std::make_shared<nn::Dropout>(0.5));
  return steps;
}

/// Three residual blocks of four channels with everything that draws or keeps statistics; the second begins in place.
std::shared_ptr<nn::Sequential> residual_model() {
  auto model = std::make_shared<nn::Sequential>("Net");
  for (int i = 0; i < 3; ++i) {
    auto steps = std::make_shared<nn::Sequential>();
    if (i == 1) steps->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    const auto made = branch();
    for (const auto& step : made->steps()) steps->push(step);
    model->push(std::make_shared<nn::Residual>("Block", "branch", steps, nn::ShortcutOptions{i != 1, 0.5}));
  }
  nn::name_layers(*model);
  nn::initialise(*model, 4);
  model->train();
  return model;
}

struct Step {
  torch::Tensor output, next_random;
  nn::Tensors gradients, buffers;
};

Step step(nn::Layer& model, const torch::Tensor& input) {
  torch::manual_seed(9);
  Step result;
  const torch::Tensor output = model(input);
  result.output = output.detach().clone();
  output.square().sum().backward();
  result.next_random = torch::rand({4});
  for (auto& parameter : model.parameters()) {
    result.gradients.push_back(parameter.grad().defined() ? parameter.grad().clone() : torch::Tensor());
    parameter.mutable_grad() = torch::Tensor();
  }
  for (const auto& buffer : model.buffers()) result.buffers.push_back(buffer.clone());
  return result;
}

void check_equal(const nn::Tensors& a, const nn::Tensors& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].defined() == b[i].defined());
    CHECK((!a[i].defined() || a[i].equal(b[i])));
  }
}

torch::Tensor small_images() {
  torch::manual_seed(1);
  return torch::randn({2, 4, 6, 6});
}

}  // namespace

TEST_CASE("a recomputed model trains as one that keeps its activations, step after step", "[nn]") {
  const auto kept = residual_model(), again = residual_model();
  nn::Recompute recompute(*again);
  const nn::InterceptorScope scope(*again, recompute);
  for (int i = 0; i < 3; ++i) {
    const Step a = step(*kept, small_images()), b = step(*again, small_images());
    CHECK(a.output.equal(b.output));
    CHECK(a.next_random.equal(b.next_random));  // the second computation leaves the generator as it was
    check_equal(a.gradients, b.gradients);
    check_equal(a.buffers, b.buffers);
  }
  for (const auto& item : again->named_buffers()) {
    if (item.key().find("num_batches_tracked") != std::string::npos) CHECK(item.value().item<int64_t>() == 3);
  }
}

TEST_CASE("blocks are computed twice with gradients, once without", "[nn]") {
  const auto model = residual_model();
  nn::Recompute recompute(*model);
  Count count("Conv2d");
  const nn::InterceptorScope scope(*model, recompute), counting(*model, count);
  step(*model, small_images());
  CHECK(count.calls == 6);
  count.calls = 0;
  model->eval();
  const torch::NoGradGuard no_gradients;
  (*model)(small_images());
  CHECK(count.calls == 3);
}

TEST_CASE("the graph keeps none of a block's activations", "[nn]") {
  using Weak = c10::weak_intrusive_ptr<c10::StorageImpl>;
  struct Watch : nn::Interceptor {
    nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
      nn::Tensors outputs = proceed(inputs);
      if (layer.type() == "BatchNorm2d") made.emplace_back(outputs.front().storage().getWeakStorageImpl());
      return outputs;
    }
    std::int64_t alive() {
      std::int64_t count = 0;
      for (const auto& tensor : made) count += tensor.use_count() > 0;
      return count;
    }
    std::vector<Weak> made;
  };
  const auto model = residual_model();
  Watch kept, recomputed;
  {
    const nn::InterceptorScope watching(*model, kept);
    const torch::Tensor output = (*model)(small_images());
    CHECK(kept.alive() == 3);  // what hardswish needs
  }
  CHECK(kept.alive() == 0);
  nn::Recompute recompute(*model);
  const nn::InterceptorScope scope(*model, recompute), watching(*model, recomputed);
  const torch::Tensor output = (*model)(small_images());
  CHECK(output.requires_grad());
  CHECK(recomputed.made.size() == 3);
  CHECK(recomputed.alive() == 0);
}

TEST_CASE("frozen parameters get no gradient, and a model of nothing else is left alone", "[nn]") {
  const auto kept = residual_model(), again = residual_model();
  for (auto* model : {kept.get(), again.get()}) {
    for (auto& item : model->named_parameters()) {
      if (item.key().rfind("0.", 0) == 0 || item.key().rfind("1.branch.1", 0) == 0)
        item.value().set_requires_grad(false);
    }
  }
  nn::Recompute recompute(*again);
  const nn::InterceptorScope scope(*again, recompute);
  check_equal(step(*kept, small_images()).gradients, step(*again, small_images()).gradients);
  for (auto& parameter : again->parameters()) parameter.set_requires_grad(false);
  CHECK_FALSE((*again)(small_images()).requires_grad());
}

TEST_CASE("the input of a recomputed model gets its gradient", "[nn]") {
  const auto kept = residual_model(), again = residual_model();
  nn::Recompute recompute(*again);
  const nn::InterceptorScope scope(*again, recompute);
  const torch::Tensor a = small_images().requires_grad_(), b = small_images().requires_grad_();
  step(*kept, a);
  step(*again, b);
  CHECK(a.grad().equal(b.grad()));
}

TEST_CASE("a block that runs several times in a pass is recomputed for each call", "[nn][calls]") {
  const auto made = [] {
    auto model = test::drawn(std::make_shared<test::Pyramid>(true));
    model->train();
    return model;
  };
  const auto kept = made(), again = made();
  nn::Recompute recompute(*again);
  Count count("BatchNorm2d");
  const nn::InterceptorScope scope(*again, recompute), counting(*again, count);
  for (int i = 0; i < 3; ++i) {
    const auto input = test::noise({2, 3, 16, 16}, 20 + static_cast<std::uint64_t>(i));
    const Step a = step(*kept, input.clone()), b = step(*again, input.clone());
    CHECK(a.output.equal(b.output));
    REQUIRE(a.gradients.size() == b.gradients.size());
    for (std::size_t g = 0; g < a.gradients.size(); ++g) CHECK(a.gradients[g].equal(b.gradients[g]));
    check_equal(a.buffers, b.buffers);
  }
  CHECK(count.calls == 3 * 6);
  for (const auto& item : again->named_buffers()) {
    if (item.key() == "head.norm.num_batches_tracked") CHECK(item.value().item<int64_t>() == 9);
  }
}
