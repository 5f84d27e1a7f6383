#include <CLI/CLI.hpp>

#include <sstream>

#include "apps/mlrun/command.h"
#include "base/files.h"
#include "engine/checkpoint.h"
#include "engine/run_directory.h"
#include "models/registry.h"
#include "nn/profile.h"
#include "report/format.h"
#include "report/table.h"
#include "weights/safetensors.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

Result inspect_weights(const fs::path& file) {
  const auto header = weights::read_safetensors_header(file);
  Result result;
  report::Table table({{"tensor", report::Align::Left},
                       {"dtype", report::Align::Left},
                       {"shape", report::Align::Left},
                       {"bytes", report::Align::Right}});
  Json tensors = Json::array();
  std::uint64_t total = 0;
  for (const auto& tensor : header.tensors) {
    const std::uint64_t size = tensor.end - tensor.begin;
    total += size;
    tensors.push_back({{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"bytes", size}});
    table.add({tensor.name, tensor.dtype, shape_text(tensor.shape), std::to_string(size)});
  }
  const std::string checksum = sha256_file(file);
  result.json = {{"file", file.string()},
                 {"sha256", checksum},
                 {"bytes", fs::file_size(file)},
                 {"tensors", tensors},
                 {"metadata", header.metadata}};
  std::ostringstream text;
  text << file.string() << ": " << header.tensors.size() << " tensors, " << report::bytes(static_cast<double>(total))
       << ", sha256 " << checksum << "\n\n"
       << table.text();
  for (const auto& [key, value] : header.metadata) text << "\n" << key << ":\n" << value << "\n";
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

Result inspect_model(const std::string& name) {
  const auto& factory = models::models();
  const Json& facts = factory.at(name).facts;
  const std::int64_t size = facts.value("input_size", 224);
  const models::ModelRequest request{facts.value("num_classes", std::int64_t{1000}),
                                     facts.value("channels", std::int64_t{3})};
  const auto model = factory.make(factory.defaults(name), request);
  const nn::Profile profile = nn::profile(*model, {1, request.channels, size, size});
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
                      {"output", layer.output},
                      {"params", layer.params},
                      {"macs", layer.macs}});
    table.add({layer.path.empty() ? name : layer.path, layer.type, shape_text(layer.output),
               report::grouped(layer.params), report::grouped(layer.macs)});
  }
  result.json = {
      {"name", name}, {"input_size", size}, {"params", profile.params}, {"macs", profile.macs}, {"layers", layers}};
  result.text = table.text() + "\n" + name + " at " + std::to_string(size) + " px: " + report::grouped(profile.params) +
                " parameters, " + report::grouped(profile.macs) + " multiply-adds\n";
  return result;
}

Result run_inspect(const std::string& path, const std::string& model) {
  if (!model.empty()) return inspect_model(model);
  if (path.empty())
    throw UserError("nothing is named", "name a run, a checkpoint, a safetensors file, or --model NAME");
  if (!fs::exists(path)) throw file_error(path, "does not exist");
  if (!fs::is_directory(path)) return inspect_weights(path);
  if (fs::exists(fs::path(path) / "manifest.json")) return inspect_weights(fs::path(path) / "model.safetensors");
  return inspect_run(path);
}

}  // namespace

Command add_inspect(CLI::App& root) {
  CLI::App* app = root.add_subcommand("inspect", "Show what a run, a checkpoint, a weight file or a model holds");
  const auto path = std::make_shared<std::string>();
  const auto model = std::make_shared<std::string>();
  app->add_option("PATH", *path, "run, checkpoint or safetensors file");
  app->add_option("--model", *model, "an architecture: its layers with shapes, parameters and multiply-adds")
      ->type_name("NAME");
  return {app, [path, model](const OutputOptions&) { return run_inspect(*path, *model); }};
}

}  // namespace mlrun::apps
