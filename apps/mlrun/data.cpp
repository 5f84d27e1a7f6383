#include <CLI/CLI.hpp>

#include <algorithm>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "base/threads.h"
#include "config/bind.h"
#include "data/boxes/coco_writer.h"
#include "data/boxes/draw_things.h"
#include "data/class_colours.h"
#include "data/contact_sheet.h"
#include "data/inspect.h"
#include "data/mask_census.h"
#include "data/pack.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/detect_format.h"
#include "data/verify.h"
#include "models/image_context.h"
#include "models/registry.h"
#include "recipes/registry.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

/// An override whose value is read back as this text.
config::Override text_override(const std::string& key, std::string text) {
  for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at + 3)) text.insert(at, "$");
  return {key, json_text(Json(text))};
}

bool is_data_file(const fs::path& path) {
  const std::string ending = path.extension().string();
  return fs::is_regular_file(path) && ending != ".yaml" && ending != ".yml";
}

/// The recipe that data stand for which have none: their root and format, and what `written` adds.
config::LayerRequest data_recipe(const fs::path& root, const std::vector<config::Override>& written) {
  config::LayerRequest request;
  request.recipe_folders = recipe_folders();
  request.overrides = {{"task", "classification"},
                       {"model", models::models().names().front()},
                       text_override("data.root", fs::absolute(root).string())};
  const bool chosen = std::any_of(written.begin(), written.end(),
                                  [](const config::Override& entry) { return entry.key == "data.format"; });
  if (!chosen) request.overrides.push_back({"data.format", data::detect_format(root)});
  request.overrides.insert(request.overrides.end(), written.begin(), written.end());
  return request;
}

fs::path named_recipe(const RecipeArguments& arguments) {
  try {
    return arguments.recipe();
  } catch (const UserError&) {
    throw UserError("there is no folder, file or recipe '" + arguments.subject() + "'",
                    "`mlrun list recipes` shows the shipped recipes");
  }
}

config::Recipe read_subject(const RecipeArguments& arguments) {
  arguments.expect_one("data set", "name one folder, CSV file or recipe");
  const fs::path subject = arguments.subject();
  if (subject.empty()) throw UserError("no data are named", "name a folder, a CSV file, a recipe or a run");
  config::LayerRequest request;
  if (fs::exists(subject / "run.json") && fs::exists(subject / "recipe.yaml")) {
    request = {subject / "recipe.yaml", arguments.overrides(), recipe_folders()};
  } else if (fs::is_directory(subject) || is_data_file(subject)) {
    request = data_recipe(subject, arguments.overrides());
  } else {
    request = {named_recipe(arguments), arguments.overrides(), recipe_folders()};
  }
  return config::resolve(request, recipes::catalogue()).recipe;
}

data::DataSubject open_subject(const config::Recipe& recipe) {
  const bool exif = recipe.data.exif == "apply";
  const auto dataset =
      data::sources().make(recipe.data.source, data::OpenRequest{recipe.data.root, recipe.data.split, exif});
  const auto threads = recipe.train.workers.value_or(recipe.train.threads.value_or(available_processors()));
  return {dataset, recipe.data.root.string(), recipe.data.source.name, exif,
          static_cast<int>(std::max<std::int64_t>(threads, 1))};
}

Result to_result(data::Findings findings) {
  Result result;
  result.json = std::move(findings.json);
  result.text = std::move(findings.text);
  result.problems = std::move(findings.problems);
  if (!result.problems.empty()) result.code = ExitCode::User;
  return result;
}

constexpr const char* kSubject = "SOURCE";

Command add_data_info(CLI::App& group) {
  CLI::App* app = group.add_subcommand("info", "Show classes, splits, sizes, kinds of images and EXIF rotations");
  const auto arguments = std::make_shared<RecipeArguments>(*app, kSubject);
  return {app, [arguments](const OutputOptions&) {
            return to_result(data::inspect_data(open_subject(read_subject(*arguments))));
          }};
}

Command add_data_verify(CLI::App& group) {
  CLI::App* app = group.add_subcommand("verify", "Read every sample; name what is broken, equal or alike");
  const auto arguments = std::make_shared<RecipeArguments>(*app, kSubject);
  const auto likeness = std::make_shared<data::LikeOptions>();
  app->add_option("--distance", likeness->distance, "most of 64 gradients in which images that look alike may differ")
      ->check(CLI::Range(0, 11))
      ->capture_default_str();
  app->add_option("--similarity", likeness->similarity, "least correlation of images that look alike")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  return {app, [arguments, likeness](const OutputOptions&) {
            return to_result(data::verify_data(open_subject(read_subject(*arguments)), *likeness));
          }};
}

