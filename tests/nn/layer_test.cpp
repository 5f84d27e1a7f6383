#include "nn/layer.h"

#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using nn::Tensors;

namespace {

/// `left(x) + right(x)`.
class Twin : public nn::UnaryLayer {
 public:
  Twin() : UnaryLayer("Twin") {
    left_ = add("left", std::make_shared<nn::Linear>(2, 2));
    right_ = add("right", std::make_shared<nn::Sequential>());
    right_->push(std::make_shared<nn::Linear>(2, 2, false));
    right_->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    sum_ = add("sum", std::make_shared<nn::Add>());
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    const auto left = call(*left_, x);
    return call(*sum_, left, call(*right_, x));
  }

 private:
  std::shared_ptr<nn::Linear> left_;
  std::shared_ptr<nn::Sequential> right_;
  std::shared_ptr<nn::Add> sum_;
};

/// Writes down who enters and leaves.
class Recorder : public nn::Interceptor {
 public:
  Recorder(std::string mark, std::vector<std::string>& log) : mark_(std::move(mark)), log_(log) {}
  Tensors around(nn::Layer& layer, const Tensors& inputs, const Proceed& proceed) override {
    log_.push_back(mark_ + ">" + layer.path());
    Tensors outputs = proceed(inputs);
    log_.push_back(mark_ + "<" + layer.path());
    return outputs;
  }

 private:
  std::string mark_;
  std::vector<std::string>& log_;
};

/// Changes what goes in and what comes out of one layer.
class Rewriter : public nn::Interceptor {
 public:
  Tensors around(nn::Layer& layer, const Tensors& inputs, const Proceed& proceed) override {
    if (layer.type() != "Identity") return proceed(inputs);
    return Tensors{proceed(Tensors{inputs.front() * 10}).front() + 1};
  }
};

std::shared_ptr<Twin> twin(std::uint64_t seed) {
  auto model = std::make_shared<Twin>();
  nn::name_layers(*model);
  nn::initialise(*model, seed);
  return model;
}

}  // namespace

TEST_CASE("layers know their paths and types", "[nn]") {
  const auto model = twin(0);
  std::vector<std::string> found;
  for (const nn::Layer* layer : model->all_layers()) found.push_back(layer->path() + ":" + layer->type());
  CHECK(found == std::vector<std::string>{":Twin", "left:Linear", "right:Sequential", "right.0:Linear", "right.1:ReLU",
                                          "sum:Add"});
}

TEST_CASE("the state dict has Python's order and aliases the model", "[nn]") {
  const auto model = twin(0);
  const auto state = nn::state_dict(*model);
  REQUIRE(state.size() == 3);
  CHECK(state[0].first == "left.weight");
  CHECK(state[1].first == "left.bias");
  CHECK(state[2].first == "right.0.weight");
  torch::NoGradGuard no_grad;
  state[1].second.fill_(7);
  CHECK(model->named_parameters()["left.bias"].eq(7).all().item<bool>());
}

TEST_CASE("interceptors nest around every call, outermost first, and can be removed", "[nn]") {
  const auto model = twin(0);
  const auto input = torch::ones({3, 2});
  const auto expected = (*model)(input);
  std::vector<std::string> log;
  Recorder outer("a", log), inner("b", log);
  model->intercept({&outer, &inner});
  CHECK(torch::equal((*model)(input), expected));
  CHECK(log == std::vector<std::string>{"a>",        "b>",        "a>left",    "b>left",    "b<left",    "a<left",
                                        "a>right",   "b>right",   "a>right.0", "b>right.0", "b<right.0", "a<right.0",
                                        "a>right.1", "b>right.1", "b<right.1", "a<right.1", "b<right",   "a<right",
                                        "a>sum",     "b>sum",     "b<sum",     "a<sum",     "b<",        "a<"});
  log.clear();
  model->intercept({});
  CHECK(torch::equal((*model)(input), expected));
  CHECK(log.empty());
}

TEST_CASE("an interceptor may change inputs and outputs", "[nn]") {
  nn::Sequential model;
  model.push(std::make_shared<nn::Identity>());
  nn::name_layers(model);
  Rewriter rewriter;
  model.intercept({&rewriter});
  CHECK(model(torch::tensor({2.f})).item<float>() == 21.f);
  CHECK(model.run(Tensors{torch::tensor({2.f})}).front().item<float>() == 21.f);
}

TEST_CASE("an interceptor scope adds inside what is there and restores it, also after an error", "[nn]") {
  const auto model = twin(0);
  std::vector<std::string> log;
  Recorder outer("a", log), inner("b", log);
  model->intercept({&outer});
  {
    nn::InterceptorScope scope(*model, inner);
    (*model)(torch::ones({1, 2}));
    REQUIRE(log.size() == 24);
    CHECK(log[0] == "a>");
    CHECK(log[1] == "b>");
  }
  log.clear();
  const auto fail = [&] {
    nn::InterceptorScope scope(*model, inner);
    (*model)(torch::ones({1, 5}));
  };
  CHECK_THROWS(fail());
  log.clear();
  (*model)(torch::ones({1, 2}));
  CHECK(log.size() == 12);
  CHECK(log[1] == "a>left");
}

TEST_CASE("the same seed gives the same weights, whatever was drawn before", "[nn]") {
  const auto first = nn::state_dict(*twin(3));
  torch::randn({17});
  const auto second = nn::state_dict(*twin(3)), other = nn::state_dict(*twin(4));
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(torch::equal(first[i].second, second[i].second));
    CHECK_FALSE(torch::equal(first[i].second, other[i].second));
  }
}

TEST_CASE("a child that is no layer is a bug", "[nn]") {
  class Stranger : public nn::Sequential {
   public:
    Stranger() { register_module("odd", torch::nn::Linear(1, 1)); }
  };
  Stranger model;
  CHECK_THROWS_AS(model.layers(), InternalError);
  CHECK_THROWS_AS(nn::name_layers(model), InternalError);
}
