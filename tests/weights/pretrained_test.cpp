#include "weights/pretrained.h"

#include <torch/types.h>

#include <algorithm>
#include <map>

#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::weights;
using mlrun::test::user_error;

namespace {

/// A convolution, a norm and a last layer: `features.conv`, `features.norm1`, `fc`.
class Net : public nn::Sequential {
 public:
  explicit Net(std::int64_t classes, nn::NormKind kind = nn::NormKind::Batch) : Sequential("Net") {
    auto features = std::make_shared<nn::Sequential>();
    features->push("conv", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 1, .out = 2, .bias = false}));
    features->push("norm1", nn::make_norm(2, {.kind = kind}));
    push("features", features);
    push("fc", std::make_shared<nn::Linear>(2, classes));
  }
};

std::shared_ptr<Net> net(std::int64_t classes, std::uint64_t seed) {
  auto model = std::make_shared<Net>(classes);
  nn::name_layers(*model);
  nn::initialise(*model, seed);
  return model;
}

/// The tensors of such a net, apart from the model's.
NamedTensors tensors_of(std::int64_t classes, std::uint64_t seed) {
  NamedTensors copies;
  const auto model = net(classes, seed);
  for (const auto& [name, tensor] : nn::state_dict(*model)) copies.emplace_back(name, tensor.detach().clone());
  return copies;
}

void rename(NamedTensors& tensors, const std::string& from, const std::string& to) {
  for (auto& item : tensors) {
    if (item.first == from) item.first = to;
  }
}

void drop(NamedTensors& tensors, const std::string& name) {
  tensors.erase(std::remove_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; }),
                tensors.end());
}

torch::Tensor of(nn::Layer& model, const std::string& name) {
  for (const auto& [key, tensor] : nn::state_dict(model)) {
    if (key == name) return tensor;
  }
  FAIL("no " << name);
  return {};
}

std::string failure(nn::Layer& model, const NamedTensors& tensors, const PretrainedOptions& options = {}) {
  const auto before = nn::state_dict(model);
  std::vector<torch::Tensor> copies;
  for (const auto& item : before) copies.push_back(item.second.detach().clone());
  const std::string text = user_error([&] { load_pretrained(model, tensors, "w.pth", options); });
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(torch::equal(before[i].second, copies[i]));
  return text;
}

}  // namespace

TEST_CASE("a whole file is loaded", "[weights]") {
  const auto model = net(3, 1);
  const NamedTensors given = tensors_of(3, 2);
  const auto report = load_pretrained(*model, given, "w.pth");
  CHECK(report.text() == "8 tensors loaded");
  for (const auto& [name, tensor] : given) CHECK(torch::equal(of(*model, name), tensor));
}

TEST_CASE("another number of classes needs a new head", "[weights]") {
  const auto model = net(5, 1);
  CHECK(failure(*model, tensors_of(3, 2)) ==
        "w.pth: weights of another shape (2): fc.weight [3, 2] instead of [5, 2], fc.bias [3] instead of [5]; for "
        "another number of classes set model.head: reinit, which starts the last layer anew");
  const torch::Tensor before = of(*model, "fc.weight").detach().clone();
  PretrainedOptions options;
  options.reinitialise_head = true;
  const auto report = load_pretrained(*model, tensors_of(3, 2), "w.pth", options);
  CHECK(report.text() == "6 tensors loaded; reinitialised (2) fc.weight, fc.bias");
  CHECK(torch::equal(of(*model, "fc.weight"), before));
  CHECK(torch::equal(of(*model, "features.conv.weight"), tensors_of(3, 2)[0].second));
}

TEST_CASE("a head is started anew also where its shape fits or the file has none", "[weights]") {
  PretrainedOptions options;
  options.reinitialise_head = true;
  const auto model = net(3, 1);
  const torch::Tensor before = of(*model, "fc.weight").detach().clone();
  load_pretrained(*model, tensors_of(3, 2), "w.pth", options);
  CHECK(torch::equal(of(*model, "fc.weight"), before));
  NamedTensors backbone = tensors_of(3, 4);
  drop(backbone, "fc.weight");
  drop(backbone, "fc.bias");
  CHECK(load_pretrained(*model, backbone, "w.pth", options).loaded == 6);
  CHECK(torch::equal(of(*model, "fc.weight"), before));
}

