#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// A folder with `tiny.yaml`, where commands run.
struct Folder : TempDir {
  Folder() { write("tiny.yaml", kTinyRecipe); }
  Invocation line(Words words) const { return {std::move(words), path(), {}}; }
};

Json run_json(const fs::path& run) { return Json::parse(read_file(run / "run.json")); }

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Elements of a run's weights without the statistics that batch norm collects.
std::int64_t parameters_of(const TinyRun& tiny) {
  const Outcome outcome = mlrun({"inspect", tiny.run / "checkpoints" / "last", "--json"});
  const Json result = result_of(outcome, "inspect", "ok");
  std::int64_t count = 0;
  for (const auto& tensor : result.at("tensors")) {
    const std::string name = tensor.at("name").get<std::string>();
    if (contains(name, "running_") || contains(name, "num_batches_tracked")) continue;
    std::int64_t elements = 1;
    for (const auto& size : tensor.at("shape")) elements *= size.get<std::int64_t>();
    count += elements;
  }
  CHECK(count > 0);
  return count;
}

TEST_CASE("`train` leaves a whole run behind and says what it reached", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const Json result = result_of(tiny.trained, "train", "ok");
  CHECK(result.at("run") == "run");
  CHECK(result.at("epochs") == 4);
  CHECK(result.at("steps") == 32);
  for (const char* name : {"val/acc1", "val/acc5", "val/loss", "test/acc1", "test/acc5", "test/loss"}) {
    CHECK(result.at("metrics").at(name).is_number());
  }
  CHECK(result.at("metrics").at("test/acc5") == 100.0);
  for (const char* name : {"recipe.yaml", "run.json", "metrics.jsonl", "metrics.csv", "train.log", "tensorboard",
                           "checkpoints/last/model.safetensors", "checkpoints/best/state.safetensors",
                           "checkpoints/step-00000032/manifest.json"}) {
    INFO(name);
    CHECK(fs::exists(tiny.run / name));
  }
  const Json info = run_json(tiny.run);
  CHECK(info.at("state") == "finished");
  CHECK_THAT(info.at("command").get<std::string>(), Catch::Matchers::EndsWith("train tiny.yaml --out run --json"));
  CHECK(contains(tiny.trained.err, "epoch 4/4"));
}

TEST_CASE("`train` prints its result on stdout alone, and --quiet silences stderr", "[apps]") {
  const Folder folder;
  const auto outcomes = run_all({folder.line({"train", "tiny.yaml", "--quiet", "--out", "a"}),
                                 folder.line({"train", "tiny.yaml", "train.epochs=1"}),
                                 folder.line({"train", "tiny.yaml", "--log-level", "error", "--out", "c"})});
  for (const auto& outcome : outcomes) {
    CHECK(outcome.code == 0);
    CHECK(outcome.out.rfind("finished: ", 0) == 0);
    CHECK(contains(outcome.out, "test/acc1"));
    CHECK_FALSE(contains(outcome.out, "epoch"));
  }
  CHECK(outcomes[0].err.empty());
  CHECK(outcomes[2].err.empty());
  CHECK(contains(outcomes[1].err, "epoch 1/1"));
  CHECK(outcomes[1].out.rfind("finished: runs/tiny\n", 0) == 0);
  CHECK(fs::exists(folder / "runs" / "tiny" / "run.json"));
}

TEST_CASE("`train` ends with where the best weights lie, and what may come next", "[apps]") {
  const Folder folder;
  const Outcome outcome = mlrun({"train", "tiny.yaml", "--out", "a run"}, folder.path());
  const Json best = run_json(folder / "a run").at("result").at("best");
  CHECK(best.at("step") == best.at("epoch").get<std::int64_t>() * 8);
  CHECK(outcome.err.ends_with("best: epoch " + best.at("epoch").dump() +
                              " of 4 by val/acc1, in 'a run'/checkpoints/best\nnext: mlrun eval 'a run'\n"
                              "next: mlrun predict 'a run' FILE...\nnext: mlrun report 'a run' --html page.html\n"));
  const Outcome steps = mlrun({"train", "tiny.yaml", "train.length=5 steps", "--out", "steps"}, folder.path());
  CHECK(contains(steps.err, "best: step 5 of 5 by val/acc1, in steps/checkpoints/best\n"));
  CHECK(mlrun({"report", "a run", "--html", "page.html", "--quiet"}, folder.path()).code == 0);
  CHECK(contains(read_file(folder / "page.html"), "data-place=\"best\""));
}

