#include <CLI/CLI.hpp>

#include <sstream>

#include "apps/mlrun/command.h"
#include "apps/mlrun/model_words.h"
#include "deploy/onnx/weights.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "models/named_model.h"
#include "nn/flow/calls.h"
#include "nn/profile.h"
#include "report/format.h"
#include "report/table.h"
#include "weights/inspect.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

Result inspect_weights(const fs::path& file, const std::string& entry) {
  Result result;
  result.json = weights::describe_weights(file, entry);
  const Json& json = result.json;
  report::Table table({{"tensor", report::Align::Left},
                       {"dtype", report::Align::Left},
                       {"shape", report::Align::Left},
                       {"bytes", report::Align::Right}});
  double total = 0;
  for (const auto& tensor : json.at("tensors")) {
    total += tensor.at("bytes").get<double>();
    table.add({tensor.at("name").get<std::string>(), tensor.at("dtype").get<std::string>(),
               shape_text(tensor.at("shape").get<std::vector<std::int64_t>>()),
               std::to_string(tensor.at("bytes").get<std::uint64_t>())});
  }
  std::ostringstream text;
  text << file.string() << ": " << json.at("format").get<std::string>() << ", " << table.rows() << " tensors, "
       << report::grouped(json.at("params").get<std::int64_t>()) << " elements, " << report::bytes(total) << ", sha256 "
       << json.at("sha256").get<std::string>() << "\n";
  if (!json.at("entry").get<std::string>().empty())
    text << "of its entry " << json.at("entry").get<std::string>() << "\n";
  for (const auto& other : json.at("other_entries")) text << "further entry: " << other.get<std::string>() << "\n";
  for (const auto& note : json.at("notes")) text << "note: " << note.get<std::string>() << "\n";
  text << "\n" << table.text();
  for (const auto& [key, value] : json.at("metadata").items())
    text << "\n" << key << ":\n" << value.get<std::string>() << "\n";
  result.text = text.str();
  return result;
}

std::string value_text(const Json& value) {
  std::string text = value.at("name").get<std::string>() + " ";
  text += value.at("dtype").is_null() ? "any type" : value.at("dtype").get<std::string>();
  if (value.at("shape").is_null()) return text;
  std::string sizes;
  for (const auto& size : value.at("shape")) {
    sizes += (sizes.empty() ? "" : ", ") + (size.is_null() ? std::string("any") : json_text(size));
  }
  return text + " [" + sizes + "]";
}

Result inspect_onnx(const fs::path& file) {
  Result result;
  result.json = deploy::describe_onnx(file);
  const Json& json = result.json;
  std::ostringstream text;
  text << file.string() << ": onnx, opset " << json_text(json.at("opset")) << ", "
       << report::grouped(json.at("params").get<std::int64_t>()) << " elements, "
       << report::bytes(json.at("bytes").get<double>()) << ", sha256 " << json.at("sha256").get<std::string>() << "\n";
  if (const auto producer = json.at("producer").get<std::string>(); !producer.empty())
    text << "written by " << producer << "\n";
  for (const auto& value : json.at("inputs")) text << "input " << value_text(value) << "\n";
  for (const auto& value : json.at("outputs")) text << "output " << value_text(value) << "\n";
  report::Table table({{"operator", report::Align::Left}, {"nodes"}});
  for (const auto& [name, count] : json.at("operators").items()) table.add({name, json_text(count)});
  text << "\n" << table.text();
  for (const auto& [key, value] : json.at("metadata").items())
    text << "\n" << key << ":\n" << value.get<std::string>() << "\n";
  result.text = text.str();
  return result;
}

