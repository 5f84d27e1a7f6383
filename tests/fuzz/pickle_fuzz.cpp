// Any bytes as a pickle, and the weights that are found in it.

#include "fuzz/fuzz.h"
#include "weights/pickled_weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  fuzz::tolerate([&] {
    const weights::Pickle pickle = weights::parse_pickle(fuzz::bytes_of(data, size), "w.pth");
    weights::find_weights(pickle, {{"__torch__.Net", {"weight", "bias"}}}, "", "w.pth");
  });
  return 0;
}