TEST_CASE("`train --dry-run` tells what a training costs and writes nothing", "[apps]") {
  const Folder folder;
  const std::map<std::string, std::string> home = {{"HOME", folder.path()}, {"XDG_CACHE_HOME", folder / ".cache"}};
  const auto before = listing(folder.path());
  const auto outcomes = run_all(
      {{{"train", "tiny.yaml", "--dry-run", "--json", "--out", "run", "train.batch_size=4"}, folder.path(), home},
       {{"train", "tiny.yaml", "--dry-run", "train.batch_size=4"}, folder.path(), home}});
  CHECK(listing(folder.path()) == before);
  CHECK(outcomes[0].code == 0);
  const Json dry = result_of(outcomes[0], "train", "ok");
  CHECK(dry.at("device") == "cpu");
  CHECK(dry.at("threads") == 1);
  CHECK(dry.at("workers") == 0);
  CHECK(dry.at("samples") == 64);
  CHECK(dry.at("steps_per_epoch") == 16);
  CHECK(dry.at("epochs") == 4);
  CHECK(dry.at("timed_steps") == 8);
  CHECK(dry.at("params") == parameters_of(tiny_run()));
  CHECK(dry.at("seconds_per_step").get<double>() > 0);
  CHECK(dry.at("seconds_per_epoch").get<double>() == Approx(16 * dry.at("seconds_per_step").get<double>()));
  CHECK(dry.at("peak_memory_bytes").get<double>() > 1e7);
  CHECK(dry.at("checkpoint_bytes").get<double>() > 4 * dry.at("params").get<double>());
  CHECK(dry.at("checkpoints").get<int>() >= 3);
  for (const char* row : {"time per step", "time per epoch", "memory", "disk"}) CHECK(contains(outcomes[1].out, row));
}

TEST_CASE("A training in steps is told in steps, by every command", "[apps]") {
  const Folder folder;
  const Words length = {"train.length=11 steps", "train.evaluate=5 steps"};  // an epoch has 8
  const auto with_length = [&](Words words) {
    words.insert(words.end(), length.begin(), length.end());
    return mlrun(words, folder.path());
  };
  const Outcome trained = with_length({"train", "tiny.yaml", "--out", "run", "--json"});
  const Json result = result_of(trained, "train", "ok");
  CHECK(result.at("steps") == 11);
  CHECK(result.at("length") == "11 steps");
  CHECK(contains(trained.err, "step 11/11  loss "));
  CHECK_FALSE(contains(trained.err, "epoch 1/"));
  const Json dry = result_of(with_length({"train", "tiny.yaml", "--dry-run", "--json"}), "train", "ok");
  CHECK(dry.at("steps") == 11);
  CHECK(dry.at("epochs") == 11.0 / 8);
  CHECK(result_of(with_length({"config", "check", "tiny.yaml", "--json"}), "config check", "ok").at("steps") == 11);
  const Outcome curve = with_length({"config", "show", "tiny.yaml", "--plot-lr"});
  CHECK(contains(curve.out, "11 steps (1.375 epochs of 8)"));
  CHECK(contains(mlrun({"runs", "."}, folder.path()).out, "11/11 steps"));
  const Outcome page = mlrun({"report", "run", "--html", "page.html"}, folder.path());
  CHECK(page.code == 0);
  CHECK(contains(read_file(folder / "page.html"), "11 of 11 steps"));
}

TEST_CASE("A training whose terminal or whose reader goes saves its state, and nohup's stays", "[apps]") {
  const Folder folder;
  const Words line = {"train", "tiny.yaml", "--resume", "auto", "--out"};
  const auto started = [&](const std::string& out, const std::string& epochs) {
    Invocation invocation = folder.line(line);
    invocation.arguments.insert(invocation.arguments.end(), {out, "train.epochs=" + epochs});
    return invocation;
  };
  Invocation unread = started("unread", "4"), all_closed = started("closed", "60"), nohup = started("nohup", "12");
  unread.closed_stderr = all_closed.closed_stderr = true;
  all_closed.standard_out = "|";
  all_closed.ignore_sigpipe = true;  // as programs that start others often leave it
  nohup.ignored_signal = SIGHUP;
  Child hung_up(started("hangup", "600")), ignoring(nohup);
  for (Child* child : {&hung_up, &ignoring}) {
    child->wait_until([&] { return contains(child->err(), "epoch 2/"); });
    child->signal(SIGHUP);
  }
  const Outcome stopped = hung_up.wait(), read = run(unread), closed = run(all_closed), finished = ignoring.wait();
  CHECK(finished.code == 0);
  CHECK(run_json(folder / "nohup").at("state") == "finished");
  CHECK(stopped.code == 75);
  CHECK(stopped.out == "stopped by SIGHUP with its state saved in hangup; go on with --resume auto\n");
  CHECK(read.code == 75);
  CHECK(read.out == "stopped by SIGPIPE with its state saved in unread; go on with --resume auto\n");
  CHECK(closed.code == 75);
  for (const char* name : {"hangup", "unread", "closed"}) {
    INFO(name);
    CHECK(run_json(folder / name).at("state") == "interrupted");
    CHECK(fs::exists(folder / name / "checkpoints/last/manifest.json"));
  }
  CHECK(run(started("unread", "4")).code == 0);
  CHECK(read_file(folder / "unread/checkpoints/last/model.safetensors") ==
        read_file(tiny_run().run / "checkpoints/last/model.safetensors"));
}

