#include "config/sweep_grid.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "support.h"

namespace mlrun::config {
namespace {

using test::user_error;
using Strings = std::vector<std::string>;

Strings values(const std::string& text) { return parse_sweep_axis(text).values; }

std::vector<SweepAxis> axes(const Strings& texts) {
  std::vector<SweepAxis> all;
  for (const auto& text : texts) all.push_back(parse_sweep_axis(text));
  return all;
}

Strings texts(const std::vector<Combination>& combinations) {
  Strings all;
  for (const auto& combination : combinations) {
    std::string text;
    for (const auto& set : combination) text += (text.empty() ? "" : " ") + set.key + "=" + set.value;
    all.push_back(text);
  }
  return all;
}

TEST_CASE("values stand between commas that belong to none of them", "[sweep]") {
  CHECK(values("k=a,b") == Strings{"a", "b"});
  CHECK(values("k= 1 epoch , 500 steps") == Strings{"1 epoch", "500 steps"});
  CHECK(values("k=0.1") == Strings{"0.1"});
  CHECK(values("k=").size() == 1);
  CHECK(values("k=\"a,b\",c") == Strings{"\"a,b\"", "c"});
  CHECK(values("k='it''s, so',c") == Strings{"'it''s, so'", "c"});
  CHECK(values(R"(k="say \",\"",c)") == Strings{R"("say \",\"")", "c"});
  CHECK(values("k=[1,2],[3, [4,5]]") == Strings{"[1,2]", "[3, [4,5]]"});
  CHECK(values("k={name: a, x: [1,2]},{name: b}") == Strings{"{name: a, x: [1,2]}", "{name: b}"});
  CHECK(values("k=[it's, b],[\"]\", c]") == Strings{"[it's, b]", "[\"]\", c]"});
  CHECK(values("k=it's,b]") == Strings{"it's", "b]"});
  CHECK(values("data.root=../a,../b..c") == Strings{"../a", "../b..c"});
  CHECK(values("k=\"1..3\",2") == Strings{"\"1..3\"", "2"});
}

TEST_CASE("ranges of integers, alone and among values", "[sweep]") {
  const SweepAxis axis = parse_sweep_axis("train.seed=-1..8..3");
  REQUIRE(axis.range);
  CHECK(axis.range->integers);
  CHECK_FALSE(axis.fixed());
  CHECK(texts(sweep_grid({axis})) == Strings{"train.seed=-1", "train.seed=2", "train.seed=5", "train.seed=8"});
  CHECK(texts(sweep_grid(axes({"s=1..8..3"}))) == Strings{"s=1", "s=4", "s=7"});
  CHECK(texts(sweep_grid(axes({"s=4..4"}))) == Strings{"s=4"});
  CHECK(values("s=0..2,7,10..20..5") == Strings{"0", "1", "2", "7", "10", "15", "20"});
}

TEST_CASE("a grid has all combinations, the last key moving fastest", "[sweep]") {
  CHECK(texts(sweep_grid(axes({"a=x,y", "b=0..2"}))) ==
        Strings{"a=x b=0", "a=x b=1", "a=x b=2", "a=y b=0", "a=y b=1", "a=y b=2"});
}

TEST_CASE("what is no list of values says so", "[sweep]") {
  const auto refusal = [](const std::string& text) {
    return user_error([&] { sweep_grid({parse_sweep_axis(text)}); });
  };
  CHECK(refusal("k") == "'k' has no '='; write key=value, as train.epochs=5");
  CHECK(refusal("k=a,,b") == "command line: k: nothing stands between two commas; write null where no value is meant");
  CHECK(refusal("k=a,") == "command line: k: nothing stands between two commas; write null where no value is meant");
  CHECK(refusal("k=a,b,a") == "command line: k: the value a stands twice; remove one of them");
  CHECK(refusal("k=0..2,1") == "command line: k: the value 1 stands twice; remove one of them");
  CHECK(refusal("k=3..1") == "command line: k: the range 3..1 ends before it begins");
  CHECK(refusal("k=1..") == "command line: k: '1..' is no range; write 1..5, 0.1..0.5 or log(1e-4..1e-1)");
  CHECK(refusal("k=log(a)") == "command line: k: 'log(a)' is no range; write 1..5, 0.1..0.5 or log(1e-4..1e-1)");
  CHECK(refusal("k=log(0..1)") == "command line: k: log(0..1): a logarithmic range begins above 0");
  CHECK(refusal("k=0.1..0.5..0.1") ==
        "command line: k: a range with a step is made of integers, and the step is at least 1, unlike 0.1..0.5..0.1; "
        "list the values: k=0.1,0.2,0.3");
  CHECK(refusal("k=1..5..0") ==
        "command line: k: a range with a step is made of integers, and the step is at least 1, unlike 1..5..0; list "
        "the values: k=0.1,0.2,0.3");
  CHECK(refusal("k=0.1..0.5") ==
        "command line: k: 0.1..0.5 is a range to draw from, and a grid needs single values; draw with --random N, or "
        "list the values; a range of integers is written without points");
  CHECK(refusal("k=0.1..0.5,2") ==
        "command line: k: the range 0.1..0.5 stands among other values; give the range alone, or values");
  CHECK(refusal("k=0..10000") ==
        "a grid of more than 10000 combinations; give fewer values, or draw some with --random N");
  CHECK(refusal("k=0..10000,x") == "command line: k: more than 10000 values; choose fewer");
  CHECK(refusal("k=1..99999999999999999") ==
        "command line: k: the range 1..99999999999999999 goes beyond 2^53; choose "
        "smaller numbers");
  CHECK(refusal("k=010,020") ==
        "command line: k: the number 010 has leading zeros, which YAML versions read differently; remove them, or "
        "quote the value where text is meant");
  CHECK(refusal("k=[1,2").find("command line: k: ") == 0);
}

TEST_CASE("random combinations are keyed: more of them begin with the fewer", "[sweep]") {
  const auto all = axes({"optimizer.lr=log(1e-4..1e-1)", "drop=0.0..0.5", "seed=0..99", "name=a,b,c"});
  const auto ten = texts(sweep_random(all, 10, 7));
  auto twenty = texts(sweep_random(all, 20, 7));
  CHECK(std::set<std::string>(twenty.begin(), twenty.end()).size() == 20);
  twenty.resize(10);
  CHECK(ten == twenty);
  CHECK(ten != texts(sweep_random(all, 10, 8)));
  // A key's values do not depend on the other keys.
  const auto alone = sweep_random(axes({"optimizer.lr=log(1e-4..1e-1)"}), 10, 7);
  for (std::size_t i = 0; i < 10; ++i) CHECK(ten[i].find("optimizer.lr=" + alone[i][0].value + " ") == 0);
}

TEST_CASE("draws keep to their ranges and spread as they say", "[sweep]") {
  const auto drawn = [](const std::string& text) {
    std::vector<double> numbers;
    for (const auto& combination : sweep_random(axes({text, "id=0..9999999"}), 2000, 3)) {
      numbers.push_back(std::strtod(combination[0].value.c_str(), nullptr));
    }
    return numbers;
  };
  const auto share_below = [](const std::vector<double>& numbers, double limit) {
    return static_cast<double>(std::count_if(numbers.begin(), numbers.end(), [&](double x) { return x < limit; })) /
           static_cast<double>(numbers.size());
  };
  const auto within = [](const std::vector<double>& numbers, double low, double high) {
    return std::all_of(numbers.begin(), numbers.end(), [&](double x) { return x >= low && x <= high; });
  };
  // Standard deviation of a share of 2,000 draws: at most 0.011.
  const auto uniform = drawn("k=-1.0..3.0");
  CHECK(within(uniform, -1, 3));
  CHECK(std::abs(share_below(uniform, 0) - 0.25) < 0.05);
  const auto logarithmic = drawn("k=log(1e-4..1e-1)");
  CHECK(within(logarithmic, 1e-4, 1e-1));
  CHECK(std::abs(share_below(logarithmic, 1e-3) - 1.0 / 3) < 0.05);
  const auto integers = drawn("k=log(1..8)");
  CHECK(within(integers, 1, 8));
  CHECK(std::all_of(integers.begin(), integers.end(), [](double x) { return x == std::floor(x); }));
  CHECK(std::abs(share_below(integers, 1.5) - std::log(3) / std::log(17)) < 0.05);  // 0.5..1.5 of 0.5..8.5
  const auto stepped = drawn("k=10..30..10");
  CHECK(std::set<double>(stepped.begin(), stepped.end()) == std::set<double>{10, 20, 30});
}

TEST_CASE("drawn numbers have four digits, and all of a few are found", "[sweep]") {
  for (const auto& combination : sweep_random(axes({"lr=log(1e-6..1e-5)"}), 50, 0)) {
    CHECK(combination[0].value.size() <= std::string("1.234e-06").size());
  }
  CHECK(sweep_random(axes({"a=1..3", "b=x,y"}), 6, 1).size() == 6);
  CHECK(user_error([] {
          sweep_random(axes({"a=1..3", "b=x,y"}), 7, 1);
        }) == "--random 7: there are only 6 combinations; ask for fewer, or leave --random out to train them all");
  CHECK(user_error([] { sweep_random(axes({"a=1.0..1.001"}), 9, 1); }) ==
        "--random 9: the ranges give hardly that many different combinations; ask for fewer, or widen the ranges");
}

TEST_CASE("names are short, apart, and safe for shells and file systems", "[sweep]") {
  const auto names = [](const Strings& list) { return sweep_names(sweep_grid(axes(list))); };
  CHECK(names({"optimizer.lr=0.1,0.01", "train.seed=1..2"}) ==
        Strings{"0000-lr=0.1-seed=1", "0001-lr=0.1-seed=2", "0002-lr=0.01-seed=1", "0003-lr=0.01-seed=2"});
  CHECK(names({"optimizer.name=sgd,adamw"})[1] == "0001-optimizer=adamw");
  CHECK(names({"a.x.lr=1,2", "b.x.lr=3", "b.seed=0"})[0] == "0000-a.x.lr=1-b.x.lr=3-seed=0");
  CHECK(names({"lr=1,2", "a.lr=3"})[0] == "0000-lr=1-a.lr=3");
  CHECK(names({"data.augment=[random_horizontal_flip, normalize],[normalize]"})[0] ==
        "0000-augment=random_horizontal_flip_n");
  CHECK(names({"model.weights=/data/a b/c.pth,null"}) == Strings{"0000-weights=c.pth", "0001-weights=null"});
  CHECK(names({"w=1 epoch,\"../x; rm\""}) == Strings{"0000-w=1_epoch", "0001-w=x_rm"});
  CHECK(names({"s=0..9999"}).back() == "9999-s=9999");
}

}  // namespace
}  // namespace mlrun::config
