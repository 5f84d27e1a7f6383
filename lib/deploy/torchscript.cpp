#include "deploy/torchscript.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/serialization/export.h>

#include "base/error.h"
#include "base/files.h"
#include "nn/boxes/kept_operators.h"
#include "nn/tensors.h"

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

nn::Tensors run_torchscript(jit::Module& module, const nn::Tensors& inputs) {
  const c10::IValue outputs = module.forward(std::vector<c10::IValue>(inputs.begin(), inputs.end()));
  if (outputs.isTensor()) return {outputs.toTensor()};
  nn::Tensors tensors;
  for (const auto& output : outputs.toTupleRef().elements()) tensors.push_back(output.toTensor());
  return tensors;
}

namespace {

jit::Module load_module(const std::filesystem::path& file) {
  nn::kept::register_operators();
  try {
    auto module = jit::load(file.string(), torch::kCPU);
    module.eval();
    return module;
  } catch (const c10::Error&) {
    throw file_error(file.string(), "is no TorchScript archive that this LibTorch reads");
  }
}

bool computes_in_int8(const jit::Module& module) {
  const auto forward = module.find_method("forward");
  if (!forward) return false;
  const auto graph = forward->graph();
  return std::any_of(graph->nodes().begin(), graph->nodes().end(), [](const jit::Node* node) {
    return std::string_view(node->kind().toQualString()).substr(0, 11) == "quantized::";
  });
}

/// An int8 archive, loaded for each size of input: LibTorch orders its weights for the first one, and may know no way
/// to another's order (quant::PackedSizes).
class ModuleForEachSize {
 public:
  ModuleForEachSize(std::filesystem::path file, jit::Module first) : file_(std::move(file)), spare_(std::move(first)) {}

  nn::Tensors run(const nn::Tensors& inputs) {
    const std::pair key(nn::shapes_of(inputs), at::get_num_threads());
    auto found = modules_.find(key);
    if (found == modules_.end()) {
      found = modules_.emplace(key, spare_ ? *spare_ : load_module(file_)).first;
      spare_.reset();
    }
    return run_torchscript(found->second, inputs);
  }

 private:
  std::filesystem::path file_;
  std::optional<jit::Module> spare_;  // what nothing has run with
  std::map<std::pair<std::vector<std::vector<std::int64_t>>, int>, jit::Module> modules_;
};

}  // namespace

Runner load_torchscript(const std::filesystem::path& file) {
  jit::Module module = load_module(file);
  if (computes_in_int8(module)) {
    const auto modules = std::make_shared<ModuleForEachSize>(file, std::move(module));
    return [modules](const nn::Tensors& inputs) { return modules->run(inputs); };
  }
  return [module](const nn::Tensors& inputs) mutable { return run_torchscript(module, inputs); };
}

}  // namespace mlrun::deploy
