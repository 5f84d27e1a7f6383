#include "engine/report/published.h"

#include "engine/train/training.h"

using namespace mlrun;
using namespace mlrun::engine;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace {

/// A recipe without data.root, as those are whose data each user has elsewhere.
constexpr const char* kPublishedRecipe = R"(task: classification
model: {name: small_cnn}
data: {format: image_folder}
expect:
  - {row: X/sgd, metric: val/acc1, value: 72.8, tolerance: 0.3, source: a paper}
  - {row: X/swa, metric: test/swa_acc1, value: 74.4, tolerance: 0.3, direction: at_least}
)";

constexpr const char* kTable = R"(title: A table
source: a paper
columns:
  - {metric: val/acc1, name: Acc@1}
rows:
  - {name: SGD, row: X/sgd, recipe: small, published: {"s/image": 0.50, params: 5.48}}
  - name: SWA
    row: X/swa
    recipe: small
    metrics: {val/acc1: test/swa_acc1}
)";

struct TableFiles {
  TempDir folder;
  std::vector<std::filesystem::path> folders;

  explicit TableFiles(const std::string& table = kTable) : folders{folder.path()} {
    folder.write("small.yaml", kPublishedRecipe);
    folder.write("tables/mine.yaml", table);
  }
  std::filesystem::path file() const { return folder / "tables/mine.yaml"; }
  PublishedTable read() const { return read_table(file(), folders, recipes::catalogue()); }
  /// What is wrong with it, without the folder's name.
  std::string fault() const {
    std::string text = user_error([this] { read(); });
    const std::string prefix = folder.path().string() + "/";
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }
};

RunRecord run_of(const std::string& path, const std::string& row, const std::string& metric, double measured,
                 const std::string& verdict, const std::string& reason = "") {
  RunRecord run;
  run.summary.path = path;
  run.summary.state = "finished";
  run.keys["expect"] = Json::array({{{"row", row}, {"metric", metric}}});
  Json entry = {{"row", row}, {"metric", metric}, {"measured", measured}, {"verdict", verdict}};
  if (!reason.empty()) entry["reason"] = reason;
  run.info = {{"result", {{"expect", Json::array({entry})}}}};
  return run;
}

}  // namespace

TEST_CASE("a published table takes its figures from the recipes", "[engine][report]") {
  const TableFiles files;
  const PublishedTable table = files.read();
  REQUIRE(table.expected.size() == 2);
  CHECK(table.expected[0][0]->value == 72.8);
  CHECK(table.expected[1][0]->value == 74.4);
  const ComparedTable compared = compare_table(table, {});
  CHECK(published_table(compared).text() ==
        "       Acc@1  measured  verdict  s/image  params  n\n"
        "---  -------  --------  -------  -------  ------  -\n"
        "SGD     72.8         -  not_run     0.50    5.48  0\n"
        "SWA  >= 74.4         -  not_run        -       -  0\n");
  CHECK_FALSE(unmet(compared));
  const Json json = to_json(compared);
  CHECK(json["rows"][0]["figures"][0]["published"] == 72.8);
  CHECK(json["rows"][0]["figures"][0]["measured"].is_null());
  CHECK(json["rows"][0]["published"]["params"] == 5.48);
  CHECK(find_table("mine", files.folders) == files.file());
  CHECK(user_error([&] { find_table("other", files.folders); }) ==
        "--table: there is no table 'other', neither as a file nor among the shipped ones; the shipped ones are mine");
}

TEST_CASE("several runs of a row are judged by their mean", "[engine][report]") {
  const PublishedTable table = TableFiles().read();
  // 72.3 alone would differ; the mean, 72.65, is within 0.3.
  auto compared = compare_table(
      table, {run_of("a", "X/sgd", "val/acc1", 72.3, "differs"), run_of("b", "X/sgd", "val/acc1", 73.0, "met"),
              run_of("c", "X/swa", "test/swa_acc1", 74.0, "differs")});
  CHECK(compared.cells[0][0].outcome == Outcome::Met);
  CHECK(compared.cells[0][0].measured.mean == Approx(72.65));
  CHECK(compared.cells[0][0].measured.n == 2);
  CHECK(compared.cells[1][0].outcome == Outcome::Differs);
  CHECK(unmet(compared));
  CHECK(compared.runs[0] == std::vector<std::string>{"a", "b"});
  compared = compare_table(table, {run_of("c", "X/swa", "test/swa_acc1", 80.0, "met")});
  CHECK(compared.cells[1][0].outcome == Outcome::Met);  // at least
}

