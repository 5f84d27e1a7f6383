// Layers that run several times in a pass: one kernel, one set of weights and one range for all calls.

#include <algorithm>
#include <cmath>

#include "deploy/torchscript.h"
#include "deploy/trace.h"
#include "models/parity.h"
#include "nn/norm.h"
#include "nn/repeated.h"
#include "nn/tensors.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/int8_file.h"
#include "quant/noise.h"
#include "quant/qat_model.h"
#include "support.h"

using namespace mlrun;

namespace {

quant::QuantizeOptions calls_options() {
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = true;
  options.observer = "min_max";
  return options;
}

quant::Int8Plan calls_plan(nn::Layer& model, const nn::Tensors& batch) {
  quant::Calibrator calibrator(model, batch, calls_options());
  calibrator.observe(batch);
  return calibrator.plan();
}

torch::Tensor calls_output(nn::Layer& model, const nn::Tensors& batch) {
  const torch::NoGradGuard no_gradients;
  return model.run(nn::copies(batch)).front();
}

double snr(const torch::Tensor& expected, const torch::Tensor& given) {
  return 20 * std::log10(expected.norm().item<double>() / (given - expected).norm().item<double>());
}

std::vector<std::string> node_paths(const quant::Int8Plan& plan) {
  std::vector<std::string> paths;
  for (const auto& node : plan.nodes) paths.push_back(node.path);
  return paths;
}

}  // namespace

TEST_CASE("a head over three levels is one int8 head, equal to three of its scales", "[quant][calls]") {
  const auto [shared, apart] = test::pyramids();
  const nn::Tensors batch = {test::noise({3, 3, 16, 16})};
  const auto expected = calls_output(*shared, batch);
  CHECK(calls_output(*apart, batch).equal(expected));
  const auto plan = calls_plan(*shared, batch);
  CHECK(node_paths(plan) ==
        std::vector<std::string>{"stem", "head.conv", "head.out", "flatten", "down1", "down2", "join"});
  const quant::Int8Node& conv = *plan.find("head.conv");
  CHECK((conv.calls == 3 && conv.folded == std::vector<std::string>{"head.norm", "head.relu"}));
  auto three = calls_plan(*apart, batch);
  double widest = 0;  // of the levels' ranges
  for (auto& node : three.nodes) {
    if (node.path.rfind("head", 0) != 0) continue;
    const quant::Int8Node& one = *plan.find("head" + node.path.substr(5));
    if (node.op == "conv2d" && node.activation == "relu") widest = std::max(widest, node.output.scale);
    CHECK(node.weight.equal(one.weight));
    node.inputs = one.inputs;
    node.output = one.output;
  }
  CHECK(conv.output.scale == widest);  // min_max joins them
  quant::attach_int8(*shared, plan, "shared");
  quant::attach_int8(*apart, three, "apart");
  const auto given = calls_output(*shared, batch);
  CHECK(given.equal(calls_output(*apart, batch)));
  CHECK(snr(expected, given) > 25);
}

TEST_CASE("an int8 file of a model with repeated layers gives it again, to the bit", "[quant][calls][int8]") {
  const test::TempDir folder;
  const auto [model, other] = std::pair(test::pyramids().first, std::make_shared<test::Pyramid>(true));
  const nn::Tensors batch = {test::noise({2, 3, 16, 16})};
  quant::write_int8(folder / "m.safetensors", {{"model", *model, calls_plan(*model, batch)}}, {});
  nn::name_layers(*other);
  other->eval();
  quant::install_int8(folder / "m.safetensors", {{"model", other}});
  const quant::Int8Plan plan = calls_plan(*model, batch);
  CHECK(quant::int8_runner(*other)->plan().find("head.conv")->calls == 3);
  CHECK(quant::int8_runner(*other)->plan().find("stem")->calls == 1);
  quant::attach_int8(*model, plan, "m");
  CHECK(calls_output(*other, batch).equal(calls_output(*model, batch)));
  auto content = weights::read_safetensors(folder / "m.safetensors");
  Json json = Json::parse(content.metadata.at("quantization"));
  CHECK_FALSE(json["nodes"][0].contains("calls"));
  for (const Json& wrong : {Json(0), Json(-1), Json("x"), Json(1 << 20)}) {
    json["nodes"][1]["calls"] = wrong;
    content.metadata["quantization"] = json.dump();
    weights::write_safetensors(folder / "w.safetensors", content.tensors, content.metadata);
    CHECK(test::user_error([&] {
            quant::read_int8(folder / "w.safetensors");
          }).find("nodes[1].calls is no number of calls") != std::string::npos);
  }
}

