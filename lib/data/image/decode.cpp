#include "data/image/decode.h"

#include <torch/types.h>

#include "base/error.h"
#include "base/log_once.h"
#include "data/image/decode_jpeg.h"
#include "data/image/exif.h"
#include "data/image/head.h"
#include "data/image/kind.h"
#include "data/image/pnm.h"

namespace mlrun::data {
namespace {

void check_head(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) throw file_error(name, "the file is empty", "mend or remove it");
  if (bytes.size() > INT32_MAX) throw file_error(name, "the file is larger than 2 GiB", "make it smaller");
  const ImageHead head = read_image_head(bytes);
  if (head.truncated) throw file_error(name, "the image is cut short", "mend or remove it");
  check_pixel_count(head.width, head.height, name);
  check_pixels_fit(bytes, head, name);
}

torch::Tensor decode_pnm_image(std::string_view bytes, const std::string& name) {
  const auto head = read_pnm_head(bytes);
  if (!head) throw file_error(name, "is not an image that can be decoded", "mend or remove it");
  auto image = torch::empty({head->height, head->width, 3}, torch::kByte);
  if (decode_pnm(*head, bytes, name, image.data_ptr<std::uint8_t>())) tell_clipped_grey(name);
  return image;
}

torch::Tensor decode_upright(std::string_view bytes, const std::string& name) {
#ifdef MLRUN_WITH_JPEG
  if (is_jpeg(bytes)) {
    torch::Tensor image;
    decode_jpeg(bytes, name, [&image](std::int64_t height, std::int64_t width) {
      image = torch::empty({height, width, 3}, torch::kByte);
      return image.data_ptr<std::uint8_t>();
    });
    return image;
  }
#endif
  check_head(bytes, name);
  refuse_foreign(bytes, name);
  if (is_pnm(bytes)) return decode_pnm_image(bytes, name);
  return decode_other(bytes, name);
}

}  // namespace

void tell_clipped_grey(const std::string& name) {
  log::warning_once("grey values of 16 bits",
                    name +
                        ": has grey values of 16 bits; as Pillow does, all above 255 are made white (this is said "
                        "once); scale such images to 8 bits, or the model sees white areas");
}

torch::Tensor orient(const torch::Tensor& image, int orientation) {
  switch (orientation) {
    case 2: return image.flip({1});
    case 3: return image.flip({0, 1});
    case 4: return image.flip({0});
    case 5: return image.transpose(0, 1).contiguous();
    case 6: return image.transpose(0, 1).flip({1}).contiguous();
    case 7: return image.transpose(0, 1).flip({0, 1}).contiguous();
    case 8: return image.transpose(0, 1).flip({0}).contiguous();
    default: return image;
  }
}

torch::Tensor decode_image(std::string_view bytes, const std::string& name, bool apply_exif) {
  torch::Tensor image = decode_upright(bytes, name);
  return apply_exif ? orient(image, exif_orientation(bytes)) : image;
}

}  // namespace mlrun::data
