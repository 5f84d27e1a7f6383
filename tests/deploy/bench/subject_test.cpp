#include "deploy/bench/subject.h"

#include "deploy/bench/bench.h"
#include "engine/train/training.h"
#include "nn/profile.h"

using namespace mlrun;
using namespace mlrun::deploy;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a run is measured at the size that its model sees", "[deploy][bench]") {
  const test::TempDir folder;
  const test::Quiet quiet;
  test::train_in(folder / "run", test::tiny({"train.epochs=1"}));
  const auto subject = [&](const std::vector<std::string>& overrides, std::int64_t size = 0) {
    config::LayerRequest recipe{folder / "run/recipe.yaml", {}};
    for (const auto& override : overrides) recipe.overrides.push_back(config::parse_override(override));
    return bench_subject(recipes::tasks(), config::resolve(recipe, recipes::catalogue()),
                         engine::choose_weights(folder / "run", ""), size);
  };
  const auto sides = [](const BenchSubject& found) { return std::pair(found.height, found.width); };
  const std::string normalize = "{name: normalize, mean: 0.5, std: 0.2}]";
  CHECK(sides(subject({})) == std::pair<std::int64_t, std::int64_t>(8, 8));  // as the data have them
  CHECK(sides(subject({}, 20)) == std::pair<std::int64_t, std::int64_t>(20, 20));
  const BenchSubject oblong = subject({"data.preprocess=[{name: resize, size: [6, 10]}, " + normalize});
  CHECK(sides(oblong) == std::pair<std::int64_t, std::int64_t>(6, 10));
  CHECK(oblong.channels == 1);
  BenchRequest request;
  request.threads = {1};
  request.memory_format = "contiguous";
  request.latency.seconds = 0.01;
  const auto rows = bench_inference(oblong, request, [](const std::string&) {});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].macs == nn::profile(*oblong.model, {1, 1, 6, 10}).macs);
  CHECK(to_json(rows[0]).at("size") == Json({6, 10}));
  CHECK_THAT(bench_text(rows, TableForm::Text, 0), ContainsSubstring("6x10 px"));
  CHECK_THAT(bench_text(rows, TableForm::Csv, 0), ContainsSubstring(",6x10,"));
  // Where nobody can tell, as the architecture was published.
  CHECK(sides(subject({"data={format: image_folder, root: " + (folder / "absent").string() + "}",
                       "data.preprocess=[" + normalize})) == std::pair<std::int64_t, std::int64_t>(28, 28));
}
