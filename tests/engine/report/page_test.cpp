#include "engine/report/page.h"

#include "support.h"

namespace mlrun::engine {

TEST_CASE("a page does not say where the data lay", "[engine][report]") {
  RunRecord run;
  run.summary.path = "runs/a";
  run.summary.state = "failed";
  run.summary.error = "/very/secret/photos/cat/1.jpg: is damaged";
  run.info = {{"recipe", {{"data", {{"root", "/very/secret/photos"}}}}},
              {"command", "/opt/bin/mlrun train a.yaml data.root=/very/secret/photos --out /home/me/x"}};
  Evidence evidence;
  evidence.missing = {"The data cannot be read: there is no folder '/very/secret/photos'"};
  const std::string page = run_page(run, evidence, "data:\n  format: csv\n", nullptr);
  for (const char* place : {"/very", "secret", "/opt", "/home"}) {
    INFO(place);
    CHECK(page.find(place) == std::string::npos);
  }
  for (const char* said : {"This run failed: photos/cat/1.jpg: is damaged", "there is no folder &#39;photos&#39;",
                           "mlrun train a.yaml data.root=photos --out x"}) {
    INFO(said);
    CHECK(page.find(said) != std::string::npos);
  }
}

}  // namespace mlrun::engine
