#include "engine/average/norm_renewal.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/random.h"
#include "engine/run/faulty.h"
#include "nn/layers.h"

using namespace mlrun;
using namespace mlrun::test;

namespace {

/// What scripts/fixtures/averaging.py calls formula.
torch::Tensor script_formula(at::IntArrayRef shape, std::int64_t shift) {
  const auto index = torch::arange(c10::multiply_integers(shape), torch::kLong).add(shift).mul(7919).remainder(1009);
  return index.to(torch::kDouble).div(1009).sub(0.5).view(shape).to(torch::kFloat);
}

}  // namespace

TEST_CASE("cumulative statistics are those of torch.optim.swa_utils.update_bn", "[engine][averaging]") {
  nn::Sequential model;
  auto first = std::make_shared<nn::BatchNorm2d>(4), second = std::make_shared<nn::BatchNorm2d>(5);
  model.push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 3, .out = 4, .kernel = 3}));
  model.push(first);
  model.push(std::make_shared<nn::Activation>(nn::Act::Relu));
  model.push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 4, .out = 5, .kernel = 2}));
  model.push(second);
  nn::name_layers(model);
  const torch::NoGradGuard no_grad;
  std::int64_t index = 0;
  for (auto& parameter : model.parameters()) parameter.copy_(script_formula(parameter.sizes(), 31 * index++));
  model.train();
  for (const auto& norm : {first, second}) norm->begin_cumulative();
  for (const std::int64_t size : {4, 4, 3}) model(script_formula({size, 3, 6, 6}, 1000 * size));
  for (const auto& norm : {first, second}) norm->end_cumulative();
  const Json expected = Json::parse(read_file(fixture("optim/averaging.json"))).at("norms");
  const auto buffers = model.buffers();
  REQUIRE(buffers.size() == expected.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const auto reference = torch::tensor(expected[i].get<std::vector<double>>(), torch::kDouble);
    CHECK(torch::allclose(buffers[i].flatten().to(torch::kDouble), reference, 1e-6, 1e-6));
  }
}

TEST_CASE("renewed statistics do not depend on what they were, and repeat to the bit", "[engine][averaging]") {
  const auto resolved = tiny();
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  engine::Context context = engine::make_context(resolved.recipe.train);
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 1);
  model.eval();
  engine::RenewalRequest request;
  request.batch_size = 16;
  std::int64_t seen = 0;
  request.progress = [&seen](std::int64_t done, std::int64_t) { seen = done; };
  const auto statistics = [&] {
    engine::renew_norms(*task, context, request);
    std::vector<torch::Tensor> values;
    for (const auto& buffer : model.buffers()) values.push_back(buffer.clone());
    return values;
  };
  const auto first = statistics();
  CHECK(seen == 40);
  CHECK_FALSE(model.is_training());
  context.workers = 3;
  const auto second = statistics();
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(torch::equal(first[i], second[i]));
  request.norms.samples = 16;
  const auto subset = statistics();
  CHECK(seen == 16);
  CHECK_FALSE(torch::equal(first[0], subset[0]));
  request.norms.augmented = false;
  CHECK_FALSE(torch::equal(subset[0], statistics()[0]));
}

namespace {

/// A task of `overrides` with weights, and what renewing its statistics needs.
struct RenewalFixture {
  explicit RenewalFixture(const std::vector<std::string>& overrides, const engine::TaskFactory& tasks = watched_tasks())
      : resolved(tiny_watched(overrides)),
        task(tasks.make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}})),
        context(engine::make_context(resolved.recipe.train)) {
    nn::initialise(*task->models().front().second, 1);
    request.batch_size = 16;
  }

  /// The batches that every norm has counted; all statistics are finite.
  std::int64_t renew() {
    engine::renew_norms(*task, context, request);
    std::int64_t batches = 0;
    for (const auto& item : task->models().front().second->named_buffers()) {
      INFO(item.key());
      CHECK(item.value().isfinite().all().item<bool>());
      if (item.value().scalar_type() == torch::kLong) batches = item.value().item<std::int64_t>();
    }
    return batches;
  }

  config::Resolved resolved;
  std::unique_ptr<engine::Task> task;
  engine::Context context;
  engine::RenewalRequest request;
};

/// Maps of one pixel, whose statistics a batch of one sample would spoil.
constexpr const char* kOnePixelMaps = "model={name: mobilenet_v3_small, width_mult: 0.25, dropout: 0}";

}  // namespace

TEST_CASE("no pass for batch norm's statistics has a batch of one sample", "[engine][averaging]") {
  const auto batches = [](std::int64_t samples, std::int64_t size) {
    RenewalFixture fixture({kOnePixelMaps, "data.train_samples=" + std::to_string(samples)});
    fixture.request.batch_size = size;
    return fixture.renew();
  };
  CHECK(batches(33, 16) == 2);  // the one that is left joins
  CHECK(batches(34, 16) == 3);
  CHECK(batches(32, 16) == 2);
  CHECK(batches(3, 2) == 1);
  CHECK(batches(4, 1) == 2);  // one at a time would be batches of one, all of them
}

TEST_CASE("a sample that is left alone joins the batch before it, to the bit", "[engine][averaging]") {
  const auto first_mean = [](std::int64_t samples, std::int64_t size) {
    RenewalFixture fixture({"data.train_samples=" + std::to_string(samples)});
    fixture.request.batch_size = size;
    fixture.renew();
    return fixture.task->models().front().second->buffers().front().clone();
  };
  CHECK(torch::equal(first_mean(17, 16), first_mean(17, 17)));
}

TEST_CASE("a sample whose batch cannot be read otherwise is left out of batch norm's statistics",
          "[engine][averaging]") {
  // The second of two batches has one sample that can be read.
  const auto order = permutation(32, KeyedRandom(0, "batch-norm", 0, 0));
  const auto renewed = [&](std::size_t readable) {
    const std::set<std::int64_t> broken(order.begin() + static_cast<std::ptrdiff_t>(readable), order.end());
    RenewalFixture fixture({kOnePixelMaps, "data.train_samples=32"}, faulty_tasks({{data::Split::Train, broken}}));
    fixture.request.on_error = data::OnError::Skip;
    return fixture.renew();
  };
  CHECK(renewed(17) == 1);
  CHECK(renewed(18) == 2);
  CHECK(user_error([&] { renewed(1); }).find(" sees one value of each channel, which has no variance; ") !=
        std::string::npos);
}
