#include "data/sampler.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "data/weighted_sampler.h"

namespace mlrun::data {
namespace {

std::vector<std::int64_t> shuffled(const Source& source, std::uint64_t seed, std::int64_t epoch) {
  return permutation(source.size(), KeyedRandom(seed, "shuffle", static_cast<std::uint64_t>(epoch)));
}

class Shuffle : public Sampler {
 public:
  explicit Shuffle(std::shared_ptr<const Source> source) : source_(std::move(source)) {}
  std::int64_t size() const override { return source_->size(); }
  std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const override {
    return shuffled(*source_, seed, epoch);
  }

 private:
  std::shared_ptr<const Source> source_;
};

class InOrder : public Sampler {
 public:
  explicit InOrder(std::int64_t size) : size_(size) {}
  std::int64_t size() const override { return size_; }
  std::vector<std::int64_t> order(std::uint64_t, std::int64_t) const override {
    std::vector<std::int64_t> order(static_cast<std::size_t>(size_));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    return order;
  }

 private:
  std::int64_t size_;
};

struct RepeatedOptions {
  std::int64_t repeats = 3;
  static void declare(config::Declare<RepeatedOptions>& d) {
    d("repeats", &RepeatedOptions::repeats, "how often each sample comes, one after another").min(1).max(1000);
  }
};

/// RASampler of torchvision's references.
class RepeatedAugmentation : public Sampler {
 public:
  RepeatedAugmentation(std::shared_ptr<const Source> source, std::int64_t repeats)
      : source_(std::move(source)), repeats_(repeats) {}

  std::int64_t size() const override {
    constexpr std::int64_t kMultiple = 256;  // as torchvision and DeiT, which would leave fewer samples none
    const std::int64_t all = source_->size();
    return all < kMultiple ? all : all / kMultiple * kMultiple;
  }

  std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const override {
    const auto once = shuffled(*source_, seed, epoch);
    std::vector<std::int64_t> order(static_cast<std::size_t>(size()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = once[i / static_cast<std::size_t>(repeats_)];
    return order;
  }

 private:
  std::shared_ptr<const Source> source_;
  std::int64_t repeats_;
};

SamplerFactory make_samplers() {
  using config::NoOptions;
  SamplerFactory samplers("sampler");
  samplers.add<ClassBalancedOptions>("class_balanced", "draws with replacement, every class as often as the others",
                                     make_class_balanced);
  samplers.add<RepeatedOptions>("repeated_augmentation",
                                "some samples of the epoch's order, each several times with other augmentations; an "
                                "epoch has as many samples as the data, rounded down to a multiple of 256",
                                [](const RepeatedOptions& options, const SamplerRequest& request) {
                                  return std::make_unique<RepeatedAugmentation>(request.source, options.repeats);
                                });
  samplers.add<NoOptions>("sequential", "every sample once, in the order of the data set",
                          [](const NoOptions&, const SamplerRequest& request) {
                            return std::make_unique<InOrder>(request.source->size());
                          });
  samplers.add<NoOptions>(
      "shuffle", "every sample once, in an order drawn for each epoch",
      [](const NoOptions&, const SamplerRequest& request) { return std::make_unique<Shuffle>(request.source); });
  samplers.add<WeightedOptions>("weighted", "draws with replacement, by weights of classes or of samples",
                                make_weighted);
  return samplers;
}

}  // namespace

const SamplerFactory& samplers() {
  static const SamplerFactory factory = make_samplers();
  return factory;
}

std::vector<std::int32_t> draw_numbers(const std::vector<std::int64_t>& order) {
  const auto last = std::max_element(order.begin(), order.end());
  std::vector<std::int32_t> seen(last == order.end() ? 0 : static_cast<std::size_t>(*last) + 1), numbers;
  numbers.reserve(order.size());
  for (const auto index : order) numbers.push_back(seen[static_cast<std::size_t>(index)]++);
  return numbers;
}

}  // namespace mlrun::data
