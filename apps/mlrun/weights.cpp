#include <fnmatch.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "apps/mlrun/command.h"
#include "models/listing.h"
#include "models/published.h"
#include "report/format.h"
#include "report/table.h"
#include "weights/store.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

using models::PublishedWeights;

std::string accuracy_text(double value) { return std::isnan(value) ? "-" : report::fixed(value, 3); }

/// A model's name, or a shell pattern of entries as `resnet50/*`.
bool is_listed_entry(const PublishedWeights& weights, const std::string& pattern) {
  if (pattern.empty() || pattern == weights.model) return true;
  return ::fnmatch(pattern.c_str(), weights.name().c_str(), 0) == 0 ||
         ::fnmatch(pattern.c_str(), weights.model, 0) == 0;
}

Result list_published(const std::string& pattern) {
  std::vector<Json> entries;
  std::vector<const PublishedWeights*> listed;
  for (const auto& weights : models::published_weights()) {
    if (!is_listed_entry(weights, pattern)) continue;
    const auto file = weights::stored_file(weights);
    Json json = models::published_json(weights);
    json["name"] = weights.name();
    json["path"] = file ? Json(file->string()) : Json(nullptr);
    entries.push_back(std::move(json));
    listed.push_back(&weights);
  }
  const auto metrics = models::published_metrics(entries);
  std::vector<report::Column> columns = {{"weights", report::Align::Left}, {"default", report::Align::Left}};
  for (const auto& name : metrics) columns.push_back({name});
  columns.insert(columns.end(), {{"params"}, {"crop"}, {"here", report::Align::Left}});
  report::Table table(columns);
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const PublishedWeights& weights = *listed[i];
    std::vector<std::string> cells = {weights.name(), weights.best ? "yes" : ""};
    for (const auto& name : metrics) cells.push_back(accuracy_text(weights.figure(name)));
    cells.insert(cells.end(), {report::compact(static_cast<double>(weights.params)), std::to_string(weights.crop_size),
                               entries[i].at("path").is_null() ? "" : "yes"});
    table.add(cells);
  }
  Result result;
  result.json = entries;
  result.text = table.text();
  return result;
}

Result path_of(const std::string& name) {
  const PublishedWeights& weights = models::published_at(name);
  const fs::path file = weights::verified_file(weights);
  Result result;
  result.json = {{"name", weights.name()}, {"file", file.string()}};
  result.text = file.string() + "\n";
  result.data = true;
  return result;
}

/// One line on stderr, rewritten on a terminal; elsewhere one in ten seconds.
class DownloadLine {
 public:
  DownloadLine(std::string file, bool shown) : file_(std::move(file)), shown_(shown) {}

  bool operator()(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = std::chrono::milliseconds(terminal_ ? 200 : 10000);
    if (!shown_ || done == 0 || (now - last_ < pause && !(terminal_ && done == total))) return true;
    if (done == total && finished_) return true;
    finished_ = done == total;
    last_ = now;
    const std::string of = total == 0 ? "" : " of " + report::bytes(static_cast<double>(total));
    std::fprintf(stderr, "%s%s: %s%s%s", terminal_ ? "\r" : "", file_.c_str(),
                 report::bytes(static_cast<double>(done)).c_str(), of.c_str(), terminal_ ? "\x1b[K" : "\n");
    if (terminal_ && finished_) std::fputc('\n', stderr);
    std::fflush(stderr);
    return true;
  }

 private:
  std::string file_;
  bool shown_;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool finished_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::string chosen_mirror(const std::string& option) {
  if (!option.empty()) return option;
  const char* variable = std::getenv("MLRUN_WEIGHTS_MIRROR");
  return variable == nullptr ? "" : variable;
}

Result get_weights(const std::vector<std::string>& names, const std::string& mirror, bool quiet) {
  std::vector<const PublishedWeights*> wanted;  // all names are checked before anything is downloaded
  for (const auto& name : names) wanted.push_back(&models::published_at(name));
  Result result;
  result.json = Json::array();
  for (const auto* weights : wanted) {
    const auto line = std::make_shared<DownloadLine>(weights->file, !quiet);
    const auto progress = [line](std::uint64_t done, std::uint64_t total) { return (*line)(done, total); };
    const weights::Fetched fetched = weights::fetch(*weights, {chosen_mirror(mirror), progress});
    result.json.push_back(
        {{"name", weights->name()}, {"file", fetched.file.string()}, {"downloaded", fetched.downloaded}});
    result.text += fetched.file.string() + "\n";
    result.data = true;
  }
  return result;
}

Command add_weights_list(CLI::App& group) {
  CLI::App* app = group.add_subcommand("list", "List the weights that torchvision publishes for its models");
  const auto pattern = std::make_shared<std::string>();
  app->add_option("PATTERN", *pattern, "a model, or names that match, as 'resnet*' or '*/IMAGENET1K_V2'");
  return {app, [pattern](const OutputOptions&) { return list_published(*pattern); }};
}

Command add_weights_path(CLI::App& group) {
  CLI::App* app = group.add_subcommand("path", "Print where a file of published weights lies on this machine");
  const auto name = std::make_shared<std::string>();
  app->add_option("NAME", *name, "as resnet50/IMAGENET1K_V2, ResNet50_Weights.IMAGENET1K_V2 or resnet50")->required();
  return {app, [name](const OutputOptions&) { return path_of(*name); }};
}

Command add_weights_get(CLI::App& group) {
  CLI::App* app = group.add_subcommand("get", "Download published weights to the cache and verify them");
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto mirror = std::make_shared<std::string>();
  app->add_option("NAME", *names, "as resnet50/IMAGENET1K_V2, ResNet50_Weights.IMAGENET1K_V2 or resnet50")->required();
  app->add_option("--mirror", *mirror,
                  "folder to download from in place of the publisher's (default: $MLRUN_WEIGHTS_MIRROR)")
      ->type_name("URL");
  return {app, [names, mirror](const OutputOptions& output) { return get_weights(*names, *mirror, output.quiet); }};
}

}  // namespace

std::vector<Command> add_weights(CLI::App& root) {
  CLI::App* group = root.add_subcommand("weights", "Published weights: list, find and download them");
  group->require_subcommand(1);
  return {add_weights_list(*group), add_weights_path(*group), add_weights_get(*group)};
}

}  // namespace mlrun::apps
