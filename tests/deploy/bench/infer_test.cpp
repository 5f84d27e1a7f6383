#include "deploy/bench/bench.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;
using mlrun::test::user_error;

namespace {

/// Runs in float32 alone.
class Choosy : public nn::UnaryLayer {
 public:
  Choosy() : UnaryLayer("Choosy") {}
  torch::Tensor forward(const torch::Tensor& input) override {
    if (input.scalar_type() != torch::kFloat) throw UserError("no numbers of that kind");
    return input.flatten(1);
  }
};

}  // namespace

TEST_CASE("what cannot be run is told before anything is measured", "[deploy][bench]") {
  BenchSubject subject;
  subject.name = "choosy";
  subject.model = std::make_shared<Choosy>();
  subject.channels = subject.height = subject.width = 2;
  nn::name_layers(*subject.model);
  BenchRequest request;
  request.threads = {1};
  request.latency.seconds = 0.01;
  request.precisions = {"fp32", "bf16"};
  int told = 0;
  CHECK(user_error([&] { bench_inference(subject, request, [&told](const std::string&) { ++told; }); }) ==
        "no numbers of that kind");
  CHECK(told == 0);
  request.precisions = {"fp32"};
  request.engines = {"eager", "graph"};
  CHECK(user_error([&] { check_own_engine("q.safetensors", "int8", request); }) ==
        "--engine graph: q.safetensors computes in int8, which that engine does not; choose eager or torchscript");
  CHECK(user_error([&] { check_own_engine("m.onnx", "mlrun onnx", request); }) ==
        "--engine graph: m.onnx is an ONNX file, which mlrun runs as it is; leave --engine out");
  CHECK_NOTHROW(check_own_engine("run", "", request));
  request.engines = {"torchscript"};
  CHECK_NOTHROW(check_own_engine("q.safetensors", "int8", request));
  request.engines = {"eager"};
  request.device = "cuda:0";
  CHECK(user_error([&] { check_own_engine("m.onnx", "mlrun onnx", request); }) ==
        "--device cuda:0: m.onnx runs on the CPU; leave --device out");
  request.device = "cpu";
  request.layers = true;
  CHECK(user_error([&] { check_own_engine("m.onnx", "mlrun onnx", request); }) ==
        "--layers: m.onnx is an ONNX file, without layers; leave --layers out");
  request.precisions = {"bf16", "fp32"};
  CHECK(user_error([&] { check_own_engine("q.safetensors", "int8", request); }) ==
        "--precision: q.safetensors computes in int8; leave --precision out");
}
