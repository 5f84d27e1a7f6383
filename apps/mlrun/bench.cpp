#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/run_argument.h"
#include "base/log.h"
#include "deploy/bench/bench.h"
#include "models/registry.h"
#include "recipes/registry.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

struct BenchArguments {
  std::vector<std::string> words, models;
  std::string mode = "infer", submodel;
  deploy::BenchRequest request;
  std::size_t top = 20;
  bool csv = false, markdown = false;
};

/// One thing that is measured: an architecture, or a run, a weight file or a recipe.
struct BenchSource {
  bool architecture = false;
  std::string name;
};

struct BenchWords {
  std::vector<BenchSource> sources;
  std::vector<config::Override> overrides;
};

BenchWords read_words(const BenchArguments& arguments) {
  BenchWords found;
  const auto take = [&found](const std::vector<std::string>& words, bool architecture) {
    for (const auto& word : words) {
      if (is_override(word)) found.overrides.push_back(config::parse_override(word));
      else found.sources.push_back({architecture, word});
    }
  };
  take(arguments.models, true);
  take(arguments.words, false);
  if (found.sources.empty()) throw UserError("nothing is named", "name a run, a weight file, or --model NAME");
  for (const auto& source : found.sources) {
    if (source.architecture) models::models().at(source.name);
  }
  return found;
}

/// The recipe of a run, a weight file or a recipe's name.
config::Resolved recipe_at(const std::string& name, const std::vector<config::Override>& overrides) {
  const fs::path path = name;
  const bool recipe = path.extension() == ".yaml" || path.extension() == ".yml" || !fs::exists(path);
  if (!recipe) return open_run_argument(name, overrides, "").resolved;
  return config::resolve({config::find_recipe(name, recipe_folders()), overrides, recipe_folders()},
                         recipes::catalogue());
}

using Rows = std::vector<deploy::BenchRow>;

/// Rows of inference. What can be refused is before any is measured.
void add_inference_rows(const BenchArguments& arguments, const BenchWords& words, const deploy::TellRow& tell,
                        Rows& rows) {
  const deploy::BenchRequest& request = arguments.request;
  std::vector<std::function<deploy::BenchSubject()>> subjects;
  for (const auto& source : words.sources) {
    if (source.architecture) {
      if (request.size > 0) deploy::check_size(source.name, words.overrides, request.size);
      subjects.emplace_back([&] {
        auto subject = deploy::bench_subject(source.name, words.overrides, request.size);
        deploy::add_made_up_sample(subject, recipes::tasks(), recipes::catalogue(), words.overrides, request.size);
        return subject;
      });
      continue;
    }
    const RunArgument run = open_run_argument(source.name, words.overrides, "");
    deploy::check_own_engine(source.name, run.brings_engine() ? run.engine : "", request);
    subjects.emplace_back([run, &request, &arguments] {
      return deploy::bench_subject(recipes::tasks(), run.resolved, run.weights, request.size, arguments.submodel);
    });
  }
  for (const auto& subject : subjects) {
    for (auto& row : deploy::bench_inference(subject(), request, tell)) rows.push_back(std::move(row));
  }
}

/// Rows of training or loading, which follow a recipe.
void add_recipe_rows(const BenchArguments& arguments, const BenchWords& words, const deploy::TellRow& tell,
                     Rows& rows) {
  constexpr std::int64_t kBatch = 32;  // of an architecture without a recipe
  const auto bench = arguments.mode == "train" ? deploy::bench_training : deploy::bench_loading;
  for (const auto& source : words.sources) {
    const auto recipe_of = [&](std::int64_t batch) {
      if (source.architecture) {
        return deploy::bench_recipe(recipes::tasks(), recipes::catalogue(), source.name, words.overrides,
                                    batch > 0 ? batch : kBatch, arguments.request.size);
      }
      config::Resolved resolved = recipe_at(source.name, words.overrides);
      if (batch > 0) resolved.recipe.train.batch_size = batch;
      return resolved;
    };
    for (auto& row : bench(recipes::tasks(), recipe_of, arguments.request, tell)) rows.push_back(std::move(row));
  }
}

void check_mode(const BenchArguments& arguments, const BenchWords& words) {
  const deploy::BenchRequest& request = arguments.request;
  const auto any = [&words](bool architecture) {
    return std::any_of(words.sources.begin(), words.sources.end(),
                       [&](const auto& source) { return source.architecture == architecture; });
  };
  if (arguments.mode == "load" && any(true)) {
    throw UserError("--mode load reads a recipe's data, and --model has none", "name a recipe or a run");
  }
  if (arguments.mode != "infer" && request.size > 0 && any(false)) {
    throw UserError("--size: the images are as large as the recipe makes them",
                    "set sizes in data.augment, or use --model");
  }
  if (!arguments.submodel.empty() && (arguments.mode != "infer" || any(true))) {
    throw UserError("--submodel is for --mode infer of a task with several models", "leave it out");
  }
  if (arguments.mode != "load" && !request.workers.empty()) {
    throw UserError("--workers loads data, which --mode " + arguments.mode + " does not", "add --mode load");
  }
  deploy::check_request(request, arguments.mode);
}

