#include <cmath>
#include <limits>

#include "deploy/onnx/one_node.h"

namespace mlrun::test {
namespace {

using torch::Tensor;

/// [begin, end) of each window along one axis, in the image's own pixels; `after`: what is padded behind it.
struct Reach {
  std::int64_t kernel = 1, stride = 1, before = 0, after = 0, dilation = 1;
  std::int64_t windows = 1;
};

/// Applies `fold` to the elements of each window of a single image: one loop for every operator of pooling. Elements
/// of the padding are NaN.
Tensor by_windows(const Tensor& x, const Reach& rows, const Reach& columns,
                  double (*fold)(const std::vector<double>&)) {
  const Tensor y = torch::empty({x.size(0), x.size(1), rows.windows, columns.windows});
  const auto in = x.accessor<float, 4>();
  auto out = y.accessor<float, 4>();
  const double outside = std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t plane = 0; plane < x.size(0) * x.size(1); ++plane) {
    const std::int64_t n = plane / x.size(1), c = plane % x.size(1);
    for (std::int64_t place = 0; place < rows.windows * columns.windows; ++place) {
      const std::int64_t i = place / columns.windows, j = place % columns.windows;
      std::vector<double> seen;
      for (std::int64_t k = 0; k < rows.kernel * columns.kernel; ++k) {
        const std::int64_t h = i * rows.stride - rows.before + k / columns.kernel * rows.dilation;
        const std::int64_t w = j * columns.stride - columns.before + k % columns.kernel * columns.dilation;
        if (h >= x.size(2) + rows.after || w >= x.size(3) + columns.after) continue;  // only ceil_mode reaches there
        const bool inside = h >= 0 && h < x.size(2) && w >= 0 && w < x.size(3);
        seen.push_back(inside ? in[n][c][h][w] : outside);
      }
      out[n][c][i][j] = static_cast<float>(fold(seen));
    }
  }
  return y;
}

double largest_of(const std::vector<double>& seen) {
  double result = -std::numeric_limits<double>::infinity();
  for (const double value : seen) result = value > result ? value : result;
  return result;
}

double mean_inside(const std::vector<double>& seen) {
  double sum = 0, count = 0;
  for (const double value : seen) {
    if (value != value) continue;
    sum += value;
    count += 1;
  }
  return sum / count;
}

double mean_with_padding(const std::vector<double>& seen) {
  double sum = 0;
  for (const double value : seen) sum += value == value ? value : 0;
  return sum / static_cast<double>(seen.size());
}

double length_of(const std::vector<double>& seen) {
  double sum = 0;
  for (const double value : seen) sum += value == value ? value * value : 0;
  return std::sqrt(sum);
}

struct PoolRow {
  std::map<std::string, deploy::OnnxAttribute> attributes;  ///< besides kernel_shape
  Reach rows, columns;
};

}  // namespace

TEST_CASE("pooling takes the windows that its attributes say, of an image of 6 x 7", "[deploy][onnx]") {
  // Reaches: kernel, stride, before, after, dilation, windows.
  const std::vector<PoolRow> table = {
      {{}, {2, 1, 0, 0, 1, 5}, {3, 1, 0, 0, 1, 5}},
      {{{"strides", Ints{2, 2}}}, {3, 2, 0, 0, 1, 2}, {2, 2, 0, 0, 1, 3}},
      {{{"strides", Ints{2, 2}}, {"ceil_mode", 1}}, {3, 2, 0, 0, 1, 3}, {2, 2, 0, 0, 1, 4}},
      {{{"strides", Ints{2, 3}}, {"pads", Ints{1, 1, 1, 1}}}, {3, 2, 1, 1, 1, 3}, {3, 3, 1, 1, 1, 3}},
      {{{"strides", Ints{2, 2}}, {"pads", Ints{0, 1, 2, 0}}}, {3, 2, 0, 2, 1, 3}, {3, 2, 1, 0, 1, 3}},
      {{{"strides", Ints{3, 3}}, {"pads", Ints{2, 2, 2, 2}}}, {3, 3, 2, 2, 1, 3}, {3, 3, 2, 2, 1, 3}},
      {{{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"ceil_mode", 1}}, {3, 2, 1, 1, 1, 4}, {2, 2, 1, 1, 1, 4}},
      {{{"dilations", Ints{2, 3}}}, {2, 1, 0, 0, 2, 4}, {2, 1, 0, 0, 3, 4}},
      {{{"dilations", Ints{2, 2}}, {"pads", Ints{1, 2, 1, 0}}}, {3, 1, 1, 1, 2, 4}, {2, 1, 2, 0, 2, 7}},
      {{{"auto_pad", "SAME_UPPER"}, {"strides", Ints{2, 2}}}, {3, 2, 0, 1, 1, 3}, {2, 2, 0, 1, 1, 4}},
      {{{"auto_pad", "SAME_LOWER"}, {"strides", Ints{2, 2}}}, {3, 2, 1, 0, 1, 3}, {2, 2, 1, 0, 1, 4}},
      {{{"auto_pad", "VALID"}, {"strides", Ints{2, 4}}}, {3, 2, 0, 0, 1, 2}, {3, 4, 0, 0, 1, 2}},
  };
  const Tensor x = wave({2, 3, 6, 7});
  for (const auto& row : table) {
    auto attributes = row.attributes;
    attributes["kernel_shape"] = Ints{row.rows.kernel, row.columns.kernel};
    INFO("row " << &row - table.data());
    check_node({"MaxPool", {x}, attributes, 12}, {by_windows(x, row.rows, row.columns, largest_of)});
    check_node({"LpPool", {x}, attributes, 18}, {by_windows(x, row.rows, row.columns, length_of)}, 1e-4, 1e-5);
    check_node({"AveragePool", {x}, attributes, 19}, {by_windows(x, row.rows, row.columns, mean_inside)}, 1e-4, 1e-5);
    attributes["count_include_pad"] = 1;
    check_node({"AveragePool", {x}, attributes, 19}, {by_windows(x, row.rows, row.columns, mean_with_padding)}, 1e-4,
               1e-5);
  }
}