Result inspect_run(const fs::path& path) {
  const auto run = engine::RunDirectory::open(path);
  Result result;
  result.json = run.info();
  Json checkpoints = Json::array();
  for (const auto& checkpoint : engine::list_checkpoints(run.checkpoints())) {
    checkpoints.push_back(checkpoint.filename().string());
  }
  result.json["checkpoints"] = checkpoints;
  report::Table table({{"run", report::Align::Left}, {path.string(), report::Align::Left}});
  for (const auto& [key, value] : result.json.items()) {
    if (key == "recipe" || value.is_object()) continue;
    table.add({key, value.is_string() ? value.get<std::string>() : json_text(value)});
  }
  const Json metrics = result.json.value("result", Json::object()).value("metrics", Json::object());
  for (const auto& [name, value] : metrics.items()) table.add({name, json_text(value)});
  result.text = table.text();
  return result;
}

/// What takes its sizes from numbers is drawn and run.
nn::Profile profile_of(const models::NamedModel& model, std::int64_t size) {
  const std::vector<std::int64_t> shape = {1, model.channels, size, size};
  try {
    return nn::profile(*model.layer, shape);
  } catch (const c10::Error&) {
    nn::initialise(*model.layer, 0);
    return nn::profile_anyhow(*model.layer, shape);
  }
}

Result inspect_model(const std::string& name, const std::vector<config::Override>& overrides, std::int64_t input_size) {
  const models::NamedModel model = models::make_named(name, overrides);
  const std::int64_t size = input_size > 0 ? input_size : model.input_size;
  const nn::Profile profile = profile_of(model, size);
  Result result;
  report::Table table({{"layer", report::Align::Left},
                       {"type", report::Align::Left},
                       {"output", report::Align::Left},
                       {"params"},
                       {"multiply-adds"}});
  Json layers = Json::array();
  for (const auto& layer : profile.layers) {
    layers.push_back({{"name", layer.path},
                      {"type", layer.type},
                      {"call", layer.call},
                      {"output", layer.output},
                      {"params", layer.params},
                      {"macs", layer.macs}});
    table.add({layer.path.empty() ? name : nn::call_name(layer.path, layer.call), layer.type, shape_text(layer.output),
               report::grouped(layer.params), report::grouped(layer.macs)});
  }
  result.json = {
      {"name", name}, {"input_size", size}, {"params", profile.params}, {"macs", profile.macs}, {"layers", layers}};
  result.text = table.text() + "\n" + name + " at " + std::to_string(size) + " px: " + report::grouped(profile.params) +
                " parameters, " + report::grouped(profile.macs) + " multiply-adds\n";
  return result;
}

struct InspectArguments {
  explicit InspectArguments(CLI::App& app) : words(app, "PATH") {}
  ModelWords words;
  std::string entry;
  std::int64_t input_size = 0;
};

Result run_inspect(const InspectArguments& arguments) {
  const std::string path = arguments.words.subject();
  const std::string& model = arguments.words.model();
  if (!model.empty()) {
    if (!path.empty()) throw UserError("both " + path + " and --model are named", "name one of them");
    return inspect_model(model, arguments.words.overrides(), arguments.input_size);
  }
  if (path.empty()) throw UserError("nothing is named", "name a run, a checkpoint, a weight file, or --model NAME");
  if (!fs::exists(path)) throw file_error(path, "does not exist");
  if (deploy::is_onnx(path) && !fs::is_directory(path)) return inspect_onnx(path);
  if (!fs::is_directory(path)) return inspect_weights(path, arguments.entry);
  if (fs::exists(fs::path(path) / "manifest.json")) return inspect_weights(fs::path(path) / "model.safetensors", "");
  return inspect_run(path);
}

}  // namespace

Command add_inspect(CLI::App& root) {
  CLI::App* app = root.add_subcommand("inspect", "Show what a run, a checkpoint, a weight file or a model holds");
  const auto arguments = std::make_shared<InspectArguments>(*app);
  app->add_option("--entry", arguments->entry, "a dictionary in a weight file, as model_ema")->type_name("NAME");
  app->add_option("--input-size", arguments->input_size, "count --model for images of this height and width")
      ->type_name("PIXELS")
      ->check(CLI::Range(1, 65536));
  return {app, [arguments](const OutputOptions&) { return run_inspect(*arguments); }};
}

}  // namespace mlrun::apps
