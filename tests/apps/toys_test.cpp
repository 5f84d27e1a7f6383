// Every command on tasks that are not mlrun's own, as their users would meet them: what a command assumes shows here.

#include <string>
#include <vector>

#include "apps/run_mlrun.h"
#include "base/files.h"
#include "well_formed.h"

using namespace mlrun;
using namespace mlrun::test;

namespace {

/// A folder with a recipe of one example task and the finished run `run` of it.
class Toy {
 public:
  Toy(std::string name, const std::string& recipe) : name_(std::move(name)) {
    folder_.write("toy.yaml", "task: " + name_ + "\n" + recipe + R"(
train: {epochs: 6, batch_size: 16, seed: 3, workers: 0, threads: 1, device: cpu}
optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
)");
    expect({"train", "toy.yaml", "--out", "run"});
  }

  Outcome call(const std::vector<std::string>& words) const {
    Invocation invocation{words, folder_.path(), {{"MLRUN_TOY", name_}}};
    invocation.executable = MLRUN_TOYS;
    return run(invocation);
  }
  /// One that ends as it should; its stdout.
  std::string expect(const std::vector<std::string>& words, int code = 0) const {
    const Outcome outcome = call(words);
    INFO(name_ << ": " << (words.empty() ? "" : words[0]) << "\nstdout: " << outcome.out
               << "\nstderr: " << outcome.err);
    REQUIRE(outcome.code == code);
    return outcome.out;
  }
  Json result(std::vector<std::string> words) const {
    words.emplace_back("--json");
    return Json::parse(expect(words)).at("result");
  }
  std::string file(const std::string& name) const { return read_file(folder_ / name); }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    return folder_.write(name, text);
  }

 private:
  std::string name_;
  TempDir folder_;
};

Toy regression() { return {"regression", "model: mlp\ndata: {format: waves, augment: none, preprocess: none}"}; }
Toy pair() { return {"pair", "model: two_layers\ndata: {format: synthetic, augment: none, preprocess: none}"}; }
Toy ragged() { return {"ragged", "model: mover\ndata: {format: synthetic, augment: none, preprocess: none}"}; }

/// What every task's users do, whatever it is; `headline` is its figure.
void check_every_command(const Toy& toy, const std::string& headline) {
  toy.expect({"config", "check", "toy.yaml"});
  toy.expect({"train", "toy.yaml", "--out", "parts", "train.max_time=0.001 s"}, 75);
  toy.expect({"train", "toy.yaml", "--out", "parts", "--resume", "auto"});
  CHECK(toy.file("parts/checkpoints/last/model.safetensors") == toy.file("run/checkpoints/last/model.safetensors"));
  const Json evaluated = toy.result({"eval", "run", "--dump-outputs", "outputs.safetensors"});
  CHECK(evaluated.dump().find(headline) != std::string::npos);
  toy.expect({"swa-average", "run", "--last", "3", "--eval", "-o", "average.safetensors"});
  CHECK(toy.expect({"quantize", "run", "-o", "int8.safetensors"}).find("interval") == std::string::npos);
  CHECK(toy.result({"eval", "run", "--weights", "int8.safetensors"}).dump().find(headline) != std::string::npos);
  toy.expect({"report", "run", "--html", "page.html"});
  CHECK(markup_fault(toy.file("page.html")) == "");
  CHECK(toy.file("page.html").find("val/" + headline) != std::string::npos);
  CHECK(toy.expect({"runs", "."}).find("run") != std::string::npos);
}

const std::vector<std::string> kQuickBench = {"--seconds", "0.02", "--threads", "1"};

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("a regression goes through every command", "[toys]") {
  const Toy toy = regression();
  check_every_command(toy, "rmse");
  toy.expect({"export", "run", "-o", "model.torchscript"});
  toy.expect(with({"bench", "run"}, kQuickBench));
  toy.expect(with({"bench", "toy.yaml", "--mode", "train"}, kQuickBench));
  toy.write("a.txt", "0.25 0.5\n");
  const Json predicted = toy.result({"predict", "run", "a.txt"});
  INFO(predicted.dump());
  CHECK(predicted.dump().find("\"y\":") != std::string::npos);
  toy.write("b.txt", "x");
  CHECK(toy.call({"predict", "run", "b.txt"}).err.find("does not hold two numbers") != std::string::npos);
  CHECK(refusal(toy.call({"calibrate", "run", "--quiet"})) ==
        "error: this task does not choose among classes, so that there is no temperature; calibrate a model that "
        "chooses among classes\n");
  CHECK(refusal(toy.call({"eval", "run", "--quiet", "--predictions-csv", "none.csv"})) ==
        "error: this task has no list of single predictions; leave out --predictions and --predictions-csv; "
        "--dump-outputs writes what its models say\n");
}

TEST_CASE("a pair of models goes through every command, each by its name", "[toys]") {
  const Toy toy = pair();
  check_every_command(toy, "gap");
  for (const char* model : {"generator", "critic"}) {
    toy.expect({"export", "run", "--submodel", model, "-o", std::string(model) + ".torchscript"});
    toy.expect(with({"bench", "run", "--submodel", model}, kQuickBench));
  }
  CHECK(toy.call({"export", "run", "-o", "both.torchscript"}).err.find("--submodel generator or critic") !=
        std::string::npos);
}

TEST_CASE("lists go through every command", "[toys]") {
  const Toy toy = ragged();
  check_every_command(toy, "mae");
  toy.expect({"export", "run", "-o", "model.torchscript"});
  toy.expect(with({"bench", "run"}, kQuickBench));
  toy.write("a.txt", "abc");
  toy.expect({"predict", "run", "a.txt", "-o", "answers"});
  CHECK(toy.file("answers/a_moved.csv").rfind("x,y\n", 0) == 0);
}
