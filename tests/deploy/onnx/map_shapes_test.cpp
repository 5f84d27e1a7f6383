#include "deploy/onnx/mapped.h"

namespace mlrun::test {

using torch::Tensor;

TEST_CASE("what moves values is written for any batch", "[deploy]") {
  check_mapped({
      {"view",
       [](const Tensor& x) {
         return x.view({-1, 36, 8});
       }},
      {"reshape",
       [](const Tensor& x) {
         return x.transpose(1, 2).reshape({-1, 6, 48});
       }},
      {"rows of images",
       [](const Tensor& x) {
         return x.view({-1, 8});
       }},
      {"windows and back",
       [](const Tensor& x) {
         return (x.flatten(0, 1) * 2).view({-1, 6, 6, 8});
       }},
      {"flatten", [](const Tensor& x) { return x.flatten(1); }},
      {"flatten inside", [](const Tensor& x) { return x.flatten(2, 3); }},
      {"flatten channels", [](const Tensor& x) { return x.flatten(1, 2); }},
      {"flatten nothing", [](const Tensor& x) { return (x * 2).flatten(1, 1); }},
      {"unflatten",
       [](const Tensor& x) {
         return x.unflatten(1, {2, 3});
       }},
      {"permute",
       [](const Tensor& x) {
         return x.permute({0, -1, 1, 2});
       }},
      {"transpose", [](const Tensor& x) { return x.transpose(-1, 1); }},
      {"unsqueeze", [](const Tensor& x) { return x.unsqueeze(1); }},
      {"unsqueeze at the end", [](const Tensor& x) { return x.unsqueeze(-1); }},
      {"squeeze", [](const Tensor& x) { return (x * 2).squeeze(2); }, {6, 1, 8}},
      {"squeeze nothing", [](const Tensor& x) { return (x * 2).squeeze(2); }},
      {"expand",
       [](const Tensor& x) {
         return x.unsqueeze(2).expand({-1, -1, 3, -1, -1});
       }},
      {"expand as", [](const Tensor& x) { return x.mean({1}, true).expand_as(x) + x; }},
      {"resize",
       [](const Tensor& x) {
         return at::upsample_bilinear2d(x, at::IntArrayRef{9, 5}, false);
       }},
      {"resize corners",
       [](const Tensor& x) {
         return at::upsample_bilinear2d(x, at::IntArrayRef{11, 4}, true);
       }},
      {"copies", [](const Tensor& x) { return (x * 2).contiguous().clone().detach(); }},
  });
  check_unmapped({
      {{"squeeze", [](const Tensor& x) { return (x * 2).squeeze(); }, {6, 1, 8}}, "names no axis"},
      {{"flip", [](const Tensor& x) { return x.flip({1}); }}, "has no mapping"},
  });
}

TEST_CASE("what takes tensors apart is written with places from either end", "[deploy]") {
  const Tensor order = torch::tensor({3, 0, 0, 5}, torch::kLong);
  check_mapped({
      {"cat",
       [](const Tensor& x) {
         return torch::cat({x, x * 2, x}, -3);
       }},
      {"stack",
       [](const Tensor& x) {
         return torch::stack({x, x * 2}, 1);
       }},
      {"stack at the end",
       [](const Tensor& x) {
         return torch::stack({x, x * 2}, -1);
       }},
      {"slice", [](const Tensor& x) { return x.slice(1, 1, 4); }},
      {"slice beyond", [](const Tensor& x) { return x.slice(1, 2, 100); }},
      {"slice from the end", [](const Tensor& x) { return x.slice(-1, -5, -1, 2); }},
      {"slice of all", [](const Tensor& x) { return (x * 2).slice(1); }},
      {"select", [](const Tensor& x) { return x.select(2, 3); }},
      {"select from the end", [](const Tensor& x) { return x.select(-1, -2); }},
      {"split", [](const Tensor& x) { return x.split(4, 1)[1] * 2; }},
      {"split at the end", [](const Tensor& x) { return x.split(3, -1)[2]; }},
      {"split by sizes",
       [](const Tensor& x) {
         return x.split_with_sizes({1, 5}, 2)[1];
       }},
      {"split into one", [](const Tensor& x) { return x.split(6, 1)[0] * 2; }},
      {"chunk",
       [](const Tensor& x) {
         return torch::cat({x.chunk(4, 3)[3], x.chunk(4, 3)[0]}, 3);
       }},
      {"uneven chunks", [](const Tensor& x) { return x.chunk(4, 1)[2]; }},
      {"roll",
       [](const Tensor& x) {
         return torch::roll(x, {13, -1, 6}, {-1, 1, 2});
       }},
      {"pad",
       [](const Tensor& x) {
         return torch::constant_pad_nd(x, {1, 0, 0, 2, 3, 0}, -0.5);
       }},
      {"pad by name",
       [](const Tensor& x) {
         return torch::pad(x, {2, 1});
       }},
      {"index",
       [=](const Tensor& x) {
         return x.index({torch::indexing::Slice(), order});
       }},
      {"index select", [=](const Tensor& x) { return x.index_select(-2, order); }},
  });
  check_unmapped({
      {{"roll", [](const Tensor& x) { return torch::roll(x, 1); }}, "names no axes"},
      {{"index",
        [=](const Tensor& x) {
          return x.index({torch::indexing::Slice(), order, order});
        }},
       "takes more than one index"},
      {{"cumsum", [](const Tensor& x) { return x.cumsum(1); }}, "has no mapping"},
  });
}

}  // namespace mlrun::test