Command add_data_pack(CLI::App& group) {
  CLI::App* app = group.add_subcommand("pack", "Write image files as WebDataset shards (tar), which are read faster");
  const auto arguments = std::make_shared<RecipeArguments>(*app, kSubject);
  const auto options = std::make_shared<data::PackOptions>();
  app->add_option("-o,--out", options->out, "folder to be made")->type_name("DIR")->required();
  app->add_option("--shard-size", options->shard_size, "most bytes of a shard, as 500M or 1G (default: 1G)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true));
  return {app, [arguments, options](const OutputOptions&) {
            return to_result(data::pack_data(*open_subject(read_subject(*arguments)).dataset, *options));
          }};
}

const std::vector<std::string>& split_names() {
  static const std::vector<std::string> names = {"train", "val", "test"};
  return names;
}

data::Split split_of(const std::string& name) {
  return name == "train" ? data::Split::Train : name == "val" ? data::Split::Val : data::Split::Test;
}

Command add_data_convert(CLI::App& group) {
  CLI::App* app = group.add_subcommand("convert", "Write the boxes of a split in another format, whatever they are in");
  const auto arguments = std::make_shared<RecipeArguments>(*app, kSubject);
  const auto writing = std::make_shared<data::CocoWriting>();
  const auto split = std::make_shared<std::string>("train");
  const auto format = std::make_shared<std::string>();
  app->add_option("--to", *format, "coco: JSON in COCO's form")->required()->check(CLI::IsMember({"coco"}));
  app->add_option("-o,--out", writing->file, "where to")->type_name("FILE")->required();
  app->add_option("--split", *split, "train, val or test")->check(CLI::IsMember(split_names()))->capture_default_str();
  return {app, [arguments, writing, split, format](const OutputOptions&) {
            writing->split = split_of(*split);
            return to_result(data::write_coco(open_subject(read_subject(*arguments)), *writing));
          }};
}

struct ShowArguments {
  explicit ShowArguments(CLI::App& app) : recipe(app, kSubject) {}
  RecipeArguments recipe;
  data::SheetOptions sheet;
  std::string split = "train", with, out = "samples.png";
};

data::Pipeline make_pipeline(const config::Recipe& recipe, const std::string& with, const data::Dataset& dataset) {
  const auto context = models::transform_context(recipe.model, dataset.info().channels);
  const bool boxes = data::has_boxes(dataset.info());
  const data::Followers followers = boxes ? data::box_followers(dataset.info()) : data::mask_followers(dataset);
  if (with == "none") return {recipes::transforms(), {}, context, "data", followers};
  return {recipes::transforms(), with == "augment" ? recipe.data.augment : recipe.data.preprocess, context,
          "data." + with, followers};
}

Result show(const ShowArguments& arguments) {
  const config::Recipe recipe = read_subject(arguments.recipe);
  const data::DataSubject subject = open_subject(recipe);
  const bool train = arguments.split == "train";
  const std::string with = arguments.with.empty() ? (train ? "augment" : "preprocess") : arguments.with;
  const auto source = subject.dataset->split(split_of(arguments.split));
  if (!source) {
    throw UserError("the data set has no " + arguments.split + " split",
                    "choose another with --split, or set data.split");
  }
  const data::DataInfo& info = subject.dataset->info();
  data::SheetOptions sheet = arguments.sheet;
  sheet.choice = static_cast<std::uint64_t>(recipe.train.seed);
  if (train) sheet.seed = sheet.choice;
  sheet.on_error = data::on_error_of(recipe.data.on_error);
  sheet.palette = data::mask_palette(info);
  sheet.boxes = data::drawing_style(info);
  Result result;
  result.json = data::write_contact_sheet(*source, make_pipeline(recipe, with, *subject.dataset), info.classes, sheet,
                                          arguments.out);
  result.json["split"] = arguments.split;
  result.json["with"] = with;
  result.text = arguments.out + ": " + std::to_string(result.json["samples"].size()) + " samples of " +
                arguments.split + " with " + (with == "none" ? "no transforms" : "data." + with) + "\n";
  return result;
}

Command add_data_show(CLI::App& group) {
  CLI::App* app = group.add_subcommand("show", "Write a contact sheet (PNG) of samples as the network sees them");
  const auto arguments = std::make_shared<ShowArguments>(*app);
  app->add_option("-o,--out", arguments->out, "where to")->type_name("FILE")->capture_default_str();
  app->add_option("--split", arguments->split, "train, val or test")
      ->check(CLI::IsMember(split_names()))
      ->capture_default_str();
  app->add_option("--with", arguments->with,
                  "augment, preprocess or none (default: augment for train, else preprocess)")
      ->check(CLI::IsMember({"augment", "preprocess", "none"}));
  app->add_option("--samples", arguments->sheet.samples, "how many")->check(CLI::Range(1, 400))->capture_default_str();
  app->add_option("--columns", arguments->sheet.columns, "images in a row (default: about a square)")
      ->check(CLI::Range(1, 100));
  app->add_option("--epoch", arguments->sheet.epoch, "whose augmentation")->check(CLI::Range(0, 1000000));
  return {app, [arguments](const OutputOptions&) { return show(*arguments); }};
}

}  // namespace

std::vector<Command> add_data(CLI::App& root) {
  CLI::App* group =
      root.add_subcommand("data", "Look at a data set: a folder, a CSV file, or what a recipe or run names");
  group->require_subcommand(1);
  return {add_data_info(*group), add_data_verify(*group), add_data_show(*group), add_data_pack(*group),
          add_data_convert(*group)};
}

}  // namespace mlrun::apps
