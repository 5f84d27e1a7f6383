#pragma once

#include <cstddef>
#include <cstdint>

/// The part of ONNX Runtime's C API that mlrun calls. The library gives a table of functions; the first 102 are those
/// of version 1 of the API, and have kept their places since. Each function's place and parameters here are those of
/// its onnxruntime_c_api.h. All give a status (null: well) but those that release.
namespace mlrun::deploy::ort {

struct ApiBase {
  const void* const* (*get_api)(std::uint32_t version);  ///< the table; null where the library is older
  const char* (*get_version)();
};

constexpr std::uint32_t kApiVersion = 1;

using Handle = void*;  ///< any of the library's objects
using Status = void*;
using Release = void (*)(Handle);

/// A function of the table: its place and its type.
template <int kIndex, class Function>
struct Entry {
  static Function* in(const void* const* table) {
    return reinterpret_cast<Function*>(const_cast<void*>(table[kIndex]));
  }
};

using GetErrorMessage = Entry<2, const char*(Status)>;
using CreateEnv = Entry<3, Status(int severity, const char* name, Handle* env)>;
using CreateSession = Entry<7, Status(Handle env, const char* file, Handle options, Handle* session)>;
using Run = Entry<9, Status(Handle session, Handle run_options, const char* const* input_names, const Handle* inputs,
                            std::size_t inputs_count, const char* const* output_names, std::size_t outputs_count,
                            Handle* outputs)>;
using CreateSessionOptions = Entry<10, Status(Handle* options)>;
using SetIntraOpNumThreads = Entry<24, Status(Handle options, int threads)>;
using CreateTensorWithData = Entry<49, Status(Handle memory, void* data, std::size_t bytes, const std::int64_t* shape,
                                              std::size_t rank, int type, Handle* value)>;
using GetTensorMutableData = Entry<51, Status(Handle value, void** data)>;
using GetTensorElementType = Entry<60, Status(Handle shape, int* type)>;
using GetDimensionsCount = Entry<61, Status(Handle shape, std::size_t* rank)>;
using GetDimensions = Entry<62, Status(Handle shape, std::int64_t* sizes, std::size_t rank)>;
using GetTensorTypeAndShape = Entry<65, Status(Handle value, Handle* shape)>;
using CreateCpuMemoryInfo = Entry<69, Status(int allocator, int kind, Handle* memory)>;
using ReleaseEnv = Entry<92, void(Handle)>;
using ReleaseStatus = Entry<93, void(Status)>;
using ReleaseMemoryInfo = Entry<94, void(Handle)>;
using ReleaseSession = Entry<95, void(Handle)>;
using ReleaseValue = Entry<96, void(Handle)>;
using ReleaseShape = Entry<99, void(Handle)>;
using ReleaseSessionOptions = Entry<100, void(Handle)>;

constexpr int kSeverityFatal = 4;  ///< of what the library may print
constexpr int kArenaAllocator = 1, kMemoryDefault = 0;

}  // namespace mlrun::deploy::ort
