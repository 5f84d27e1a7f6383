#include "quant/engine.h"

#include <algorithm>
#include <array>

#include <ATen/Context.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "base/error.h"
#include "base/torch_compat.h"

namespace mlrun::quant {
namespace {

struct EngineName {
  const char* name;
  at::QEngine engine;
};

#if defined(__x86_64__) || defined(__i386__)
constexpr bool kX86Processor = true;

/// AVX-512 VNNI or AVX-VNNI, as the processor reports them (leaf 7).
bool has_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool avx512 = __builtin_cpu_supports("avx512f") && (c & (1U << 11U)) != 0;
  const unsigned subleaves = a;
  if (avx512 || subleaves < 1 || __get_cpuid_count(7, 1, &a, &b, &c, &d) == 0) return avx512;
  return (a & (1U << 4U)) != 0;
}
#else
constexpr bool kX86Processor = false;
bool has_vnni() { return false; }
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

bool saturates(const std::string& engine) { return kX86Processor && engine != "qnnpack" && !has_vnni(); }

bool reduces_range(const std::string& asked, const std::string& engine) {
  return asked == "auto" ? saturates(engine) : asked == "on";
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
