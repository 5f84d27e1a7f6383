#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

using Words = std::vector<std::string>;

/// Pictures beside a file that is none, and a picture with a comma in its name.
struct Pictures : TempDir {
  Pictures() {
    write("pictures/a.ppm", ppm(20, 16, 1));
    write("pictures/b.ppm", "P6\n20 16\n255\ncut short");
    write("pictures/sub/c,d.ppm", ppm(16, 24, 7));
    write("pictures/notes.txt", "no picture");
  }
  Invocation line(Words words) const { return {std::move(words), path(), {}}; }
};

TEST_CASE("`predict` gives classes with probabilities, the likeliest first", "[apps]") {
  const Pictures pictures;
  const std::string run = tiny_run().run;
  const auto outcomes = run_all({pictures.line({"predict", run, "pictures/a.ppm", "--json"}),
                                 pictures.line({"predict", run, "pictures/a.ppm", "--topk", "2", "--json"}),
                                 pictures.line({"predict", run, "pictures/a.ppm", "--topk", "2"})});
  for (const auto& outcome : outcomes) {
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
  }
  const Json result = result_of(outcomes[0], "predict", "ok");
  CHECK(result.at("failed") == Json::array());
  REQUIRE(result.at("files").size() == 1);
  CHECK(result.at("files")[0].at("file") == "pictures/a.ppm");
  const Json answers = result.at("files")[0].at("predictions");
  REQUIRE(answers.size() == 5);
  double sum = 0, before = 1;
  for (const auto& answer : answers) {
    const double probability = answer.at("probability").get<double>();
    CHECK(probability <= before);
    CHECK(answer.at("class") == std::to_string(answer.at("index").get<int>()));
    sum += before = probability;
  }
  CHECK(sum == Approx(1));
  CHECK(result_of(outcomes[1], "predict", "ok").at("files")[0].at("predictions") == Json{answers[0], answers[1]});
  CHECK(outcomes[2].out.rfind("pictures/a.ppm\n", 0) == 0);
  CHECK(contains(outcomes[2].out, "%"));
}

TEST_CASE("`predict` of a folder names the unreadable file and goes on", "[apps]") {
  const Pictures pictures;
  const std::string run = tiny_run().run;
  pictures.write("pictures/moving.gif", "GIF89a");
  pictures.write("pictures/.hidden.gif", "GIF89a");
  const auto outcomes = run_all({pictures.line({"predict", run, "pictures", "--json"}),
                                 pictures.line({"predict", run, "pictures", "absent.ppm", "--csv", "--topk", "1"})});
  CHECK(outcomes[0].code == 2);
  const Json result = result_of(outcomes[0], "predict", "error");
  CHECK(result.at("failed") == Json{"pictures/b.ppm"});
  CHECK(result.at("left_out") == 2);
  REQUIRE(result.at("files").size() == 2);
  CHECK(result.at("files")[0].at("file") == "pictures/a.ppm");
  CHECK(result.at("files")[1].at("file") == "pictures/sub/c,d.ppm");
  CHECK(outcomes[0].json().at("errors").size() == 1);
  CHECK(outcomes[0].json().at("errors")[0].at("file") == "pictures/b.ppm");

  CHECK(outcomes[1].code == 2);
  CHECK(contains(outcomes[1].err,
                 "warning: pictures: 2 files are left out: 1 .gif, 1 .txt, as 'moving.gif'; images of such"));
  CHECK(contains(outcomes[1].err, "error: pictures/b.ppm: "));
  CHECK(contains(outcomes[1].err, "error: absent.ppm: "));
  std::string csv = outcomes[1].out;
  csv.erase(std::remove(csv.begin(), csv.end(), '\r'), csv.end());
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
  CHECK(csv.rfind("file,rank,class,probability\npictures/a.ppm,1,", 0) == 0);
  CHECK(contains(csv, "\n\"pictures/sub/c,d.ppm\",1,"));
}

TEST_CASE("`predict --format csv` writes what --csv prints", "[apps]") {
  const Pictures pictures;
  const std::string run = tiny_run().run;
  const Words files = {"predict", run, "pictures/a.ppm", "pictures/sub", "--topk", "2"};
  const auto with = [&](const Words& more) {
    Words words = files;
    words.insert(words.end(), more.begin(), more.end());
    return pictures.line(words);
  };
  const auto outcomes =
      run_all({with({"--csv"}), with({"--format", "csv", "-o", "a.csv"}),
               with({"--format", "csv", "-o", "/dev/stdout"}), with({"--format", "csv", "-o", "b.csv", "--json"}),
               pictures.line({"predict", run, "pictures", "--format", "csv", "-o", "c.csv"})});
  for (std::size_t i = 0; i < 4; ++i) CHECK(outcomes[i].code == 0);
  CHECK(read_file(pictures / "a.csv") == outcomes[0].out);
  CHECK(outcomes[1].out == "a.csv: 2 files as csv\n");
  CHECK(outcomes[2].out == outcomes[0].out);
  const Json result = result_of(outcomes[3], "predict", "ok");
  CHECK(result.at("written") == Json{{"format", "csv"}, {"to", "b.csv"}, {"files", 2}});
  CHECK(result.at("files") == Json::array());
  CHECK(outcomes[4].code == 2);  // one cannot be read; the others stand there
  CHECK(contains(read_file(pictures / "c.csv"), "pictures/a.ppm,1,"));
}

TEST_CASE("`predict` refuses what it cannot do", "[apps]") {
  const Pictures pictures;
  const std::string run = tiny_run().run;
  pictures.write("empty/notes.txt", "no picture");
  const std::vector<std::pair<Words, std::string>> lines = {
      {{"predict"}, "nothing to predict"},
      {{"predict", run}, "there is nothing to predict; name files, or folders that hold some"},
      {{"predict", run, "empty"}, "there is nothing to predict, only 1 .txt; name files, or folders that hold some"},
      {{"predict", "absent", "pictures/a.ppm"}, "absent: does not exist"},
      {{"predict", run, "pictures/a.ppm", "--topk", "0"}, "--topk: must be at least 1"},
      {{"predict", run, "pictures/a.ppm", "--topk", "few"}, "--topk"},
      {{"predict", run, "pictures/a.ppm", "--format", "coco", "-o", "x"},
       "--format: this task has no 'coco'; choose csv"},
      {{"predict", run, "pictures/a.ppm", "--format", "csv"}, "--format: it is not said where to; add -o FILE"},
      {{"predict", run, "pictures/a.ppm", "--format", "csv", "--csv", "-o", "x"}, "--csv: prints, and --format writes"},
      {{"predict", run, "pictures/a.ppm", "--format", "csv", "-o", "pictures/notes.txt"},
       "pictures/notes.txt: is there already; name another file, or add --force"},
      {{"predict", run, "pictures/a.ppm", "--format", "csv", "-o", "no/such/file"}, "no/such/file: "},
  };
  std::vector<Invocation> invocations;
  for (const auto& line : lines) invocations.push_back(pictures.line(line.first));
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < lines.size(); ++i)
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(lines[i].second));
}

}  // namespace
}  // namespace mlrun::test
