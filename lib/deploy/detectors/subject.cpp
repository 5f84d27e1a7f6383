#include "deploy/detectors/subject.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/transforms/transform.h"
#include "models/detection/traced/traced_detector.h"
#include "quant/runner.h"

namespace mlrun::deploy {
namespace {

using Sides = std::pair<std::int64_t, std::int64_t>;

constexpr std::int64_t kDetectorSamples = 2;  // images that files of detectors are checked with: they are large
constexpr std::uint64_t kRandomImages = 0;    // a seed

std::shared_ptr<models::Detector> detector_of(const std::shared_ptr<nn::Layer>& model) {
  return std::dynamic_pointer_cast<models::Detector>(model);
}

/// Its fixed one; else as high as the shorter side is to be, and as wide as the longer may be.
Sides own_size(const models::DetectorInput& input) {
  if (input.fixed_height > 0) return {input.fixed_height, input.fixed_width};
  const auto padded = [&input](std::int64_t side) {
    return (side + input.divisible - 1) / input.divisible * input.divisible;
  };
  return {padded(input.min_sizes.back()), padded(input.max_size)};
}

Sides chosen_size(const models::DetectorInput& input, const std::optional<Sides>& size) {
  const Sides sides = size.value_or(own_size(input));
  const auto fits = [&input](std::int64_t side) { return side % input.divisible == 0; };
  if (fits(sides.first) && fits(sides.second)) return sides;
  throw UserError("--size: this detector takes images whose sides are multiples of " + std::to_string(input.divisible) +
                      ", not " + std::to_string(sides.first) + "x" + std::to_string(sides.second),
                  "name such a size: smaller images are padded with zeros on the right and below");
}

/// Cut or padded with zeros, on the right and below.
torch::Tensor brought_to(const torch::Tensor& images, const Sides& size) {
  return at::constant_pad_nd(images, {0, size.second - images.size(3), 0, size.first - images.size(2)}).contiguous();
}

void check_request(const ExportSubject& subject, const ExportRequest& request) {
  if (quant::int8_runner(*subject.model) != nullptr) {
    throw UserError("an int8 detector is not written as " + request.format, "export the run that it was made from");
  }
  if (request.raw_outputs) return;
  if (request.any_size) {
    throw UserError("--size dynamic: what a detector finds is counted from places in images of one size",
                    "name a size, or add --raw-outputs for what its heads say");
  }
  if (request.batch && *request.batch != 1) {
    throw UserError(
        "--batch: a file that suppresses boxes takes one image at a time, not " + std::to_string(*request.batch),
        "leave it out, or add --raw-outputs for what its heads say of many");
  }
}

/// Where the file's labels stand in `classes.txt`.
Json labels_json(std::int64_t labels, std::size_t classes) {
  Json json = {{"name", "labels"}, {"shape", {nullptr}}, {"dtype", "int64"}};
  const auto listed = static_cast<std::int64_t>(classes);
  if (listed == labels) json["meaning"] = "numbers of classes, from 0 on";
  else if (listed == labels - 1) json["meaning"] = "numbers of classes, from 1 on; 0 is the background";
  else json["meaning"] = "numbers of the model's outputs, as the data's categories have them; 0 is the background";
  return json;
}

Json outputs_json(std::int64_t labels, std::size_t classes) {
  const Json boxes = {{"name", "boxes"},
                      {"shape", {nullptr, 4}},
                      {"dtype", "float32"},
                      {"meaning", "left, top, right, bottom in pixels of the input, the best first"}};
  const Json scores = {{"name", "scores"}, {"shape", {nullptr}}, {"dtype", "float32"}, {"meaning", "0 to 1"}};
  return Json::array({boxes, scores, labels_json(labels, classes)});
}

Json settings_json(const models::DetectionSettings& settings) {
  return {{"score_threshold", settings.score_threshold},
          {"nms_threshold", settings.nms_threshold},
          {"detections", settings.detections},
          {"candidates", settings.candidates}};
}

void take_found(ExportSubject& subject, ExportRequest& request, const std::shared_ptr<models::Detector>& detector) {
  const bool onnx = request.format == "onnx";
  const auto traced = std::make_shared<models::TracedDetector>(
      detector, onnx ? models::TraceTarget::Onnx : models::TraceTarget::TorchScript);
  request.batch = 1;
  subject.finds = true;
  subject.outputs_json = outputs_json(models::labels_of(*detector), subject.classes.size());
  subject.preprocessing["answer"] = settings_json(detector->settings());
  subject.interface = traced->interface();
  subject.model = traced;
}

void take_raw(ExportSubject& subject, const std::shared_ptr<models::Detector>& detector) {
  const auto& part = detector->parts().front();
  if (part->part_name() != "raw") {
    throw UserError("--raw-outputs: the second stage of " + subject.name + " looks at boxes that the first proposes",
                    "leave it out, or take a detector of one stage");
  }
  subject.interface = part->interface();
  subject.model = part;
}

}  // namespace

bool is_detector(const ExportSubject& subject) { return detector_of(subject.model) != nullptr; }

nn::Tensors random_images(nn::Layer& model, std::int64_t count) {
  const models::DetectorInput& input = dynamic_cast<models::Detector&>(model).input();
  const auto [height, width] = own_size(input);
  auto generator = torch::make_generator<torch::CPUGeneratorImpl>(kRandomImages);
  const auto channels = static_cast<std::int64_t>(input.mean.size());
  const torch::Tensor images = torch::randn({std::min(count, kDetectorSamples), channels, height, width}, generator);
  return {images, torch::tensor({height, width}, torch::kLong).expand({images.size(0), 2}).contiguous()};
}

void take_detector(ExportSubject& subject, ExportRequest& request, const std::optional<Sides>& size) {
  const auto detector = detector_of(subject.model);
  MLRUN_ASSERT(detector, "no detector");
  check_request(subject, request);
  const models::DetectorInput& input = detector->input();
  const Sides sides = chosen_size(input, size);
  const torch::Tensor& images = subject.samples.at(0);
  const std::int64_t count = std::min(images.size(0), kDetectorSamples);
  subject.sample_ids.resize(std::min(subject.sample_ids.size(), static_cast<std::size_t>(count)));
  subject.samples = {brought_to(images.narrow(0, 0, count), sides)};
  Json& facts = subject.preprocessing;
  facts["input_size"] = data::size_json(sides.first, sides.second);
  facts["input_channels"] = subject.samples.front().size(1);
  facts["mean"] = input.mean;
  facts["std"] = input.std;
  if (request.raw_outputs) take_raw(subject, detector);
  else take_found(subject, request, detector);
}

}  // namespace mlrun::deploy
