#include "config/bind.h"
#include "config/fake_catalogue.h"
#include "fuzz/fuzz.h"

namespace mlrun::fuzz {
namespace {

config::Resolved resolve(std::string_view recipe) {
  return config::resolve({folder().write("recipe.yaml", recipe), {}, {}}, test::fake_catalogue());
}

/// A recipe that is accepted can be written down and read back.
void check(std::string_view text) {
  config::parse_yaml(std::string(text), "recipe.yaml");
  const Json values = resolve(text).values;
  Json again;
  try {
    again = resolve(config::to_yaml(values)).values;
  } catch (const UserError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    require(false, "the dump of an accepted recipe is accepted");
  }
  require(json_text(again) == json_text(values), "the dump of a recipe is the same recipe");
}

}  // namespace
}  // namespace mlrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mlrun::fuzz::tolerate([&] { mlrun::fuzz::check(mlrun::fuzz::bytes_of(data, size)); });
  return 0;
}
