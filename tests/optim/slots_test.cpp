#include "optim/slots.h"

#include "optim/optimizers.h"

using namespace mlrun;
using mlrun::optim::NamedTensors;
using mlrun::optim::Slot;
using mlrun::test::optimizer;

namespace {

torch::Tensor values(torch::IntArrayRef shape, std::int64_t t, torch::Dtype dtype) {
  return test::gradient_values(c10::multiply_integers(shape), t).reshape(shape).to(dtype);
}

/// A parameter of `shape` after 10 updates, each gradient laid out by `lay_out`.
template <class LayOut>
torch::Tensor updated(const std::string& name, const Json& options, torch::Tensor parameter, LayOut lay_out) {
  const auto shape = parameter.sizes().vec();
  parameter.requires_grad_();
  const auto tested = optimizer(name, options, {{"w", parameter}});
  for (std::int64_t t = 0; t < 10; ++t) {
    parameter.mutable_grad() = lay_out(values(shape, t, parameter.scalar_type()));
    tested->step(0.001);
  }
  return parameter.detach();
}

torch::Tensor start(torch::IntArrayRef shape, torch::Dtype dtype) {
  return test::start_values(c10::multiply_integers(shape)).reshape(shape).to(dtype);
}

torch::Tensor same(torch::Tensor gradient) { return gradient; }
torch::Tensor channels_last(const torch::Tensor& tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }
/// Equal values that no single pass can walk along with a contiguous parameter.
torch::Tensor reversed(const torch::Tensor& tensor) {
  const auto order = tensor.dim() == 2 ? std::vector<std::int64_t>{1, 0} : std::vector<std::int64_t>{3, 2, 1, 0};
  return tensor.permute(order).contiguous().permute(order);
}

data::State saved(const optim::Optimizer& source) {
  data::State aliases, copy;
  source.save(aliases, "optimizer.");
  for (const auto& [name, tensor] : aliases.tensors()) copy.put(name, tensor.clone());
  for (const auto& [name, value] : aliases.values().items()) copy.put(name, value);
  return copy;
}

struct Run {
  torch::Tensor weight, bias;
  std::unique_ptr<optim::Optimizer> tested;

  Run(const std::string& name, const Json& options)
      : weight(channels_last(start({4, 3, 2, 2}, torch::kFloat32)).requires_grad_()),
        bias(start({5}, torch::kFloat32).requires_grad_()),
        tested(optimizer(name, options, {{"conv.weight", weight}, {"conv.bias", bias}})) {}

  void train(std::int64_t from, std::int64_t to) {
    for (std::int64_t t = from; t < to; ++t) {
      weight.mutable_grad() = channels_last(values({4, 3, 2, 2}, t, torch::kFloat32));
      bias.mutable_grad() = t % 3 == 1 ? torch::Tensor() : values({5}, t, torch::kFloat32);
      tested->step(0.01);
    }
  }
};

}  // namespace

TEST_CASE("a single pass is made over dense CPU floats in one order", "[optim]") {
  const auto parameter = torch::ones({4, 3, 2, 2});
  const auto fits = [&](const torch::Tensor& p, const torch::Tensor& g) {
    return optim::single_pass(p, g, Slot{1, {torch::zeros_like(p)}});
  };
  CHECK(fits(parameter, parameter));
  CHECK(fits(parameter.to(torch::kFloat64), parameter.to(torch::kFloat64)));
  CHECK(fits(channels_last(parameter), channels_last(parameter)));
  CHECK_FALSE(fits(channels_last(parameter), parameter));
  CHECK_FALSE(fits(parameter, channels_last(parameter)));
  CHECK_FALSE(fits(parameter.to(torch::kBFloat16), parameter.to(torch::kBFloat16)));
  CHECK_FALSE(fits(parameter, parameter.to(torch::kFloat64)));
  CHECK_FALSE(fits(parameter.slice(0, 0, 4, 2), parameter.slice(0, 0, 4, 2)));
  CHECK_FALSE(fits(torch::ones({1}).expand({4}), torch::ones({1}).expand({4})));
  CHECK_FALSE(optim::single_pass(parameter, parameter, Slot{1, {channels_last(parameter)}}));
  // A 1x1 kernel lies the same way in both formats, though its strides differ.
  const auto pointwise = torch::ones({4, 3, 1, 1});
  CHECK(fits(channels_last(pointwise), pointwise));
}

