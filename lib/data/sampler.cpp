#include "data/sampler.h"

#include "base/random.h"

namespace mlrun::data {
namespace {

class Shuffle : public Sampler {
 public:
  std::vector<std::int64_t> order(const Source& source, std::uint64_t seed, std::int64_t epoch) const override {
    return permutation(source.size(), KeyedRandom(seed, "shuffle", static_cast<std::uint64_t>(epoch)));
  }
};

}  // namespace

const SamplerFactory& samplers() {
  static const SamplerFactory factory = [] {
    SamplerFactory samplers("sampler");
    samplers.add<config::NoOptions>("shuffle", "every sample once, in an order drawn for each epoch",
                                    [](const config::NoOptions&) { return std::make_unique<Shuffle>(); });
    return samplers;
  }();
  return factory;
}

}  // namespace mlrun::data
