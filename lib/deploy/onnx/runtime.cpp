#include "deploy/onnx/runtime.h"

#include <dlfcn.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/error.h"
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
constexpr std::pair<torch::ScalarType, int> kTypes[] = {
    {torch::kFloat, 1}, {torch::kByte, 2}, {torch::kChar, 3},  {torch::kShort, 5},   {torch::kInt, 6},
    {torch::kLong, 7},  {torch::kBool, 9}, {torch::kHalf, 10}, {torch::kDouble, 11},
};

int number_of(torch::ScalarType type) {
  for (const auto& [known, number] : kTypes) {
    if (known == type) return number;
  }
  return 0;  // which the library refuses
}

std::optional<torch::ScalarType> type_of_number(int number) {
  for (const auto& [type, known] : kTypes) {
    if (known == number) return type;
  }
  return std::nullopt;
}

/// A session for one file.
class RuntimeSession {
 public:
  RuntimeSession(const RuntimeLibrary& library, const OnnxGraph& graph) : table_(library.table), file_(graph.file) {
    for (const auto& input : graph.inputs) inputs_.push_back(input.name);
    for (const auto& output : graph.outputs) outputs_.push_back(output.name);
    call<ort::CreateEnv>(ort::kSeverityFatal, "mlrun", env_.out(ort::ReleaseEnv::in(table_)));
    Owned options;
    call<ort::CreateSessionOptions>(options.out(ort::ReleaseSessionOptions::in(table_)));
    call<ort::SetIntraOpNumThreads>(options.get(), at::get_num_threads());
    call<ort::CreateSession>(env_.get(), file_.c_str(), options.get(), session_.out(ort::ReleaseSession::in(table_)));
    call<ort::CreateCpuMemoryInfo>(ort::kArenaAllocator, ort::kMemoryDefault,
                                   memory_.out(ort::ReleaseMemoryInfo::in(table_)));
  }

  nn::Tensors run(const nn::Tensors& tensors) const {
    MLRUN_ASSERT(tensors.size() == inputs_.size(), "an ONNX model is given another number of inputs than it has");
    nn::Tensors values;
    std::vector<Owned> given(tensors.size());
    std::vector<ort::Handle> inputs;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const torch::Tensor& value = values.emplace_back(tensors[i].contiguous());
      call<ort::CreateTensorWithData>(memory_.get(), value.data_ptr(), value.nbytes(), value.sizes().data(),
                                      value.sizes().size(), number_of(value.scalar_type()),
                                      given[i].out(ort::ReleaseValue::in(table_)));
      inputs.push_back(given[i].get());
    }
    std::vector<ort::Handle> outputs(outputs_.size(), nullptr);
    call<ort::Run>(session_.get(), nullptr, pointers(inputs_).data(), inputs.data(), inputs.size(),
                   pointers(outputs_).data(), outputs.size(), outputs.data());
    std::vector<Owned> found(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) *found[i].out(ort::ReleaseValue::in(table_)) = outputs[i];
    nn::Tensors results;
    for (const auto& value : found) results.push_back(copy_of(value.get()));
    return results;
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

  static std::vector<const char*> pointers(const std::vector<std::string>& names) {
    std::vector<const char*> found;
    for (const auto& name : names) found.push_back(name.c_str());
    return found;
  }

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
      throw file_error(file_, "has an output whose numbers are of a kind that mlrun does not take from ONNX Runtime");
    void* data = nullptr;
    call<ort::GetTensorMutableData>(value, &data);
    return torch::from_blob(data, sizes, *type).clone();
  }

  const void* const* table_;
  std::string file_;
  std::vector<std::string> inputs_, outputs_;
  Owned env_, session_, memory_;  // the environment goes last
};

}  // namespace

std::optional<OnnxRuntime> onnx_runtime(const fs::path& file) {
  const std::optional<RuntimeLibrary> library = open_library();
  if (!library) return std::nullopt;
  const OnnxGraph graph = read_onnx_header(file);
  const auto session = std::make_shared<const RuntimeSession>(*library, graph);
  return OnnxRuntime{library->version, [session](const nn::Tensors& inputs) { return session->run(inputs); }};
}

}  // namespace mlrun::deploy