TEST_CASE("a model of two inputs with a shared tower is calibrated by both", "[quant][calls]") {
  const auto model = test::drawn(std::make_shared<test::Towers>());
  const nn::Tensors batch = {test::noise({4, 3, 8, 8}, 1), 3 * test::noise({4, 3, 8, 8}, 2)};
  const auto expected = calls_output(*model, batch);
  const auto plan = calls_plan(*model, batch);
  CHECK(node_paths(plan) == std::vector<std::string>{"tower.conv", "sum", "flatten", "fc"});
  const double least = std::min(batch[0].min().item<double>(), batch[1].min().item<double>());
  const double most = std::max(batch[0].max().item<double>(), batch[1].max().item<double>());
  CHECK(plan.nodes[0].inputs.at(0).scale == Approx((most - least) / 127));
  const auto reference = test::drawn(std::make_shared<test::Towers>());
  quant::attach_int8(*model, plan, "towers");
  CHECK(snr(expected, calls_output(*model, batch)) > 20);
  const auto noise = quant::layer_noise(*reference, *model, {batch, batch});
  REQUIRE(noise.size() == 3);
  for (const auto& layer : noise) CHECK((layer.db > 20 && std::isfinite(layer.db)));
  const nn::Tensors same = {torch::ones({2, 3, 8, 8}), torch::zeros({2, 3, 8, 8})};
  const auto blank = test::drawn(std::make_shared<test::Towers>());
  CHECK(test::user_error([&] { calls_plan(*blank, same); }) ==
        "calibration: all values of all samples are the same; look at the data: `mlrun inspect` does");
}

TEST_CASE("recurrent steps run in int8, also more of them than calibration saw", "[quant][calls]") {
  const auto model = test::drawn(std::make_shared<test::Recurrent>(2));
  const nn::Tensors batch = {test::noise({2, 3, 8, 8})};
  const auto plan = calls_plan(*model, batch);
  CHECK(node_paths(plan) == std::vector<std::string>{"begin", "recur", "input", "sum"});
  CHECK(plan.find("recur")->calls == 2);
  for (const char* path : {"begin", "sum"}) {
    CHECK(plan.find(path)->folded == std::vector<std::string>{"relu"});  // one layer, in both of its places
  }
  model->steps = 3;
  const auto expected = calls_output(*model, batch);
  quant::attach_int8(*model, plan, "recurrent");
  CHECK(snr(expected, calls_output(*model, batch)) > 15);
}

TEST_CASE("what calls of a layer have not in common is not folded into it", "[quant][calls]") {
  const auto model = test::drawn(std::make_shared<test::TwoNorms>());
  const nn::Tensors batch = {test::noise({2, 4, 8, 8})};
  const auto expected = calls_output(*model, batch);
  const auto plan = calls_plan(*model, batch);
  CHECK(node_paths(plan) == std::vector<std::string>{"conv", "first", "second"});
  CHECK(plan.find("conv")->folded.empty());
  CHECK((plan.find("first")->op == "batch_norm2d" && plan.find("first")->activation == "relu"));
  quant::attach_int8(*model, plan, "two");
  CHECK(snr(expected, calls_output(*model, batch)) > 20);
}

TEST_CASE("a layer that gets integers in some of its calls alone stays float32, and says so", "[quant][calls]") {
  class Late : public nn::Layer {
   public:
    Late() : Layer("Late") {
      sum_ = add("sum", std::make_shared<nn::Add>());
      relu_ = add("relu", test::relu());
      conv_ = add("conv", test::conv3(3, 3));
    }
    using Layer::forward;
    nn::Tensors forward(const nn::Tensors& inputs) override {
      const torch::Tensor x = inputs.front();
      const torch::Tensor y = call(*conv_, call(*relu_, call(*sum_, x.clone(), x)));
      return {call(*relu_, call(*sum_, y, y))};
    }

   private:
    std::shared_ptr<nn::Add> sum_;
    std::shared_ptr<nn::Activation> relu_;
    std::shared_ptr<nn::Conv2d> conv_;
  };
  const auto model = test::drawn(std::make_shared<Late>());
  const nn::Tensors batch = {test::noise({2, 3, 8, 8})};
  const auto expected = calls_output(*model, batch);
  const auto plan = calls_plan(*model, batch);
  CHECK(node_paths(plan) == std::vector<std::string>{"conv"});
  REQUIRE(plan.float_layers.size() == 2);
  CHECK(plan.float_layers[0].path == "sum");
  CHECK(plan.float_layers[0].reason == "its input is float in some of its calls");
  CHECK(plan.float_layers[1].reason == "its input is float");
  quant::attach_int8(*model, plan, "late");
  CHECK(snr(expected, calls_output(*model, batch)) > 20);
}

