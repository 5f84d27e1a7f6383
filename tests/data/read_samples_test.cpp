#include "data/read_samples.h"

#include <new>

#include <torch/types.h>

#include "support.h"

namespace mlrun::data {
namespace {

/// Ten samples; 3 and 7 cannot be read, and of 7 not even the name is known.
class PartlyBroken : public Source {
 public:
  std::int64_t size() const override { return 10; }
  Sample get(const SampleKey& key) const override {
    if (key.index == 9) throw std::bad_alloc();
    if (key.index == 3 || key.index == 7) throw file_error("photos/" + std::to_string(key.index), "is broken");
    Sample sample;
    sample.index = key.index;
    sample.id = std::to_string(key.index);
    return sample;
  }
  SampleFacts facts(std::int64_t index) const override {
    if (index == 7) throw UserError("the list is gone");
    return {"photo " + std::to_string(index), {0}};
  }
};

std::vector<SampleKey> keys(const std::vector<std::int64_t>& indices) {
  std::vector<SampleKey> list;
  for (const auto index : indices) list.push_back({index, 0, 0});
  return list;
}

}  // namespace

TEST_CASE("samples that cannot be read are left out on request alone", "[data][read_samples]") {
  const PartlyBroken source;
  const auto read = read_samples(source, keys({8, 3, 0, 7, 1}), OnError::Skip);
  REQUIRE(read.samples.size() == 3);
  CHECK(read.samples[0].index == 8);
  CHECK(read.samples[2].index == 1);
  REQUIRE(read.skipped.size() == 2);
  CHECK(read.skipped[0].id == "photo 3");
  CHECK(read.skipped[0].index == 3);
  CHECK(read.skipped[0].message == "photos/3: is broken");
  CHECK(read.skipped[1].id == "7");
  CHECK(test::user_error([&] { read_samples(source, keys({0, 3}), OnError::Fail); }) == "photos/3: is broken");
  CHECK(read_samples(source, keys({0, 1}), OnError::Fail).samples.size() == 2);
  CHECK(read_samples(source, {}, OnError::Skip).samples.empty());
}

TEST_CASE("memory that runs out is not a sample that cannot be read", "[data][read_samples]") {
  CHECK_THROWS_AS(read_samples(PartlyBroken(), keys({9}), OnError::Skip), std::bad_alloc);
}

TEST_CASE("data.on_error has two words", "[data][read_samples]") {
  CHECK(on_error_of("fail") == OnError::Fail);
  CHECK(on_error_of("skip") == OnError::Skip);
  CHECK_THROWS_AS(on_error_of("ignore"), InternalError);
}

}  // namespace mlrun::data
