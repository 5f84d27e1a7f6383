#include <algorithm>
#include <charconv>
#include <optional>

#include <CLI/CLI.hpp>

#include "apps/mlrun/command.h"
#include "apps/mlrun/model_words.h"
#include "apps/mlrun/run_argument.h"
#include "deploy/detectors/subject.h"
#include "deploy/export_session.h"
#include "engine/run/export_weights.h"
#include "recipes/registry.h"
#include "report/format.h"

namespace mlrun::apps {
namespace {

struct ExportArguments {
  explicit ExportArguments(CLI::App& app) : words(app, "SOURCE") {}
  ModelWords words;
  std::string weights, output, format, size, batch, opset, input_size, submodel;
  std::uint64_t seed = 0;
  bool frozen = false, with_preprocess = false, raw_outputs = false;
  bool force = false;
};

const std::vector<std::string> kFormats = {"safetensors", "pth", "torchscript", "onnx"};

/// As --format says, else as the file's name ends; empty where neither tells.
std::string format_of(const ExportArguments& arguments) {
  if (!arguments.format.empty()) {
    if (std::find(kFormats.begin(), kFormats.end(), arguments.format) != kFormats.end()) return arguments.format;
    throw UserError("--format: there is no format '" + arguments.format + "'",
                    "choose safetensors, pth, torchscript or onnx");
  }
  std::string ending = std::filesystem::path(arguments.output).extension().string();
  if (ending == ".pt") return "pth";
  if (!ending.empty()) ending.erase(0, 1);
  if (std::find(kFormats.begin(), kFormats.end(), ending) != kFormats.end()) return ending;
  throw file_error(arguments.output, "does not tell a format", "add --format safetensors, pth, torchscript or onnx");
}

/// A whole number of an option that is at least `least`.
std::int64_t whole_number(const std::string& option, const std::string& text, std::int64_t least) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least) return value;
  throw UserError(option + ": '" + text + "' is no whole number from " + std::to_string(least) + " on");
}

constexpr std::int64_t kLargestSize = 16384;

/// `HxW`, or one number for both; nothing where it is not given.
std::optional<std::pair<std::int64_t, std::int64_t>> image_size(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto cross = text.find('x');
  const std::int64_t height = whole_number(option, text.substr(0, cross), 1);
  const std::int64_t width = cross == std::string::npos ? height : whole_number(option, text.substr(cross + 1), 1);
  if (std::max(height, width) <= kLargestSize) return std::pair(height, width);
  throw UserError(option + ": images have at most " + std::to_string(kLargestSize) + " pixels a side, not " + text);
}

/// Options that the format does not have are refused, not ignored.
void check_options(const ExportArguments& arguments, const std::string& format) {
  const auto only = [&](bool given, const std::string& option, const std::string& wanted) {
    if (given) throw UserError(option + " is for " + wanted + ", not for " + format, "leave it out");
  };
  only(arguments.frozen && format != "torchscript", "--frozen", "torchscript");
  only(!arguments.opset.empty() && format != "onnx", "--opset", "onnx");
  only(!arguments.batch.empty() && format != "onnx", "--batch", "onnx");
  only(!arguments.size.empty() && format != "onnx" && format != "torchscript", "--size", "onnx and torchscript");
  only(!arguments.submodel.empty() && format != "onnx" && format != "torchscript", "--submodel",
       "onnx and torchscript");
  if (!arguments.submodel.empty() && !arguments.words.model().empty()) {
    throw UserError("--submodel is for tasks of several models, and --model names one", "leave one of them out");
  }
  only(arguments.raw_outputs && format != "onnx" && format != "torchscript", "--raw-outputs", "onnx and torchscript");
  only(arguments.with_preprocess && format != "onnx" && format != "torchscript", "--with-preprocess",
       "onnx and torchscript");
  if (!arguments.input_size.empty() && !arguments.with_preprocess) {
    throw UserError("--input-size is the size of images before they are preprocessed", "add --with-preprocess");
  }
  if (arguments.with_preprocess && !arguments.size.empty()) {
    throw UserError("--size is of images that are preprocessed already", "name --input-size, or leave it out");
  }
}

deploy::ExportRequest request_of(const ExportArguments& arguments, const std::string& format) {
  deploy::ExportRequest request;
  request.file = arguments.output;
  request.format = format;
  request.frozen = arguments.frozen;
  request.force = arguments.force;
  if (!arguments.opset.empty()) request.opset = whole_number("--opset", arguments.opset, 1);
  deploy::check_opset(request.opset);
  request.any_size = arguments.size == "dynamic";
  request.raw_outputs = arguments.raw_outputs;
  if (!arguments.batch.empty() && arguments.batch != "dynamic") {
    request.batch = whole_number("--batch", arguments.batch, 1);
  }
  return request;
}

deploy::ExportSubject subject(const ExportArguments& arguments) {
  if (!arguments.words.model().empty()) {
    return deploy::subject_of(recipes::tasks(), recipes::transforms(), arguments.words.model(),
                              arguments.words.overrides(), arguments.seed, deploy::kGoldenSamples);
  }
  const RunArgument run = open_run_argument(arguments.words.subject(), {}, arguments.weights);
  return deploy::subject_of(recipes::tasks(), run.resolved, run.weights, deploy::kGoldenSamples, arguments.submodel);
}

void check_named(const ExportArguments& arguments) {
  const std::string source = arguments.words.subject();
  if (arguments.output.empty()) throw UserError("no output is named", "add -o FILE");
  if (arguments.words.model().empty() && source.empty()) {
    throw UserError("nothing is named", "name a run, a weight file, or --model NAME");
  }
  if (!arguments.words.model().empty() && !source.empty()) {
    throw UserError("both " + source + " and --model are named", "name one of them");
  }
}

