#include "data/file_cache.h"

#include <thread>
#include <vector>

#include "catch.h"

using namespace mlrun::data;

namespace {

/// A reader that counts how often it is asked.
struct Counted {
  int* count;
  std::string text;
  std::string operator()() const { return ++*count, text; }
};

}  // namespace

TEST_CASE("a file cache keeps what comes first, up to its limit", "[data][loader]") {
  FileCache cache(10);
  int reads = 0;
  CHECK(*cache.get("a", Counted{&reads, "123456"}) == "123456");
  CHECK(*cache.get("b", Counted{&reads, "12345"}) == "12345");  // does not fit
  CHECK(*cache.get("c", Counted{&reads, "1234"}) == "1234");
  CHECK(cache.size() == 10);
  CHECK(reads == 3);
  CHECK(*cache.get("a", Counted{&reads, "changed"}) == "123456");
  CHECK(*cache.get("c", Counted{&reads, "changed"}) == "1234");
  CHECK(reads == 3);
  CHECK(*cache.get("b", Counted{&reads, "54321"}) == "54321");
  CHECK(reads == 4);
}

TEST_CASE("a file cache without a limit above 0 keeps nothing", "[data][loader]") {
  FileCache cache(0);
  int reads = 0;
  cache.get("a", Counted{&reads, ""});
  cache.get("a", Counted{&reads, ""});
  CHECK(reads == 2);
  CHECK(cache.size() == 0);
}

TEST_CASE("a file cache serves several threads", "[data][loader]") {
  FileCache cache(50 * 8);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string name = std::to_string(10000000 + i % 100);
        wrong[t] += *cache.get(name, [&] { return name; }) == name ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
  CHECK(cache.size() == 50 * 8);
}
