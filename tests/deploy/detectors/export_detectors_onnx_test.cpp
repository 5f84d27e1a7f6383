// Detectors with suppression in their files: mlrun's own engine and LibTorch must find what the model finds.
#include <map>
#include <set>

#include <torch/script.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "catch.h"
#include "deploy/detectors/subject.h"
#include "deploy/export_session.h"
#include "deploy/onnx/graph.h"
#include "deploy/torchscript.h"
#include "deploy/wrapped.h"
#include "models/detection/detector.h"
#include "recipes/registry.h"
#include "support.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::deploy;

namespace {

struct DetectorCase {
  std::string name;
  std::vector<config::Override> options;
  double threshold;  ///< of scores
  double stronger;   ///< by how much its scores tell places apart
  bool agnostic = false;
};

/// Gives batch norms the statistics of what comes: numbers do not fade from layer to layer.
class Settle : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    for (auto& item : layer.named_buffers(/*recurse=*/false)) {
      const torch::Tensor& x = inputs.front();
      if (item.key() == "running_mean") item.value().copy_(x.mean({0, 2, 3}));
      if (item.key() == "running_var") item.value().copy_(x.var({0, 2, 3}, /*unbiased=*/false).clamp_min(1e-3));
    }
    return proceed(inputs);
  }
};

/// An untrained detector that finds things.
ExportSubject detector_subject(const DetectorCase& c) {
  ExportSubject subject = subject_of(recipes::tasks(), recipes::transforms(), c.name, c.options, 3, kGoldenSamples);
  auto& detector = dynamic_cast<models::Detector&>(*subject.model);
  detector.settings().score_threshold = c.threshold;
  detector.settings().agnostic = c.agnostic;
  const torch::NoGradGuard no_gradients;
  Settle settle;
  const nn::InterceptorScope scope(detector, settle);
  detector.run(subject.samples);
  for (const auto& head : detector.heads()) {
    torch::Tensor last;
    for (auto& item : detector.named_parameters()) {
      if (item.key().rfind(head + ".", 0) == 0 && item.value().dim() >= 2) last = item.value();
    }
    last.mul_(c.stronger);
  }
  return subject;
}

/// `exported` must be met, by so many detections.
void check_met(const Exported& exported, std::int64_t least) {
  for (const Parity& parity : exported.parity) {
    INFO(text(parity));
    CHECK(parity.met);
    CHECK(parity.found >= least);
  }
  REQUIRE(exported.met);
}

Exported export_detector(const DetectorCase& c, ExportRequest& request,
                         const std::optional<std::pair<std::int64_t, std::int64_t>>& size = std::nullopt) {
  ExportSubject subject = detector_subject(c);
  take_detector(subject, request, size);
  return export_subject(subject, request);
}

ExportRequest request_for(const std::filesystem::path& file) {
  ExportRequest request;
  request.file = file;
  request.format = file.extension() == ".onnx" ? "onnx" : "torchscript";
  return request;
}

const std::vector<config::Override> kSmall = {{"model.min_size", "[64]"}, {"model.max_size", "96"}};

const DetectorCase kSsdLite{"ssdlite320_mobilenet_v3_large", {{"model.num_classes", "5"}}, 0.3, 4};

}  // namespace

TEST_CASE("detectors of one stage are written with their suppression", "[deploy][detection]") {
  auto mobile = kSmall;
  mobile.insert(mobile.end(), {{"model.backbone", "mobilenet_v3_small"}, {"model.num_filters", "16"}});
  const std::vector<DetectorCase> cases = {
      kSsdLite, {"retinanet_mobile", mobile, 0.05, 30}, {"fcos_resnet50_fpn", kSmall, 0.05, 4}};
  const test::TempDir folder;
  for (const DetectorCase& c : cases) {
    for (const std::string ending : {".onnx", ".torchscript"}) {
      INFO(c.name << ending);
      ExportRequest request = request_for(folder / (c.name + ending));
      check_met(export_detector(c, request), 20);
    }
  }
}

TEST_CASE("detectors are written with suppression across classes", "[deploy][detection]") {
  auto mobile = kSmall;
  mobile.insert(mobile.end(), {{"model.backbone", "mobilenet_v3_small"}, {"model.num_filters", "16"}});
  const std::vector<DetectorCase> cases = {
      {kSsdLite.name, kSsdLite.options, kSsdLite.threshold, kSsdLite.stronger, /*agnostic=*/true},
      {"retinanet_mobile", mobile, 0.05, 30, /*agnostic=*/true}};
  const test::TempDir folder;
  for (const DetectorCase& c : cases) {
    for (const std::string ending : {".onnx", ".torchscript"}) {
      INFO(c.name << ending);
      ExportRequest request = request_for(folder / (c.name + ending));
      check_met(export_detector(c, request), 10);
    }
  }
}

TEST_CASE("a detector of two stages is written with its proposals and both suppressions", "[deploy][detection]") {
  auto options = kSmall;
  options.push_back({"model.rpn_post_nms_top_n_test", "60"});
  const DetectorCase c{"fasterrcnn_mobilenet_v3_large_fpn", options, 0.02, 6};
  const test::TempDir folder;
  for (const std::string file : {"m.onnx", "m.torchscript"}) {
    ExportRequest request = request_for(folder / file);
    if (request.format == "onnx") request.opset = 13;
    check_met(export_detector(c, request), 20);
  }
  const OnnxGraph graph = read_onnx(folder / "m.onnx");
  CHECK(test::count(graph, "RoiAlign") == 2);
  CHECK(test::count(graph, "NonMaxSuppression") == 3 + 1);
  ExportRequest raw = request_for(folder / "raw.onnx");
  raw.raw_outputs = true;
  CHECK(test::user_error([&] { export_detector(c, raw); }) ==
        "--raw-outputs: the second stage of fasterrcnn_mobilenet_v3_large_fpn looks at boxes that the first proposes; "
        "leave it out, or take a detector of one stage");
}

