#pragma once

#include <string>

/// What times and int8 scores depend on besides the code.
namespace mlrun::deploy {

/// The instruction sets that the libraries take on this processor, with what ATEN_CPU_CAPABILITY and DNNL_MAX_CPU_ISA
/// forbid.
struct InstructionSets {
  std::string libtorch;  ///< of LibTorch's own kernels: `AVX2`, `AVX512`
  std::string onednn;    ///< of inference graphs: `AVX512_CORE_VNNI`; empty in a build without oneDNN
  bool vnni = false;     ///< int8 kernels add in 32 bits, so that activations may have 8

  /// `LibTorch AVX512, oneDNN AVX512_CORE_VNNI, VNNI`.
  std::string text() const;
};

InstructionSets instruction_sets();

}  // namespace mlrun::deploy
