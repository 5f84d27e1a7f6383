#include "weights/patterns.h"

#include "support.h"

using namespace mlrun::weights;

TEST_CASE("a pattern's stars stand for any run of characters", "[weights]") {
  CHECK(matches("layer1.*", "layer1.0.conv1.weight"));
  CHECK(matches("*.bn?.*", "a.bn?.weight"));  // nothing but * is special
  CHECK_FALSE(matches("*.bn?.*", "a.bn1.weight"));
  CHECK(matches("*", ""));
  CHECK(matches("*", "anything"));
  CHECK(matches("a*b*c", "a--b-b--c"));
  CHECK(matches("*.weight", "fc.weight"));
  CHECK_FALSE(matches("*.weight", "fc.weights"));
  CHECK_FALSE(matches("a*a", "a"));
  CHECK(matches("**", "x"));
}

TEST_CASE("a pattern without a star names a tensor or a layer", "[weights]") {
  CHECK(matches("fc", "fc"));
  CHECK(matches("layer1", "layer1.0.conv1.weight"));
  CHECK(matches("layer1.0", "layer1.0.conv1.weight"));
  CHECK_FALSE(matches("layer1", "layer10.weight"));
  CHECK_FALSE(matches("layer", "layer1.weight"));
  CHECK_FALSE(matches("", "fc.weight"));
}

TEST_CASE("a replacement takes over what the stars stood for", "[weights]") {
  CHECK(*replaced("backbone.*", "features.*", "backbone.0.weight") == "features.0.weight");
  CHECK(*replaced("module.*", "*", "module.fc.bias") == "fc.bias");
  CHECK(*replaced("*.norm.*.weight", "*.bn*.weight", "a.b.norm.1.weight") == "a.b.bn1.weight");
  CHECK(*replaced("*.gamma", "*.weight", "x.y.gamma") == "x.y.weight");
  CHECK(*replaced("a*a*", "<*|*>", "a1aa2") == "<1|a2>");
  CHECK(*replaced("*x*", "*", "axbxc") == "a");
  CHECK_FALSE(replaced("backbone.*", "features.*", "head.weight"));
}

TEST_CASE("a layer's name is replaced as a part, also by nothing", "[weights]") {
  CHECK(*replaced("backbone", "features", "backbone.0.weight") == "features.0.weight");
  CHECK(*replaced("module", "", "module.fc.bias") == "fc.bias");
  CHECK(*replaced("fc.weight", "head.weight", "fc.weight") == "head.weight");
  CHECK_FALSE(replaced("back", "front", "backbone.0.weight"));
}

TEST_CASE("names near to a pattern are layers and tensors", "[weights]") {
  const std::vector<std::string> names = {"layer1.0.conv1.weight", "layer2.0.conv1.weight", "fc.weight"};
  CHECK(nearest_name("layr1.*", names) == "did you mean layer1?");
  CHECK(nearest_name("fc.wieght", names) == "did you mean fc.weight?");
  CHECK(nearest_name("transformer.*", names).empty());
}

TEST_CASE("a pattern of many stars takes little time", "[weights]") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK_FALSE(matches(pattern + "b", std::string(5000, 'a')));
}
