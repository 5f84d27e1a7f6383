#include <cmath>
#include <cstring>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// Runs of one data set: three that differ in seed, width and batch size, one of swag, one of
/// cycles; and one of other classes.
struct Runs {
  TempDir folder;

  Runs() {
    folder.write("tiny.yaml", kTinyRecipe);
    const auto train = [this](const std::string& name, Words words) {
      words.insert(words.begin(), {"train", "tiny.yaml", "--out", name, "--quiet"});
      return Invocation{words, folder.path(), {}};
    };
    const std::string often = "train.checkpoint={every: 1 epoch, keep: 9}";
    outcomes = run_all({
        train("a", {often}),
        train("b", {"--seed", "1", "model.width=6", "train.batch_size=16"}),
        train("swag", {"averaging={name: swag, start: 1 epoch, every: 4 steps, rank: 3}"}),
        train("cycles",
              {"schedule={name: cyclical, cycles: 2, keep: true, interval: step}", "train.checkpoint.keep=1"}),
        train("classes", {"data.num_classes=4"}),
        train("other", {"data.test_samples=24"}),
    });
  }

  std::vector<Outcome> outcomes;
};

const Runs& runs() {
  static const Runs instance;
  for (const auto& outcome : instance.outcomes) {
    INFO("stderr: " << outcome.err);
    REQUIRE(outcome.code == 0);
  }
  return instance;
}

/// `outputs` of a --dump-outputs file, row by row of five classes, as probabilities.
std::vector<double> probabilities(const fs::path& file) {
  const std::string content = read_file(file);
  std::uint64_t size = 0;
  std::memcpy(&size, content.data(), sizeof size);
  const Json offsets = Json::parse(content.substr(8, size)).at("outputs").at("data_offsets");
  const auto begin = offsets.at(0).get<std::uint64_t>(), end = offsets.at(1).get<std::uint64_t>();
  std::vector<float> logits((end - begin) / sizeof(float));
  std::memcpy(logits.data(), content.data() + 8 + size + begin, end - begin);
  std::vector<double> shares(logits.begin(), logits.end());
  for (std::size_t row = 0; row < shares.size(); row += 5) {
    double total = 0;
    for (std::size_t i = row; i < row + 5; ++i) total += shares[i] = std::exp(shares[i]);
    for (std::size_t i = row; i < row + 5; ++i) shares[i] /= total;
  }
  return shares;
}

TEST_CASE("`eval --ensemble` takes the mean of its members' probabilities", "[apps]") {
  const TempDir folder;
  const fs::path all = runs().folder.path();
  const Words together = {
      "eval",   all / "a",       all / "b",         "--ensemble",   "--dump-outputs", "all.safetensors",
      "--json", "--reliability", "reliability.svg", "--predictions"};
  const auto outcomes =
      run_all({{together, folder.path(), {}},
               {{"eval", all / "a", "--dump-outputs", "a.safetensors", "--json"}, folder.path(), {}},
               {{"eval", all / "b", "--dump-outputs", "b.safetensors", "--json"}, folder.path(), {}}});
  INFO(outcomes[0].err);
  const Json result = result_of(outcomes[0], "eval", "ok");
  CHECK(result.at("weights") == "ensemble");
  CHECK(result.at("samples").at("evaluated") == 23);
  CHECK(result.at("per_class").size() == 5);
  REQUIRE(result.at("members").size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const Json& member = result.at("members")[i];
    CHECK(member.at("member") == (all / (i == 0 ? "a" : "b")).string());
    CHECK(member.at("weights") == "best");
    const Json alone = outcomes[i + 1].json().at("result").at("metrics");
    for (const auto& [name, value] : alone.items()) {
      INFO(name);
      CHECK(member.at("metrics").at(name).get<double>() == Approx(value.get<double>()).epsilon(1e-6));
    }
  }
  const auto mean = probabilities(folder / "all.safetensors");
  const auto a = probabilities(folder / "a.safetensors"), b = probabilities(folder / "b.safetensors");
  REQUIRE(mean.size() == 23 * 5);
  double nll = 0;
  for (std::size_t i = 0; i < mean.size(); ++i) CHECK(mean[i] == Approx((a[i] + b[i]) / 2).margin(1e-6));
  REQUIRE(result.at("predictions").size() == 23);
  for (std::size_t i = 0; i < 23; ++i) {
    const auto likeliest = *std::max_element(mean.begin() + 5 * i, mean.begin() + 5 * (i + 1));
    CHECK(result.at("predictions")[i].at("probability").get<double>() == Approx(likeliest).margin(1e-6));
  }
  const Json per_class = result.at("per_class");
  for (const auto& name : {"acc1", "loss", "brier", "ece"}) CHECK(result.at("metrics").at(name).is_number());
  // The mean of probabilities is never worse in NLL than the members' mean NLL (Jensen).
  for (const auto& member : result.at("members")) nll += member.at("metrics").at("loss").get<double>() / 2;
  CHECK(result.at("metrics").at("loss").get<double>() <= nll + 1e-12);
  CHECK(read_file(folder / "reliability.svg").rfind("<svg", 0) == 0);
}

