#include "deploy/onnx/runtime.h"

#include <cstdlib>

#include "deploy/onnx/files.h"

namespace mlrun::test {
namespace {

/// Sets $MLRUN_ONNXRUNTIME for as long as it lives.
class RuntimeNamed {
 public:
  explicit RuntimeNamed(const std::string& file) {
    if (const char* before = std::getenv(kName)) before_ = before;
    ::setenv(kName, file.c_str(), 1);
  }
  ~RuntimeNamed() { before_.empty() ? ::unsetenv(kName) : ::setenv(kName, before_.c_str(), 1); }
  RuntimeNamed(const RuntimeNamed&) = delete;
  RuntimeNamed& operator=(const RuntimeNamed&) = delete;

 private:
  static constexpr const char* kName = "MLRUN_ONNXRUNTIME";
  std::string before_;
};

}  // namespace

TEST_CASE("ONNX Runtime computes what PyTorch computes, where it is installed", "[deploy][onnx][onnxruntime]") {
  const OnnxCases cases("onnx_models.safetensors");
  const TempDir folder;
  for (const auto& name : cases.names()) {
    INFO(name);
    const auto runtime = deploy::onnx_runtime(cases.write(name, folder / "model.onnx"));
    if (!runtime) return skip("ONNX Runtime is not installed, and MLRUN_ONNXRUNTIME does not name its library");
    CHECK(runtime->version.find('.') != std::string::npos);
    const torch::Tensor input = cases.values(name, "input").front();
    const torch::Tensor found = runtime->run({input}).front();
    CHECK(same(found, cases.values(name, "output").front(), 1e-4, 1e-4));
    CHECK(same(found, deploy::load_onnx(folder / "model.onnx")(input), 1e-4, 1e-4));
  }
  const std::string text = user_error([&] { deploy::onnx_runtime(folder.write("m.onnx", "no model")); });
  CHECK(text.find("is no ONNX file") != std::string::npos);
}

TEST_CASE("a library that is not ONNX Runtime is refused by name", "[deploy][onnx][onnxruntime]") {
  const OnnxCases cases("onnx_models.safetensors");
  const TempDir folder;
  const auto file = cases.write("plain", folder / "model.onnx");
  for (const std::string library : {"/nowhere/libonnxruntime.so.1", "libz.so.1"}) {
    const RuntimeNamed named(library);
    CHECK(user_error([&] { deploy::onnx_runtime(file); }) ==
          "MLRUN_ONNXRUNTIME: " + library +
              " is not ONNX Runtime's library; name its libonnxruntime.so, or leave the variable away");
  }
}

}  // namespace mlrun::test
