#include "deploy/onnx/ops.h"

#include "deploy/onnx/files.h"

namespace mlrun::test {
namespace {

TEST_CASE("operators compute what ONNX's own tests say", "[deploy][onnx]") {
  const OnnxCases cases("onnx_nodes.safetensors");
  REQUIRE(cases.names().size() > 450);
  const TempDir folder;
  for (const auto& name : cases.names()) {
    INFO(name);
    const deploy::OnnxModel model(deploy::read_onnx(cases.write(name, folder / "model.onnx")));
    const auto expected = cases.values(name, "output"), outputs = model.run(cases.values(name, "input"));
    REQUIRE(outputs.size() == expected.size());
    const bool half = expected.front().scalar_type() == torch::kHalf;
    for (std::size_t i = 0; i < outputs.size(); ++i) CHECK(same(outputs[i], expected[i], half ? 2e-3 : 1e-5, 2e-6));
  }
}

}  // namespace
}  // namespace mlrun::test
