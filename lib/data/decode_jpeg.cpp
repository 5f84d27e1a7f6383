#ifdef MLRUN_WITH_JPEG

#include "data/decode_jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <new>
#include <vector>

#include <jpeglib.h>
// jerror.h needs jpeglib.h before it.
#include <jerror.h>

#include "base/error.h"
#include "data/image_head.h"

namespace mlrun::data {
namespace {

constexpr int kMostScans = 1000;

/// libjpeg's state for one file. Its functions are left by longjmp, so nothing that they are called
/// from may have a destructor to run: what needs one lives here.
struct JpegReader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = "";
  bool cut_short = false;
  bool complete = false;  // every row is there
  bool created = false;
  std::uint8_t* pixels = nullptr;
  std::vector<std::uint8_t> row;  // grey or CMYK

  ~JpegReader() {
    if (created) jpeg_destroy_decompress(&info);
  }
};

JpegReader& reader_of(void* client_data) { return *static_cast<JpegReader*>(client_data); }

[[noreturn]] void leave_libjpeg(j_common_ptr info) {
  JpegReader& reader = reader_of(info->client_data);
  info->err->format_message(info, reader.message);
  std::longjmp(reader.escape, 1);
}

/// libjpeg makes up pixels after these and goes on.
bool spoils_pixels(int warning) {
  switch (warning) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_JPEG_EOF: return true;
    default: return false;
  }
}

/// Negative levels are warnings; the others trace.
void hear_warning(j_common_ptr info, int level) {
  if (level < 0 && spoils_pixels(info->err->msg_code)) leave_libjpeg(info);
}

boolean out_of_data(j_decompress_ptr info) {
  JpegReader& reader = reader_of(info->client_data);
  reader.cut_short = true;
  std::longjmp(reader.escape, 1);
}

void skip_data(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if (static_cast<std::size_t>(count) > info->src->bytes_in_buffer) out_of_data(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= static_cast<std::size_t>(count);
}

void count_scans(j_common_ptr common) {
  const auto* info = reinterpret_cast<j_decompress_ptr>(common);
  if (info->input_scan_number <= kMostScans) return;
  JpegReader& reader = reader_of(common->client_data);
  std::snprintf(reader.message, sizeof(reader.message), "it has more than %d scans", kMostScans);
  std::longjmp(reader.escape, 1);
}

void prepare_reader(JpegReader& reader, std::string_view bytes) {
  jpeg_std_error(&reader.errors);
  reader.errors.error_exit = leave_libjpeg;
  reader.errors.emit_message = hear_warning;
  reader.errors.output_message = [](j_common_ptr) {};
  reader.source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  reader.source.bytes_in_buffer = bytes.size();
  reader.source.init_source = [](j_decompress_ptr) {};
  reader.source.fill_input_buffer = out_of_data;
  reader.source.skip_input_data = skip_data;
  reader.source.resync_to_restart = jpeg_resync_to_restart;
  reader.source.term_source = [](j_decompress_ptr) {};
  reader.progress.progress_monitor = count_scans;
  reader.info.err = &reader.errors;
  reader.info.client_data = &reader;
}

void read_jpeg_head(JpegReader& reader) {
  jpeg_create_decompress(&reader.info);  // keeps err and client_data
  reader.created = true;
  reader.info.src = &reader.source;
  reader.info.progress = &reader.progress;
  jpeg_read_header(&reader.info, TRUE);
}

std::uint8_t times(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t product = a * b + 128;
  return static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
}

/// One row of inverted CMYK: what is not black is what the ink lets through. Equal to Pillow's
/// inversion followed by its conversion, rounding included.
void cmyk_to_rgb(const std::uint8_t* in, std::uint8_t* out, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x, in += 4, out += 3) {
    const int light = in[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int value = light - times(255U - in[c], in[3]);
      out[c] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
    }
  }
}

void grey_to_rgb(const std::uint8_t* in, std::uint8_t* out, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x, out += 3) out[0] = out[1] = out[2] = in[x];
}

void read_jpeg_pixels(JpegReader& reader) {
  jpeg_decompress_struct& info = reader.info;
  jpeg_start_decompress(&info);
  const std::size_t width = info.output_width;
  while (info.output_scanline < info.output_height) {
    std::uint8_t* out = reader.pixels + 3 * width * info.output_scanline;
    JSAMPROW row = info.output_components == 3 ? out : reader.row.data();
    jpeg_read_scanlines(&info, &row, 1);
    if (info.output_components == 1) grey_to_rgb(row, out, width);
    if (info.output_components == 4) cmyk_to_rgb(row, out, width);
  }
  reader.complete = true;
  jpeg_finish_decompress(&info);  // reads on to the end-of-image marker
}

/// False where libjpeg gave up; `reader.message` or `cut_short` then say why.
bool survives(JpegReader& reader, void (*step)(JpegReader&)) {
  if (setjmp(reader.escape) != 0) return false;
  step(reader);
  return true;
}

[[noreturn]] void refuse_jpeg(const JpegReader& reader, const std::string& name) {
  if (reader.cut_short) throw file_error(name, "the image is cut short", "mend or remove it");
  const int code = reader.errors.msg_code;
  if (code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code == JERR_BAD_PRECISION) {
    throw file_error(name, "the JPEG has samples of " + std::to_string(reader.errors.msg_parm.i[0]) + " bits",
                     "save it with 8 bits a sample");
  }
  const std::string reason = reader.message;
  throw file_error(name, "the JPEG cannot be decoded: " + reason, "mend or remove it");
}

/// A Huffman-coded block of 8 x 8 pixels takes at least one bit.
void check_jpeg_size(const jpeg_decompress_struct& info, std::size_t bytes, const std::string& name) {
  const std::int64_t width = info.image_width, height = info.image_height;
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  check_pixel_count(width, height, name);
  const std::int64_t blocks = ((width + 7) / 8) * ((height + 7) / 8);
  if (info.arith_code == FALSE && blocks / 8 > static_cast<std::int64_t>(bytes)) {
    throw file_error(name, "the image is cut short: " + std::to_string(bytes) + " bytes cannot hold " + size,
                     "mend or remove it");
  }
  const int components = info.num_components;
  if (components == 1 || components == 3 || components == 4) return;
  throw file_error(name, "the JPEG has " + std::to_string(components) + " components", "save it as grey, RGB or CMYK");
}

}  // namespace

bool is_jpeg(std::string_view bytes) { return bytes.substr(0, 3) == "\xFF\xD8\xFF"; }

void decode_jpeg(std::string_view bytes, const std::string& name, const PixelMemory& memory) {
  JpegReader reader;
  prepare_reader(reader, bytes);
  if (!survives(reader, read_jpeg_head)) refuse_jpeg(reader, name);
  jpeg_decompress_struct& info = reader.info;
  check_jpeg_size(info, bytes.size(), name);
  info.out_color_space = info.num_components == 1 ? JCS_GRAYSCALE : info.num_components == 3 ? JCS_RGB : JCS_CMYK;
  if (info.num_components != 3) reader.row.resize(std::size_t{4} * info.image_width);
  reader.pixels = memory(info.image_height, info.image_width);
  const bool read = survives(reader, read_jpeg_pixels);
  // Where all pixels are there, a missing end-of-image marker is forgiven, as in Pillow.
  if (!read && !(reader.complete && reader.cut_short)) refuse_jpeg(reader, name);
}

}  // namespace mlrun::data

#endif
