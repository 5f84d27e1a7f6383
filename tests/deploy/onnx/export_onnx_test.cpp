#include "deploy/onnx/export.h"

#include "base/files.h"
#include "base/version.h"
#include "catch.h"
#include "deploy/export_session.h"
#include "deploy/onnx/model.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/runner.h"
#include "recipes/registry.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;
using Catch::Matchers::ContainsSubstring;

namespace {

ExportSubject onnx_subject() {
  return subject_of(recipes::tasks(), recipes::transforms(), "small_cnn", {{"model.num_classes", "3"}}, 5,
                    kGoldenSamples);
}

ExportSubject int8_subject() {
  ExportSubject subject = onnx_subject();
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = quant::reduces_range("auto", options.engine);
  options.observer = "min_max";
  quant::Calibrator calibrator(*subject.model, subject.samples, options);
  calibrator.observe(subject.samples);
  quant::attach_int8(*subject.model, calibrator.plan(), "test");
  return subject;
}

ExportRequest onnx_request(const std::filesystem::path& file) {
  ExportRequest request;
  request.file = file;
  request.format = "onnx";
  return request;
}

}  // namespace

TEST_CASE("an ONNX export tells what whoever runs it must know", "[deploy]") {
  const test::TempDir folder;
  ExportSubject subject = onnx_subject();
  subject.classes = {"cat", "dog", "eel"};
  subject.metadata["recipe"] = "task: classification\n";
  const Exported exported = export_subject(subject, onnx_request(folder / "model.onnx"));
  REQUIRE(exported.met);
  CHECK(exported.files.size() == 4);
  CHECK(exported.parity.front().engine == "mlrun onnx");
  const OnnxGraph graph = read_onnx(folder / "model.onnx");
  CHECK(graph.producer == std::string("mlrun ") + kVersion);
  CHECK(graph.opset == 17);
  CHECK(graph.metadata.at("model") == "small_cnn");
  CHECK(graph.metadata.at("mlrun") == kVersion);
  CHECK(graph.metadata.at("recipe") == "task: classification\n");
  CHECK(Json::parse(graph.metadata.at("classes")) == Json({"cat", "dog", "eel"}));
  CHECK(Json::parse(graph.metadata.at("preprocessing")) == subject.preprocessing);
  CHECK(graph.metadata.at("weights_sha256") == weights_sha256(*subject.model));
  CHECK(graph.metadata.at("weights_sha256") !=
        weights_sha256(*subject_of(recipes::tasks(), recipes::transforms(), "small_cnn", {}, 6, 1).model));
  CHECK(*graph.inputs.at(0).shape == std::vector<std::int64_t>{-1, 1, 28, 28});
  CHECK(graph.constants.count("fc.weight") + graph.constants.count("classifier.weight") == 1);
}

TEST_CASE("an int8 model becomes an ONNX file of a quarter of the size", "[deploy][quant]") {
  const test::TempDir folder;
  std::filesystem::create_directory(folder / "float");
  const ExportSubject subject = int8_subject();
  const Exported plain = export_subject(onnx_subject(), onnx_request(folder / "float/model.onnx"));
  const Exported exported = export_subject(subject, onnx_request(folder / "model.onnx"));
  REQUIRE(exported.met);
  CHECK(exported.parity.front().top1_agreement == 100);
  CHECK(exported.parity.front().tolerance.mean == 0.03);
  CHECK(exported.bytes * 100 < plain.bytes * 30);
  const OnnxGraph graph = read_onnx(folder / "model.onnx");
  CHECK(graph.metadata.at("weights_sha256") == weights_sha256(*subject.model));
  CHECK(graph.metadata.at("weights_sha256") != weights_sha256(*onnx_subject().model));
  CHECK(graph.metadata.at("weights_sha256") == weights_sha256(*int8_subject().model));
  ExportRequest fixed = onnx_request(folder / "model.onnx");
  fixed.force = true;
  fixed.batch = 3;
  fixed.opset = 13;
  CHECK(export_subject(subject, fixed).met);
}

TEST_CASE("an int8 file that computes something else is not left behind", "[deploy][quant]") {
  const test::TempDir folder;
  ExportSubject subject = int8_subject();
  subject.recorded = [](const torch::Tensor& images) { return images * 0.7; };
  const Exported exported = export_subject(subject, onnx_request(folder / "model.onnx"));
  CHECK_FALSE(exported.met);
  CHECK(exported.files.empty());
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("weights above a limit lie beside the file", "[deploy]") {
  const test::TempDir folder;
  const ExportSubject subject = onnx_subject();
  ExportRequest request = onnx_request(folder / "model.onnx");
  request.embedded_weights = 10'000;
  const Exported exported = export_subject(subject, request);
  REQUIRE(exported.met);
  REQUIRE(exported.files.size() == 4);
  CHECK(exported.files[1] == folder / "model.onnx.data");
  CHECK(std::filesystem::file_size(folder / "model.onnx") < 30'000);
  CHECK(std::filesystem::file_size(folder / "model.onnx.data") > 10'000);
  const torch::Tensor found = load_onnx(folder / "model.onnx")(subject.samples.front());
  const torch::NoGradGuard no_gradients;
  CHECK(torch::allclose(found, (*subject.model)(subject.samples.front()), 1e-5, 1e-6));
}

TEST_CASE("a file for one size of batch takes samples in such batches", "[deploy]") {
  const test::TempDir folder;
  ExportRequest request = onnx_request(folder / "model.onnx");
  request.batch = 4;
  request.opset = 13;
  REQUIRE(export_subject(onnx_subject(), request).met);
  const OnnxGraph graph = read_onnx_header(folder / "model.onnx");
  CHECK(*graph.inputs.at(0).shape == std::vector<std::int64_t>{4, 1, 28, 28});
  CHECK(graph.opset == 13);
  const Json preprocess = Json::parse(read_file(folder / "model.onnx.preprocess.json"));
  CHECK(preprocess.at("input").at("shape") == Json({4, 1, 28, 28}));
}

TEST_CASE("an ONNX export that cannot be made leaves nothing", "[deploy]") {
  const test::TempDir folder;
  const ExportSubject subject = onnx_subject();
  for (const std::int64_t opset : {12, 18}) {
    ExportRequest request = onnx_request(folder / "model.onnx");
    request.opset = opset;
    CHECK_THAT(test::user_error([&] { export_subject(subject, request); }),
               ContainsSubstring("--opset: ONNX files are written with opset 13 to 17, not " + std::to_string(opset)));
  }
  CHECK_THROWS_WITH(export_subject(subject, onnx_request("/proc/model.onnx")), ContainsSubstring("/proc"));
  CHECK(std::filesystem::is_empty(folder.path()));
}
