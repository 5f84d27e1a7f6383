#include <cmath>
#include <cstring>
#include <limits>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"
#include "report/format.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// A safetensors file, read by the format's description alone.
class WeightFile {
 public:
  explicit WeightFile(const fs::path& path) : content_(read_file(path)) {
    std::uint64_t size = 0;
    std::memcpy(&size, content_.data(), sizeof size);
    header_ = Json::parse(content_.substr(8, size));
    data_ = 8 + size;
  }
  const Json& header() const { return header_; }

  template <class T>
  std::vector<T> values(const std::string& name, const std::string& dtype, const Json& shape) const {
    const Json& tensor = header_.at(name);
    CHECK(tensor.at("dtype") == dtype);
    CHECK(tensor.at("shape") == shape);
    const auto begin = tensor.at("data_offsets").at(0).get<std::uint64_t>();
    const auto end = tensor.at("data_offsets").at(1).get<std::uint64_t>();
    std::vector<T> list((end - begin) / sizeof(T));
    std::memcpy(list.data(), content_.data() + data_ + begin, end - begin);
    return list;
  }

 private:
  std::string content_;
  Json header_;
  std::uint64_t data_ = 0;
};

TEST_CASE("`eval` measures a run's test split, every sample once", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const Outcome outcome = mlrun({"eval", tiny.run, "--json"});
  CHECK(outcome.code == 0);
  const Json result = result_of(outcome, "eval", "ok");
  CHECK(result.at("split") == "test");
  CHECK(result.at("weights") == "best");
  CHECK(result.at("engine") == "eager");
  CHECK(result.at("samples") == Json{{"total", 23}, {"evaluated", 23}, {"skipped", Json::array()}});
  CHECK(result.at("expect") == Json::array());
  const Json trained = tiny.trained.json().at("result").at("metrics");
  for (const char* name : {"acc1", "acc5", "loss"}) {
    CHECK(result.at("metrics").at(name) == trained.at(std::string("test/") + name));
  }
  std::int64_t total = 0, correct = 0;
  REQUIRE(result.at("per_class").size() == 5);
  for (const auto& row : result.at("per_class")) {
    total += row.at("total").get<std::int64_t>();
    correct += row.at("correct").get<std::int64_t>();
  }
  CHECK(total == 23);
  CHECK(result.at("metrics").at("acc1").get<double>() == Approx(100.0 * static_cast<double>(correct) / 23));
}

