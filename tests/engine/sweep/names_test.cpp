#include "base/files.h"
#include "base/json.h"
#include "engine/sweep/plan.h"
#include "support.h"

namespace mlrun::engine {

TEST_CASE("the names of a sweep's combinations lead nowhere outside of its folder", "[engine][sweep]") {
  const test::TempDir folder;
  const auto planned = [&](const std::string& name) {
    const Json plan = {{"schema", 1},
                       {"base", "tiny.yaml"},
                       {"fixed", Json::object()},
                       {"keys", {{"train.seed", "1,2"}}},
                       {"combinations", {{{"name", name}, {"set", Json::object()}, {"recipe_sha256", ""}}}}};
    write_file(folder / "sweep.json", json_text(plan));
    return read_sweep(folder.path()).combinations.size();
  };
  CHECK(planned("0000-seed=1") == 1);
  const std::string zero("a\0b", 3);
  for (const std::string& name : std::vector<std::string>{"../../other", "..", ".", "", "/etc", "a/b", zero}) {
    INFO(name);
    CHECK(test::user_error([&] { planned(name); }) ==
          (folder / "sweep.json").string() + ": names a combination that is no name of a file; plan the sweep again");
  }
}

}  // namespace mlrun::engine
