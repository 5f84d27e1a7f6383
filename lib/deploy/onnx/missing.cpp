#include "base/error.h"
#include "deploy/onnx/graph.h"
#include "deploy/onnx/write_onnx.h"

namespace mlrun::deploy {
namespace {

[[noreturn]] void no_onnx(const std::filesystem::path& file) {
  throw file_error(file.string(), "this mlrun was built without ONNX",
                   "build it with libonnx and -DMLRUN_WITH_ONNX=ON");
}

}  // namespace

OnnxGraph read_onnx(const std::filesystem::path& file) { no_onnx(file); }
OnnxGraph read_onnx_header(const std::filesystem::path& file) { no_onnx(file); }
std::vector<std::filesystem::path> write_onnx(const std::filesystem::path& file, const OnnxGraph&, std::uint64_t) {
  no_onnx(file);
}

}  // namespace mlrun::deploy
