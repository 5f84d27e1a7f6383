#include "data/batching.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/input_file.h"
#include "base/random.h"
#include "data/image/head.h"

namespace mlrun::data {
namespace {

using Order = std::vector<std::int64_t>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Steps of `size` samples, the last what is left.
std::vector<std::int64_t> ends_of(std::int64_t samples, std::int64_t size) {
  std::vector<std::int64_t> ends;
  for (std::int64_t end = size; end < samples + size; end += size) ends.push_back(std::min(end, samples));
  return ends;
}

/// Samples that steps of `request.batch_size` take.
std::int64_t taken(const BatchingRequest& request) {
  const std::int64_t whole = request.drawn / request.batch_size * request.batch_size;
  return request.drop_last ? whole : request.drawn;
}

class InSteps : public Batching {
 public:
  explicit InSteps(const BatchingRequest& request) : samples_(taken(request)), size_(request.batch_size) {}

  std::int64_t steps() const override { return (samples_ + size_ - 1) / size_; }
  Steps put_together(const Order& order, std::uint64_t, std::int64_t) const override {
    return {Order(order.begin(), order.begin() + samples_), ends_of(samples_, size_)};
  }

 private:
  std::int64_t samples_, size_;
};

struct AspectOptions {
  std::int64_t groups = 3;
  static void declare(config::Declare<AspectOptions>& d) {
    d("groups", &AspectOptions::groups,
      "groups between 1:2 and 1:1, and as many between 1:1 and 2:1; 0: lying, standing")
        .min(0)
        .max(100);
  }
};

constexpr std::size_t kImageHead = 1 << 15, kLongImageHead = 1 << 22;

/// Height / width of a sample's image.
double aspect_ratio(const Source& source, std::int64_t index) {
  const SampleFacts facts = source.facts(index);
  std::int64_t height = facts.height, width = facts.width;
  for (const std::size_t bytes : {kImageHead, kLongImageHead}) {  // what cameras add can come first
    if (height > 0 || facts.file.empty()) break;
    const ImageHead head = read_image_head(read_head(facts.file, bytes));
    height = head.height, width = head.width;
  }
  if (height > 0 && width > 0) return static_cast<double>(height) / static_cast<double>(width);
  throw UserError("data.batching: the height and width of sample " + facts.id + " are not known before it is read",
                  "choose another batching");
}

/// GroupedBatchSampler of torchvision's references: steps of one group each, as near as can be to the sampler's order.
class ByAspect : public Batching {
 public:
  ByAspect(const AspectOptions& options, const BatchingRequest& request)
      : size_(request.batch_size), steps_(request.drawn / size_) {
    for (std::int64_t i = 0; i < request.source->size(); ++i) {
      groups_.push_back(aspect_group(aspect_ratio(*request.source, i), options.groups));
    }
  }

  std::int64_t steps() const override { return steps_; }

  Steps put_together(const Order& order, std::uint64_t, std::int64_t) const override {
    std::map<std::int64_t, Group> groups;
    std::vector<std::int64_t> seen;  // groups as the reference has them: those that gave a step come last
    Steps steps;
    for (const std::int64_t index : order) {
      const std::int64_t number = groups_[at(index)];
      Group& group = groups[number];
      if (group.all.empty()) seen.push_back(number);
      group.all.push_back(index);
      group.waiting.push_back(index);
      if (static_cast<std::int64_t>(group.waiting.size()) == size_) {
        append(group.waiting, steps);
        group.waiting.clear();
        const auto found = std::find(seen.begin(), seen.end(), number);
        std::rotate(found, found + 1, seen.end());
      }
    }
    fill_up(groups, seen, steps);
    return steps;
  }

 private:
  struct Group {
    Order all, waiting;
  };

  static void append(const Order& samples, Steps& steps) {
    steps.samples.insert(steps.samples.end(), samples.begin(), samples.end());
    steps.ends.push_back(static_cast<std::int64_t>(steps.samples.size()));
  }

  /// The steps that are missing: the groups with most samples left, filled up with what they began with.
  void fill_up(std::map<std::int64_t, Group>& groups, std::vector<std::int64_t>& seen, Steps& steps) const {
    std::stable_sort(seen.begin(), seen.end(), [&](std::int64_t a, std::int64_t b) {
      return groups[a].waiting.size() > groups[b].waiting.size();
    });
    for (const std::int64_t number : seen) {
      if (static_cast<std::int64_t>(steps.ends.size()) == steps_) return;
      Group& group = groups[number];
      for (std::size_t i = 0; static_cast<std::int64_t>(group.waiting.size()) < size_; ++i) {
        group.waiting.push_back(group.all[i % group.all.size()]);
      }
      append(group.waiting, steps);
    }
  }

  std::int64_t size_, steps_;
  std::vector<std::int64_t> groups_;  // by sample
};

std::vector<std::int64_t> lengths_of(const Source& source) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    const SampleFacts facts = source.facts(i);
    if (facts.length <= 0) {
      throw UserError("data.batching: the length of sample " + facts.id + " is not known before it is read",
                      "choose another batching");
    }
    lengths.push_back(facts.length);
  }
  return lengths;
}

/// The steps in another order.
Steps reordered(const Steps& steps, const std::vector<std::int64_t>& order) {
  Steps result;
  for (const std::int64_t number : order) {
    const std::int64_t begin = steps.begin(static_cast<std::size_t>(number));
    result.samples.insert(result.samples.end(), steps.samples.begin() + begin,
                          steps.samples.begin() + steps.ends[at(number)]);
    result.ends.push_back(static_cast<std::int64_t>(result.samples.size()));
  }
  return result;
}

