#include "quant/engine.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include <ATen/Context.h>

#include "base/error.h"
#include "base/torch_compat.h"
#include "nn/layers.h"
#include "quant/kernels.h"

namespace mlrun::quant {
namespace {

struct EngineName {
  const char* name;
  at::QEngine engine;
};

#if defined(__x86_64__) || defined(__i386__)
constexpr bool kX86Processor = true;
#else
constexpr bool kX86Processor = false;
#endif

/// Measured on x86: oneDNN is 3 to 6 times as fast as QNNPACK there, which is made for ARM.
std::array<EngineName, 4> engines_by_speed() {
  const EngineName onednn{"onednn", at::kONEDNN}, x86{"x86", at::kX86}, fbgemm{"fbgemm", at::kFBGEMM},
      qnnpack{"qnnpack", at::kQNNPACK};
  if (kX86Processor) return {x86, onednn, fbgemm, qnnpack};
  return {qnnpack, onednn, x86, fbgemm};
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

/// Keeps the engine that is in use.
class EngineKept {
 public:
  EngineKept() : before_(at::globalContext().qEngine()) {}
  ~EngineKept() { at::globalContext().setQEngine(before_); }
  EngineKept(const EngineKept&) = delete;
  EngineKept& operator=(const EngineKept&) = delete;

 private:
  at::QEngine before_;
};

/// A convolution whose sums are as large as they can be, in the engine in use: right only where nothing overflows.
bool largest_sums_overflow() {
  constexpr std::int64_t kChannels = 64, kExpected = 200;
  const torch::NoGradGuard no_gradients;
  const nn::Conv2d layer({.in = kChannels, .out = 16});
  Int8Node node;
  node.op = "conv2d";
  node.weight = torch::full({16, kChannels, 1, 1}, 127, torch::kChar);
  node.weight_scale = torch::scalar_tensor(0.01F);
  node.bias = torch::zeros({16});
  node.output = {255 * 127 * 0.01 * kChannels / kExpected, 0};
  const torch::Tensor input = quantize(torch::full({1, kChannels, 8, 8}, 255.0F), {1, 0});
  const torch::Tensor output = run_kernel(node, layer, packed_weight(node, layer), false, {input});
  return output.int_repr().min().item<std::int64_t>() < kExpected - 1;
}

}  // namespace

std::vector<std::string> int8_engines() {
  const auto& supported = at::globalContext().supportedQEngines();
  std::vector<std::string> names;
  for (const EngineName& entry : engines_by_speed()) {
    if (std::find(supported.begin(), supported.end(), entry.engine) != supported.end()) names.emplace_back(entry.name);
  }
  return names;
}

std::string choose_engine(const std::string& asked) {
  const auto engines = int8_engines();
  if (asked == "auto" && !engines.empty()) return engines.front();
  if (std::find(engines.begin(), engines.end(), asked) != engines.end()) return asked;
  throw UserError(asked == "auto" ? "this LibTorch has no int8 engine" : "this machine has no int8 engine " + asked,
                  "it has: " + listed(engines));
}

bool saturates(const std::string& engine) {
  static std::mutex mutex;
  static std::map<std::string, bool> measured;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto known = measured.find(engine);
  if (known != measured.end()) return known->second;
  const EngineKept kept;
  use_engine(engine);
  return measured[engine] = largest_sums_overflow();
}

bool reduces_range(const std::string& asked, const std::string& engine) {
  return asked == "auto" ? kX86Processor && engine != "qnnpack" : asked == "on";
}

void use_engine(const std::string& engine) {
  for (const EngineName& entry : engines_by_speed()) {
    if (engine != entry.name) continue;
    if (at::globalContext().qEngine() != entry.engine) at::globalContext().setQEngine(entry.engine);
    return;
  }
  MLRUN_ASSERT(false, "no int8 engine " + engine);
}

}  // namespace mlrun::quant
