// Ranges and the scales that follow from them, on data whose answer can be said by hand.

#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "quant/fake_quantizer.h"
#include "quant/float_sums.h"
#include "quant/kernels.h"
#include "quant/range_observers.h"
#include "support.h"

using namespace mlrun;
using quant::Affine;

namespace {

constexpr float kLeast = std::numeric_limits<float>::epsilon();

Affine affine_between(double least, double most, const quant::Target& target) {
  return quant::affine_of(torch::full({}, least, torch::kFloat), torch::full({}, most, torch::kFloat), target);
}

double scale_in(const Affine& affine) { return affine.scale.item<double>(); }
std::int64_t zero_in(const Affine& affine) { return affine.zero_point.item<std::int64_t>(); }

}  // namespace

TEST_CASE("a range becomes a scale and a zero point that stand for zero exactly", "[quant]") {
  struct RangeRow {
    double least, most;
    bool reduce;
    double scale;
    std::int64_t zero;
  };
  const std::vector<RangeRow> rows = {
      {0, 255, false, 1, 0},        {0, 127, true, 1, 0},        {-1, 254, false, 1, 1},
      {-128, 127, false, 1, 128},   {-255, 0, false, 1, 255},    {-127, 0, true, 1, 127},
      {3, 255, false, 1, 0},        {-255, -9, false, 1, 255},   {0, 0, false, kLeast, 0},
      {-2, 2, true, 4.0 / 127, 64}, {5, 5, false, 5.0 / 255, 0}, {-0.25, 0.75, false, 1.0 / 255, 64},
  };
  for (const auto& row : rows) {
    INFO(row.least << " to " << row.most << (row.reduce ? ", 7 bits" : ""));
    const Affine affine = affine_between(row.least, row.most, quant::activation_target(row.reduce));
    CHECK(scale_in(affine) == Approx(row.scale).epsilon(1e-6));
    CHECK(zero_in(affine) == row.zero);
  }
}

TEST_CASE("weights have zero in the middle, channel by channel", "[quant]") {
  const quant::Target target = quant::weight_target();
  const Affine affine = quant::affine_of(torch::tensor({-127.5F, -1.0F, 0.0F, 2.0F, -3.0F}),
                                         torch::tensor({1.0F, 127.5F, 0.0F, 51.0F, -1.0F}), target);
  CHECK(torch::allclose(affine.scale, torch::tensor({1.0F, 1.0F, kLeast, 0.4F, 3.0F / 127.5F})));
  CHECK(affine.zero_point.equal(torch::zeros({5}, torch::kLong)));
  const quant::Target middle = {torch::kQUInt8, 0, 255, true}, seven_bits = {torch::kQUInt8, 0, 127, true};
  CHECK(zero_in(affine_between(-1, 1, middle)) == 128);
  CHECK(zero_in(affine_between(-1, 1, seven_bits)) == 63);
}

TEST_CASE("ranges join all that was seen, or follow it slowly", "[quant]") {
  const quant::Target target = quant::activation_target(false);
  const auto all = quant::make_activation_observer("min_max", target);
  const auto moving = quant::make_activation_observer("moving_average", target);
  double least = 0, most = 0;
  for (int step = 0; step < 5; ++step) {
    const double low = -1 - step, high = 10 - step;
    const torch::Tensor values = torch::tensor({low, 0.5, high}, torch::kDouble);
    all->observe(values);
    moving->observe(values.reshape({3, 1}));
    least = step == 0 ? low : least + 0.01 * (low - least);
    most = step == 0 ? high : most + 0.01 * (high - most);
  }
  CHECK(scale_in(all->affine()) == Approx(15.0 / 255));
  CHECK(zero_in(all->affine()) == 85);
  CHECK(scale_in(moving->affine()) == Approx((most - least) / 255).epsilon(1e-5));
  const auto channels = quant::make_weight_observer("per_channel", false),
             whole = quant::make_weight_observer("per_tensor", false);
  const torch::Tensor weight = torch::tensor({{{0.5F, -1.0F}}, {{0.0F, 0.25F}}});
  for (const auto& observer : {channels.get(), whole.get()}) observer->observe(weight);
  CHECK(torch::allclose(channels->affine().scale, torch::tensor({1.0F, 0.25F}) / 127.5));
  CHECK(scale_in(whole->affine()) == Approx(1 / 127.5));
}

TEST_CASE("a histogram keeps a whole range that is evenly filled, and clips a lonely far value", "[quant]") {
  const quant::Target target = quant::activation_target(false);
  const auto even = quant::make_activation_observer("histogram", target);
  even->observe(torch::linspace(-8, 8, 20001));
  CHECK(scale_in(even->affine()) == Approx(16.0 / 255).epsilon(0.02));
  CHECK(std::abs(zero_in(even->affine()) - 128) <= 2);
  const auto far = quant::make_activation_observer("histogram", target);
  torch::manual_seed(1);
  far->observe(torch::cat({torch::randn({1000000}), torch::tensor({12.0F})}));
  const double whole = 17.0 / 255;  // of -5 to 12
  CHECK(scale_in(far->affine()) < 0.9 * whole);
  CHECK(scale_in(far->affine()) > 8.0 / 255);  // what is near stays
}