TEST_CASE("the pass and the operators agree", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
      const auto by_pass = updated(name, options, start({7, 5}, dtype), same);
      const auto by_operators = updated(name, options, start({7, 5}, dtype), reversed);
      CHECK(test::relative_difference(by_pass, by_operators) < (dtype == torch::kFloat32 ? 1e-6 : 1e-13));
      CHECK(test::relative_difference(by_pass, start({7, 5}, dtype)) > 1e-4);
    }
  }
}

TEST_CASE("channels-last parameters get the same values, in one pass or not", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    const auto plain = start({4, 3, 5, 2}, torch::kFloat64);
    const auto expected = updated(name, options, plain.clone(), same);
    const auto last = updated(name, options, channels_last(plain).clone(), channels_last);
    CHECK(torch::equal(last, expected));
    CHECK(last.is_contiguous(at::MemoryFormat::ChannelsLast));
    const auto mixed = updated(name, options, channels_last(plain).clone(), same);
    CHECK(test::relative_difference(mixed, expected) < 1e-13);
  }
}

TEST_CASE("strided parameters are updated, and what lies between them is not", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    auto whole = start({6, 4}, torch::kFloat64);
    const auto expected = updated(name, options, whole.slice(1, 0, 4, 2).contiguous(), same);
    const auto between = whole.slice(1, 1, 4, 2).clone();
    updated(name, options, whole.slice(1, 0, 4, 2), same);
    CHECK(test::relative_difference(whole.slice(1, 0, 4, 2), expected) < 1e-13);
    CHECK(torch::equal(whole.slice(1, 1, 4, 2), between));
  }
}

TEST_CASE("bfloat16 and sparse gradients go through the operators", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    const auto exact = updated(name, options, start({7, 5}, torch::kFloat32), same);
    const auto half = updated(name, options, start({7, 5}, torch::kBFloat16), same);
    CHECK(half.scalar_type() == torch::kBFloat16);
    CHECK(test::relative_difference(half, exact) < 0.1);
    const auto sparse = updated(name, options, start({7, 5}, torch::kFloat32),
                                [](const torch::Tensor& gradient) { return gradient.to_sparse(); });
    CHECK(torch::equal(sparse, exact));
  }
}

TEST_CASE("large parameters are updated in parallel to the same bits", "[optim]") {
  const auto threads = torch::get_num_threads();
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    torch::set_num_threads(1);
    const auto alone = updated(name, options, channels_last(start({64, 64, 5, 7}, torch::kFloat32)), channels_last);
    torch::set_num_threads(3);
    const auto together = updated(name, options, channels_last(start({64, 64, 5, 7}, torch::kFloat32)), channels_last);
    CHECK(torch::equal(alone, together));
    CHECK((alone != start({64, 64, 5, 7}, torch::kFloat32)).to(torch::kFloat64).mean().item<double>() > 0.99);
  }
  torch::set_num_threads(threads);
}

TEST_CASE("2N updates are N, save, load and N, to the bit", "[optim]") {
  for (const auto& [name, options] : test::optimizer_variants()) {
    INFO(name << ' ' << options.dump());
    Run whole(name, options), half(name, options), rest(name, options);
    whole.train(0, 20);
    half.train(0, 10);
    rest.weight.data().copy_(half.weight);
    rest.bias.data().copy_(half.bias);
    rest.tested->load(saved(*half.tested), "optimizer.");
    rest.train(10, 20);
    CHECK(torch::equal(rest.weight, whole.weight));
    CHECK(torch::equal(rest.bias, whole.bias));
    const auto states = saved(*whole.tested), restored = saved(*rest.tested);
    REQUIRE(restored.tensors().size() == states.tensors().size());
    for (const auto& [key, tensor] : states.tensors()) CHECK(torch::equal(restored.tensor(key), tensor));
    CHECK(restored.values() == states.values());
  }
}

