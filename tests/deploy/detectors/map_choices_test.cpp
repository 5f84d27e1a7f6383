#include "deploy/onnx/mapped.h"

namespace mlrun::test {

using torch::Tensor;

namespace {

Tensor kept_rows(const Tensor& x, const Tensor& mask) { return x.index_select(0, torch::nonzero(mask).select(1, 0)); }

}  // namespace

TEST_CASE("comparisons choose rows, of which there are as many as there are", "[deploy]") {
  const std::vector<std::int64_t> rows = {40, 3};
  const auto flat = [](const Tensor& x) { return x.reshape({-1, 3}); };
  const Tensor half = torch::full({3}, 0.5);
  check_mapped({
      {"greater", [=](const Tensor& x) { return kept_rows(flat(x), flat(x).select(1, 0).gt(0.5)); }, rows},
      {"at least", [=](const Tensor& x) { return kept_rows(flat(x), flat(x).select(1, 1).ge(0)); }, rows},
      {"less", [=](const Tensor& x) { return kept_rows(flat(x), flat(x).select(1, 0).lt(flat(x).select(1, 2))); },
       rows},
      {"at most", [=](const Tensor& x) { return x * x.le(half).to(torch::kFloat); }, rows},
      {"equal", [=](const Tensor& x) { return x.round() * x.round().eq(1).to(torch::kFloat); }, rows},
      {"both or one",
       [=](const Tensor& x) {
         const Tensor a = x.gt(0), b = x.lt(1);
         return a.logical_and(b).to(torch::kFloat) * x + a.logical_or(b).to(torch::kFloat);
       },
       rows},
      {"sorted",
       [=](const Tensor& x) {
         const Tensor some = kept_rows(flat(x), flat(x).select(1, 0).gt(0.3));
         return some.index_select(0, at::argsort(some.select(1, 1), /*stable=*/true, 0, /*descending=*/true))
             .slice(0, 0, 7);
       },
       rows},
      {"the best", [=](const Tensor& x) { return std::get<0>(x.topk(5, 1)); }, rows},
      {"places of the worst",
       [=](const Tensor& x) { return std::get<1>(x.topk(2, -1, /*largest=*/false)).to(torch::kFloat); }, rows},
  });
}

TEST_CASE("whole numbers are divided as Python does it", "[deploy]") {
  const auto whole = [](const Tensor& x) { return (x * 10).round().to(torch::kLong); };
  check_mapped({
      {"quotient", [=](const Tensor& x) { return at::div(whole(x), 7, "floor").to(torch::kFloat); }},
      {"rest", [=](const Tensor& x) { return whole(x).remainder(7).to(torch::kFloat); }},
  });
  check_unmapped({
      {{"remainder", [](const Tensor& x) { return x.remainder(0.5); }}, "is of no whole numbers"},
      {{"div", [](const Tensor& x) { return at::div(x, 2, "trunc"); }}, "rounds its quotient"},
      {{"gt", [=](const Tensor& x) { return x.gt(whole(x)).to(torch::kFloat); }}, "compares numbers of two types"},
      {{"logical_and", [](const Tensor& x) { return x.logical_and(x).to(torch::kFloat); }}, "takes no truth values"},
  });
}

TEST_CASE("what detectors have beside is written", "[deploy]") {
  const Tensor weight = torch::rand({6}), bias = torch::rand({6}), none;
  check_mapped(
      {
          {"group norm", [=](const Tensor& x) { return at::group_norm(x, 3, weight, bias, 1e-3, false); }},
          {"group norm without weights",
           [=](const Tensor& x) { return at::group_norm(x, 2, none, none, 1e-5, false); }},
          {"nearest pixels",
           [](const Tensor& x) {
             return at::upsample_nearest2d(x, {9, 20});
           }},
          {"logarithm of base 2", [](const Tensor& x) { return at::log2(x.abs() + 0.1); }},
      },
      1e-5);
}

}  // namespace mlrun::test