TEST_CASE("a tensor of one value, or of zeros alone, has a scale that can be divided by", "[quant]") {
  for (const char* kind : {"min_max", "moving_average", "histogram"}) {
    for (const float value : {0.0F, 3.0F, -3.0F, 1e-30F}) {
      INFO(kind << " of " << value);
      const auto observer = quant::make_activation_observer(kind, quant::activation_target(false));
      for (int i = 0; i < 3; ++i) observer->observe(torch::full({2, 3}, value));
      REQUIRE(observer->ready());
      const Affine affine = quant::found_affine(*observer, "layer");
      CHECK(scale_in(affine) >= kLeast);
      CHECK(std::isfinite(scale_in(affine)));
      CHECK((zero_in(affine) >= 0 && zero_in(affine) <= 255));
      const torch::Tensor back =
          torch::quantize_per_tensor(torch::full({1}, value), scale_in(affine), zero_in(affine), torch::kQUInt8)
              .dequantize();
      CHECK(std::abs(back.item<float>() - value) <= std::max(0.51 * scale_in(affine), 1e-6));
    }
  }
}

TEST_CASE("infinities are refused by every observer, of weights too, and leave the range as it was", "[quant]") {
  for (const float wrong : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<std::unique_ptr<quant::Observer>> observers;
    for (const char* kind : {"min_max", "moving_average", "histogram"}) {
      observers.push_back(quant::make_activation_observer(kind, quant::activation_target(false)));
    }
    for (const bool moving : {false, true}) observers.push_back(quant::make_weight_observer("per_channel", moving));
    for (const auto& observer : observers) {
      observer->observe(torch::tensor({{-1.0F, 2.0F}, {0.5F, 1.0F}}));
      const Affine before = observer->affine();
      CHECK(test::user_error([&] {
              observer->observe(torch::tensor({{0.0F, 1.0F}, {wrong, 1.0F}}));
            }) == "values that are to become int8 are not finite; look at the model's weights and at the samples");
      CHECK(observer->affine().scale.equal(before.scale));
      CHECK(observer->affine().zero_point.equal(before.zero_point));
    }
  }
}

TEST_CASE("fake quantization rounds to the grid of its range, and stops following it when told", "[quant][qat]") {
  quant::FakeQuantizer fake(quant::activation_target(false), false);
  CHECK(
      test::user_error([&] { fake.affine("stem"); }) ==
      "the range of stem is not known: no sample went through it in training; train for an epoch, or leave it float32 "
      "with quantize.skip");
  const torch::Tensor x = torch::tensor({-1.0F, 0.0F, 0.3F, 1.55F});
  const torch::Tensor seen = fake(x, true);
  const Affine affine = fake.affine("stem");
  CHECK(scale_in(affine) == Approx(2.55 / 255));
  CHECK(zero_in(affine) == 100);
  CHECK(torch::allclose(seen, x, 1e-5, 1e-6));  // all of them lie on the grid
  CHECK(torch::allclose(fake(torch::tensor({0.004F, 0.006F, 9.0F, -9.0F}), false),
                        torch::tensor({0.0F, 0.01F, 1.55F, -1.0F}), 1e-5, 1e-6));
  CHECK(scale_in(fake.affine("stem")) == scale_in(affine));
  torch::Tensor in = torch::tensor({0.5F, 9.0F}).set_requires_grad(true);
  fake(in, false).sum().backward();
  CHECK(in.grad().equal(torch::tensor({1.0F, 0.0F})));  // none where it was clipped
  const torch::Tensor spoilt = torch::tensor({1.0F, std::numeric_limits<float>::quiet_NaN()});
  CHECK(std::isnan(fake(spoilt, false)[1].item<float>()));
}

TEST_CASE("products of integers with 7 bits are those of loops over whole numbers", "[quant]") {
  constexpr std::int64_t kIn = 37, kOut = 5;
  const quant::Scale input = {0.05, 64}, output = {0.4, 60};
  const double weight_scale = 0.01;
  nn::Linear layer(kIn, kOut);
  quant::Int8Node node;
  node.op = "linear";
  node.inputs = {input};
  node.output = output;
  node.weight = torch::arange(kIn * kOut).mul(37).remainder(255).sub(127).to(torch::kChar).reshape({kOut, kIn});
  node.weight_scale = torch::full({}, weight_scale, torch::kFloat);
  node.bias = torch::tensor({0.0F, 1.0F, -1.0F, 0.5F, 3.0F});
  const torch::Tensor integers = torch::arange(2 * kIn).mul(29).remainder(128).to(torch::kByte).reshape({2, kIn});
  const torch::Tensor x = torch::_make_per_tensor_quantized_tensor(integers, input.scale, input.zero_point);
  for (const char* activation : {"", "relu"}) {
    node.activation = activation;
    const torch::Tensor found = quant::FloatSums(node, layer).run(x).int_repr();
    for (std::int64_t row = 0; row < 2; ++row) {
      for (std::int64_t out = 0; out < kOut; ++out) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < kIn; ++i) {
          sum += (integers[row][i].item<std::int64_t>() - input.zero_point) * node.weight[out][i].item<std::int64_t>();
        }
        double value = static_cast<double>(sum) * input.scale * weight_scale + node.bias[out].item<double>();
        if (*activation != 0) value = std::max(value, 0.0);
        const auto step = std::clamp<std::int64_t>(std::llround(value / output.scale) + output.zero_point, 0, 255);
        CHECK(std::abs(found[row][out].item<std::int64_t>() - step) <= 1);
      }
    }
  }
}