/// Samples of like length next to each other, in the sampler's order where they are of one.
void sort_by_length(Order::iterator begin, Order::iterator end, const std::vector<std::int64_t>& lengths) {
  std::stable_sort(begin, end, [&](std::int64_t a, std::int64_t b) { return lengths[at(a)] < lengths[at(b)]; });
}

/// The order of an epoch's steps.
Order drawn_order(std::int64_t steps, std::uint64_t seed, std::int64_t epoch) {
  return permutation(steps, KeyedRandom(seed, "steps", static_cast<std::uint64_t>(epoch)));
}

struct LengthOptions {
  std::int64_t pool = 50;
  static void declare(config::Declare<LengthOptions>& d) {
    d("pool", &LengthOptions::pool, "steps whose samples, next to each other in the epoch, are sorted by length")
        .min(1)
        .max(1000000);
  }
};

/// Buckets of samples of like length: pools of the sampler's order are sorted and cut into steps.
class ByLength : public Batching {
 public:
  ByLength(const LengthOptions& options, const BatchingRequest& request)
      : samples_(taken(request)),
        size_(request.batch_size),
        pool_(options.pool * size_),
        lengths_(lengths_of(*request.source)) {}

  std::int64_t steps() const override { return (samples_ + size_ - 1) / size_; }

  Steps put_together(const Order& order, std::uint64_t seed, std::int64_t epoch) const override {
    Steps steps{Order(order.begin(), order.begin() + samples_), ends_of(samples_, size_)};
    for (std::int64_t begin = 0; begin < samples_; begin += pool_) {
      const auto first = steps.samples.begin();
      sort_by_length(first + begin, first + std::min(begin + pool_, samples_), lengths_);
    }
    return reordered(steps, drawn_order(this->steps(), seed, epoch));
  }

 private:
  std::int64_t samples_, size_, pool_;
  std::vector<std::int64_t> lengths_;
};

struct TokensOptions {
  std::int64_t most = 4096;
  static void declare(config::Declare<TokensOptions>& d) {
    d("most", &TokensOptions::most, "samples times the longest of them in a step, at most").min(1);
  }
};

/// As many samples of like length as fit into a number of tokens, padding counted.
class ByTokens : public Batching {
 public:
  ByTokens(const TokensOptions& options, const BatchingRequest& request)
      : most_(options.most), size_(request.batch_size), lengths_(lengths_of(*request.source)) {
    Order all(at(request.source->size()));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    const auto longest = std::max_element(lengths_.begin(), lengths_.end());
    if (longest != lengths_.end() && *longest > most_) {
      throw UserError("data.batching.most: sample " + request.source->facts(longest - lengths_.begin()).id +
                          " alone has " + std::to_string(*longest) + ", more than the " + std::to_string(most_) +
                          " of a step",
                      "raise it, or leave out longer samples");
    }
    steps_ = static_cast<std::int64_t>(by_length(std::move(all)).ends.size());
  }

  std::int64_t steps() const override { return steps_; }

  Steps put_together(const Order& order, std::uint64_t seed, std::int64_t epoch) const override {
    const Steps steps = by_length(order);
    const auto found = static_cast<std::int64_t>(steps.ends.size());
    if (found != steps_) {
      throw UserError("data.batching: 'tokens' needs an epoch that takes every sample once: this one makes " +
                          std::to_string(found) + " steps where that makes " + std::to_string(steps_),
                      "set data.sampler to shuffle or sequential");
    }
    return reordered(steps, drawn_order(steps_, seed, epoch));
  }

 private:
  Steps by_length(Order order) const {
    sort_by_length(order.begin(), order.end(), lengths_);
    Steps steps{std::move(order), {}};
    std::int64_t begin = 0;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(steps.samples.size()); ++i) {
      const std::int64_t count = i + 1 - begin;  // the newest is the longest
      if (count <= size_ && count * lengths_[at(steps.samples[at(i)])] <= most_) continue;
      steps.ends.push_back(i);
      begin = i;
    }
    steps.ends.push_back(static_cast<std::int64_t>(steps.samples.size()));
    return steps;
  }

  std::int64_t most_, size_, steps_ = 0;
  std::vector<std::int64_t> lengths_;
};

template <class Kind, class Options>
std::unique_ptr<Batching> make(const Options& options, const BatchingRequest& request) {
  return std::make_unique<Kind>(options, request);
}

}  // namespace

std::int64_t aspect_group(double ratio, std::int64_t k) {
  if (k == 0) return ratio >= 1 ? 1 : 0;
  std::int64_t group = 0;
  for (std::int64_t i = 0; i <= 2 * k; ++i) {
    const double power = i == 2 * k ? 1.0 : -1.0 + static_cast<double>(i) * (2.0 / static_cast<double>(2 * k));
    if (ratio >= std::pow(2.0, power)) ++group;
  }
  return group;
}

const BatchingFactory& batchings() {
  static const BatchingFactory factory = [] {
    BatchingFactory list("batching");
    list.add<config::NoOptions>(
        kInOrder, "samples in the sampler's order",
        [](const config::NoOptions&, const BatchingRequest& request) { return std::make_unique<InSteps>(request); });
    list.add<AspectOptions>(
        "aspect_ratio", "images of like height / width, as torchvision's references for detection; full steps alone",
        make<ByAspect, AspectOptions>);
    list.add<LengthOptions>("length", "samples of like length", make<ByLength, LengthOptions>);
    list.add<TokensOptions>("tokens", "samples of like length, as many as fit into a number of tokens",
                            make<ByTokens, TokensOptions>);
    return list;
  }();
  return factory;
}

}  // namespace mlrun::data
