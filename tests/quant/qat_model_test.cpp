#include "quant/qat_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/json.h"
#include "base/torch_compat.h"
#include "models/named_model.h"
#include "nn/evaluation_scope.h"
#include "quant/engine.h"
#include "quant/runner.h"
#include "support.h"

using namespace mlrun;

namespace {

constexpr std::int64_t kBatch = 4, kSize = 64, kClasses = 10;

// As in scripts/fixtures/qat_steps.py.
torch::Tensor step_images(std::uint64_t number) {
  compat::manual_seed(100 + number);
  return torch::randn({kBatch, 3, kSize, kSize});
}

std::vector<nn::BatchNorm2d*> norms_of(nn::Layer& model) {
  std::vector<nn::BatchNorm2d*> norms;
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) norms.push_back(norm);
  }
  return norms;
}

std::shared_ptr<nn::Layer> model_of(const std::string& name) {
  std::vector<config::Override> overrides = {config::parse_override("model.num_classes=10")};
  if (name != "resnet18") overrides.push_back(config::parse_override("model.dropout=0"));
  auto model = models::make_named(name, overrides).layer;
  nn::initialise(*model, 5);
  model->train();
  for (nn::BatchNorm2d* norm : norms_of(*model)) {
    norm->begin_cumulative();
    norm->running_var.fill_(1);  // as PyTorch begins
  }
  return model;
}

double one_pass(nn::Layer& model, quant::QatModel& qat, std::uint64_t number) {
  model.zero_grad();
  const nn::InterceptorScope scope(model, qat.door());
  const auto loss = torch::cross_entropy_loss(model(step_images(number)), torch::arange(kBatch) % kClasses);
  loss.backward();
  return loss.item<double>();
}

void check_pass(const Json& reference, const nn::Layer& model, double loss) {
  CHECK(loss == Approx(reference["loss"].get<double>()).epsilon(1e-5));
  REQUIRE(reference["gradients"].size() == model.parameters().size());
  double overall = 0;
  for (const auto& item : reference["gradients"]) overall = std::max(overall, item[1].get<double>());
  for (const auto& item : model.named_parameters()) {
    INFO(item.key());
    const auto expected = reference["gradients"][item.key()].get<std::vector<double>>();
    const torch::Tensor gradient = item.value().grad().to(torch::kDouble);
    const double largest = expected[1], margin = 1e-4 * largest + 1e-7 * overall;
    CHECK(gradient.abs().max().item<double>() == Approx(largest).margin(margin));
    CHECK(gradient.flatten()[0].item<double>() == Approx(expected[2]).margin(margin));
    const double sum_margin = margin * std::sqrt(static_cast<double>(gradient.numel()));
    CHECK(gradient.sum().item<double>() == Approx(expected[0]).margin(sum_margin));
  }
}

Approx close(const Json& value) { return Approx(value.get<double>()).epsilon(1e-6).margin(1e-9); }

/// Sites that are looked for, in the order in which they are met.
std::vector<std::size_t> observed_sites(const quant::Layout& layout) {
  std::vector<std::size_t> sites;
  for (std::size_t s = 0; s < layout.sites.size(); ++s) {
    if (!layout.sites[s].fixed) sites.push_back(s);
  }
  return sites;
}

std::vector<const nn::Layer*> weighted_layers(const quant::Layout& layout) {
  std::vector<const nn::Layer*> layers;
  for (const auto& leaf : layout.flow.leaves) {
    if (leaf.layer->type() == "Conv2d" || leaf.layer->type() == "Linear") layers.push_back(leaf.layer);
  }
  return layers;
}

