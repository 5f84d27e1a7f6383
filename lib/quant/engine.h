#pragma once

#include <string>
#include <vector>

/// The kernels that compute in int8, of which LibTorch has several sets.
namespace mlrun::quant {

/// Those that this machine has, by LibTorch's names: onednn, x86, fbgemm, qnnpack; the fastest first.
std::vector<std::string> int8_engines();

/// `asked`, or the fastest for `auto`. UserError, naming those there are, for one that this machine lacks.
std::string choose_engine(const std::string& asked);

/// Whether the engine adds products of 8 bits in 16 here, and so saturates silently unless activations have 7 bits: all
/// but qnnpack on x86 without VNNI, or where VNNI is switched off (DNNL_MAX_CPU_ISA). Measured once for each engine.
bool saturates(const std::string& engine);

/// `on`, `off` or `auto`: on x86, but for qnnpack. Not by what this processor has, or the same quantization would give
/// other scores on another.
bool reduces_range(const std::string& asked, const std::string& engine);

/// Makes LibTorch take the engine from now on. It must be one of `int8_engines`.
void use_engine(const std::string& engine);

}  // namespace mlrun::quant