TEST_CASE("signals and volumes are pooled as images are", "[deploy][onnx]") {
  const Tensor signal = wave({2, 3, 9}), volume = wave({1, 2, 4, 5, 6});
  const std::map<std::string, deploy::OnnxAttribute> line = {{"kernel_shape", Ints{3}}, {"strides", Ints{2}}};
  check_node({"MaxPool", {signal}, line}, {torch::max_pool1d(signal, 3, 2)});
  check_node({"AveragePool", {signal}, line}, {torch::avg_pool1d(signal, 3, 2)});
  const std::map<std::string, deploy::OnnxAttribute> cube = {{"kernel_shape", Ints{2, 3, 2}},
                                                             {"pads", Ints{1, 0, 0, 1, 0, 0}}};
  check_node({"MaxPool", {volume}, cube}, {torch::max_pool3d(volume, {2, 3, 2}, {1, 1, 1}, {1, 0, 0})});
  check_node({"AveragePool", {volume}, cube},
             {torch::avg_pool3d(volume, {2, 3, 2}, {1, 1, 1}, {1, 0, 0}, false, /*count_include_pad=*/false)});
  for (const auto& x : {signal, volume, wave({2, 3, 4, 4})}) {
    Ints axes;
    for (std::int64_t i = 2; i < x.dim(); ++i) axes.push_back(i);
    check_node({"GlobalAveragePool", {x}}, {x.sum(axes, true) / static_cast<double>(x[0][0].numel())});
    check_node({"GlobalMaxPool", {x}}, {std::get<0>(x.flatten(2).max(-1)).reshape(x.mean(axes, true).sizes())});
    check_node({"GlobalLpPool", {x}}, {(x * x).sum(axes, true).sqrt()});
    check_node({"GlobalLpPool", {x}, {{"p", 1}}}, {x.abs().sum(axes, true)});
  }
}

TEST_CASE("the largest of bytes is found, negative ones and padding included", "[deploy][onnx]") {
  for (const auto type : {torch::kChar, torch::kByte}) {
    const Tensor x = counted({1, 1, 3, 3}, type).mul(type == torch::kChar ? -10 : 25);
    const Tensor wide = x.to(torch::kFloat);
    check_node({"MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}}}, {torch::max_pool2d(wide, {2, 2}, {1, 1}).to(type)});
    const Tensor padded = torch::constant_pad_nd(wide, {1, 0, 1, 0}, -1000);
    check_node({"MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{1, 1, 0, 0}}}},
               {torch::max_pool2d(padded, {2, 2}, {1, 1}).to(type)});
  }
}

TEST_CASE("pooling over windows that cannot be is refused", "[deploy][onnx]") {
  const Tensor x = wave({1, 2, 4, 4}), bytes = counted({1, 1, 3, 3}, torch::kByte);
  const deploy::OnnxAttribute two = Ints{2, 2};
  check_refused({
      {{"MaxPool", {x}}, "its attribute 'kernel_shape' is missing"},
      {{"MaxPool", {x}, {{"kernel_shape", Ints{2}}}}, "its window does not fit the shape of its input"},
      {{"MaxPool", {x}, {{"kernel_shape", Ints{5, 2}}}}, "its input is smaller than its window"},
      {{"MaxPool", {x}, {{"kernel_shape", Ints{2, 0}}}}, "its window is empty"},
      {{"MaxPool", {torch::empty({0, 2, 4, 4})}, {{"kernel_shape", two}}}, "its input is empty"},
      {{"MaxPool", {x}, {{"kernel_shape", two}}, 17, 2}, "mlrun does not compute its second output"},
      {{"MaxPool", {counted({1, 1, 3, 3}, torch::kInt)}, {{"kernel_shape", two}, {"ceil_mode", 1}}},
       "it pools numbers that it cannot"},
      {{"AveragePool", {bytes}, {{"kernel_shape", two}}}, "its input must be floating numbers"},
      {{"LpPool", {bytes}, {{"kernel_shape", two}}}, "its input must be floating numbers"},
      {{"LpPool", {x}, {{"kernel_shape", two}, {"p", 0}}}, "its p must be 1 or more"},
      {{"GlobalLpPool", {x}, {{"p", 0}}}, "its p must be 1 or more"},
      {{"GlobalAveragePool", {wave({2, 3})}}, "its input is no image"},
      {{"GlobalMaxPool", {torch::empty({1, 2, 0, 3})}}, "its input is no image"},
  });
}

}  // namespace mlrun::test