TEST_CASE("A training that SIGTERM stops goes on with the same line and ends once", "[apps]") {
  const Folder folder;
  const Invocation line =
      folder.line({"train", "tiny.yaml", "train.epochs=60", "--out", "run", "--resume", "auto", "--json"});
  Child child(line);
  child.wait_until([&] { return contains(child.err(), "epoch 3/"); });
  child.signal(SIGTERM);
  const Outcome stopped = child.wait();
  CHECK(stopped.code == 75);
  const std::int64_t step = result_of(stopped, "train", "interrupted").at("step").get<std::int64_t>();
  CHECK(step >= 24);
  CHECK(step < 480);
  CHECK(run_json(folder / "run").at("state") == "interrupted");

  const Outcome resumed = run(line);
  CHECK(resumed.code == 0);
  CHECK(contains(resumed.err, "resuming at step " + std::to_string(step)));
  CHECK(result_of(resumed, "train", "ok").at("steps") == 480);

  const auto time = fs::last_write_time(folder / "run" / "metrics.jsonl");
  const Outcome again = run(line);
  CHECK(again.code == 0);
  CHECK_FALSE(contains(again.err, "epoch 60/"));
  CHECK(result_of(again, "train", "ok").at("metrics") == resumed.json().at("result").at("metrics"));
  CHECK(fs::last_write_time(folder / "run" / "metrics.jsonl") == time);
}

