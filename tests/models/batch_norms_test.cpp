#include "models/batch_norms.h"

#include "models/named_model.h"
#include "nn/norm.h"
#include "support.h"

using namespace mlrun;
using mlrun::test::user_error;

namespace {

models::NamedModel named(const std::string& model, const std::vector<std::string>& settings) {
  std::vector<config::Override> overrides;
  for (const auto& text : settings) overrides.push_back(config::parse_override(text));
  return models::make_named(model, overrides);
}

/// Momentum and eps of every batch norm, each pair once.
std::vector<std::pair<double, double>> options_of(nn::Layer& model) {
  std::vector<std::pair<double, double>> found;
  for (nn::Layer* layer : model.all_layers()) {
    const auto* norm = dynamic_cast<nn::BatchNorm*>(layer);
    if (norm == nullptr) continue;
    const std::pair<double, double> options = {norm->options().momentum, norm->options().eps};
    if (std::find(found.begin(), found.end(), options) == found.end()) found.push_back(options);
  }
  return found;
}

}  // namespace

TEST_CASE("a recipe sets momentum and eps of every batch norm, whatever the architecture", "[models]") {
  using Options = std::vector<std::pair<double, double>>;
  CHECK(options_of(*named("mobilenet_v3_small", {}).layer) == Options{{0.01, 0.001}});
  CHECK(options_of(*named("mobilenet_v3_small", {"model.batch_norm.momentum=0.1"}).layer) == Options{{0.1, 0.001}});
  CHECK(options_of(*named("mobilenet_v3_small", {"model.batch_norm={momentum: 0.2, eps: 1e-5}"}).layer) ==
        Options{{0.2, 1e-5}});
  CHECK(options_of(*named("lraspp_mobilenet_v3_large", {"model.batch_norm.momentum=0.1"}).layer).size() == 2);
  CHECK(user_error([] {
          named("squeezenet1_1", {"model.batch_norm.eps=0.1"});
        }).find("model.batch_norm.eps: is set, and the model has no batch norm; leave it out") != std::string::npos);
  CHECK(user_error([] { named("mobilenet_v3_small", {"model.batch_norm.momentum=2"}); }).find("from 0 to 1") !=
        std::string::npos);
}