void check_ranges(const Json& reference, const quant::QatModel& qat) {
  const auto sites = observed_sites(qat.layout());
  const Json& ranges = reference["ranges"];
  const Json& scales = reference["scales"];
  REQUIRE(sites.size() == ranges["activations"].size());
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const auto& site = qat.activation(sites[i]);
    INFO("site " << i << " of " << sites.size());
    CHECK(site.least().item<double>() == close(ranges["activations"][i][0]));
    CHECK(site.most().item<double>() == close(ranges["activations"][i][1]));
    const quant::Affine affine = site.affine("a layer");
    CHECK(affine.scale.item<double>() == close(scales["activations"][i][0]));
    CHECK(affine.zero_point.item<std::int64_t>() == scales["activations"][i][1].get<std::int64_t>());
  }
  const auto layers = weighted_layers(qat.layout());
  REQUIRE(layers.size() == ranges["weights"].size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    INFO(layers[i]->path());
    const auto& weight = qat.weight(*layers[i]);
    CHECK(weight.least().to(torch::kDouble).sum().item<double>() == close(ranges["weights"][i][0]));
    CHECK(weight.most().to(torch::kDouble).sum().item<double>() == close(ranges["weights"][i][1]));
    CHECK(weight.affine("a layer").scale.to(torch::kDouble).sum().item<double>() == close(scales["weights"][i]));
  }
}

torch::Tensor rows(const Json& list) {
  torch::Tensor result = torch::empty({kBatch, kClasses});
  for (std::int64_t i = 0; i < kBatch; ++i) {
    result[i] = torch::tensor(list[static_cast<std::size_t>(i)].get<std::vector<double>>()).to(torch::kFloat);
  }
  return result;
}

/// What the model gives with its values rounded, and what its int8 copy gives.
void check_outputs(const Json& reference, nn::Layer& model, quant::QatModel& qat) {
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(model);
  {
    const nn::InterceptorScope scope(model, qat.door());
    const torch::Tensor expected = rows(reference["outputs_fake"]);
    REQUIRE(std::get<0>(torch::_unique(expected)).numel() > 10);
    CHECK((model(step_images(3)) - expected).abs().max().item<double>() < 1e-4 * expected.abs().max().item<double>());
  }
  const auto engines = quant::int8_engines();
  if (std::find(engines.begin(), engines.end(), "onednn") == engines.end()) return test::skip("no int8 engine onednn");
  if (!reference["reduce_range"].get<bool>()) return;  // the fixture's sums overflowed, which ours never do
  quant::Int8Plan plan = qat.plan();
  const double step = plan.nodes.back().output.scale;
  quant::Int8Runner runner(model, std::move(plan), "onednn");
  const nn::InterceptorScope scope(model, runner);
  const torch::Tensor difference = (model(step_images(3)) - rows(reference["outputs_int8"])).abs();
  INFO(difference / step);
  CHECK(difference.max().item<double>() <= 1.01 * step);
  CHECK((difference > 0.01 * step).sum().item<std::int64_t>() <= kBatch * kClasses / 4);
}

}  // namespace

// One rounding that falls the other way changes all that follows it, so other kinds of CPU are only near.
TEST_CASE("steps of quantization-aware training are near torch.ao's on any machine", "[quant][qat]") {
  const Json references = Json::parse(read_file(test::fixture("quant/qat_steps.json")));
  REQUIRE(references.size() == 3);
  for (const auto& reference : references) {
    INFO(reference["model"] << ' ' << reference["reduce_range"]);
    const auto model = model_of(reference["model"]);
    quant::QatModel qat(*model, {step_images(0)}, {"onednn", reference["reduce_range"], "per_channel", {}});
    one_pass(*model, qat, 0);
    CHECK(one_pass(*model, qat, 1) == Approx(reference["second"]["loss"].get<double>()).epsilon(0.02));
    const Json& ranges = reference["ranges"];
    const auto sites = observed_sites(qat.layout());
    REQUIRE(sites.size() == ranges["activations"].size());
    for (std::size_t i = 0; i < sites.size(); ++i) {
      INFO("site " << i << " of " << sites.size());
      const auto ends = ranges["activations"][i].get<std::vector<double>>();
      const double margin = 0.3 * (ends[1] - ends[0]);
      CHECK(qat.activation(sites[i]).least().item<double>() == Approx(ends[0]).margin(margin));
      CHECK(qat.activation(sites[i]).most().item<double>() == Approx(ends[1]).margin(margin));
    }
    const auto layers = weighted_layers(qat.layout());
    REQUIRE(layers.size() == ranges["weights"].size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      INFO(layers[i]->path());
      const double most = qat.weight(*layers[i]).most().to(torch::kDouble).sum().item<double>();
      CHECK(most == Approx(ranges["weights"][i][1].get<double>()).epsilon(0.02));
    }
  }
}