TEST_CASE("`eval --ensemble` takes checkpoints of a run, weight files and minima", "[apps]") {
  const fs::path all = runs().folder.path();
  const std::string a = all / "a", first = a + "/checkpoints/step-00000016", second = a + "/checkpoints/step-00000032";
  const auto outcomes = run_all({
      {{"eval", a, "--ensemble", "--from-epoch", "2", "--json"}},
      {{"eval", first, a + "/checkpoints/step-00000024", second, "--ensemble", "--json"}},
      {{"eval", "--ensemble", first + "/model.safetensors", second + "/model.safetensors", "--json"}},
      {{"eval", "--ensemble", "-c", (all / "tiny.yaml").string(), first + "/model.safetensors",
        second + "/model.safetensors", "--json"}},
      {{"eval", (all / "cycles").string(), "--ensemble", "--minima", "--json"}},
      {{"eval", a, "--ensemble", "--last", "2"}},
  });
  std::vector<Json> results;
  for (std::size_t i = 0; i < 5; ++i) {
    INFO(outcomes[i].err);
    CHECK(outcomes[i].code == 0);
    results.push_back(outcomes[i].json().at("result"));
  }
  CHECK(results[0].at("members").size() == 3);
  CHECK(results[0].at("members")[0].at("weights") == "step-00000016");
  CHECK(results[0].at("metrics") == results[1].at("metrics"));
  CHECK(results[2].at("metrics") == results[3].at("metrics"));
  CHECK(results[4].at("members")[0].at("weights") == "step-00000016");
  CHECK(results[4].at("members")[1].at("weights") == "step-00000032");
  CHECK(contains(outcomes[5].out, "ensemble"));
  CHECK(contains(outcomes[5].out, "step-00000024"));
  CHECK(contains(outcomes[5].out, "weights of an ensemble of 2: 23 of 23 samples"));
}

TEST_CASE("`eval --samples` draws from a run's posterior", "[apps]") {
  const std::string swag = runs().folder / "swag";
  const auto outcomes = run_all({{{"eval", swag, "--samples", "3", "--json"}},
                                 {{"eval", swag, "--samples", "3", "--json", "--workers", "2"}},
                                 {{"eval", swag, "--samples", "3", "--json", "--seed", "7"}},
                                 {{"eval", swag, "--samples", "1", "--scale", "0", "--json"}},
                                 {{"eval", swag, "--weights", "swa", "--json"}},
                                 {{"eval", swag, swag, "--samples", "2", "--json"}}});
  std::vector<Json> results;
  for (const auto& outcome : outcomes) {
    INFO(outcome.err);
    CHECK(outcome.code == 0);
    results.push_back(outcome.json().at("result"));
  }
  REQUIRE(results[0].at("members").size() == 3);
  CHECK(results[0].at("members")[2].at("weights") == "draw 2");
  CHECK(results[0].at("metrics") == results[1].at("metrics"));
  CHECK(results[0].at("metrics") != results[2].at("metrics"));
  CHECK(results[0].at("members")[0].at("metrics") != results[0].at("members")[1].at("metrics"));
  // Without covariance a draw is the mean, with batch norm's statistics as the run made them.
  for (const auto& [name, value] : results[4].at("metrics").items()) {
    INFO(name);
    CHECK(results[3].at("metrics").at(name).get<double>() == Approx(value.get<double>()).epsilon(1e-5));
  }
  // Several runs: each has draws of its own.
  REQUIRE(results[5].at("members").size() == 4);
  CHECK(results[5].at("members")[0].at("metrics") == results[0].at("members")[0].at("metrics"));
  CHECK(results[5].at("members")[2].at("metrics") != results[5].at("members")[0].at("metrics"));
}

TEST_CASE("`eval` of several weights refuses what does not fit together", "[apps]") {
  const TempDir folder;
  const fs::path all = runs().folder.path();
  const std::string a = all / "a", b = all / "b";
  folder.write("bare.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));
  const std::vector<std::pair<Words, std::string>> lines = {
      {{"--ensemble"}, "no run is named; name the folders that `mlrun train` wrote"},
      {{a, "--ensemble"}, "an ensemble has more than one member: " + a},
      {{a, b}, "more than one run: "},
      {{a, (all / "classes").string(), "--ensemble", "--quiet"}, "has other classes than " + a + ": 4 instead of 5"},
      {{a, (all / "other").string(), "--ensemble", "--quiet"}, "has other data than " + a},
      {{a, "--last", "2"}, "choose the members of an ensemble; add --ensemble"},
      {{a, "--ensemble", "--last", "2", "--weights", "best"},
       "--weights and a choice of checkpoints exclude each other"},
      {{a, "--ensemble", "--minima"}, "has 0 such checkpoints where 1 are wanted"},
      {{a, "--scale", "1"}, "--scale is of the draws of --samples; add --samples N"},
      {{a, "--samples", "2"}, "has no posterior to draw from; train with averaging: swag, or leave out --samples"},
      {{a, "--samples", "2", "--last", "1"}, "--samples draws from a run's newest checkpoint"},
      {{"bare.safetensors"}, "bare.safetensors: carries no recipe"},
      {{"absent", a, "--ensemble"}, "absent: does not exist"},
  };
  std::vector<Invocation> invocations;
  for (const auto& line : lines) {
    Words words = {"eval"};
    words.insert(words.end(), line.first.begin(), line.first.end());
    invocations.push_back({words, folder.path(), {}});
  }
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(lines[i].second));
  }
}

}  // namespace
}  // namespace mlrun::test