TEST_CASE("A second SIGINT ends a training at once", "[apps]") {
  const Folder folder;
  folder.write("slow.yaml",
               "extends: tiny.yaml\nmodel: {width: 128}\ndata: {height: 256, width: 256}\n"
               "train: {batch_size: 8}\n");
  Child child(folder.line({"train", "slow.yaml", "--out", "run"}));
  child.wait_until([&] { return fs::exists(folder / "run" / "run.json"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // into the first step, which takes seconds
  child.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  child.signal(SIGINT);
  const Outcome outcome = child.wait();
  CHECK(outcome.code == 128 + SIGINT);
  CHECK(outcome.out.empty());
  CHECK_FALSE(fs::exists(folder / "run" / "checkpoints" / "last"));
}

TEST_CASE("A run has one writer", "[apps]") {
  const Folder folder;
  const Invocation line = folder.line({"train", "tiny.yaml", "train.epochs=1000000", "--resume", "auto"});
  Child child(line);
  child.wait_until([&] { return contains(child.err(), "epoch 1/"); });
  CHECK(
      refusal(run(line)) ==
      "error: runs/tiny: another mlrun is writing this run; wait for it to end, or choose another folder with --out\n");
  child.signal(SIGTERM);
  const Outcome stopped = child.wait();
  CHECK(stopped.code == 75);
  CHECK(stopped.out.rfind("stopped by SIGTERM with its state saved in runs/tiny; ", 0) == 0);
}

TEST_CASE("`train --resume` refuses what it must not do", "[apps]") {
  const Folder folder;
  const std::string run = tiny_run().run;
  folder.write("file", "");
  const auto outcomes = run_all({folder.line({"train", "tiny.yaml", "--out", run}),
                                 folder.line({"train", "tiny.yaml", "--out", run, "--resume", "auto", "train.seed=1"}),
                                 folder.line({"train", "tiny.yaml", "--out", "none", "--resume", "must"}),
                                 folder.line({"train", "tiny.yaml", "--resume", "perhaps"}),
                                 folder.line({"train", "tiny.yaml", "--out", "file/run"})});
  CHECK_THAT(refusal(outcomes[0]),
             Catch::Matchers::ContainsSubstring("already holds a run; continue it with --resume auto"));
  CHECK_THAT(refusal(outcomes[1]),
             Catch::Matchers::ContainsSubstring("train.seed: was 0 when this run began and is 1 now"));
  CHECK_THAT(refusal(outcomes[2]), Catch::Matchers::ContainsSubstring("none: holds no run to resume"));
  CHECK_THAT(refusal(outcomes[3]),
             Catch::Matchers::ContainsSubstring("--resume: unknown choice 'perhaps'; choose auto, must or never"));
  CHECK_THAT(refusal(outcomes[4]), Catch::Matchers::ContainsSubstring("file/run: cannot be created: Not a directory"));
  CHECK(listing(folder.path()) == Words{"file", "tiny.yaml"});
}

TEST_CASE("A resumed run needs no recipe and may change how it runs", "[apps]") {
  const std::string path = tiny_run().run;  // one after the other: a run has one writer
  const Outcome first = mlrun({"train", "--out", path, "--resume", "must", "--json"});
  CHECK(first.code == 0);
  CHECK(result_of(first, "train", "ok").at("metrics") == tiny_run().trained.json().at("result").at("metrics"));
  const Outcome second = mlrun({"train", "--out", path, "--resume", "auto", "--workers", "1", "train.log_steps=7"});
  CHECK(second.code == 0);
  CHECK(second.out.rfind("already finished: ", 0) == 0);
}

TEST_CASE("An expectation that is not met gives exit code 3", "[apps]") {
  const Folder folder;
  folder.write("strict.yaml", std::string(kTinyRecipe) +
                                  "expect:\n"
                                  "  - {metric: test/acc1, value: 101, direction: at_least, source: nobody}\n"
                                  "  - {metric: test/loss, value: 0, direction: at_least}\n"
                                  "  - {metric: test/acc1, value: 1, when: {samples: 10}}\n"
                                  "  - {metric: test/miou, value: 1}\n");
  const auto outcomes = run_all({folder.line({"train", "strict.yaml", "--json"}),
                                 folder.line({"train", "strict.yaml", "expect.0.value=0", "--out", "met"})});
  CHECK(outcomes[0].code == 3);
  const Json verdicts = result_of(outcomes[0], "train", "unmet").at("expect");
  REQUIRE(verdicts.size() == 4);
  const Words names = {"differs", "met", "not_comparable", "not_run"};
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(verdicts[i].at("verdict") == names[i]);
  CHECK(verdicts[0].at("expected") == 101);
  CHECK(verdicts[0].at("source") == "nobody");
  CHECK(verdicts[2].at("reason") == "when.samples is 10, evaluated were 23");
  CHECK(verdicts[3].at("measured").is_null());
  CHECK(outcomes[1].code == 0);
  CHECK(contains(outcomes[1].out, "not_comparable (when.samples is 10, evaluated were 23)"));
}

TEST_CASE("What the user can mend in a training is one line and exit code 2", "[apps]") {
  const Folder folder;
  const auto outcomes = run_all({folder.line({"train", "tiny.yaml", "--device", "cuda"}),
                                 folder.line({"train", "tiny.yaml", "--device", "cuda:1", "--dry-run"}),
                                 folder.line({"train", "tiny.yaml", "--device", "gpu", "--dry-run"}),
                                 folder.line({"train", "tiny.yaml", "--quiet", "optimizer.lr=1e30", "--out", "b"}),
                                 folder.line({"train", "tiny.yaml", "--quiet", "train.select=val/f1", "--out", "c"})});
  CHECK(refusal(outcomes[0]) == "error: device 'cuda' is not there: this LibTorch sees no GPU; use --device cpu\n");
  CHECK_THAT(refusal(outcomes[1]), Catch::Matchers::ContainsSubstring("device 'cuda:1' is not there"));
  CHECK_THAT(refusal(outcomes[2]),
             Catch::Matchers::ContainsSubstring("unknown device 'gpu'; choose auto, cpu, cuda or cuda:N"));
  CHECK_THAT(refusal(outcomes[3]), Catch::Matchers::ContainsSubstring("the loss is not finite at step"));
  CHECK(run_json(folder / "b").at("state") == "failed");
  CHECK_THAT(refusal(outcomes[4]), Catch::Matchers::ContainsSubstring(
                                       "command line: train.select: 'val/f1' is not measured during training"));
}

TEST_CASE("The records of a training have one row for each", "[apps]") {
  const fs::path run = tiny_run().run;
  const std::string csv = read_file(run / "metrics.csv");
  const std::string jsonl = read_file(run / "metrics.jsonl");
  CHECK(lines(csv) == lines(jsonl) + 1);  // a header
  CHECK(lines(jsonl) >= 2);
}

}  // namespace
}  // namespace mlrun::test