// Float32 wants the kernels that the fixture was made with: scripts/parity/quant makes it on this machine.
TEST_CASE("a step of quantization-aware training is torch.ao's", "[.][quant-parity]") {
  const char* folder = std::getenv("MLRUN_QUANT_PARITY");
  if (folder == nullptr) return test::skip("scripts/parity/quant runs it");
  const Json references = Json::parse(read_file(std::filesystem::path(folder) / "qat_steps.json"));
  REQUIRE(references.size() == 3);
  for (const auto& reference : references) {
    INFO(reference["model"] << ' ' << reference["reduce_range"]);
    const auto model = model_of(reference["model"]);
    quant::QatModel qat(*model, {step_images(0)}, {"onednn", reference["reduce_range"], "per_channel", {}});
    one_pass(*model, qat, 0);
    check_pass(reference["second"], *model, one_pass(*model, qat, 1));
    check_ranges(reference, qat);
    qat.observe(false);
    for (nn::BatchNorm2d* norm : norms_of(*model)) norm->eval();
    check_pass(reference["frozen"], *model, one_pass(*model, qat, 2));
    check_ranges(reference, qat);
    check_outputs(reference, *model, qat);
  }
}

TEST_CASE("the ranges of a training are saved and loaded to the bit", "[quant][qat]") {
  const auto model = model_of("mobilenet_v3_small");
  const quant::QatOptions options{"onednn", true, "per_channel", {}};
  quant::QatModel first(*model, {step_images(0)}, options);
  CHECK(test::user_error([&] { first.plan(); }) ==
        "the range of features.0.0.input0 is not known: no sample went through it in training; train for an epoch, or "
        "leave it float32 with quantize.skip");
  one_pass(*model, first, 0);
  data::State state;
  first.save(state, "a.");
  // Loading takes engine and range from the state: another machine's choice would be another training.
  quant::QatModel second(*model, {step_images(0)}, {"qnnpack", false, "per_channel", {}});
  second.load(state, "a.");
  CHECK(second.options().reduce_range);
  const auto before = nn::state_dict(*model);
  std::vector<torch::Tensor> kept;
  for (const auto& item : before) kept.push_back(item.second.detach().clone());
  const double loss = one_pass(*model, first, 1);
  for (std::size_t i = 0; i < kept.size(); ++i) before[i].second.detach().copy_(kept[i]);
  CHECK(one_pass(*model, second, 1) == loss);
  data::State a, b;
  first.save(a, "");
  second.save(b, "");
  REQUIRE(a.tensors().size() == b.tensors().size());
  for (const auto& [name, tensor] : a.tensors()) CHECK(torch::equal(tensor, b.tensor(name)));
}

TEST_CASE("a channel that batch norm multiplies by 0 still learns", "[quant][qat]") {
  const auto model = model_of("resnet18");
  auto state = nn::state_dict(*model);
  for (auto& [name, tensor] : state) {
    if (name == "bn1.weight") tensor.detach()[3].zero_();
    if (name == "bn1.bias") tensor.detach()[3] = 0.1;  // its ReLU is open
  }
  quant::QatModel qat(*model, {step_images(0)}, {"onednn", true, "per_channel", {}});
  CHECK(std::isfinite(one_pass(*model, qat, 0)));
  for (const auto& item : model->named_parameters()) {
    INFO(item.key());
    CHECK(item.value().grad().isfinite().all().item<bool>());
    if (item.key() == "bn1.weight") CHECK(item.value().grad()[3].item<double>() != 0);
  }
}
