#include <link.h>
#include <sys/utsname.h>

#include <ATen/Config.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "base/bounded_spin.h"
#include "base/cache.h"
#include "base/threads.h"
#include "base/torch_compat.h"
#include "base/version.h"
#include "deploy/instruction_sets.h"
#include "report/table.h"

namespace mlrun::apps {
namespace {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

/// The instruction sets that matter for speed, of those this processor has.
std::string instruction_sets() {
  std::ifstream in("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(in, line) && flags.empty();) {
    if (line.rfind("flags", 0) == 0) flags = line + " ";
  }
  std::string found;
  for (const char* name : {"avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_bf16"}) {
    if (flags.find(" " + std::string(name) + " ") != std::string::npos)
      found += (found.empty() ? "" : " ") + std::string(name);
  }
  return found.empty() ? "none of avx2, avx512, vnni" : found;
}

/// The shared libraries of this process, links followed: `libz.so.1.2.13`.
std::vector<std::filesystem::path> loaded_libraries() {
  std::vector<std::filesystem::path> found;
  const auto look = [](dl_phdr_info* library, std::size_t, void* result) {
    std::error_code gone;
    const auto file = std::filesystem::weakly_canonical(library->dlpi_name, gone);
    if (!gone && !file.empty()) static_cast<std::vector<std::filesystem::path>*>(result)->push_back(file);
    return 0;
  };
  dl_iterate_phdr(look, &found);
  return found;
}

/// The one whose name begins with one of `names` and `.so`; otherwise `none`.
std::string library_among(const std::vector<std::string>& names, const std::string& none) {
  for (const auto& file : loaded_libraries()) {
    for (const auto& name : names) {
      if (file.filename().string().rfind(name + ".so", 0) == 0) return file.string();
    }
  }
  return none;
}

/// Versions of what mlrun runs on, as the names of the loaded files tell them.
Json library_versions() {
  Json versions = Json::object();
  for (const char* name : {"libgomp", "libiomp5", "libomp", "libdnnl", "libblas", "libopenblas", "libmkl_rt",
                           "libopencv_core", "libjpeg", "libpng16", "libz", "libyaml-cpp", "libspdlog", "libonnx",
                           "libprotobuf", "libpugixml", "libcudart", "libcudnn", "libnccl"}) {
    const std::string file = std::filesystem::path(library_among({name}, "")).filename().string();
    const auto version = file.find(".so.");
    if (!file.empty()) versions[name] = version == std::string::npos ? "unknown" : file.substr(version + 4);
  }
  return versions;
}

/// Variables of the environment by which mlrun and its libraries compute in another way, of those that are set.
Json variables() {
  Json set = Json::object();
  for (const char* name : {"OMP_NUM_THREADS",      "OMP_WAIT_POLICY",      "OMP_PROC_BIND",
                           "OMP_PLACES",           "GOMP_SPINCOUNT",       "GOMP_CPU_AFFINITY",
                           "KMP_AFFINITY",         "KMP_BLOCKTIME",        "MKL_NUM_THREADS",
                           "OPENBLAS_NUM_THREADS", "ATEN_CPU_CAPABILITY",  "DNNL_MAX_CPU_ISA",
                           "ONEDNN_MAX_CPU_ISA",   "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG",
                           "LD_PRELOAD",           "LD_LIBRARY_PATH",      "SLURM_CPUS_PER_TASK",
                           "XDG_CACHE_HOME",       "MLRUN_CONFIGS"}) {
    if (const char* value = std::getenv(name)) set[name] = value;
  }
  return set;
}

/// How compute threads wait for each other.
std::string thread_waiting() {
  if (bounded_spin()) return "spinning for " + std::to_string(kSpinTurns) + " turns, then asleep";
  for (const char* name : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}) {
    if (const char* value = std::getenv(name)) return std::string(name) + "=" + value;
  }
  return "as the OpenMP library does by default";
}

std::string cache_text() {
  const std::filesystem::path folder = cache_folder();
  return folder.empty() ? "none: neither XDG_CACHE_HOME nor HOME is an absolute path" : folder.string();
}

Json environment() {
  utsname system = {};
  uname(&system);
  const deploy::InstructionSets used = deploy::instruction_sets();
  Json folders = Json::array();
  for (const auto& folder : recipe_folders()) folders.push_back(folder.string());
#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)
  const bool images = true;
#else
  const bool images = false;
#endif
  return {{"mlrun", kVersion},
          {"commit", kCommit},
          {"libtorch", compat::torch_version()},
          {"compiler", __VERSION__},
          {"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
          {"host", system.nodename},
          {"processor", processor()},
          {"instruction_sets", instruction_sets()},
          {"cpu_capability", used.libtorch},
          {"onednn_isa", used.onednn.empty() ? "built without oneDNN" : used.onednn},
          {"vnni", used.vnni},
          {"processors_available", available_processors()},
          {"cuda", compat::cuda_available()},
          {"gpus", compat::cuda_available() ? compat::cuda_count() : 0},
          {"mkldnn", at::hasMKLDNN()},
          {"openmp", at::hasOpenMP()},
          {"openmp_library", library_among({"libgomp", "libiomp5", "libomp"}, "inside LibTorch")},
          {"thread_waiting", thread_waiting()},
          {"blas", library_among({"libblas"}, "inside LibTorch")},
          {"libraries", library_versions()},
          {"variables", variables()},
          {"image_decoding", images},
          {"recipe_folders", folders},
          {"cache", cache_text()}};
}

std::string cell(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  std::string text;
  if (value.is_object()) {
    for (const auto& [name, item] : value.items()) text += (text.empty() ? "" : ", ") + name + " " + cell(item);
    return text.empty() ? "none" : text;
  }
  if (!value.is_array()) return value.dump();
  for (const auto& item : value) text += (text.empty() ? "" : ", ") + item.get<std::string>();
  return text.empty() ? "none" : text;
}

}  // namespace

Command add_env(CLI::App& root) {
  CLI::App* app = root.add_subcommand("env", "Show versions, processor, GPUs and folders, for bug reports");
  return {app, [](const OutputOptions&) {
            Result result;
            result.json = environment();
            report::Table table({{"what", report::Align::Left}, {"value", report::Align::Left}});
            for (const auto& [name, value] : result.json.items()) table.add({name, cell(value)});
            result.text = table.text();
            return result;
          }};
}

}  // namespace mlrun::apps
