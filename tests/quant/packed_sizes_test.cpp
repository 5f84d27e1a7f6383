#include "quant/packed_sizes.h"

#include <ATen/Parallel.h>

#include "catch.h"
#include "models/parity.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/kernels.h"
#include "quant/runner.h"

using namespace mlrun;

namespace {

struct RunSize {
  std::int64_t batch;
  int threads;
};

struct ConvCase {
  nn::Conv2dOptions options;
  std::int64_t size;  ///< height and width of its input
};

/// What users do: calibrate and evaluate batches, then take one image.
const std::vector<RunSize> kSizesRun = {{8, 2}, {1, 2}, {3, 2}, {1, 1}, {32, 1},
                                        {2, 2}, {1, 2}, {8, 1}, {8, 2}, {1, 2}};

class ThreadsKept {
 public:
  ~ThreadsKept() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

quant::Int8Node conv_node(const nn::Conv2dOptions& o) {
  torch::manual_seed(3);
  quant::Int8Node node;
  node.op = "conv2d";
  node.weight = torch::randint(-127, 128, {o.out, o.in / o.groups, (*o.kernel)[0], (*o.kernel)[1]}, torch::kChar);
  node.weight_scale = torch::full({o.out}, 0.002F);
  node.bias = torch::randn({o.out});
  node.inputs = {{0.02, 64}};
  const auto products = static_cast<double>(node.weight[0].numel());
  node.output = {0.002 * 0.02 * 73 * 37 * std::sqrt(products) / 40, 128};
  return node;
}

torch::Tensor integers(std::int64_t batch, std::int64_t channels, std::int64_t size, const quant::Scale& scale) {
  torch::manual_seed(static_cast<std::uint64_t>(batch));
  const auto values = torch::randint(0, 128, {batch, channels, size, size}, torch::kByte);
  return at::_make_per_tensor_quantized_tensor(values, scale.scale, scale.zero_point)
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

/// The node's integers in float64, which holds every sum.
torch::Tensor expected_of(const quant::Int8Node& node, const nn::Conv2dOptions& o, const torch::Tensor& input) {
  const torch::Tensor sums = torch::conv2d(input.dequantize().to(torch::kDouble),
                                           quant::quantized_weight(node).dequantize().to(torch::kDouble),
                                           node.bias.to(torch::kDouble), o.stride, o.padding, o.dilation, o.groups);
  return (sums / node.output.scale).round().add(node.output.zero_point).clamp(0, 255);
}

std::shared_ptr<nn::Layer> int8_model(const std::string& name, std::int64_t size) {
  auto model = test::make_model(name);
  nn::initialise(*model, 0);
  model->eval();
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = quant::reduces_range("auto", options.engine);
  options.observer = "min_max";
  torch::manual_seed(6);
  const torch::Tensor batch = torch::rand({8, 3, size, size});
  quant::Calibrator calibrator(*model, {batch.narrow(0, 0, 2)}, options);
  calibrator.observe({batch});
  quant::attach_int8(*model, calibrator.plan(), "test");
  return model;
}

}  // namespace

TEST_CASE("an int8 convolution is right at every batch and number of threads, whatever came before", "[quant]") {
  const std::string engine = GENERATE(from_range(quant::int8_engines()));
  const auto [options, size] = GENERATE(values<ConvCase>({
      {{.in = 960, .out = 240}, 1},  // squeeze-excite: oneDNN has several orders for these weights
      {{.in = 240, .out = 960}, 1},
      {{.in = 480, .out = 120}, 1},
      {{.in = 24, .out = 8}, 1},
      {{.in = 160, .out = 960}, 4},
      {{.in = 512, .out = 512, .kernel = 3, .padding = 1}, 2},
      {{.in = 3, .out = 16, .kernel = 3, .stride = 2, .padding = 1}, 16},
      {{.in = 58, .out = 58, .kernel = 3, .padding = 1, .groups = 58}, 7},
      {{.in = 128, .out = 128, .kernel = 3, .padding = 1, .groups = 32}, 7},
  }));
  INFO(engine << ", " << options.in << " to " << options.out << " channels, " << size << " px");
  const ThreadsKept kept;
  quant::use_engine(engine);
  const nn::Conv2d layer(options);
  const quant::Int8Node node = conv_node(options);
  quant::PackedSizes packed(node, layer, engine);
  for (const RunSize& run : kSizesRun) {
    INFO("batch " << run.batch << ", " << run.threads << " threads");
    at::set_num_threads(run.threads);
    const torch::Tensor input = integers(run.batch, options.in, size, node.inputs[0]);
    const torch::Tensor output = quant::run_kernel(node, layer, packed.at(input), true, {input});
    const torch::Tensor off = output.int_repr().to(torch::kDouble).sub(expected_of(node, options, input)).abs();
    CHECK(off.max().item<double>() <= 1);  // halves round in two ways
    CHECK(off.mean().item<double>() < 0.01);
  }
  CHECK(packed.count() <= 4);
}

TEST_CASE("packed weights are kept for the last sizes, and traces get their own", "[quant]") {
  const nn::Conv2dOptions options{.in = 8, .out = 8};
  const nn::Conv2d layer(options);
  const quant::Int8Node node = conv_node(options);
  const std::string engine = quant::choose_engine("auto");
  quant::use_engine(engine);
  quant::PackedSizes packed(node, layer, engine);
  const auto at = [&](std::int64_t batch) { return packed.at(integers(batch, 8, 2, node.inputs[0])).toObject().get(); };
  const auto* first = at(1);
  CHECK(at(1) == first);
  const bool by_size = engine == "onednn" || engine == "x86";
  CHECK((at(2) != first) == by_size);
  CHECK(at(1) == first);
  CHECK(packed.fresh().toObject().get() != first);
  CHECK(at(1) == first);
  for (std::int64_t batch = 3; batch < 9; ++batch) at(batch);
  CHECK(packed.count() == (by_size ? 4U : 1U));
}

TEST_CASE("int8 models of the tables give one image what they give it among others, at any number of threads",
          "[quant]") {
  const std::string name =
      GENERATE("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x1_0");
  INFO(name);
  const ThreadsKept kept;
  const std::int64_t size = 64;
  const auto model = int8_model(name, size);
  torch::manual_seed(7);
  const torch::Tensor images = torch::rand({32, 3, size, size});
  const torch::NoGradGuard no_gradients;
  at::set_num_threads(2);
  const torch::Tensor expected = (*model)(images);
  for (const RunSize& run : kSizesRun) {
    INFO("batch " << run.batch << ", " << run.threads << " threads");
    at::set_num_threads(run.threads);
    const torch::Tensor found = (*model)(images.narrow(0, 0, run.batch));
    CHECK(found.sub(expected.narrow(0, 0, run.batch)).abs().max().item<double>() <=
          0.02 * expected.abs().max().item<double>());
  }
}
