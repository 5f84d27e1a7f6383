#include "apps/tiny_run.h"
#include "faults/faults.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// Images in folders: train/ and val/ with the classes a and b, 8 images each.
struct ImageFolder : FaultFolder {
  ImageFolder() {
    for (const char* split : {"train", "val"}) {
      for (const char* label : {"a", "b"}) {
        for (int i = 0; i < 8; ++i) {
          write("photos/" + std::string(split) + "/" + label + "/" + std::to_string(i) + ".ppm",
                ppm(16, 16, static_cast<unsigned>(i + (label[0] == 'b' ? 31 : 7))));
        }
      }
    }
    write("images.yaml", R"(task: classification
model: {name: small_cnn, width: 4, dropout: 0}
data: {root: photos, format: image_folder, augment: [normalize],
       preprocess: [{name: resize, size: [16, 16]}, normalize]}
train: {epochs: 3, batch_size: 4, seed: 0, device: cpu, threads: 1, workers: 0}
optimizer: {name: sgd, lr: 0.01}
)");
  }

  Invocation train_images(const std::string& out, Environment faults = {}, std::vector<std::string> more = {}) const {
    Invocation line = train(out, std::move(faults), std::move(more));
    line.arguments[1] = "images.yaml";
    return line;
  }
};

const char* const kVictim = "photos/train/b/5.ppm";

TEST_CASE("An image that can no longer be read stops the training and loses no checkpoint", "[faults]") {
  const ImageFolder folder;
  REQUIRE(run(folder.train_images("whole")).code == 0);
  for (const char* workers : {"0", "2"}) {
    for (const int error : {ENOENT, EIO, EMFILE}) {
      const std::string out = "run" + std::string(workers) + std::to_string(error);
      // Listing looks at it too; by the fourth time it is read for training.
      const Environment faults = {
          {"FAULT_READ", kVictim}, {"FAULT_READ_AT", "3"}, {"FAULT_READ_ERRNO", std::to_string(error)}};
      const std::string line = refusal(run(folder.train_images(out, faults, {"--workers", workers})));
      INFO(line);
      CHECK(contains(line, kVictim));
      CHECK(contains(line, std::strerror(error)));
      CHECK(check_checkpoints(folder / out) >= 1);
      CHECK(left_behind(folder / out) == std::vector<std::string>{});
      CHECK(run(folder.train_images(out, {}, {"--resume", "auto"})).code == 0);
      check_same(folder / out, folder / "whole");
    }
  }
}

TEST_CASE("An image that changes during a training is named", "[faults]") {
  const ImageFolder folder;
  const std::string whole = read_file(folder / kVictim);
  const std::map<std::string, std::string> contents = {
      {"empty", ""}, {"short", whole.substr(0, 200)}, {"other", "no image at all"}};
  for (const auto& [name, content] : contents) {
    Child child(folder.train_images(name, {}, {"train.epochs=100000"}));
    child.wait_until([&, out = name] { return fs::exists(folder / out / "checkpoints" / "last"); });
    folder.write(kVictim, content);
    const std::string line = refusal(child.wait());
    INFO(line);
    CHECK(contains(line, kVictim));
    CHECK(check_checkpoints(folder / name) >= 1);
    CHECK(left_behind(folder / name) == std::vector<std::string>{});
    folder.write(kVictim, whole);
  }
}

TEST_CASE("Data that changed between two parts of a run are not trained on", "[faults]") {
  const ImageFolder folder;
  Child child(folder.train_images("run", {}, {"train.epochs=100000"}));
  child.wait_until([&] { return fs::exists(folder / "run" / "checkpoints" / "last"); });
  child.signal(SIGTERM);
  REQUIRE(child.wait().code == 75);
  fs::remove(folder / kVictim);
  CHECK_THAT(refusal(run(folder.train_images("run", {}, {"train.epochs=100000", "--resume", "auto"}))),
             Catch::Matchers::ContainsSubstring("the data set has changed since this run began"));
}

TEST_CASE("Memory that runs out in the loader is one line", "[faults]") {
  const FaultFolder folder;
  // A batch of 8 images of 3 x 64 x 64 floats is 393,216 bytes; it comes from mmap, and from posix_memalign without it.
  const Environment faults = {{"FAULT_MEMORY", "393216"}};
  const auto train = [&](const std::string& out, const Environment& environment, std::vector<std::string> more) {
    more.insert(more.end(), {"data.height=64", "data.width=64"});
    return run(folder.train(out, environment, more));
  };
  REQUIRE(train("big", {}, {}).code == 0);
  for (const char* workers : {"0", "1", "2"}) {
    const std::string out = "run" + std::string(workers);
    const Outcome outcome = train(out, faults, {"--workers", workers});
    CHECK(refusal(outcome).rfind("error: out of memory while loading data; ", 0) == 0);
    CHECK(left_behind(folder / out) == std::vector<std::string>{});
    check_checkpoints(folder / out);
    const Json info = Json::parse(read_file(folder / out / "run.json"));
    CHECK(info.at("state") == "failed");
    CHECK_FALSE(contains(info.at("error").get<std::string>(), "\n"));
    CHECK(train(out, {}, {"--resume", "auto"}).code == 0);
    check_same(folder / out, folder / "big");
  }
}

TEST_CASE("A clock that jumps changes nothing but what the clock says", "[faults]") {
  const FaultFolder folder;
  for (const char* by : {"-3600", "3600", "-2000000000"}) {
    const std::string out = "run" + std::string(by);
    const Outcome outcome = run(folder.train(out, {{"FAULT_CLOCK", by}}, {"--workers", "2"}));
    INFO(by << "\nstderr: " << outcome.err);
    CHECK(outcome.code == 0);
    check_same(folder / out, undisturbed());
    std::istringstream lines(read_file(folder / out / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const Json row = Json::parse(line);
      if (!row.contains("seconds")) continue;
      CHECK(row.at("seconds") >= 0);
      CHECK(row.at("seconds") < 60);
      CHECK(row.at("images_per_s") > 0);
      CHECK(row.at("wait_share") >= 0);
      CHECK(row.at("wait_share") <= 1);
    }
  }
}

}  // namespace
}  // namespace mlrun::test
