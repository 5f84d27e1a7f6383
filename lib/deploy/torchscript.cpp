#include "deploy/torchscript.h"

#include <exception>

#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/serialization/export.h>

#include "base/error.h"
#include "base/files.h"

namespace mlrun::deploy {

namespace jit = torch::jit;

void write_torchscript(const std::filesystem::path& file, const jit::Module& module, bool frozen,
                       const std::map<std::string, std::string>& files) {
  const jit::Module written = frozen ? jit::freeze_module(module) : module;
  jit::ExtraFilesMap extra;
  for (const auto& [name, text] : files) extra[name] = text;
  AtomicFile target(file);
  std::exception_ptr failure;  // LibTorch's writer ends its archive in a destructor, which nothing may leave
  jit::ExportModule(
      written,
      [&](const void* bytes, std::size_t size) {
        try {
          if (!failure) target.write(bytes, size);
        } catch (const UserError&) {
          failure = std::current_exception();
        }
        return size;
      },
      extra);
  if (failure) std::rethrow_exception(failure);
  target.commit();
}

Runner load_torchscript(const std::filesystem::path& file) {
  try {
    auto module = std::make_shared<jit::Module>(jit::load(file.string(), torch::kCPU));
    module->eval();
    return [module](const torch::Tensor& input) { return module->forward({input}).toTensor(); };
  } catch (const c10::Error&) {
    throw file_error(file.string(), "is no TorchScript archive that this LibTorch reads");
  }
}

}  // namespace mlrun::deploy