TEST_CASE("a state is saved under the names of its parameters", "[optim]") {
  Run run("adam", {{"amsgrad", true}});
  CHECK(saved(*run.tested).tensors().empty());
  run.train(0, 2);
  const auto state = saved(*run.tested);
  CHECK(state.tensors().size() == 6);
  for (const char* kind : {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}) {
    CHECK(state.tensor(std::string("optimizer.") + kind + ".conv.weight").sizes() == run.weight.sizes());
    CHECK(state.has(std::string("optimizer.") + kind + ".conv.bias"));
  }
  CHECK(state.value("optimizer.updates") == Json({{"conv.weight", 2}, {"conv.bias", 1}}));
  Run momentum("rmsprop", {{"centered", true}, {"momentum", 0.9}});
  momentum.train(0, 1);
  for (const char* kind : {"square_avg", "grad_avg", "momentum_buffer"}) {
    CHECK(saved(*momentum.tested).has(std::string("optimizer.") + kind + ".conv.weight"));
  }
}

TEST_CASE("a loaded state continues in the parameter's own memory order", "[optim]") {
  Run run("sgd", {{"momentum", 0.9}});
  run.train(0, 3);
  const auto written = saved(*run.tested);
  data::State state;
  for (const auto& [name, tensor] : written.tensors()) state.put(name, tensor.contiguous());
  state.put("optimizer.updates", written.value("optimizer.updates"));
  run.tested->load(state, "optimizer.");
  CHECK(
      saved(*run.tested).tensor("optimizer.momentum_buffer.conv.weight").is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_CASE("a state that does not fit is refused by name and changes nothing", "[optim]") {
  Run run("sgd", {{"momentum", 0.9}});
  run.train(0, 2);
  const auto before = saved(*run.tested);
  const auto load = [&](const torch::Tensor& weight, const torch::Tensor& bias, const Json& updates) {
    data::State state;
    if (weight.defined()) state.put("optimizer.momentum_buffer.conv.weight", weight);
    if (bias.defined()) state.put("optimizer.momentum_buffer.conv.bias", bias);
    if (!updates.is_null()) state.put("optimizer.updates", updates);
    return test::user_error([&] { run.tested->load(state, "optimizer."); });
  };
  const auto weight = torch::ones({4, 3, 2, 2}), bias = torch::ones({5});
  const Json updates{{"conv.weight", 2}, {"conv.bias", 2}};
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(load(weight, bias, nullptr), ContainsSubstring("has no 'optimizer.updates'"));
  CHECK_THAT(load(weight, bias, {{"conv.weight", 2}}), ContainsSubstring("no count for the parameter 'conv.bias'"));
  CHECK_THAT(load(weight, bias, {{"conv.weight", -1}, {"conv.bias", 2}}), ContainsSubstring("parameter 'conv.weight'"));
  CHECK_THAT(load(weight, bias, {{"conv.weight", 2}, {"conv.bias", "2"}}), ContainsSubstring("parameter 'conv.bias'"));
  CHECK_THAT(load(weight, {}, updates), ContainsSubstring("has no 'optimizer.momentum_buffer.conv.bias'"));
  CHECK_THAT(load(weight, torch::ones({4}), updates),
             ContainsSubstring("'optimizer.momentum_buffer.conv.bias' is Float [4], the parameter is Float [5]"));
  CHECK_THAT(load(weight, bias.to(torch::kFloat64), updates),
             ContainsSubstring("is Double [5], the parameter is Float [5]"));
  for (const auto& [key, tensor] : before.tensors()) CHECK(torch::equal(saved(*run.tested).tensor(key), tensor));
}