TEST_CASE("a detector's file tells what it takes and gives", "[deploy][detection]") {
  const test::TempDir folder;
  ExportRequest request = request_for(folder / "m.onnx");
  check_met(export_detector(kSsdLite, request), 20);
  const OnnxGraph graph = read_onnx(folder / "m.onnx");
  REQUIRE(graph.outputs.size() == 3);
  CHECK(graph.outputs[0].name == "boxes");
  CHECK(*graph.outputs[0].shape == std::vector<std::int64_t>{-1, 4});
  CHECK(*graph.outputs[1].shape == std::vector<std::int64_t>{-1});
  CHECK(graph.outputs[2].dtype == torch::kLong);
  CHECK(*graph.inputs.at(0).shape == std::vector<std::int64_t>{1, 3, 320, 320});
  CHECK(test::count(graph, "NonMaxSuppression") == 1);
  const Json told = Json::parse(read_file(folder / "m.onnx.preprocess.json"));
  CHECK(told.at("input").at("shape") == Json({1, 3, 320, 320}));
  CHECK(told.at("outputs")[0].at("meaning") == "left, top, right, bottom in pixels of the input, the best first");
  CHECK(told.at("preprocessing").at("answer").at("score_threshold") == 0.3);
  CHECK(told.at("preprocessing").at("mean") == Json({0.5, 0.5, 0.5}));
  std::map<std::string, torch::Tensor> golden;
  for (const auto& item : weights::read_safetensors(folder / "m.onnx.golden.safetensors").tensors) golden.insert(item);
  const auto tensor = [&](const std::string& name) { return golden.at(name); };
  CHECK(tensor("image").sizes() == torch::IntArrayRef({2, 3, 320, 320}));
  CHECK(tensor("counts").sum().item<std::int64_t>() == tensor("boxes").size(0));
  CHECK(tensor("labels").size(0) == tensor("scores").size(0));
}

TEST_CASE("what a detector's heads say is written for any number of images", "[deploy][detection]") {
  const test::TempDir folder;
  for (const std::string file : {"m.onnx", "m.torchscript"}) {
    ExportRequest request = request_for(folder / file);
    request.raw_outputs = true;
    ExportSubject subject = subject_of(recipes::tasks(), recipes::transforms(), kSsdLite.name, kSsdLite.options, 3, 2);
    take_detector(subject, request, std::nullopt);
    const Exported exported = export_subject(subject, request);
    REQUIRE(exported.met);
    CHECK_FALSE(exported.parity.front().found_agreement);
  }
  const OnnxGraph graph = read_onnx_header(folder / "m.onnx");
  CHECK(graph.outputs.size() == 12);
  CHECK(graph.outputs[0].name == "logits_0");
  CHECK(*graph.outputs[0].shape == std::vector<std::int64_t>{-1, 30, 20, 20});
  CHECK(*graph.outputs[6].shape == std::vector<std::int64_t>{-1, 24, 20, 20});
}

TEST_CASE("TorchScript of a detector has torchvision's operators alone beside LibTorch's", "[deploy][detection]") {
  const test::TempDir folder;
  ExportRequest request = request_for(folder / "m.torchscript");
  check_met(export_detector(kSsdLite, request), 20);
  const auto module = torch::jit::load((folder / "m.torchscript").string());
  std::set<std::string> others;
  for (const auto* node : module.get_method("forward").graph()->nodes()) {
    const std::string name = node->kind().toQualString();
    if (name.rfind("aten::", 0) != 0 && name.rfind("prim::", 0) != 0) others.insert(name);
  }
  CHECK(others == std::set<std::string>{"torchvision::nms"});
}

TEST_CASE("what files of detectors have not is refused", "[deploy][detection]") {
  const test::TempDir folder;
  const auto refusal = [&](const std::function<void(ExportRequest&)>& change,
                           const std::optional<std::pair<std::int64_t, std::int64_t>>& size = std::nullopt,
                           const DetectorCase& c = kSsdLite) {
    ExportRequest request = request_for(folder / "m.onnx");
    change(request);
    return test::user_error([&] { export_detector(c, request, size); });
  };
  CHECK(
      refusal([](ExportRequest& request) { request.batch = 2; }) ==
      "--batch: a file that suppresses boxes takes one image at a time, not 2; leave it out, or add --raw-outputs for "
      "what its heads say of many");
  CHECK(refusal([](ExportRequest& request) { request.any_size = true; }) ==
        "--size dynamic: what a detector finds is counted from places in images of one size; name a size, or add "
        "--raw-outputs for what its heads say");
  const DetectorCase mobile{"retinanet_mobile", kSmall, 0.05, 1};
  CHECK(refusal([](ExportRequest&) {}, std::pair<std::int64_t, std::int64_t>{100, 128}, mobile) ==
        "--size: this detector takes images whose sides are multiples of 128, not 100x128; name such a size: smaller "
        "images are padded with zeros on the right and below");
  CHECK(std::filesystem::is_empty(folder.path()));
}
