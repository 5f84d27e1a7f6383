#include "report/curves.h"

#include <cmath>

#include "support.h"

using namespace mlrun;
using namespace mlrun::report;

TEST_CASE("a run's figures become curves, torn and foreign lines left out", "[report]") {
  const test::TempDir folder;
  folder.write("metrics.jsonl",
               "{\"step\":1,\"epoch\":0.5,\"step/loss\":2}\n"
               "{\"step\":2,\"epoch\":1,\"val/acc1\":90.5,\"val/loss\":null}\n"
               "not a row\n[1]\n{\"step\":3}\n"
               "{\"step\":4,\"epoch\":2,\"val/acc1\":91,\"val/loss\":0.25}\n{\"step\":5,\"ep");
  const auto rows = read_metric_rows(folder.path());
  REQUIRE(rows.size() == 3);
  CHECK(figure_names(rows) == std::vector<std::string>{"step/loss", "val/acc1", "val/loss"});
  const Series acc1 = curve(rows, "val/acc1");
  CHECK(acc1.name == "val/acc1");
  CHECK(acc1.x == std::vector<double>{1, 2});
  CHECK(acc1.y == std::vector<double>{90.5, 91});
  CHECK(std::isnan(curve(rows, "val/loss").y.at(0)));
  CHECK(curve(rows, "none").x.empty());
  CHECK(read_metric_rows(folder / "none").empty());
}
