#include "deploy/export_session.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "deploy/detectors/found_parity.h"
#include "deploy/onnx/batches.h"
#include "deploy/onnx/export.h"
#include "deploy/onnx/model.h"
#include "deploy/onnx/runtime.h"
#include "deploy/onnx/translation.h"
#include "deploy/sidecars.h"
#include "deploy/staging.h"
#include "deploy/torchscript.h"
#include "deploy/trace.h"
#include "quant/runner.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

constexpr Tolerance kTorchScriptTolerance{1e-5}, kOnnxTolerance{1e-4};
/// Engines round halves and biases in other places, and a step of one integer moves others behind it: over whole models
/// LibTorch's own engines differ from each other by 9 % in one output and by 1.5 % on average (measured).
constexpr Tolerance kInt8Tolerance{0.15, 0.03};

void check_target(const ExportRequest& request) {
  if (fs::is_directory(request.file)) throw file_error(request.file.string(), "is a folder", "name a file");
  Staging::check_regular(request.file);
  if (!request.force && fs::exists(fs::symlink_status(request.file))) {
    throw file_error(request.file.string(), "exists already", "add --force to replace it, or choose another name");
  }
}

/// One tensor that the file takes, its first size `count`.
Json tensor_json(const std::string& name, const torch::Tensor& tensor, const Json& count) {
  std::vector<Json> shape = {count};
  for (std::int64_t axis = 1; axis < tensor.dim(); ++axis) shape.emplace_back(tensor.size(axis));
  return {{"name", name}, {"dtype", onnx_dtype_name(tensor.scalar_type())}, {"shape", shape}};
}

/// What the file takes; a list where that is several tensors.
Json input_json(const ExportSubject& subject, const ExportRequest& request) {
  const Json batch = request.batch ? Json(*request.batch) : Json(nullptr);
  Json list = Json::array();
  for (const nn::Port& port : subject.interface.inputs) {
    for (const auto& name : nn::tensor_names({port})) {
      const bool rows = port.ragged && name == port.name;
      list.push_back(tensor_json(name, subject.samples.at(list.size()), rows ? Json(nullptr) : batch));
    }
  }
  if (list.size() > 1) return list;
  Json json = list.front();
  if (request.any_size) json["shape"][2] = json["shape"][3] = nullptr;
  if (subject.before) {
    json["layout"] = "NHWC";
    json["meaning"] = "decoded images, channels in the order red, green, blue; the preprocessing is in the file";
  } else if (subject.takes_images()) {
    json["layout"] = "NCHW";
  }
  return json;
}

void write_traced(const ExportSubject& subject, const ExportRequest& request, const Json& input, const fs::path& file) {
  // Traced with two samples: what holds for one batch alone would show with one and three.
  const auto& ports = subject.interface.inputs;
  const nn::Tensors example = nn::some_samples(ports, nn::joined_samples(ports, {subject.samples, subject.samples}), 0,
                                               request.batch.value_or(2));
  write_torchscript(file, trace(*subject.model, example, {.before = subject.recorded}), request.frozen,
                    {{"preprocess.json", json_text(preprocess_json(subject, request.file.filename(), input))},
                     {"metadata.json", json_text(Json(subject.metadata))}});
}

/// Writes the model into `folder`; the names of its files.
std::vector<fs::path> write_model(const ExportSubject& subject, const ExportRequest& request, const Json& input,
                                  const fs::path& folder) {
  const fs::path file = folder / request.file.filename();
  std::vector<fs::path> names;
  if (request.format == "onnx") {
    for (const auto& written : export_onnx(subject, request, input, file)) names.push_back(written.filename());
    return names;
  }
  write_traced(subject, request, input, file);
  return {file.filename()};
}

/// Images of another size than those that the file was traced with.
torch::Tensor other_size(const torch::Tensor& images) {
  return at::upsample_bilinear2d(images, {images.size(2) + 32, images.size(3) + 64}, /*align_corners=*/false);
}

/// What every engine there is makes of the file. One for images of any size is tried with two.
std::vector<Parity> try_out(const ExportSubject& subject, const ExportRequest& request, const fs::path& file) {
  const Runner model = [&](const nn::Tensors& inputs) { return subject.outputs(inputs); };
  const auto tried = [&](const std::string& engine, const Runner& runner, const Tolerance& tolerance) {
    if (subject.finds) return compare_found(engine, model, runner, subject.samples.front(), tolerance);
    const Runner fitting = request.batch ? in_fixed_batches(subject.interface, *request.batch, runner) : runner;
    const Parity own = compare(engine, model, fitting, subject.interface, subject.samples, tolerance);
    if (!request.any_size || !own.met) return own;
    const torch::Tensor images = other_size(subject.samples.front());
    const std::string pixels = std::to_string(images.size(2)) + "x" + std::to_string(images.size(3));
    const Parity other =
        compare(engine + ", " + pixels + " px", model, fitting, subject.interface, {images}, tolerance);
    return other.met ? own : other;
  };
  if (request.format == "torchscript") return {tried("torchscript", load_torchscript(file), kTorchScriptTolerance)};
  const Tolerance& tolerance = quant::int8_runner(*subject.model) ? kInt8Tolerance : kOnnxTolerance;
  std::vector<Parity> found = {tried("mlrun onnx", load_onnx_graph(file), tolerance)};
  if (const auto runtime = onnx_runtime(file)) {
    found.push_back(tried("onnxruntime " + runtime->version, runtime->run, tolerance));
  }
  return found;
}

Exported make(const ExportSubject& subject, const ExportRequest& request, const Staging& staging) {
  if (request.any_size && !subject.takes_images()) {
    throw UserError("--size dynamic is for models that take images, and " + subject.name + " takes none",
                    "leave it out");
  }
  const Json input = input_json(subject, request);
  std::vector<fs::path> names = write_model(subject, request, input, staging.folder());
  Exported result;
  for (const auto& name : names) result.bytes += fs::file_size(staging.folder() / name);
  result.parity = try_out(subject, request, staging.folder() / names.front());
  result.met = std::all_of(result.parity.begin(), result.parity.end(), [](const Parity& one) { return one.met; });
  if (!result.met) return result;
  const fs::path model = request.file.filename();
  const auto sidecars = write_sidecars(staging.folder(), model, subject, input);
  names.insert(names.end(), sidecars.begin(), sidecars.end());
  if (!request.force) staging.check_free(names);
  result.files = staging.publish(names);
  if (request.force) staging.remove_others(SidecarNames(model).all(), names);
  return result;
}

}  // namespace

void check_opset(std::int64_t opset) {
  if (opset >= kOldestWrittenOpset && opset <= kNewestWrittenOpset) return;
  throw UserError("--opset: ONNX files are written with opset " + std::to_string(kOldestWrittenOpset) + " to " +
                      std::to_string(kNewestWrittenOpset) + ", not " + std::to_string(opset),
                  "leave it out for " + std::to_string(kNewestWrittenOpset));
}

Exported export_subject(const ExportSubject& subject, const ExportRequest& request) {
  check_target(request);
  check_opset(request.opset);
  const Staging staging(request.file);
  try {
    return make(subject, request, staging);
  } catch (const UserError& error) {
    throw staging.shown(error);
  }
}

}  // namespace mlrun::deploy
