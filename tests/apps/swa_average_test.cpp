#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::vector<std::string> averaged_steps(const Json& result) {
  std::vector<std::string> steps;
  for (const auto& source : result.at("averaged_from")) {
    steps.push_back(fs::path(source.at("file").get<std::string>()).parent_path().filename());
  }
  return steps;
}

/// A weight file as Python's safetensors writes it, of one tensor with `values`.
std::string tensor_file(const std::string& name, const std::string& dtype, const std::string& bytes,
                        const std::string& shape) {
  const std::string header = R"({")" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
                             R"(,"data_offsets":[0,)" + std::to_string(bytes.size()) + "]}}";
  std::string text(8, '\0');
  for (int i = 0; i < 8; ++i) text[static_cast<std::size_t>(i)] = static_cast<char>(header.size() >> (8 * i) & 255U);
  return text + header + bytes;
}

TEST_CASE("`swa-average` averages checkpoints of a run and renews batch norm's statistics", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  const std::string run = tiny.run;
  const auto outcomes = run_all({
      {{"swa-average", run, "--last", "2", "-o", "last.safetensors", "--json"}, folder.path()},
      {{"swa-average", run, "--best", "1", "-o", "best.safetensors", "--json"}, folder.path()},
      {{"swa-average", run, "--from-epoch", "4", "-o", "late.safetensors", "--no-update-bn", "--json"}, folder.path()},
      {{"swa-average", run, "--last", "2", "--bn-samples", "16", "-o", "few.safetensors", "--json"}, folder.path()},
      {{"swa-average", run, "--last", "2", "--kind", "ema", "--decay", "0.25", "-o", "ema.safetensors", "--json"},
       folder.path()},
      {{"swa-average", run, "--last", "2", "--eval", "-o", "scored.safetensors", "--json"}, folder.path()},
  });
  std::vector<Json> results;
  for (const auto& outcome : outcomes) {
    INFO(outcome.err);
    CHECK(outcome.code == 0);
    results.push_back(result_of(outcome, "swa-average", "ok"));
  }
  CHECK(averaged_steps(results[0]) == std::vector<std::string>{"step-00000024", "step-00000032"});
  CHECK(results[0].at("batch_norm_updated") == true);
  CHECK(results[0].at("averaged_from")[0].at("share") == 0.5);
  CHECK(averaged_steps(results[1]) == std::vector<std::string>{fs::read_symlink(tiny.run / "checkpoints/best")});
  CHECK(averaged_steps(results[2]) == std::vector<std::string>{"step-00000032"});
  CHECK(results[2].at("batch_norm_updated") == false);
  CHECK(results[4].at("averaging") == "ema, decay 0.25");
  CHECK(read_file(folder / "few.safetensors") != read_file(folder / "last.safetensors"));
  // Scoring changes nothing of what is written.
  CHECK(read_file(folder / "scored.safetensors") == read_file(folder / "last.safetensors"));
  const Json& scores = results[5].at("scores");
  REQUIRE(scores.size() == 4);
  CHECK(scores[2].at("weights") == "average");
  CHECK(scores[3].at("weights") == "average, batch norm updated");
  for (const auto& score : scores) CHECK(score.at("metrics").contains("ece"));
  CHECK(results[5].at("split") == "test");
  CHECK(listing(folder.path()).size() == 6);
}

TEST_CASE("`swa-average` averages files in the order and with the shares given", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  const std::string first = tiny.run / "checkpoints/step-00000024", second = tiny.run / "checkpoints/step-00000032";
  const auto outcomes = run_all({
      {{"swa-average", first, second, "--weights", "0.25,0.75", "-o", "shares.safetensors", "--json"}, folder.path()},
      {{"swa-average", first + "/model.safetensors", second + "/model.safetensors", "-c", tiny.recipe, "-o",
        "files.safetensors", "--json"},
       folder.path()},
      {{"swa-average", tiny.run, "--last", "2", "-o", "run.safetensors"}, folder.path()},
  });
  for (const auto& outcome : outcomes) CHECK(outcome.code == 0);
  const Json shares = result_of(outcomes[0], "swa-average", "ok").at("averaged_from");
  CHECK(shares[0].at("share") == 0.25);
  CHECK(shares[1].at("share") == 0.75);
  CHECK(contains(outcomes[2].out, "run.safetensors: the average of 2 sets of weights, batch norm updated"));
  // An average carries its recipe and can be evaluated by itself.
  const auto scored = run_all({{{"eval", "files.safetensors", "--json"}, folder.path()},
                               {{"eval", "run.safetensors", "--json"}, folder.path()}});
  CHECK(result_of(scored[0], "eval", "ok").at("metrics") == result_of(scored[1], "eval", "ok").at("metrics"));
  CHECK(scored[0].json().at("result").at("weights") == "files.safetensors");
}