TEST_CASE("dynamic quantization has a repeated linear layer once", "[quant][calls]") {
  class Twice : public nn::Layer {
   public:
    Twice() : Layer("Twice") { fc_ = add("fc", std::make_shared<nn::Linear>(6, 6)); }
    using Layer::forward;
    nn::Tensors forward(const nn::Tensors& inputs) override { return {call(*fc_, call(*fc_, inputs.front()))}; }

   private:
    std::shared_ptr<nn::Linear> fc_;
  };
  const auto model = test::drawn(std::make_shared<Twice>()), reference = test::drawn(std::make_shared<Twice>());
  const nn::Tensors batch = {test::noise({3, 6})};
  const auto expected = calls_output(*model, batch);
  const auto plan = quant::quantize_dynamic(*model, batch, calls_options());
  REQUIRE(plan.nodes.size() == 1);
  CHECK((plan.nodes[0].calls == 2 && plan.float_layers.empty()));
  quant::attach_int8(*model, plan, "twice");
  CHECK(snr(expected, calls_output(*model, batch)) > 20);
  CHECK(quant::layer_noise(*reference, *model, {batch}).front().db > 20);
}

TEST_CASE("quantization-aware training rounds a repeated layer as its int8 copy does", "[quant][calls][qat]") {
  const auto model = test::pyramids().first;
  const nn::Tensors batch = {test::noise({2, 3, 16, 16})};
  quant::QatModel qat(*model, batch, {quant::choose_engine("auto"), true, "per_channel", {}});
  torch::Tensor rounded;
  {
    const nn::InterceptorScope scope(*model, qat.door());
    model->train();
    model->run(batch).front().square().sum().backward();
    for (const auto& item : model->named_parameters()) {
      INFO(item.key());
      CHECK(item.value().grad().abs().sum().item<double>() > 0);
    }
    model->eval();
    rounded = calls_output(*model, batch);
  }
  data::State state;
  qat.save(state, "");
  quant::QatModel again(*model, batch, qat.options());
  again.load(state, "");
  const auto plan = again.plan();
  CHECK(plan.find("head.conv")->calls == 3);
  quant::attach_int8(*model, plan, "qat");
  const auto given = calls_output(*model, batch);
  CHECK((given - rounded).abs().max().item<double>() <= 1.01 * plan.find("join")->output.scale);
}

TEST_CASE("weights of a repeated layer are packed for each size of its calls", "[quant][calls]") {
  const auto model = test::pyramids().first;
  const nn::Tensors batch = {test::noise({1, 3, 16, 16})};
  quant::attach_int8(*model, calls_plan(*model, batch), "pyramid");
  const auto first = calls_output(*model, batch);
  for (const std::int64_t count : {2, 3}) {
    const nn::Tensors more = {test::noise({count, 3, 16, 16})};
    CHECK(calls_output(*model, more).isfinite().all().item<bool>());
  }
  CHECK(calls_output(*model, batch).equal(first));
}

TEST_CASE("an int8 model with repeated layers is traced, written and read", "[quant][calls][deploy]") {
  const auto model = test::pyramids().first;
  const torch::Tensor batch = test::noise({2, 3, 16, 16});
  quant::attach_int8(*model, calls_plan(*model, {batch}), "pyramid");
  const auto expected = calls_output(*model, {batch});
  const test::TempDir folder;
  deploy::write_torchscript(folder / "m.pt", deploy::trace(*model, {batch}), /*frozen=*/true, {});
  const auto run = deploy::load_torchscript(folder / "m.pt");
  CHECK(run({batch}).front().equal(expected));
  for (const std::int64_t count : {1, 3}) {
    const auto more = test::noise({count, 3, 16, 16});
    CHECK(run({more}).front().equal(calls_output(*model, {more})));
  }
}

TEST_CASE("MOSAIC's padding and means in bins keep integers, and its kernels look at all levels", "[quant][calls]") {
  const Json options{{"pyramid_bins", {1, 2, 4}}, {"branch_channels", 8}, {"decoder_channels", 16}};
  const auto model = test::make_model("mosaic", options, {5, 3});
  nn::initialise(*model, 0);
  const nn::Tensors batch = {test::noise({2, 3, 63, 97})};
  for (nn::Layer* layer : model->all_layers()) {  // statistics, without which untrained depths vanish
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norm->begin_cumulative();
  }
  calls_output(*model, batch);
  for (nn::Layer* layer : model->all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norm->end_cumulative();
  }
  model->eval();
  const auto expected = calls_output(*model, batch);
  const auto plan = calls_plan(*model, batch);
  for (const char* path : {"backbone.1.block.1.pad", "backbone.3.block.1.pad", "neck.pools.0", "neck.pools.1"}) {
    INFO(path);
    REQUIRE(plan.find(path) != nullptr);
    CHECK(plan.find(path)->op == "pass");
  }
  CHECK(plan.find("neck.convs.1.0.0")->calls == 2);
  for (const auto& layer : plan.float_layers) {
    INFO(layer.path << " " << layer.reason);
    // The image is float when it is padded; what is resized goes on as float to the next convolution.
    CHECK((layer.type == "Interpolate" || layer.path == "backbone.0.pad" ||
           layer.path.find("concat") < layer.path.size() || layer.path == "head.sum_merge.add"));
  }
  quant::attach_int8(*model, plan, "mosaic");
  CHECK(snr(expected, calls_output(*model, batch)) > 5);
}
