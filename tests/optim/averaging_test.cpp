#include "optim/averaging.h"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "optim/averaging_methods.h"
#include "support.h"

using namespace mlrun;
using optim::NamedTensors;

namespace {

const Json& swa_utils() {
  static const Json content = Json::parse(read_file(test::fixture("optim/averaging.json")));
  return content;
}

/// What scripts/fixtures/averaging.py calls formula.
torch::Tensor shifted_formula(at::IntArrayRef shape, std::int64_t shift) {
  const auto count = c10::multiply_integers(shape);
  const auto index = torch::arange(count, torch::kLong).add(shift).mul(7919).remainder(1009);
  return index.to(torch::kDouble).div(1009).sub(0.5).view(shape);
}

const std::vector<std::vector<std::int64_t>> kShapes = {{4, 3, 3, 3}, {4}, {4}, {4}, {5, 4, 2, 2}, {5}, {5}, {5}};

/// The parameters of the script's network after update `step`.
NamedTensors network_state(std::int64_t step) {
  NamedTensors state;
  for (std::size_t i = 0; i < kShapes.size(); ++i) {
    const auto shift = 31 * static_cast<std::int64_t>(i) + 101 * step;
    state.emplace_back("p" + std::to_string(i), shifted_formula(kShapes[i], shift).to(torch::kFloat));
  }
  return state;
}

void check_close(const NamedTensors& average, const Json& expected) {
  REQUIRE(average.size() == expected.size());
  for (std::size_t i = 0; i < average.size(); ++i) {
    const auto reference = torch::tensor(expected[i].get<std::vector<double>>(), torch::kDouble);
    const double largest = reference.abs().max().item<double>();
    INFO(average[i].first);
    CHECK((average[i].second.flatten().to(torch::kDouble) - reference).abs().max().item<double>() <= 1e-6 * largest);
  }
}

NamedTensors noisy(std::int64_t seed, double scale) {
  torch::manual_seed(static_cast<std::uint64_t>(seed));
  return {{"conv.weight", torch::randn({6, 5}) * scale + 1},
          {"bn.running_var", torch::rand({6})},
          {"bn.num_batches_tracked", torch::tensor(seed, torch::kLong)}};
}

}  // namespace

TEST_CASE("averages equal those of torch.optim.swa_utils", "[optim]") {
  const Json& expected = swa_utils().at("averages");
  optim::EqualAverage equal;
  optim::ExponentialAverage exponential(expected.at("decay").get<double>());
  for (std::int64_t step = 0; step < expected.at("count").get<std::int64_t>(); ++step) {
    equal.add(network_state(step));
    exponential.add(network_state(step));
  }
  CHECK(equal.count() == 6);
  check_close(equal.mean(), expected.at("equal"));
  check_close(exponential.mean(), expected.at("exponential"));
}

TEST_CASE("the equal average is float64's, where a running mean in float32 is not", "[optim]") {
  constexpr int kSets = 200;
  optim::EqualAverage average;
  torch::Tensor exact = torch::zeros({1000}, torch::kDouble), running = torch::zeros({1000});
  for (int i = 0; i < kSets; ++i) {
    torch::manual_seed(static_cast<std::uint64_t>(i));
    const torch::Tensor weights = torch::randn({1000}) * 1e-3 + 1000;
    average.add({{"w", weights}});
    exact.add_(weights.to(torch::kDouble));
    running.add_((weights - running) / (i + 1));
  }
  exact.div_(kSets);
  const torch::Tensor mean = average.mean().front().second;
  CHECK(mean.scalar_type() == torch::kFloat);
  CHECK(torch::equal(mean, exact.to(torch::kFloat)));
  CHECK_FALSE(torch::equal(running, exact.to(torch::kFloat)));
}

TEST_CASE("shares weigh the sets, and of counters the newest counts", "[optim]") {
  optim::EqualAverage average;
  average.add({{"w", torch::tensor({1.0F, 2.0F})}, {"n", torch::tensor(5, torch::kLong)}}, 3);
  average.add({{"w", torch::tensor({5.0F, 6.0F})}, {"n", torch::tensor(9, torch::kLong)}}, 1);
  CHECK(torch::equal(average.mean()[0].second, torch::tensor({2.0F, 3.0F})));
  CHECK(average.mean()[1].second.item<std::int64_t>() == 9);
  CHECK(average.mean()[1].second.scalar_type() == torch::kLong);
  const auto mean = average.mean();
  CHECK_THROWS_AS(average.add({{"v", torch::zeros({2})}, {"n", torch::zeros({})}}), InternalError);
  const auto released = average.release_mean();
  for (std::size_t i = 0; i < mean.size(); ++i) CHECK(torch::equal(released[i].second, mean[i].second));
  CHECK(average.count() == 0);
}