/// What the graph takes: the size of its images, and whether they are prepared.
void shape_input(const ExportArguments& arguments, deploy::ExportSubject& chosen, deploy::ExportRequest& request) {
  const auto size = image_size("--size", request.any_size ? "" : arguments.size);
  if (deploy::is_detector(chosen)) {
    if (arguments.with_preprocess) {
      throw UserError(
          "--with-preprocess: a detector resizes each image by its own sides, which a graph does for one size",
          "leave it out: the file takes images that are resized and normalised");
    }
    return deploy::take_detector(chosen, request, size);
  }
  if (request.raw_outputs)
    throw UserError("--raw-outputs is for detectors, and " + chosen.name + " is none", "leave it out");
  if (size) deploy::set_size(chosen, size->first, size->second);
  if (arguments.with_preprocess)
    deploy::take_images(chosen, recipes::transforms(), image_size("--input-size", arguments.input_size));
}

Result export_graph(const ExportArguments& arguments, const std::string& format) {
  deploy::ExportRequest request = request_of(arguments, format);
  deploy::ExportSubject chosen = subject(arguments);
  shape_input(arguments, chosen, request);
  const deploy::Exported exported = deploy::export_subject(chosen, request);
  Result result;
  Json parity = Json::array(), files = Json::array();
  for (const auto& entry : exported.parity) parity.push_back(deploy::to_json(entry));
  for (const auto& file : exported.files) files.push_back(file.string());
  result.json = {{"file", arguments.output}, {"format", format},
                 {"model", chosen.name},     {"weights", chosen.weights},
                 {"bytes", exported.bytes},  {"samples", chosen.samples_from},
                 {"files", files},           {"parity", parity}};
  if (exported.met) {
    result.text = arguments.output + ": " + chosen.name + ", weights " + chosen.weights + ", " +
                  report::bytes(static_cast<double>(exported.bytes)) + "\n";
    for (std::size_t i = 1; i < exported.files.size(); ++i) result.text += exported.files[i].string() + "\n";
  } else {
    result.code = ExitCode::Unmet;
    result.text = arguments.output + ": not written, as it does not compute what the model computes\n";
  }
  result.text += "checked on " + chosen.samples_from + "\n";
  for (const auto& entry : exported.parity) result.text += "  " + deploy::text(entry) + "\n";
  return result;
}

Json exported(const ExportArguments& arguments, const std::string& format) {
  const engine::ExportTarget target{arguments.output, format, arguments.force};
  if (arguments.words.model().empty()) {
    return engine::export_file(arguments.words.subject(), arguments.weights, target);
  }
  return engine::export_model(arguments.words.model(), arguments.words.overrides(), arguments.seed, target);
}

Result run_export(const ExportArguments& arguments) {
  check_named(arguments);
  const std::string format = format_of(arguments);
  check_options(arguments, format);
  if (format == "torchscript" || format == "onnx") return export_graph(arguments, format);
  Result result;
  result.json = exported(arguments, format);
  const Json& bytes = result.json.at("bytes");
  result.text = result.json.at("file").get<std::string>() + ": " +
                std::to_string(result.json.at("tensors").get<std::size_t>()) + " tensors" +
                (bytes.is_null() ? "" : ", " + report::bytes(bytes.get<double>())) + "\n";
  for (const auto& note : result.json.at("notes")) result.text += note.get<std::string>() + "\n";
  return result;
}

}  // namespace

Command add_export(CLI::App& root) {
  CLI::App* app = root.add_subcommand("export", "Write a run, a weight file or an architecture for other programs");
  const auto arguments = std::make_shared<ExportArguments>(*app);
  app->add_option("-o,--output", arguments->output, "file to write")->type_name("FILE");
  app->add_option("--format", arguments->format, "safetensors, pth, torchscript or onnx (default: as FILE ends)")
      ->type_name("FORMAT");
  app->add_option("--weights", arguments->weights,
                  "of a run: best, last or a checkpoint's name (default: best); of a file: a dictionary in it, as "
                  "model_ema")
      ->type_name("WEIGHTS");
  app->add_option("--seed", arguments->seed, "of the initial weights of --model")->type_name("N");
  app->add_flag("--frozen", arguments->frozen, "TorchScript with the weights as constants: faster, not trainable");
  app->add_option("--opset", arguments->opset, "of ONNX: 13 to 17 (default: 17)")->type_name("N");
  app->add_option("--batch", arguments->batch, "of ONNX: dynamic, or the only size of a batch (default: dynamic)")
      ->type_name("dynamic|N");
  app->add_option(
         "--size", arguments->size,
         "of the images that a graph takes, or dynamic: any, where the model allows (default: as the model was "
         "trained)")
      ->type_name("HxW|dynamic");
  app->add_flag("--with-preprocess", arguments->with_preprocess,
                "the file takes uint8 images [N, H, W, C] and does itself what data.preprocess says");
  app->add_option("--input-size", arguments->input_size, "of those images, where data.preprocess resizes them")
      ->type_name("HxW");
  app->add_flag("--raw-outputs", arguments->raw_outputs,
                "of a detector of one stage: the graph ends with what its heads say, before boxes are chosen");
  app->add_option("--submodel", arguments->submodel, "which model a graph is of, where the task has several")
      ->type_name("NAME");
  app->add_flag("--force", arguments->force, "replace FILE where it exists");
  return {app, [arguments](const OutputOptions&) { return run_export(*arguments); }};
}

}  // namespace mlrun::apps
