// Parity of the whole zoo with torchvision, from one line a model (scripts/fixtures/zoo.py).
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>

#include "base/files.h"
#include "models/classifiers.h"
#include "models/parity.h"
#include "nn/versions.h"
#include "support.h"

using namespace mlrun;

namespace {

Json read_zoo() { return Json::parse(read_file(test::fixture("models/zoo.json"))); }

std::shared_ptr<nn::Layer> make_zoo_model(const std::string& name, const Json& expected) {
  return test::make_model(name, Json::object(), {expected.at("num_classes").get<int64_t>(), 3});
}

/// What the files of state dicts say of the modules (scripts/fixtures/module_versions.py).
void check_versions(nn::Layer& model, const Json& expected) {
  std::string lines;
  std::size_t others = 0;
  const auto versions = nn::module_versions(model);
  for (const auto& [path, version] : versions) {
    lines += path + " " + std::to_string(version) + "\n";
    others += version != 1 ? 1 : 0;
  }
  INFO(lines);
  CHECK(versions.size() == expected.at("modules").get<std::size_t>());
  CHECK(others == expected.at("others").get<std::size_t>());
  CHECK(sha256(lines.data(), lines.size()) == expected.at("versions").get<std::string>());
}

}  // namespace

TEST_CASE("the zoo holds torchvision's 80 classifiers, and every classifier has a reference", "[zoo]") {
  const Json zoo = read_zoo();
  const auto of_torchvision =
      std::count_if(zoo.begin(), zoo.end(), [](const Json& entry) { return entry.at("num_classes") == 1000; });
  CHECK(of_torchvision == 80);
  for (const std::string& name : test::classifiers()) {
    INFO(name);
    CHECK((zoo.contains(name) || name == "small_cnn"));
  }
}

// One section a model: `mlrun_tests "[zoo]" -c resnet18` runs one.
TEST_CASE("keys, shapes, order, counts and modules' versions equal torchvision's", "[zoo]") {
  torch::NoGradGuard no_grad;
  const Json zoo = read_zoo();
  const Json versions = Json::parse(read_file(test::fixture("weights/module_versions.json")));
  for (const auto& item : zoo.items()) {
    DYNAMIC_SECTION(item.key()) {
      const Json& expected = item.value();
      REQUIRE(models::models().find(item.key()));
      const auto model = make_zoo_model(item.key(), expected);
      const test::State state = nn::state_dict(*model);
      CHECK(test::count_parameters(*model) == expected.at("params").get<int64_t>());
      CHECK(state.size() == expected.at("entries").get<std::size_t>());
      const std::string text = test::described(state);
      INFO(text);
      CHECK(sha256(text.data(), text.size()) == expected.at("state").get<std::string>());
      check_versions(*model, versions.at(item.key()));
      const auto size = expected.at("size").get<int64_t>();
      model->eval();
      const auto logits = (*model)(torch::empty({2, 3, size, size}, torch::kMeta));
      CHECK(logits.sizes() == torch::IntArrayRef({2, expected.at("num_classes").get<int64_t>()}));
    }
  }
}

// Some minutes and up to 5 GB: run by hand, `mlrun_tests "[zoo-full]"`.
TEST_CASE("initial bits and outputs of the whole zoo equal torchvision's", "[.][zoo-full]") {
  torch::NoGradGuard no_grad;
  const Json zoo = read_zoo();
  for (const auto& item : zoo.items()) {
    DYNAMIC_SECTION(item.key()) {
      const Json& expected = item.value();
      const auto model = make_zoo_model(item.key(), expected);
      nn::initialise(*model, 0);
      std::string digests;
      for (const auto& entry : nn::state_dict(*model)) digests += test::digest(entry.second);
      CHECK(sha256(digests.data(), digests.size()) == expected.at("initial").get<std::string>());
      test::stir(*model, expected);
      model->eval();
      const auto size = expected.at("size").get<int64_t>();
      test::check_logits((*model)(test::formula({2, 3, size, size}).to(torch::kFloat)), expected);
    }
  }
}
