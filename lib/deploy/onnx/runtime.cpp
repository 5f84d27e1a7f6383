#include "deploy/onnx/runtime.h"

#include <dlfcn.h>

#include <cstdlib>

#include <torch/types.h>

#include "base/error.h"
#include "deploy/onnx/batches.h"
#include "deploy/onnx/runtime_api.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

struct RuntimeLibrary {
  const void* const* table = nullptr;
  std::string version;
};

/// Loads the library for good: its threads outlive whoever uses it.
std::optional<RuntimeLibrary> open_library() {
  const char* named = std::getenv("MLRUN_ONNXRUNTIME");
  const std::string name = named && *named ? named : "libonnxruntime.so.1";
  void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto base_of =
      library ? reinterpret_cast<const ort::ApiBase* (*)()>(::dlsym(library, "OrtGetApiBase")) : nullptr;
  const ort::ApiBase* base = base_of ? base_of() : nullptr;
  const void* const* table = base ? base->get_api(ort::kApiVersion) : nullptr;
  if (table) return RuntimeLibrary{table, base->get_version()};
  if (!named || !*named) return std::nullopt;
  throw UserError("MLRUN_ONNXRUNTIME: " + name + " is not ONNX Runtime's library",
                  "name its libonnxruntime.so, or leave the variable away");
}

/// Types by the numbers that ONNX and its runtime share.
int number_of(torch::ScalarType type) {
  if (type == torch::kByte) return 2;
  return type == torch::kFloat ? 1 : type == torch::kHalf ? 10 : 11;
}

std::optional<torch::ScalarType> type_of_number(int number) {
  if (number == 1) return torch::kFloat;
  if (number == 10) return torch::kHalf;
  if (number == 11) return torch::kDouble;
  return std::nullopt;
}

/// A session for one file.
class RuntimeSession {
 public:
  RuntimeSession(const RuntimeLibrary& library, const OnnxGraph& graph)
      : table_(library.table), file_(graph.file), input_(graph.inputs.at(0).name), output_(graph.outputs.at(0).name) {
    call<ort::CreateEnv>(ort::kSeverityFatal, "mlrun", env_.out(ort::ReleaseEnv::in(table_)));
    Owned options;
    call<ort::CreateSessionOptions>(options.out(ort::ReleaseSessionOptions::in(table_)));
    call<ort::SetIntraOpNumThreads>(options.get(), at::get_num_threads());
    call<ort::CreateSession>(env_.get(), file_.c_str(), options.get(), session_.out(ort::ReleaseSession::in(table_)));
    call<ort::CreateCpuMemoryInfo>(ort::kArenaAllocator, ort::kMemoryDefault,
                                   memory_.out(ort::ReleaseMemoryInfo::in(table_)));
  }

  torch::Tensor run(const torch::Tensor& input) const {
    const torch::Tensor values = input.contiguous();
    Owned given, found;
    call<ort::CreateTensorWithData>(memory_.get(), values.data_ptr(), values.nbytes(), values.sizes().data(),
                                    values.sizes().size(), number_of(values.scalar_type()),
                                    given.out(ort::ReleaseValue::in(table_)));
    const char *input_name = input_.c_str(), *output_name = output_.c_str();
    const ort::Handle inputs[] = {given.get()};
    call<ort::Run>(session_.get(), nullptr, &input_name, inputs, 1, &output_name, 1,
                   found.out(ort::ReleaseValue::in(table_)));
    return copy_of(found.get());
  }

 private:
  /// One of the library's objects, released at the end.
  class Owned {
   public:
    Owned() = default;
    ~Owned() {
      if (handle_) release_(handle_);
    }
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;

    ort::Handle get() const { return handle_; }
    ort::Handle* out(ort::Release release) {
      release_ = release;
      return &handle_;
    }

   private:
    ort::Handle handle_ = nullptr;
    ort::Release release_ = nullptr;
  };

  template <class Function, class... Arguments>
  void call(Arguments... arguments) const {
    const ort::Status status = Function::in(table_)(arguments...);
    if (!status) return;
    const std::string message = ort::GetErrorMessage::in(table_)(status);
    ort::ReleaseStatus::in(table_)(status);
    throw file_error(file_,
                     "ONNX Runtime refuses it: " + weights::printable_name(message.substr(0, message.find('\n'))));
  }

  torch::Tensor copy_of(ort::Handle value) const {
    Owned shape;
    call<ort::GetTensorTypeAndShape>(value, shape.out(ort::ReleaseShape::in(table_)));
    std::size_t rank = 0;
    call<ort::GetDimensionsCount>(shape.get(), &rank);
    std::vector<std::int64_t> sizes(rank);
    call<ort::GetDimensions>(shape.get(), sizes.data(), rank);
    int number = 0;
    call<ort::GetTensorElementType>(shape.get(), &number);
    const auto type = type_of_number(number);
    if (!type)
      throw file_error(
          file_, "is no model that gives images a score for each class: its first output is not of floating numbers");
    void* data = nullptr;
    call<ort::GetTensorMutableData>(value, &data);
    return torch::from_blob(data, sizes, *type).clone();
  }

  const void* const* table_;
  std::string file_, input_, output_;
  Owned env_, session_, memory_;  // the environment goes last
};

}  // namespace

std::optional<OnnxRuntime> onnx_runtime(const fs::path& file) {
  const std::optional<RuntimeLibrary> library = open_library();
  if (!library) return std::nullopt;
  const OnnxGraph graph = read_onnx_header(file);
  check_onnx_images(graph);
  const auto session = std::make_shared<const RuntimeSession>(*library, graph);
  return OnnxRuntime{library->version,
                     in_onnx_batches(graph, [session](const torch::Tensor& input) { return session->run(input); })};
}

}  // namespace mlrun::deploy
