#include "config/options.h"

#include "support.h"

namespace mlrun::config {
namespace {

struct Inner {
  std::int64_t depth = 2;
  static void declare(Declare<Inner>& d) { d("depth", &Inner::depth, "how deep").min(1).max(8); }
};

struct Everything {
  bool flag = true;
  std::int64_t count = 3;
  double rate = 0.5;
  std::string word = "a";
  std::filesystem::path folder = "here";
  Span length{2, Span::Unit::Epochs};
  std::optional<double> limit;
  std::vector<double> mean{0.1, 0.2};
  Inner inner;
  std::vector<Inner> inners;
  Component method;

  static void declare(Declare<Everything>& d) {
    d("flag", &Everything::flag, "a flag");
    d("count", &Everything::count, "a count").above(0).unit("pieces");
    d("rate", &Everything::rate, "a rate").min(0).below(1);
    d("word", &Everything::word, "a word").choices({"a", "b"});
    d("folder", &Everything::folder, "a folder").required();
    d("length", &Everything::length, "a length");
    d("limit", &Everything::limit, "a limit");
    d("mean", &Everything::mean, "means").length(2);
    d("inner", &Everything::inner, "an object");
    d("inners", &Everything::inners, "objects");
    d("method", &Everything::method, "a component").component("method", "plain").inlined("method");
    d.shorthand("word");
    d.rule("count", [](const Everything& e) -> std::string { return e.count > 100 ? "too many" : ""; });
  }
};

TEST_CASE("a declaration keeps type, range, choices, unit and default", "[config]") {
  const auto spec = spec_of<Everything>();
  REQUIRE(spec->fields.size() == 11);
  CHECK(spec->shorthand == "word");
  CHECK(spec->find("flag")->type == Type::Boolean);
  const Field& count = *spec->find("count");
  CHECK(count.type == Type::Integer);
  CHECK(count.unit == "pieces");
  CHECK(count.minimum->value == 0);
  CHECK_FALSE(count.minimum->inclusive);
  CHECK_FALSE(count.maximum.has_value());
  CHECK_FALSE(spec->find("rate")->maximum->inclusive);
  CHECK(spec->find("word")->choices == std::vector<std::string>{"a", "b"});
  CHECK(spec->find("folder")->required);
  CHECK(spec->find("limit")->nullable);
  CHECK(spec->find("mean")->repeated);
  CHECK(spec->find("mean")->length == 2);
  CHECK(spec->find("inner")->spec->find("depth")->maximum->value == 8);
  CHECK(spec->find("absent") == nullptr);
}

TEST_CASE("an inlined component is no field of the map itself", "[config]") {
  const auto spec = spec_of<Everything>();
  CHECK(spec->find("method") == nullptr);
  REQUIRE(spec->inlined() != nullptr);
  CHECK(spec->inlined()->kind == "method");
  CHECK(spec->inlined()->discriminator == "method");
  CHECK(spec->inlined()->default_component == "plain");
  CHECK(spec_of<Inner>()->inlined() == nullptr);
}

TEST_CASE("fields read and write their member", "[config]") {
  const auto spec = spec_of<Everything>();
  const auto made = spec->make();
  auto& object = *static_cast<Everything*>(made.get());
  CHECK(spec->find("length")->get(&object) == "2 epochs");
  spec->find("count")->set(&object, 7);
  spec->find("length")->set(&object, "500 steps");
  spec->find("mean")->set(&object, Json::array({1.0, 2.0, 3.0}));
  spec->find("limit")->set(&object, 4.5);
  CHECK(object.count == 7);
  CHECK(object.length.unit == Span::Unit::Steps);
  CHECK(object.mean == std::vector<double>{1, 2, 3});
  CHECK(object.limit == 4.5);
  spec->find("limit")->set(&object, nullptr);
  CHECK_FALSE(object.limit.has_value());
  CHECK(spec->find("limit")->get(&object).is_null());
  const Field& inners = *spec->find("inners");
  static_cast<Inner*>(inners.append(&object))->depth = 5;
  REQUIRE(inners.items(&object).size() == 1);
  CHECK(static_cast<const Inner*>(inners.items(&object)[0])->depth == 5);
  inners.clear(&object);
  CHECK(object.inners.empty());
}

TEST_CASE("a rule sees the struct", "[config]") {
  const auto spec = spec_of<Everything>();
  Everything object;
  REQUIRE(spec->rules.size() == 1);
  CHECK(spec->rules[0].broken(&object).empty());
  object.count = 101;
  CHECK(spec->rules[0].broken(&object) == "too many");
}

TEST_CASE("spans are read with and without the space", "[config]") {
  const auto check = [](const char* text, double value, Span::Unit unit, const char* again) {
    INFO(text);
    const auto span = parse_span(text);
    REQUIRE(span);
    CHECK(span->value == value);
    CHECK(span->unit == unit);
    CHECK(span->text() == again);
  };
  check("1 epoch", 1, Span::Unit::Epochs, "1 epoch");
  check("5epochs", 5, Span::Unit::Epochs, "5 epochs");
  check("500 steps", 500, Span::Unit::Steps, "500 steps");
  check("1 step", 1, Span::Unit::Steps, "1 step");
  check("25 %", 25, Span::Unit::Percent, "25 %");
  check("7.8 s", 7.8, Span::Unit::Seconds, "7.8 s");
  check("1.5 min", 90, Span::Unit::Seconds, "90 s");
  check("2h", 7200, Span::Unit::Seconds, "7200 s");
  check("0 epochs", 0, Span::Unit::Epochs, "0 epochs");
}

TEST_CASE("what is no span is refused", "[config]") {
  for (const char* text :
       {"", "5", "epochs", "-1 epochs", "101 %", "5 epoch s", "5 minutes", "nan s", "inf s", "1 epoch "}) {
    INFO(text);
    CHECK_FALSE(parse_span(text).has_value());
  }
}

}  // namespace
}  // namespace mlrun::config
