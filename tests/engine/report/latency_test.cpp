#include "engine/report/latency.h"

#include "base/files.h"
#include "engine/report/published.h"
#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::engine;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace {

constexpr const char* kLatencyTable = R"(title: A table
latency: s/image
columns:
  - {metric: val/acc1, name: Acc@1}
rows:
  - {name: Large, row: X/large, recipe: large, published: {"s/image": 0.50}}
  - {name: Small, row: X/small, recipe: small, published: {"s/image": 0.20, params: 5.48}}
  - {name: Small int8, row: X/small, recipe: small, precision: int8, published: {"s/image": 0.05}}
  - {name: Unmeasured, row: X/small, recipe: small, precision: bf16}
)";

std::string recipe_text(const std::string& model, const std::string& row) {
  return "task: classification\nmodel: " + model + "\ndata: {format: image_folder}\nexpect:\n  - {row: X/" + row +
         ", metric: val/acc1, value: 72.8, tolerance: 0.3, source: a paper}\n";
}

struct Files {
  TempDir folder;

  explicit Files(const std::string& table = kLatencyTable) {
    folder.write("large.yaml", recipe_text("{name: resnet18}", "large"));
    folder.write("small.yaml", recipe_text("squeezenet1_1", "small"));
    folder.write("tables/mine.yaml", table);
  }
  PublishedTable table() const {
    return read_table(folder / "tables/mine.yaml", {folder.path()}, recipes::catalogue());
  }
  std::vector<MeasuredLatency> bench(const Json& rows) const {
    return read_bench(folder.write("bench.json", Json({{"schema", 1}, {"command", "bench"}, {"result", rows}}).dump()));
  }
};

Json bench_row(const std::string& model, const std::string& precision, double ms, std::int64_t batch = 1,
               std::int64_t threads = 2, std::int64_t size = 224) {
  return {{"mode", "infer"},    {"device", "cpu"},        {"model", model},    {"batch", batch}, {"size", size},
          {"threads", threads}, {"precision", precision}, {"engine", "eager"}, {"p50", ms}};
}

}  // namespace

TEST_CASE("measured times stand beside published ones, with ratios to the first row", "[engine][report]") {
  const Files files;
  const PublishedTable table = files.table();
  CHECK(table.models == std::vector<std::string>{"resnet18", "squeezenet1_1", "squeezenet1_1", "squeezenet1_1"});
  const auto measured = files.bench({bench_row("resnet18", "fp32", 40), bench_row("squeezenet1_1", "fp32", 10.25),
                                     bench_row("squeezenet1_1", "fp32", 12), bench_row("squeezenet1_1", "int8", 4),
                                     bench_row("resnet18", "fp32", 300, 8), bench_row("resnet18", "fp32", 1, 1, 2, 32),
                                     bench_row("resnet18", "fp32", 70, 1, 1), bench_row("vgg11", "fp32", 90)});
  ComparedTable compared = compare_table(table, {});
  compared.latency = compare_latency(table, measured);
  CHECK(
      published_table(compared).text() ==
      "            Acc@1  measured  verdict  s/image  ratio  ms, eager, 2 threads  ratio  ms, eager, 1 thread  ratio  "
      "params  n\n"
      "----------  -----  --------  -------  -------  -----  --------------------  -----  -------------------  -----  "
      "------  -\n"
      "Large        72.8         -  not_run     0.50   1.00                    40   1.00                   70   1.00  "
      "     -  0\n"
      "Small        72.8         -  not_run     0.20   0.40                 10.25   0.26                    -      -  "
      "  5.48  0\n"
      "Small int8   72.8         -  not_run     0.05   0.10                     4   0.10                    -      -  "
      "     -  0\n"
      "Unmeasured   72.8         -  not_run        -      -                     -      -                    -      -  "
      "     -  0\n");
  const auto notes = published_notes(compared);
  REQUIRE(notes.size() == 2);
  CHECK(notes[0] == "ratios are those of the times to Large's");
  CHECK(notes[1] == "vgg11 in fp32 was measured and is no row of this table");
  const Json json = to_json(compared);
  CHECK(json["rows"][2]["latency"]["published_ratio"].get<double>() == Approx(0.1));
  CHECK(json["rows"][1]["latency"]["measured"][0]["p50"] == 10.25);
  CHECK(json["rows"][1]["latency"]["measured"][1]["ratio"].is_null());
}

TEST_CASE("a row of another size takes what was measured at that size", "[engine][report]") {
  const Files files(R"(title: A table
latency: s/image
columns:
  - {metric: val/acc1, name: Acc@1}
rows:
  - {name: Large, row: X/large, recipe: large, published: {"s/image": 0.50}}
  - {name: Small images, row: X/large, recipe: large, size: 128, published: {"s/image": 0.20}}
)");
  const auto bench = files.bench({bench_row("resnet18", "fp32", 40), bench_row("resnet18", "fp32", 10, 1, 2, 128),
                                  bench_row("resnet18", "fp32", 5, 1, 2, 64)});
  const ComparedLatency latency = compare_latency(files.table(), bench);
  REQUIRE(latency.columns.size() == 1);
  CHECK(latency.columns[0].ms[0].value_or(0) == 40);
  CHECK(latency.columns[0].ms[1].value_or(0) == 10);
  CHECK(latency.notes.empty());
}

TEST_CASE("files that are no measurement of single images are refused", "[engine][report]") {
  const Files files;
  const auto ends = [](const std::string& text, const std::string& ending) {
    INFO(text);
    return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
  };
  const std::string hint = "; measure with `mlrun bench --model NAME,NAME --json > FILE`";
  for (const char* text : {"", "{", "[]", R"({"command":"eval","result":[]})", R"({"command":"bench","result":{}})"}) {
    INFO(text);
    CHECK(ends(user_error([&] { read_bench(files.folder.write("x.json", text)); }),
               "x.json: is not what `mlrun bench --json` prints" + hint));
  }
  const std::string nothing = ": measured no model on single images on a CPU" + hint;
  CHECK(ends(user_error([&] { files.bench(Json::array()); }), nothing));
  CHECK(ends(user_error([&] { files.bench({bench_row("resnet18", "fp32", 300, 8), 7, Json::object()}); }), nothing));
  CHECK(ends(
      user_error([&] { compare_latency(files.table(), files.bench(Json::array({bench_row("vgg11", "fp32", 9)}))); }),
      "no model of this table was measured" + hint));
  std::string bare = kLatencyTable;
  bare.erase(bare.find("latency: s/image\n"), std::string("latency: s/image\n").size());
  CHECK(user_error([&] { compare_latency(Files(bare).table(), {}); }) ==
        "--bench: this table has no published seconds; leave --bench out");
  std::string wrong = kLatencyTable;
  wrong.replace(wrong.find("latency: s/image"), 16, "latency: s/imag");
  CHECK(ends(user_error([&] { Files(wrong).table(); }),
             "mine.yaml:2:10: latency: no row has a published figure of this title; did you mean s/image?"));
}
