#include "report/metrics_log.h"

#include <limits>

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::report;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace {

std::string jsonl(const TempDir& folder) { return read_file(folder / "metrics.jsonl"); }
std::string csv(const TempDir& folder) { return read_file(folder / "metrics.csv"); }

const std::string kTwoRows =
    "{\"step\":10,\"epoch\":0.5,\"train/loss\":2.25}\n"
    "{\"step\":20,\"epoch\":1,\"train/loss\":1.5,\"val/acc1\":50.1}\n";

void append_two(MetricsLog& log) {
  log.append(10, 0.5, {{"train/loss", 2.25}});
  log.append(20, 1, {{"train/loss", 1.5}, {"val/acc1", 50.1}});
}

}  // namespace

TEST_CASE("figures are appended to both files, new columns as they come", "[report]") {
  const TempDir folder;
  MetricsLog log(folder.path());
  CHECK_FALSE(std::filesystem::exists(folder / "metrics.csv"));
  append_two(log);
  CHECK(jsonl(folder) == kTwoRows);
  CHECK(csv(folder) == "step,epoch,train/loss,val/acc1\n10,0.5,2.25,\n20,1,1.5,50.1\n");
  log.append(30, 1.5, {{"train/loss", 1e-9}});
  CHECK(csv(folder) == "step,epoch,train/loss,val/acc1\n10,0.5,2.25,\n20,1,1.5,50.1\n30,1.5,1e-09,\n");
}

TEST_CASE("what is not finite is null and nan", "[report]") {
  const TempDir folder;
  MetricsLog log(folder.path());
  log.append(1, 0, {{"loss", std::numeric_limits<double>::quiet_NaN()}});
  log.append(2, 0, {{"loss", std::numeric_limits<double>::infinity()}});
  CHECK(jsonl(folder) == "{\"step\":1,\"epoch\":0,\"loss\":null}\n{\"step\":2,\"epoch\":0,\"loss\":null}\n");
  CHECK(csv(folder) == "step,epoch,loss\n1,0,nan\n2,0,nan\n");
  log.truncate_after(2);
  CHECK(csv(folder) == "step,epoch,loss\n1,0,nan\n2,0,nan\n");
}

TEST_CASE("truncation keeps the rows up to a step and their columns", "[report]") {
  const TempDir folder;
  MetricsLog log(folder.path());
  append_two(log);
  log.truncate_after(19);
  CHECK(jsonl(folder) == "{\"step\":10,\"epoch\":0.5,\"train/loss\":2.25}\n");
  CHECK(csv(folder) == "step,epoch,train/loss\n10,0.5,2.25\n");
  log.append(20, 1, {{"val/loss", 0.1}});
  CHECK(csv(folder) == "step,epoch,train/loss,val/loss\n10,0.5,2.25,\n20,1,,0.1\n");
  log.truncate_after(0);
  CHECK(jsonl(folder).empty());
  CHECK(csv(folder).empty());
  log.append(1, 0, {{"a", 1}});
  CHECK(csv(folder) == "step,epoch,a\n1,0,1\n");
}

TEST_CASE("a log goes on as if it had never stopped", "[report]") {
  const TempDir whole, resumed;
  MetricsLog first(whole.path());
  append_two(first);
  first.append(30, 2, {{"x", 7}});
  {
    MetricsLog log(resumed.path());
    append_two(log);
    log.append(25, 1.2, {{"later", 1}});
  }
  MetricsLog second(resumed.path());
  second.truncate_after(20);
  second.append(30, 2, {{"x", 7}});
  CHECK(jsonl(resumed) == jsonl(whole));
  CHECK(csv(resumed) == csv(whole));
}

TEST_CASE("a torn last line is dropped wherever it was torn", "[report]") {
  for (std::size_t size = 0; size <= kTwoRows.size(); ++size) {
    const TempDir folder;
    folder.write("metrics.jsonl", kTwoRows.substr(0, size));
    folder.write("metrics.csv", "step,epoch\n10,0.5,2.2");
    MetricsLog log(folder.path());
    const std::size_t first = kTwoRows.find('\n');
    const std::string kept = size < first ? "" : size + 1 < kTwoRows.size() ? kTwoRows.substr(0, first + 1) : kTwoRows;
    INFO(size);
    CHECK(jsonl(folder) == kept);
    CHECK(csv(folder).find("2.2,") == std::string::npos);
  }
}

TEST_CASE("a damaged line elsewhere is named, and the files stay as they are", "[report]") {
  const TempDir folder;
  for (const std::string damage : {"{\"step\":", "[1]", "{\"epoch\":1}", "{\"step\":1.5}", "", "\xff"}) {
    const std::string text = "{\"step\":1}\n" + damage + "\n{\"step\":2}\n";
    folder.write("metrics.jsonl", text);
    CHECK_THAT(user_error([&] { MetricsLog log(folder.path()); }),
               ContainsSubstring("metrics.jsonl:2: is not an object with a step"));
    CHECK(jsonl(folder) == text);
  }
}

TEST_CASE("figures may not take the names of the row's own keys", "[report]") {
  const TempDir folder;
  MetricsLog log(folder.path());
  CHECK_THROWS_AS(log.append(1, 0, {{"step", 3}}), InternalError);
  CHECK_THROWS_AS(log.append(1, 0, {{"epoch", 3}}), InternalError);
}