TEST_CASE("names are mapped, the first pattern that fits counts", "[weights]") {
  const auto model = net(3, 1);
  NamedTensors given = tensors_of(3, 2);
  for (auto& item : given) item.first = "net." + item.first;
  rename(given, "net.fc.weight", "head.kernel");
  PretrainedOptions options;
  options.map = {{"head.kernel", "fc.weight"}, {"net.*", "*"}};
  const auto report = load_pretrained(*model, given, "w.pth", options);
  CHECK(report.loaded == 8);
  CHECK(report.renamed.size() == 8);
  CHECK(report.text().rfind("8 tensors loaded; renamed (8) net.features.conv.weight to features.conv.weight, ", 0) ==
        0);
  CHECK(report.text().find(" and 2 more") != std::string::npos);
  CHECK(torch::equal(of(*model, "fc.weight"), tensors_of(3, 2)[6].second));
}

TEST_CASE("two names may not become one", "[weights]") {
  const auto model = net(3, 1);
  NamedTensors given = tensors_of(3, 2);
  given.emplace_back("ema.fc.bias", torch::zeros({3}));
  PretrainedOptions options;
  options.map = {{"ema.*", "*"}};
  CHECK(failure(*model, given, options) ==
        "w.pth: model.weights.map: both fc.bias and ema.fc.bias become fc.bias; leave one of them out with "
        "model.weights.skip");
  options.skip = {"ema.*"};
  const auto report = load_pretrained(*model, given, "w.pth", options);
  CHECK(report.skipped == std::vector<std::string>{"ema.fc.bias"});
}

TEST_CASE("skipped names are told and stay as initialised", "[weights]") {
  const auto model = net(5, 1);
  const torch::Tensor before = of(*model, "fc.bias").detach().clone();
  NamedTensors given = tensors_of(3, 2);
  given.emplace_back("optimizer.step", torch::zeros({}));
  PretrainedOptions options;
  options.skip = {"fc", "optimizer.*"};
  const auto report = load_pretrained(*model, given, "w.pth", options);
  CHECK(report.text() == "6 tensors loaded; skipped (3) fc.weight, fc.bias, optimizer.step");
  CHECK(torch::equal(of(*model, "fc.bias"), before));
}

TEST_CASE("a pattern that matches nothing is a mistake", "[weights]") {
  const auto model = net(3, 1);
  PretrainedOptions options;
  options.skip = {"featurs.*"};
  options.map = {{"module", ""}};
  CHECK(failure(*model, tensors_of(3, 2), options) ==
        "w.pth: model.weights.map: 'module' matches no weight of the file; `mlrun inspect` shows its names\n"
        "w.pth: model.weights.skip: 'featurs.*' matches no weight of the file; did you mean features?");
}

TEST_CASE("strict refuses what is missing or strange, lenient tells it", "[weights]") {
  const auto model = net(3, 1);
  NamedTensors given = tensors_of(3, 2);
  rename(given, "fc.bias", "fc.offset");
  CHECK(failure(*model, given) ==
        "w.pth: weights that are not in the file (1): fc.bias; are they of this model? model.weights takes map, skip "
        "and strict: false\n"
        "w.pth: weights that the model does not have (1): fc.offset; are they of this model? model.weights takes map, "
        "skip and strict: false");
  const torch::Tensor before = of(*model, "fc.bias").detach().clone();
  PretrainedOptions options;
  options.strict = false;
  CHECK(load_pretrained(*model, given, "w.pth", options).text() ==
        "7 tensors loaded; not in the file, left as initialised (1) fc.bias; not in the model, left out (1) fc.offset");
  CHECK(torch::equal(of(*model, "fc.bias"), before));
  // What fits by name must fit by shape all the same.
  CHECK(failure(*net(5, 1), given, options).find("weights of another shape (1): fc.weight") != std::string::npos);
  CHECK(failure(*model, {{"x", torch::zeros({1})}}, options) ==
        "w.pth: has no weights of this model; `mlrun inspect` shows its names");
}

TEST_CASE("files from before batch norm counted its batches are read", "[weights]") {
  const auto model = net(3, 1);
  of(*model, "features.norm1.num_batches_tracked").fill_(9);
  NamedTensors given = tensors_of(3, 2);
  drop(given, "features.norm1.num_batches_tracked");
  CHECK(load_pretrained(*model, given, "w.pth").text() == "7 tensors loaded; 1 num_batches_tracked start at 0");
  CHECK(of(*model, "features.norm1.num_batches_tracked").item<std::int64_t>() == 0);
}