TEST_CASE("half precision is averaged in full and given back as it was", "[optim]") {
  for (const auto dtype : {torch::kHalf, torch::kBFloat16}) {
    optim::EqualAverage equal;
    optim::ExponentialAverage exponential(0.5);
    for (const float value : {1.0F, 2.0F}) {
      equal.add({{"w", torch::full({3}, value, dtype)}});
      exponential.add({{"w", torch::full({3}, value, dtype)}});
    }
    for (const auto& mean : {equal.mean(), exponential.mean()}) {
      CHECK(mean[0].second.scalar_type() == dtype);
      CHECK(mean[0].second.to(torch::kFloat).eq(1.5).all().item<bool>());
    }
  }
}

TEST_CASE("an average that is saved and loaded goes on to the same bits", "[optim]") {
  const auto check = [](auto whole, auto first, auto second) {
    for (int i = 0; i < 7; ++i) whole.add(noisy(i, 0.1));
    for (int i = 0; i < 4; ++i) first.add(noisy(i, 0.1));
    data::State state;
    first.save(state, "averaging.");
    second.load(state, "averaging.");
    CHECK(second.count() == 4);
    for (int i = 4; i < 7; ++i) second.add(noisy(i, 0.1));
    const auto a = whole.mean(), b = second.mean();
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(torch::equal(a[i].second, b[i].second));
  };
  check(optim::EqualAverage(), optim::EqualAverage(), optim::EqualAverage());
  check(optim::ExponentialAverage(0.9), optim::ExponentialAverage(0.9), optim::ExponentialAverage(0.9));
  check(optim::GaussianAverage(3), optim::GaussianAverage(3), optim::GaussianAverage(3));
}

TEST_CASE("SWAG's moments are numpy's", "[optim]") {
  const Json& swag = swa_utils().at("swag");
  optim::GaussianAverage average(3);
  for (std::int64_t step = 0; step < swag.at("count").get<std::int64_t>(); ++step) average.add(network_state(step));
  const auto close = [](const torch::Tensor& got, const Json& expected, double tolerance) {
    const auto reference = torch::tensor(expected.get<std::vector<double>>(), torch::kDouble);
    const double largest = reference.abs().max().item<double>();
    return (got.flatten().to(torch::kDouble) - reference).abs().max().item<double>() <= tolerance * largest;
  };
  const auto mean = average.mean(), variance = average.variance();
  data::State state;
  average.save(state, "");
  for (std::size_t i = 0; i < swag.at("parameters").size(); ++i) {
    const Json& expected = swag.at("parameters")[i];
    CHECK(close(mean[i].second, expected.at("mean"), 1e-6));
    CHECK(close(variance[i].second, expected.at("variance"), 1e-9));
    for (std::size_t k = 0; k < 3; ++k) {
      const auto deviation = state.tensor("deviation." + std::to_string(k) + "." + mean[i].first);
      CHECK(close(deviation, expected.at("deviations")[k], 1e-6));
    }
  }
}

