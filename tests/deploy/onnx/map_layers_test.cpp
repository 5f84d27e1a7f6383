#include "deploy/onnx/mapped.h"

namespace mlrun::test {

using torch::Tensor;

TEST_CASE("convolutions are written with their strides, padding, dilations and groups", "[deploy]") {
  const Tensor weight = torch::rand({4, 6, 3, 3}) - 0.5, bias = torch::rand({4}), grouped = torch::rand({12, 2, 3, 2});
  const Tensor depthwise = torch::rand({6, 1, 3, 3}), line = torch::rand({5, 4, 3}), none;
  check_mapped(
      {
          {"plain", [=](const Tensor& x) { return torch::conv2d(x, weight, bias); }},
          {"no bias",
           [=](const Tensor& x) {
             return torch::conv2d(x, weight, none, {2, 1}, {1, 0});
           }},
          {"dilated",
           [=](const Tensor& x) {
             return torch::conv2d(x, weight, bias, 1, 2, {2, 1});
           }},
          {"groups", [=](const Tensor& x) { return torch::conv2d(x, grouped, none, 1, 1, 1, 3); }},
          {"depthwise", [=](const Tensor& x) { return torch::conv2d(x, depthwise, none, 2, 1, 1, 6); }},
          {"of a signal", [=](const Tensor& x) { return torch::conv1d(x, line, none, 2, 1); }, {4, 9}},
      },
      1e-5);
  const Tensor back = torch::rand({6, 4, 2, 2});
  const auto refusal = [](const Wrapped::Function& function) {
    return user_error([&] { graph_of(*model_of(function), {6, 6, 8}); });
  };
  CHECK(refusal([=](const Tensor& x) { return torch::conv_transpose2d(x, back); }).find("in layer 'odd'") !=
        std::string::npos);
  CHECK(refusal([=](const Tensor& x) { return torch::conv2d(x, weight, bias, 1, "same"); }).find("in layer 'odd'") !=
        std::string::npos);
}

TEST_CASE("norms and linear layers are written with and without weights", "[deploy]") {
  const Tensor mean = torch::rand({6}), variance = torch::rand({6}) + 0.5, six = torch::rand({6}), none;
  const Tensor matrix = torch::rand({5, 8}) - 0.5, five = torch::rand({5}), plane = torch::rand({6, 8});
  const auto batch_norm = [=](const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return torch::batch_norm(x, weight, bias, mean, variance, /*training=*/false, 0.1, 1e-3, false);
  };
  check_mapped(
      {
          {"batch norm", [=](const Tensor& x) { return batch_norm(x, six, mean); }},
          {"batch norm without weights", [=](const Tensor& x) { return batch_norm(x, none, none); }},
          {"batch norm of rows", [=](const Tensor& x) { return batch_norm(x, six, mean); }, {6}},
          {"linear of rows", [=](const Tensor& x) { return torch::linear(x, matrix, five); }, {8}},
          {"linear of rows without bias", [=](const Tensor& x) { return torch::linear(x, matrix); }, {8}},
          {"linear of images", [=](const Tensor& x) { return torch::linear(x, matrix, five); }},
          {"linear of tokens without bias", [=](const Tensor& x) { return torch::linear(x, matrix); }, {3, 8}},
          {"scaled sum", [=](const Tensor& x) { return torch::addmm(five, x, matrix.t(), 0.5, 2); }, {8}},
          {"layer norm", [=](const Tensor& x) { return torch::layer_norm(x, {8}, matrix[0], matrix[1], 1e-3); }},
          {"layer norm of planes",
           [=](const Tensor& x) {
             return torch::layer_norm(x, {6, 8}, plane, none);
           }},
          {"layer norm without weights", [=](const Tensor& x) { return torch::layer_norm(x, {8}); }},
          {"dropout", [=](const Tensor& x) { return torch::dropout(x * 2, 0.5, false); }},
          {"dropout of channels", [=](const Tensor& x) { return torch::feature_dropout(x * 2, 0.5, false); }},
      },
      1e-5);
  check_unmapped({
      {{"batch_norm", [=](const Tensor& x) { return torch::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false); }},
       "normalizes by the batch"},
      {{"dropout", [](const Tensor& x) { return torch::dropout(x, 0.5, true); }}, "drops values at random"},
  });
}

TEST_CASE("pooling is written where ONNX has the same windows", "[deploy]") {
  check_mapped({
      {"max", [](const Tensor& x) { return torch::max_pool2d(x, 2); }},
      {"max with padding",
       [](const Tensor& x) {
         return torch::max_pool2d(x, {3, 2}, {2, 1}, {1, 0});
       }},
      {"max up", [](const Tensor& x) { return torch::max_pool2d(x, 3, 2, 0, 1, true); }, {2, 8, 9}},
      {"mean", [](const Tensor& x) { return torch::avg_pool2d(x, 2); }},
      {"mean with padding", [](const Tensor& x) { return torch::avg_pool2d(x, 3, 2, 1); }},
      {"mean without padding", [](const Tensor& x) { return torch::avg_pool2d(x, 3, 2, 1, false, false); }},
      {"of all",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x, {1, 1});
       }},
      {"of each",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x * 2, {6, 8});
       }},
      {"of halves",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x, {3, 2});
       }},
      {"of uneven parts",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x, {4, 3});
       }},
      {"to more",
       [](const Tensor& x) {
         return torch::adaptive_avg_pool2d(x, {9, 8});
       }},
  });
  const std::vector<std::int64_t> five = {2, 5, 5};
  check_unmapped({
      {{"max_pool2d", [](const Tensor& x) { return torch::max_pool2d(x, 3, 2, 0, 2); }}, "is dilated"},
      {{"max_pool2d", [](const Tensor& x) { return torch::max_pool2d(x, 2, 3, 1, 1, true); }, five},
       "rounds its size up as ONNX does not"},
      {{"avg_pool2d", [](const Tensor& x) { return torch::avg_pool2d(x, 2, 2, 0, true); }},
       "rounds its size up, where engines take different means"},
      {{"avg_pool2d", [](const Tensor& x) { return torch::avg_pool2d(x, 2, 2, 0, false, true, 3); }},
       "divides by a number of its own"},
  });
}

}  // namespace mlrun::test