TEST_CASE("`eval --dump-outputs` writes what the figures were made of", "[apps]") {
  const TempDir folder;
  const Outcome outcome = mlrun({"eval", tiny_run().run, "--json", "--dump-outputs", "dump.safetensors",
                                 "--confusion-csv", "confusion.csv", "--per-class-csv", "classes.csv"},
                                folder.path());
  CHECK(outcome.code == 0);
  const WeightFile dump(folder / "dump.safetensors");
  const auto outputs = dump.values<float>("outputs", "F32", {23, 5});
  const auto targets = dump.values<std::int64_t>("targets", "I64", {23});
  const auto index = dump.values<std::int64_t>("index", "I64", {23});
  CHECK(dump.header().size() == 4);  // and __metadata__
  CHECK(Json::parse(dump.header().at("__metadata__").at("sample_ids").get<std::string>()).size() == 23);
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < 23; ++i) {
    CHECK(index[static_cast<std::size_t>(i)] == i);
    const auto row = outputs.begin() + 5 * i;
    correct += std::max_element(row, row + 5) - row == targets[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  CHECK(outcome.json().at("result").at("metrics").at("acc1").get<double>() ==
        Approx(100.0 * static_cast<double>(correct) / 23));

  const std::string confusion = read_file(folder / "confusion.csv");
  CHECK(std::count(confusion.begin(), confusion.end(), '\n') == 6);
  const std::string classes = read_file(folder / "classes.csv");
  CHECK(classes.rfind("class,samples,correct,acc1\n", 0) == 0);
  CHECK(std::count(classes.begin(), classes.end(), '\n') == 6);
}

TEST_CASE("`eval --csv` writes any table by its name, and refuses what the task does not have", "[apps]") {
  const TempDir folder;
  const std::string run = tiny_run().run.string();
  const auto outcomes =
      run_all({{{"eval", run, "--csv", "confusion=m.csv", "--csv", "per_class=c.csv", "--confusion-csv", "same.csv",
                 "--reliability", "r.svg"},
                folder.path(),
                {}},
               {{"eval", run, "--csv", "per_class=no.csv", "--csv", "boxes=b.csv"}, folder.path(), {}},
               {{"eval", run, "--csv", "per_class"}, folder.path(), {}}});
  CHECK(outcomes[0].code == 0);
  CHECK(read_file(folder / "m.csv") == read_file(folder / "same.csv"));
  CHECK(read_file(folder / "c.csv").rfind("class,samples,correct,acc1\n", 0) == 0);
  CHECK(read_file(folder / "r.svg").find("synthetic test, weights best") != std::string::npos);
  CHECK(refusal(outcomes[1]) ==
        "error: --csv: this task has no table 'boxes'; choose per_class, precision or confusion\n");
  CHECK_FALSE(fs::exists(folder / "no.csv"));
  CHECK(refusal(outcomes[2]) ==
        "error: --csv: 'per_class' is not of the form NAME=FILE; write --csv confusion=matrix.csv\n");
}

TEST_CASE("`eval` lists every sample with what is true and what is predicted", "[apps]") {
  const TempDir folder;
  const Outcome outcome =
      mlrun({"eval", tiny_run().run, "--json", "--predictions", "--predictions-csv", "p.csv"}, folder.path());
  CHECK(outcome.code == 0);
  const Json result = result_of(outcome, "eval", "ok");
  const Json& list = result.at("predictions");
  REQUIRE(list.size() == 23);
  std::string csv = "id,true,predicted,probability,loss\n";
  double loss = 0;
  std::int64_t correct = 0;
  for (const Json& entry : list) {
    const auto probability = entry.at("probability").get<double>();
    const bool right = entry.at("true") == entry.at("predicted");
    CHECK((probability >= 0.2 && probability <= 1));  // the likeliest of 5 classes
    if (right) CHECK(entry.at("loss").get<double>() == Approx(-std::log(probability)));
    else CHECK(entry.at("loss").get<double>() >= -std::log(1 - probability) - 1e-12);
    correct += right ? 1 : 0;
    loss += entry.at("loss").get<double>();
    csv += entry.at("id").get<std::string>() + "," + entry.at("true").get<std::string>() + "," +
           entry.at("predicted").get<std::string>() + "," + report::shortest(probability) + "," +
           report::shortest(entry.at("loss").get<double>()) + "\n";
  }
  CHECK(read_file(folder / "p.csv") == csv);
  CHECK(correct == result.at("accuracy").at("correct"));
  CHECK(loss / 23 == Approx(result.at("metrics").at("loss").get<double>()));

  const Outcome text = mlrun({"eval", tiny_run().run, "--predictions"});
  CHECK(contains(text.out, "\nid  "));
  CHECK_FALSE(mlrun({"eval", tiny_run().run, "--json"}).json().at("result").contains("predictions"));
}

TEST_CASE("`eval` takes other splits, weights and data", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  const fs::path last = tiny.run / "checkpoints" / "step-00000032";
  const auto outcomes =
      run_all({{{"eval", tiny.run, "--split", "val", "--json"}},
               {{"eval", last, "--json"}},
               {{"eval", tiny.run, "--weights", "last", "--json"}},
               {{"eval", tiny.recipe, "--weights", last / "model.safetensors", "--json"}},
               {{"eval", tiny.run, "data.test_samples=3", "--json", "--per-class-csv", folder / "classes.csv"}},
               {{"eval", tiny.run}}});
  for (const auto& outcome : outcomes) CHECK(outcome.code == 0);
  const auto result = [&](std::size_t i) { return result_of(outcomes[i], "eval", "ok"); };
  CHECK(result(0).at("split") == "val");
  CHECK(result(0).at("samples").at("evaluated") == 20);
  CHECK(result(0).at("metrics").at("acc1") == tiny.trained.json().at("result").at("metrics").at("val/acc1"));
  CHECK(result(1).at("weights") == "step-00000032");
  CHECK(result(2).at("weights") == "last");
  CHECK(result(3).at("weights") == "model.safetensors");
  CHECK(result(1).at("metrics") == result(2).at("metrics"));
  CHECK(result(1).at("metrics") == result(3).at("metrics"));
  CHECK(result(4).at("samples").at("total") == 3);
  CHECK(result(4).at("per_class").at(4).at("acc1").is_null());  // 0 of 0 samples
  CHECK(contains(read_file(folder / "classes.csv"), "\n4,0,0,-\n"));

  CHECK(contains(outcomes[5].out, "synthetic test, weights best: 23 of 23 samples"));
  CHECK(contains(outcomes[5].out, "95 % interval"));
}

/// The run's weights with every number of the last layer replaced by `value`.
fs::path filled_head(const TempDir& folder, const std::string& name, float value) {
  std::string content = read_file(fs::path(tiny_run().run) / "checkpoints/best/model.safetensors");
  std::uint64_t size = 0;
  std::memcpy(&size, content.data(), sizeof size);
  const Json header = Json::parse(content.substr(8, size));
  for (const char* tensor : {"fc.weight", "fc.bias"}) {
    const Json& offsets = header.at(tensor).at("data_offsets");
    for (auto at = offsets.at(0).get<std::uint64_t>(); at < offsets.at(1).get<std::uint64_t>(); at += sizeof value) {
      std::memcpy(&content[8 + size + at], &value, sizeof value);
    }
  }
  return folder.write(name, content);
}

TEST_CASE("weights and outputs that are not finite are told, whatever the engine", "[apps]") {
  const TempDir folder;
  folder.write("a.ppm", ppm(16, 16, 3));
  const std::string run = tiny_run().run;
  const std::string spoilt = filled_head(folder, "spoilt.safetensors", NAN);
  const std::string huge = filled_head(folder, "huge.safetensors", std::numeric_limits<float>::max());
  const auto outcomes = run_all({{{"eval", run, "--weights", spoilt}, folder.path(), {}},
                                 {{"predict", run, "a.ppm", "--weights", spoilt}, folder.path(), {}},
                                 {{"eval", run, "--weights", huge, "--json"}, folder.path(), {}},
                                 {{"predict", run, "a.ppm", "--weights", huge, "--json"}, folder.path(), {}}});
  for (const std::size_t command : {0, 1}) {
    CHECK(refusal(outcomes[command]) ==
          "error: " + spoilt +
              ": fc.weight: holds numbers that are not finite, as do 1 more of its tensors; such "
              "weights are spoilt: take those of an earlier checkpoint, or another file\n");
  }
  CHECK(outcomes[2].code == 2);
  const Json result = result_of(outcomes[2], "eval", "error");
  for (const char* name : {"acc1", "loss"}) CHECK(result.at("metrics").at(name).is_null());
  CHECK(result.at("accuracy").at("invalid").get<int>() > 0);
  REQUIRE(outcomes[2].json().at("errors").size() == 1);
  CHECK(contains(outcomes[2].json().at("errors")[0].at("message").get<std::string>(),
                 " of 23 test samples are not finite, so that their figures are not defined: "));
  CHECK(outcomes[3].code == 2);
  CHECK(result_of(outcomes[3], "predict", "error").at("failed") == Json{"a.ppm"});
  CHECK(outcomes[3].json().at("errors")[0].at("message") == "the model's outputs for it are not finite");
}

TEST_CASE("`eval` holds a run against its expectations", "[apps]") {
  const std::string run = tiny_run().run;
  const std::string expect = "expect=[{metric: test/acc1, value: 101, direction: at_least}]";
  const auto outcomes =
      run_all({{{"eval", run, expect, "--json"}}, {{"eval", run, expect}}, {{"eval", run, expect, "--split", "val"}}});
  CHECK(outcomes[0].code == 3);
  const Json verdicts = result_of(outcomes[0], "eval", "unmet").at("expect");
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].at("verdict") == "differs");
  CHECK(verdicts[0].at("metric") == "test/acc1");
  CHECK(verdicts[0].at("expected") == 101);
  CHECK(verdicts[0].at("measured").is_number());
  CHECK(verdicts[0].at("source").is_null());
  CHECK(outcomes[1].code == 3);
  CHECK(contains(outcomes[1].out, ">= 101"));
  CHECK(outcomes[2].code == 0);  // not run
}

