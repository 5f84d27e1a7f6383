#include "config/registry.h"

#include "support.h"

namespace mlrun::config {
namespace {

struct CurveOptions {
  std::int64_t steps = 5;
  static void declare(Declare<CurveOptions>& d) { d("steps", &CurveOptions::steps, "length").min(1); }
};

using CurveFactory = Factory<std::int64_t(std::int64_t)>;

CurveFactory curves() {
  CurveFactory factory("schedule");
  factory.add<CurveOptions>("constant", "stays", [](const CurveOptions& o, std::int64_t x) { return o.steps + x; });
  factory.add<NoOptions>("cosine", "half a wave", [](const NoOptions&, std::int64_t x) { return -x; });
  factory.add<NoOptions>("step", "falls", [](const NoOptions&, std::int64_t) { return std::int64_t{0}; });
  return factory;
}

TEST_CASE("a factory makes the component that is named, with its options", "[config]") {
  const auto factory = curves();
  CHECK(factory.kind() == "schedule");
  CHECK(factory.names() == std::vector<std::string>{"constant", "cosine", "step"});
  CHECK(factory.make(factory.defaults("constant"), 2) == 7);
  auto changed = factory.defaults("constant");
  changed.as<CurveOptions>().steps = 9;
  CHECK(factory.make(changed, 2) == 11);
  CHECK(factory.make(factory.defaults("cosine"), 2) == -2);
  CHECK(factory.find("constant")->options->find("steps") != nullptr);
  CHECK(factory.find("konstant") == nullptr);
}

TEST_CASE("an unknown name lists the nearest ones", "[config]") {
  const auto factory = curves();
  using test::user_error;
  CHECK(user_error([&] { factory.at("cosnie"); }) == "there is no schedule named 'cosnie'; did you mean cosine?");
  CHECK(user_error([&] { factory.at("polynomial"); }) ==
        "there is no schedule named 'polynomial'; known: constant, cosine, step");
  CHECK(user_error([&] { CurveFactory("loss").at("x"); }) == "there is no loss named 'x'");
}

TEST_CASE("a name or a kind that is taken is a bug", "[config]") {
  auto factory = curves();
  const auto again = [&] {
    factory.add<NoOptions>("step", "again", [](const NoOptions&, std::int64_t x) { return x; });
  };
  CHECK_THROWS_AS(again(), InternalError);
  Catalogue catalogue;
  catalogue.add(factory);
  CHECK_THROWS_AS(catalogue.add(factory), InternalError);
  CHECK_THROWS_AS(catalogue.at("model"), InternalError);
  CHECK(catalogue.has("schedule"));
  CHECK_FALSE(catalogue.has("model"));
  CHECK(catalogue.all().size() == 1);
  CHECK(&catalogue.at("schedule") == &factory);
}

TEST_CASE("nearest names", "[config]") {
  const std::vector<std::string> words{"momentum", "nesterov", "lr", "weight_decay", "mode", "model"};
  CHECK(nearest("momentun", words) == std::vector<std::string>{"momentum"});
  CHECK(nearest("momnetum", words) == std::vector<std::string>{"momentum"});
  CHECK(nearest("modle", {"model"}) == std::vector<std::string>{"model"});  // one transposition, not two changes
  CHECK(nearest("modes", words) == std::vector<std::string>{"mode", "model"});
  CHECK(nearest("modes", words, 1) == std::vector<std::string>{"mode"});
  CHECK(nearest("rl", words) == std::vector<std::string>{"lr"});
  CHECK(nearest("epochs", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest(std::string(1 << 20, 'x'), words).empty());
  CHECK(nearest("lr", {"lr", "lr"}) == std::vector<std::string>{"lr"});
  CHECK(did_you_mean("modes", words) == "did you mean mode, model?");
  CHECK(did_you_mean("epochs", words).empty());
}

}  // namespace
}  // namespace mlrun::config