TEST_CASE("`swa-average` takes the best of each run, and tells that other seeds do not mix", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  REQUIRE(mlrun({"train", tiny.recipe, "--seed", "1", "--out", "other", "--quiet"}, folder.path()).code == 0);
  const auto outcomes = run_all(
      {{{"swa-average", tiny.run, "other", "--eval", "-o", "mixed.safetensors", "--json"}, folder.path()},
       {{"swa-average", tiny.run, tiny.run, "--no-update-bn", "-o", "same.safetensors", "--json"}, folder.path()},
       {{"eval", tiny.run, "--weights", "ema"}, folder.path()}});
  const Json mixed = result_of(outcomes[0], "swa-average", "ok");
  const std::string best = fs::read_symlink(tiny.run / "checkpoints/best");
  CHECK(averaged_steps(mixed).front() == best);
  CHECK(averaged_steps(mixed).back() == fs::read_symlink(folder / "other/checkpoints/best").string());
  CHECK(contains(outcomes[0].err,
                 "the inputs are of trainings that began with other weights (train.seed 0, 1): such an "
                 "average mostly falls far below each of them"));
  const auto acc1 = [&](std::size_t row) { return mixed.at("scores").at(row).at("metrics").at("acc1").get<double>(); };
  CHECK(contains(outcomes[0].err, "the average falls: its acc1 is") == (acc1(3) < std::min(acc1(0), acc1(1))));
  CHECK(averaged_steps(result_of(outcomes[1], "swa-average", "ok")) == std::vector<std::string>{best, best});
  CHECK_FALSE(contains(outcomes[1].err, "began with other weights"));
  CHECK(contains(refusal(outcomes[2]), "has no averaged weights"));
}

TEST_CASE("`swa-average` refuses what it cannot average and leaves nothing behind", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const TempDir folder;
  const std::string run = tiny.run;
  fs::copy(tiny.run, folder / "damaged", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const fs::path spoilt = folder / "damaged/checkpoints/step-00000032/model.safetensors";
  fs::resize_file(spoilt, fs::file_size(spoilt) - 4);
  const std::string floats(8, '\0');
  folder.write("a.safetensors", tensor_file("fc.weight", "F32", floats, "[2]"));
  folder.write("other.safetensors", tensor_file("fc.weight", "F32", floats, "[1,2]"));
  folder.write("int8.safetensors", tensor_file("fc.weight", "I8", floats, "[8]"));
  folder.write("bn.safetensors", tensor_file("bn.running_mean", "F32", floats, "[2]"));
  folder.write("half.safetensors", "no weights");
  const std::string last = tiny.run / "checkpoints/step-00000032";
  const std::vector<std::pair<Words, std::string>> lines = {
      {{}, "nothing is named; name a run, checkpoints or weight files"},
      {{run, "--last", "9"}, "has 3 such checkpoints where 9 are wanted"},
      {{run, "--from-epoch", "99"}, "has 0 such checkpoints where 1 are wanted"},
      {{run, "--minima"}, "has 0 such checkpoints where 1 are wanted"},
      {{run, "--last", "1", "--best", "1"}, "--last, --best, --from-epoch and --minima exclude each other"},
      {{last, "--last", "1"}, "--last, --best, --from-epoch and --minima choose among the checkpoints of one run"},
      {{run, "--last", "2", "--weights", "0.5,0.6"},
       "--weights: the shares sum to 1.1; give shares above 0 that sum to 1"},
      {{run, "--last", "2", "--weights", "0.5,0.5", "--kind", "ema"}, "--weights does not go with --kind ema"},
      {{run, "--kind", "median"}, "--kind: unknown choice 'median'; choose equal or ema"},
      {{"damaged"}, "model.safetensors: is damaged: it has"},
      {{"absent"}, "absent: does not exist"},
      {{"half.safetensors", "a.safetensors"}, "half.safetensors: "},
      {{"a.safetensors", "other.safetensors"},
       "other.safetensors: is not of the same model as a.safetensors: fc.weight is [1, 2] instead of [2]"},
      {{"a.safetensors", last},
       "is not of the same model as a.safetensors: fc.weight is [5, 16] instead of [2], has fc.bias besides"},
      {{"int8.safetensors"}, "int8.safetensors: is a quantized model, whose weights cannot be averaged"},
      {{"bn.safetensors"}, "making batch norm's statistics anew needs data, and there is no recipe that names them"},
      {{"a.safetensors", "--eval"}, "--eval needs data, and there is no recipe that names them"},
      {{run, "--set", "data.format=image_folder", "--set", "data.root=nowhere"}, "nowhere"},
  };
  const auto before = listing(folder.path());
  std::vector<Invocation> invocations;
  for (const auto& line : lines) {
    Words words = {"swa-average"};
    words.insert(words.end(), line.first.begin(), line.first.end());
    words.insert(words.end(), {"-o", "out.safetensors"});
    invocations.push_back({words, folder.path(), {}});
  }
  invocations.push_back({{"swa-average", run, "-o", "a.safetensors"}, folder.path(), {}});
  invocations.push_back({{"swa-average", run, "-o", "no/such/out.safetensors"}, folder.path(), {}});
  invocations.push_back({{"swa-average", run}, folder.path(), {}});
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(lines[i].second));
  }
  CHECK(
      contains(refusal(outcomes[lines.size()]), "a.safetensors: exists already; choose another name for the average"));
  CHECK(contains(refusal(outcomes[lines.size() + 1]), "no/such: is not a folder; create it first"));
  CHECK(contains(refusal(outcomes[lines.size() + 2]), "no output is named; add -o FILE"));
  CHECK(listing(folder.path()) == before);
}

}  // namespace
}  // namespace mlrun::test