TEST_CASE("`eval --html` writes a page of one evaluation", "[apps]") {
  const TempDir folder;
  const Outcome outcome = mlrun({"eval", tiny_run().run, "--quiet", "--html", "page.html"}, folder.path());
  CHECK(outcome.code == 0);
  const std::string page = read_file(folder / "page.html");
  CHECK(contains(page, "Evaluation of best"));
  CHECK(contains(page, "Weights best on the test split: 23 of 23 samples."));
  CHECK(contains(page, "acc1"));
}

TEST_CASE("`eval` refuses what it cannot evaluate", "[apps]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  fs::copy(tiny.run, folder / "damaged", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const fs::path weights = folder / "damaged" / "checkpoints" / "best" / "model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 4);
  folder.write("tiny.yaml", kTinyRecipe);
  const std::vector<std::pair<Words, std::string>> lines = {
      {{"eval"}, "no run is named"},
      {{"eval", "absent"}, "absent: does not exist; name the folder that `mlrun train` wrote"},
      {{"eval", "env"}, "env: does not exist"},
      {{"eval", "."}, ".: is no run"},
      {{"eval", "tiny.yaml"}, "tiny.yaml: is a recipe, and no weights are named; name a run, or add --weights FILE"},
      {{"eval", "tiny.yaml", "--weights", "absent.safetensors"}, "absent.safetensors: "},
      {{"eval", tiny.run, "--weights", "step-7"}, "has no weights 'step-7'; choose best, last, a file or one of:"},
      {{"eval", tiny.run, "--split", "tset"}, "--split: unknown split 'tset'; choose train, val or test"},
      {{"eval", tiny.run, "second"}, "more than one run: "},
      {{"eval", "damaged"}, "model.safetensors"},
      {{"eval", tiny.run, "--quiet", "data.num_classes=7"}, "has other classes"},
      {{"eval", tiny.run, "--quiet", "--dump-outputs", "no/such/file"}, "no/such/file: cannot be written"},
      {{"eval", tiny.run, "--quiet", "--results-out", "r.json"},
       "--results-out: results of this task have no form of their own"},
      {{"eval", "tiny.yaml", "--results", "r.json"}, "--results: results of this task have no form of their own"},
      {{"eval", "--results", "r.json"}, "no run or recipe is named; --results takes its data"},
      {{"eval", tiny.run, "--results", "r.json", "--weights", "last"}, "--results: takes what was found from a file"},
      {{"eval", "damaged", "tiny.yaml", "--results", "r.json"}, "more than one recipe: "},
  };
  std::vector<Invocation> invocations;
  for (const auto& line : lines) invocations.push_back({line.first, folder.path(), {}});
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < lines.size(); ++i)
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(lines[i].second));
}

}  // namespace
}  // namespace mlrun::test