TEST_CASE("SWAG's moments and draws follow the paper's formulas", "[optim]") {
  constexpr std::int64_t kRank = 3;
  constexpr int kSets = 5;
  optim::GaussianAverage average(kRank);
  torch::Tensor sum = torch::zeros({6, 5}, torch::kDouble), squares = sum.clone();
  std::vector<torch::Tensor> deviations;
  for (int i = 0; i < kSets; ++i) {
    const auto weights = noisy(i, 0.1);
    average.add(weights);
    const auto w = weights[0].second.to(torch::kDouble);
    sum += w;
    squares += w.square();
    deviations.push_back(w - sum / (i + 1));
  }
  const auto mean = sum / kSets, variance = squares / kSets - mean.square();
  REQUIRE(average.variance().size() == 1);  // batch norm's statistics do not vary
  CHECK(torch::allclose(average.variance()[0].second, variance, 1e-9, 1e-12));
  CHECK(torch::allclose(average.mean()[0].second.to(torch::kDouble), mean, 1e-6));

  const double scale = 0.5;
  const auto drawn = average.sample(7, 2, scale);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(KeyedRandom(7, "posterior", 2, 0).bits64());
  const auto z2 = torch::randn({kRank}, generator, torch::kDouble);
  const auto z1 = torch::randn({6, 5}, generator, torch::kDouble);
  auto expected = mean + std::sqrt(scale) * variance.clamp_min(0).sqrt() * z1;
  for (std::int64_t k = 0; k < kRank; ++k) {
    const auto& deviation = deviations[deviations.size() - kRank + static_cast<std::size_t>(k)];
    expected = expected + std::sqrt(scale) * deviation * (z2[k] / std::sqrt(kRank - 1.0));
  }
  CHECK(torch::allclose(drawn[0].second.to(torch::kDouble), expected, 1e-5, 1e-7));
  CHECK(torch::equal(drawn[1].second, average.mean()[1].second));
  CHECK(torch::equal(average.sample(7, 2, scale)[0].second, drawn[0].second));
  CHECK_FALSE(torch::equal(average.sample(7, 3, scale)[0].second, drawn[0].second));
  CHECK_FALSE(torch::equal(average.sample(8, 2, scale)[0].second, drawn[0].second));
}

TEST_CASE("the rate of the averaging phase is SWALR's", "[optim]") {
  for (const auto& course : swa_utils().at("rates")) {
    config::ScheduleSection section;
    section.curve = optim::schedules().defaults("cosine");
    section.warmup = {course.at("warmup").get<double>(), config::Span::Unit::Epochs};
    optim::AveragingRate phase;
    phase.lr = course.at("swa_lr").get<double>();
    phase.anneal = {course.at("anneal").get<double>(), config::Span::Unit::Epochs};
    phase.cosine = course.at("strategy") == "cos";
    constexpr std::int64_t kSteps = 7;
    const auto epochs = course.at("epochs").get<std::int64_t>();
    const optim::PhasedRate rate(section, course.at("lr").get<double>(), {kSteps, kSteps * epochs}, phase,
                                 course.at("start").get<std::int64_t>() * kSteps);
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      INFO("epoch " << epoch << " of " << course.dump());
      const double expected = course.at("rates")[static_cast<std::size_t>(epoch)].get<double>();
      CHECK(std::abs(rate.at(epoch * kSteps) - expected) <= 1e-12);
      CHECK(rate.at(epoch * kSteps + kSteps - 1) == rate.at(epoch * kSteps));
    }
  }
}

TEST_CASE("an exponential average with a warm-up begins with small decays", "[optim]") {
  optim::ExponentialAverage average(0.5, /*warmup=*/true);
  double expected = 8;
  for (const double kept : {0.0, 1 - 1 / std::cbrt(4.0), 0.5, 0.5}) {  // 1 - (1 + n)^(-2/3), 0.5 at the most
    average.add({{"w", torch::full({1}, expected + 1, torch::kDouble)}});
    expected = average.count() == 1 ? 9 : kept * expected + (1 - kept) * (expected + 1);
    CHECK(average.mean()[0].second.item<double>() == Approx(expected).epsilon(1e-12));
  }
}

TEST_CASE("the recipe's words become a plan of averaging", "[optim]") {
  const auto& factory = optim::averagings();
  CHECK(factory.names() == std::vector<std::string>{"none", "swa", "ema", "swag"});
  CHECK_FALSE(factory.make(factory.defaults("none"), {64, 10}).average);
  const auto swa = factory.make(factory.defaults("swa"), {64, 10});
  CHECK(swa.prefix == "swa_");
  CHECK(swa.start.text() == "75 %");
  CHECK(swa.norms);
  CHECK_FALSE(swa.rate);
  config::Component component = factory.defaults("ema");
  const config::Spec& spec = *factory.at("ema").options;
  spec.find("decay")->set(component.options.get(), 0.999);
  spec.find("rescale")->set(component.options.get(), true);
  spec.find("every")->set(component.options.get(), "10 steps");
  const auto ema = factory.make(component, {64, 20});
  ema.average->add({{"w", torch::zeros({1}, torch::kDouble)}});
  ema.average->add({{"w", torch::ones({1}, torch::kDouble)}});
  // torchvision: alpha = (1 - decay) x batch_size x steps / epochs.
  CHECK(ema.average->mean()[0].second.item<double>() == Approx(0.001 * 64 * 10 / 20).epsilon(1e-12));
  CHECK_FALSE(ema.norms);
}