Result run_bench(const BenchArguments& arguments) {
  const BenchWords words = read_words(arguments);
  check_mode(arguments, words);
  const auto tell = [](const std::string& row) { log::info("measuring " + row); };
  Result result;
  Rows rows;
  try {
    (arguments.mode == "infer" ? add_inference_rows : add_recipe_rows)(arguments, words, tell, rows);
  } catch (const UserError& error) {
    if (rows.empty()) throw;
    result.problems = error.problems();  // what was measured is shown nevertheless
    result.code = error.code();
  }
  result.json = Json::array();
  for (const auto& row : rows) result.json.push_back(deploy::to_json(row));
  result.text = deploy::bench_text(rows,
                                   arguments.csv        ? deploy::TableForm::Csv
                                   : arguments.markdown ? deploy::TableForm::Markdown
                                                        : deploy::TableForm::Text,
                                   arguments.top);
  result.data = arguments.csv;
  return result;
}

/// `1,8,32`: numbers of at least `least`.
void add_counts(CLI::App& app, const char* name, std::vector<std::int64_t>& values, std::int64_t least,
                const char* help) {
  constexpr std::int64_t kMost = 1 << 20;
  app.add_option(name, values, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,N")
      ->check(CLI::Range(least, kMost));
}

template <class Entry>
std::string described(const std::vector<Entry>& entries) {
  std::string text;
  for (const auto& entry : entries) text += (text.empty() ? "" : "; ") + entry.name + " (" + entry.description + ")";
  return text;
}

void add_grid(CLI::App& app, deploy::BenchRequest& request) {
  add_counts(app, "--batch", request.batches, 1, "images at a time (default: 1; in training the recipe's, or 32)");
  add_counts(app, "--threads", request.threads, 1, "compute threads, on as many processors (default: all)");
  add_counts(app, "--workers", request.workers, 0, "loading threads of --mode load (default: one a processor)");
  app.add_option("--precision", request.precisions, described(deploy::bench_precisions()))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("P,P");
  app.add_option("--engine", request.engines, described(deploy::bench_engines()))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("E,E");
  app.add_option("--memory-format", request.memory_format, "contiguous, channels_last, or auto: the faster here")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"auto", "contiguous", "channels_last"}));
  app.add_option("--device", request.device, "auto, cpu, cuda or cuda:N")->type_name("DEVICE");
  app.add_option("--size", request.size, "height and width of the images (default: the model's)")
      ->type_name("PIXELS")
      ->check(CLI::Range(1, 65536));
}

}  // namespace

Command add_bench(CLI::App& root) {
  CLI::App* app = root.add_subcommand("bench", "Measure how fast models run, train and are fed here");
  const auto arguments = std::make_shared<BenchArguments>();
  app->add_option("SOURCE", arguments->words,
                  "runs or weight files; for training and loading, recipes too; options as model.num_classes=10 or, in "
                  "training, train.activation_checkpointing=true")
      ->type_name("");
  app->add_option("--model", arguments->models, "architectures, as `mlrun list models` names them")
      ->delimiter(',')
      ->type_name("NAME");
  app->add_option("--mode", arguments->mode,
                  "infer; train: the recipe's step (SGD with momentum for --model); load: the recipe's loader alone")
      ->type_name("MODE")
      ->check(CLI::IsMember({"infer", "train", "load"}));
  add_grid(*app, arguments->request);
  app->add_option("--submodel", arguments->submodel, "which model is measured, where the task has several")
      ->type_name("NAME");
  app->add_flag("--layers", arguments->request.layers, "time every layer too");
  app->add_option("--top", arguments->top, "layers to show, the slowest first; 0: all, in order (default: 20)")
      ->type_name("N");
  app->add_option("--seconds", arguments->request.latency.seconds,
                  "to measure one row; warming up takes at most as long again (default: 3)")
      ->type_name("S")
      ->check(CLI::Range(0.001, 3600.0));
  CLI::Option* csv = app->add_flag("--csv", arguments->csv, "print CSV, with every figure");
  app->add_flag("--markdown", arguments->markdown, "print Markdown")->excludes(csv);
  return {app, [arguments](const OutputOptions&) { return run_bench(*arguments); }};
}

}  // namespace mlrun::apps