TEST_CASE("a frozen norm takes what a batch norm was trained to, but its count", "[weights]") {
  NamedTensors tensors = tensors_of(3, 1);
  for (auto& item : tensors) {
    if (item.first == "features.norm1.running_mean") item.second.fill_(7);
  }
  Net frozen(3, nn::NormKind::Frozen);
  nn::name_layers(frozen);
  nn::initialise(frozen, 2);
  const auto report = load_pretrained(frozen, tensors, "file");
  CHECK(report.text() == "7 tensors loaded");
  CHECK(of(frozen, "features.norm1.running_mean")[1].item<float>() == 7);
  tensors.emplace_back("features.norm2.num_batches_tracked", torch::zeros({}, torch::kLong));
  CHECK_THAT(user_error([&] { load_pretrained(frozen, tensors, "file"); }),
             Catch::Matchers::ContainsSubstring("features.norm2.num_batches_tracked"));
}

TEST_CASE("old names of torchvision's detectors are read", "[weights]") {
  const std::map<std::string, std::string> old = {{"inner_blocks.1.0", "inner_blocks.1"},
                                                  {"layer_blocks.0.0", "layer_blocks.0"},
                                                  {"classification_head.conv.0.0", "classification_head.conv.0"},
                                                  {"regression_head.conv.3.0", "regression_head.conv.6"},
                                                  {"rpn.head.conv.0.0", "rpn.head.conv"},
                                                  {"mask_head.2.0", "mask_head.mask_fcn3"}};
  nn::Sequential model;
  NamedTensors given;
  std::vector<std::string> renamed;
  for (const auto& [now, before] : old) {
    std::shared_ptr<nn::Layer> layer = std::make_shared<nn::Linear>(2, 2);
    std::string path = now;
    for (auto dot = path.rfind('.'); dot != std::string::npos; dot = path.rfind('.')) {
      auto outer = std::make_shared<nn::Sequential>();
      outer->push(path.substr(dot + 1), layer);
      layer = outer;
      path.resize(dot);
    }
    model.push(path, layer);
    for (const char* tensor : {".weight", ".bias"}) renamed.push_back(before + tensor + " to " + now + tensor);
    given.emplace_back(before + ".weight", torch::full({2, 2}, 3.0F));
    given.emplace_back(before + ".bias", torch::full({2}, 4.0F));
  }
  nn::name_layers(model);
  nn::initialise(model, 1);
  CHECK(load_pretrained(model, given, "w.pth").renamed == renamed);
  for (const auto& item : nn::state_dict(model)) {
    CHECK(item.second.eq(item.second.dim() == 2 ? 3 : 4).all().item<bool>());
  }
}

TEST_CASE("torchvision's old names are read", "[weights]") {
  class Old : public nn::Sequential {
   public:
    Old() : Sequential("Old") {
      auto dense = std::make_shared<nn::Sequential>();
      dense->push("norm1", std::make_shared<nn::BatchNorm2d>(2));
      push("denselayer1", dense);
      auto block = std::make_shared<nn::Sequential>();
      auto mlp = std::make_shared<nn::Sequential>();
      mlp->push("0", std::make_shared<nn::Linear>(2, 2));
      mlp->push("3", std::make_shared<nn::Linear>(2, 2));
      block->push("mlp", mlp);
      push("block", block);
    }
  };
  const auto model = std::make_shared<Old>();
  nn::name_layers(*model);
  nn::initialise(*model, 1);
  NamedTensors given;
  for (const auto& [name, tensor] : nn::state_dict(*model)) given.emplace_back(name, torch::ones_like(tensor));
  for (auto& item : given) {
    const auto swap = [&](const std::string& now, const std::string& old) {
      const auto at = item.first.find(now);
      if (at != std::string::npos) item.first.replace(at, now.size(), old);
    };
    swap(".mlp.0.", ".mlp.linear_1.");
    swap(".mlp.3.", ".mlp.linear_2.");
  }
  given[0].first = "x.denselayer1.norm.1.weight";
  // Only where today's name is the model's: this one is not.
  CHECK(failure(*model, given).find("x.denselayer1.norm.1.weight") != std::string::npos);
  given[0].first = "denselayer1.norm1.weight";
  const auto report = load_pretrained(*model, given, "w.pth");
  CHECK(report.renamed == std::vector<std::string>{"block.mlp.linear_1.weight to block.mlp.0.weight",
                                                   "block.mlp.linear_1.bias to block.mlp.0.bias",
                                                   "block.mlp.linear_2.weight to block.mlp.3.weight",
                                                   "block.mlp.linear_2.bias to block.mlp.3.bias"});
  CHECK(of(*model, "block.mlp.3.bias").sum().item<float>() == 2);
}
