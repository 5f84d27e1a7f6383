#include "data/image/mask.h"

#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "data/image/kind.h"

namespace mlrun::data {
namespace {

constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 28U;

/// What is left to read of a file in memory.
struct Rest {
  const char* bytes;
  std::size_t size;
};

void read_rest(png_structp png, png_bytep target, png_size_t size) {
  auto* rest = static_cast<Rest*>(png_get_io_ptr(png));
  if (size > rest->size) png_error(png, "it ends too soon");
  std::memcpy(target, rest->bytes, size);
  rest->bytes += size;
  rest->size -= size;
}

void keep_message(png_structp png, png_const_charp message) {
  *static_cast<std::string*>(png_get_error_ptr(png)) = message;
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

/// A PNG being read. libpng leaves by longjmp: nothing with a destructor may live between that and `setjmp`.
class PngReader {
 public:
  explicit PngReader(std::string_view bytes) : rest_{bytes.data(), bytes.size()} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message_, keep_message, ignore_warning);
    if (png_) info_ = png_create_info_struct(png_);
    MLRUN_ASSERT(info_ != nullptr, "libpng has no memory for its own");
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// False where the file is damaged.
  bool read_head() {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_set_read_fn(png_, &rest_, read_rest);
    png_read_info(png_, info_);
    png_set_packing(png_);  // values of less than 8 bits as bytes, not scaled
    png_set_strip_alpha(png_);
    if (coloured()) png_set_strip_16(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  bool read_rows(png_bytep* rows) {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_read_image(png_, rows);
    return true;
  }

  std::uint32_t height() const { return png_get_image_height(png_, info_); }
  std::uint32_t width() const { return png_get_image_width(png_, info_); }
  int depth() const { return png_get_bit_depth(png_, info_); }
  bool coloured() const {
    const int type = png_get_color_type(png_, info_);
    return type == PNG_COLOR_TYPE_RGB || type == PNG_COLOR_TYPE_RGB_ALPHA;
  }
  const std::string& message() const { return message_; }

 private:
  Rest rest_;
  std::string message_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

/// Values of `width` bytes each, the highest first.
torch::Tensor from_bytes(const std::vector<png_byte>& bytes, std::int64_t rows, std::int64_t columns,
                         std::size_t width) {
  const torch::Tensor values = torch::empty({rows, columns}, torch::kInt);
  auto* out = values.data_ptr<std::int32_t>();
  const png_byte* in = bytes.data();
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    std::int32_t value = 0;
    for (std::size_t byte = 0; byte < width; ++byte) value = value << 8 | *in++;
    out[i] = value;
  }
  return values;
}

}  // namespace

RawMask decode_mask(std::string_view bytes, const std::string& name) {
  const std::string kind = image_kind(bytes);
  if (kind.rfind("PNG", 0) != 0) {
    throw file_error(name, "is no PNG, which masks are" + (kind == "unknown" ? std::string() : ", but " + kind),
                     "write masks as palette or grey PNG, whose values are classes");
  }
  PngReader reader(bytes);
  if (!reader.read_head()) throw file_error(name, "is a damaged PNG: " + reader.message());
  const std::int64_t height = reader.height(), width = reader.width();
  if (static_cast<std::uint64_t>(height) * static_cast<std::uint64_t>(width) > kMostPixels) {
    throw file_error(name, "has more than 268 million pixels");
  }
  const std::size_t size = reader.coloured() ? 3 : reader.depth() == 16 ? 2 : 1;
  const std::size_t stride = static_cast<std::size_t>(width) * size;
  std::vector<png_byte> pixels(stride * static_cast<std::size_t>(height));
  std::vector<png_bytep> rows;
  for (std::size_t row = 0; row < static_cast<std::size_t>(height); ++row) rows.push_back(&pixels[row * stride]);
  if (!reader.read_rows(rows.data())) throw file_error(name, "is a damaged PNG: " + reader.message());
  return {from_bytes(pixels, height, width, size), reader.coloured()};
}

}  // namespace mlrun::data