TEST_CASE("what is not comparable or was skipped stays so in the table", "[engine][report]") {
  const PublishedTable table = TableFiles().read();
  auto compared = compare_table(
      table, {run_of("a", "X/sgd", "val/acc1", 72.8, "not_comparable", "when.samples is 50000, evaluated were 10"),
              run_of("b", "X/sgd", "val/acc1", 72.8, "met")});
  CHECK(compared.cells[0][0].outcome == Outcome::NotComparable);
  CHECK(published_notes(compared) ==
        std::vector<std::string>{"SGD, Acc@1: not_comparable, as when.samples is 50000, evaluated were 10"});
  CHECK_FALSE(unmet(compared));
  compared = compare_table(table, {run_of("a", "X/sgd", "val/acc1", 72.8, "differs", "2 samples were skipped")});
  CHECK(compared.cells[0][0].outcome == Outcome::Differs);
  auto running = run_of("a", "X/sgd", "val/acc1", 72.8, "met");
  running.summary.state = "running";
  compared = compare_table(table, {running, run_of("z", "Y/other", "val/acc1", 1, "differs")});
  CHECK(compared.cells[0][0].outcome == Outcome::NotRun);
  CHECK(published_notes(compared) == std::vector<std::string>{"SGD: a is not finished and counts nowhere"});
}

TEST_CASE("a broken table is refused at the place of each mistake", "[engine][report]") {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kTable;
    return TableFiles(text.replace(text.find(from), from.size(), to)).fault();
  };
  CHECK(with("params: 5.48", "params: many") ==
        "tables/mine.yaml:6:81: rows.0.published.params: expected a number, got \"many\"");
  CHECK(with("recipe: small, p", "recipe: smal, p")
            .find("tables/mine.yaml:6:37: rows.0.recipe: there is no recipe 'smal', neither as a file nor among the "
                  "shipped "
                  "ones; did you mean small?") == 0);
  CHECK(
      with("row: X/swa", "row: X/sgdd") ==
      "tables/mine.yaml:8:10: rows.1.row: the recipe small expects no figure of the row X/sgdd in any of the columns; "
      "give its `expect` entries this `row`, or the row its `metrics`");
  CHECK(with("{val/acc1: test/swa_acc1}", "{val/acc5: test/swa_acc1}")
            .find("tables/mine.yaml:10:25: rows.1.metrics.val/acc5: no column has this metric") == 0);
  CHECK(with("title: A table\n", "").find("title: required, but missing") != std::string::npos);
  CHECK(with("name: SWA", "nam: SWA").find("did you mean") != std::string::npos);
  CHECK(TableFiles("rows: [").fault().find("tables/mine.yaml:1:") == 0);
}

TEST_CASE("every shipped table can be read", "[engine][report]") {
  const auto configs = mlrun::test::source_root() / "configs";
  std::size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(configs / "tables")) {
    INFO(entry.path().string());
    const PublishedTable table = read_table(entry.path(), {configs}, recipes::catalogue());
    CHECK(compare_table(table, {}).cells.size() == table.file.rows.size());
    CHECK(table.file.source);
    ++tables;
  }
  CHECK(tables >= 2);
}

TEST_CASE("the table of segmenters has its figures at 520 and at 320 pixels", "[engine][report]") {
  const auto configs = mlrun::test::source_root() / "configs";
  const PublishedTable table =
      read_table(configs / "tables/mobilenet_v3_segmentation.yaml", {configs}, recipes::catalogue());
  struct Row {
    const char* model;
    double miou, pixel_acc;
    std::int64_t size;  // 0: the model's own
  };
  // PyTorch blog, 2021, "Everything you need to know about TorchVision's MobileNetV3 implementation".
  const Row rows[] = {{"lraspp_mobilenet_v3_large", 57.9, 91.2, 0},
                      {"deeplabv3_mobilenet_v3_large", 60.3, 91.2, 0},
                      {"fcn_mobilenet_v3_large", 57.8, 90.9, 0},
                      {"deeplabv3_resnet50", 66.4, 92.4, 0},
                      {"fcn_resnet50", 60.5, 91.4, 0},
                      {"lraspp_mobilenet_v3_large", 55.8, 90.3, 320},
                      {"deeplabv3_mobilenet_v3_large", 56.5, 90.3, 320},
                      {"fcn_mobilenet_v3_large", 54.8, 90.1, 320}};
  REQUIRE(table.file.rows.size() == std::size(rows));
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    INFO(table.file.rows[i].name);
    CHECK(table.models[i] == rows[i].model);
    CHECK(table.expected[i][0]->value == rows[i].miou);
    CHECK(table.expected[i][1]->value == rows[i].pixel_acc);
    CHECK(table.file.rows[i].size.value_or(0) == rows[i].size);
  }
}
