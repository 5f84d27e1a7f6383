#ifdef MLRUN_WITH_JPEG

#include "data/image/decode_jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>

#include <jpeglib.h>
// jerror.h needs jpeglib.h before it.
#include <jerror.h>

#include "base/error.h"
#include "data/image/head.h"
#include "data/image/scratch.h"

namespace mlrun::data {
/// libjpeg's state for one file. Its functions are left by longjmp, so nothing that they are called
/// from may have a destructor to run: what needs one lives here.
struct JpegReader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = "";
  std::size_t size = 0;  // of the file
  bool cut_short = false;
  bool complete = false;  // every row is there
  bool created = false;
  Box part;  // that is wanted
  const TakeRows* take = nullptr;
  bool to_end = true;
  Scratch rows, row;  // a few of RGB, one of grey or CMYK

  ~JpegReader() {
    if (created) jpeg_destroy_decompress(&info);
  }
};

namespace {

constexpr int kMostScans = 1000;
constexpr int kUsualScans = 100;
constexpr std::int64_t kMostBlocksPerByte = 256;  // that all scans together pass over
constexpr int kRowsAtOnce = 8;
// Columns and rows beyond a part that the interpolation of its colours may look at.
constexpr std::int64_t kMargin = 2;
constexpr std::int64_t kSlack = 64;  // bytes behind the rows that may be read

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

/// A scan of few bytes can pass over all blocks of a large image: beyond the usual, scans must have bytes.
void count_scans(j_common_ptr common) {
  const auto* info = reinterpret_cast<j_decompress_ptr>(common);
  JpegReader& reader = reader_of(common->client_data);
  const std::int64_t scans = info->input_scan_number;
  const std::int64_t blocks =
      ((std::int64_t{info->image_width} + 7) / 8) * ((std::int64_t{info->image_height} + 7) / 8);
  const bool filled = scans * blocks <= kMostBlocksPerByte * static_cast<std::int64_t>(reader.size);
  if (scans <= kUsualScans || (scans <= kMostScans && filled)) return;
  const int most = filled ? kMostScans : kUsualScans;
  std::snprintf(reader.message, sizeof(reader.message), "it has more than %d scans", most);
  std::longjmp(reader.escape, 1);
}

void prepare_reader(JpegReader& reader, std::string_view bytes) {
  jpeg_std_error(&reader.errors);
  reader.errors.error_exit = leave_libjpeg;
  reader.errors.emit_message = hear_warning;
  reader.errors.output_message = [](j_common_ptr) {};
  reader.source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  reader.source.bytes_in_buffer = bytes.size();
  reader.size = bytes.size();
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

/// Whether parts can be decoded alone. Of several scans all is decoded before the first row is.
bool decodes_parts(jpeg_decompress_struct& info) {
#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 2001000
  return !jpeg_has_multiple_scans(&info);
#else
  return (void)info, false;
#endif
}

/// Leaves out columns left and right of the part; returns the column that rows then begin with.
std::int64_t crop_jpeg_columns(JpegReader& reader) {
#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 2001000
  jpeg_decompress_struct& info = reader.info;
  const std::int64_t whole = info.output_width;
  const std::int64_t left = reader.part.left > kMargin ? reader.part.left - kMargin : 0;
  const std::int64_t right = reader.part.left + reader.part.width + kMargin;
  if (!decodes_parts(info) || (left == 0 && right >= whole)) return 0;
  auto first = static_cast<JDIMENSION>(left);
  auto width = static_cast<JDIMENSION>((right < whole ? right : whole) - left);
  jpeg_crop_scanline(&info, &first, &width);
  return first;
#else
  return (void)reader, 0;
#endif
}

/// Passes over the rows before `row`; their codes are decoded, and so checked, all the same.
void pass_jpeg_rows(JpegReader& reader, std::int64_t row) {
  jpeg_decompress_struct& info = reader.info;
  const std::int64_t count = row - static_cast<std::int64_t>(info.output_scanline);
  if (count <= 0) return;
#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 2001000
  if (decodes_parts(info)) {
    jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(count));
    return;
  }
#endif
  JSAMPROW unwanted = reader.row.data();
  while (info.output_scanline < row) jpeg_read_scanlines(&info, &unwanted, 1);
}

/// Reads `count` rows as RGB, `stride` bytes apart.
void read_jpeg_rows(JpegReader& reader, int count, std::int64_t stride) {
  jpeg_decompress_struct& info = reader.info;
  std::uint8_t* out = reader.rows.data();
  for (int i = 0; i < count; ++i, out += stride) {
    JSAMPROW row = info.output_components == 3 ? out : reader.row.data();
    jpeg_read_scanlines(&info, &row, 1);
    if (info.output_components == 1) grey_to_rgb(row, out, info.output_width);
    if (info.output_components == 4) cmyk_to_rgb(row, out, info.output_width);
  }
}

void read_jpeg_pixels(JpegReader& reader) {
  jpeg_decompress_struct& info = reader.info;
  jpeg_start_decompress(&info);
  const std::int64_t left = crop_jpeg_columns(reader);
  const std::int64_t width = info.output_width, stride = 3 * width;
  const std::int64_t end = reader.part.top + reader.part.height, last = std::int64_t{info.output_height} - 1;
  pass_jpeg_rows(reader, reader.part.top);
  for (std::int64_t y = reader.part.top; y < end; y += kRowsAtOnce) {
    const auto count = static_cast<int>(end - y < kRowsAtOnce ? end - y : kRowsAtOnce);
    read_jpeg_rows(reader, count, stride);
    (*reader.take)(y, left, {reader.rows.data(), count, width, 3, stride, kSlack});
  }
  if (!reader.to_end) return;
  pass_jpeg_rows(reader, last);  // libjpeg would not look at what is skipped up to the end
  if (info.output_scanline == info.output_height - 1) read_jpeg_rows(reader, 1, stride);
  reader.complete = true;
  jpeg_finish_decompress(&info);  // reads on to the end-of-image marker
}

/// Whether the file ends as a whole one does, so that a look at its end finds that nothing is cut off.
bool ends_with_marker(const jpeg_source_mgr& source) {
  const std::size_t left = source.bytes_in_buffer;
  return left >= 2 && source.next_input_byte[left - 2] == 0xFF && source.next_input_byte[left - 1] == JPEG_EOI;
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

JpegFile::JpegFile(std::string_view bytes, const std::string& name)
    : reader_(std::make_unique<JpegReader>()), name_(name) {
  prepare_reader(*reader_, bytes);
  if (!survives(*reader_, read_jpeg_head)) refuse_jpeg(*reader_, name_);
  check_jpeg_size(reader_->info, bytes.size(), name_);
}

JpegFile::~JpegFile() = default;

std::int64_t JpegFile::height() const { return reader_->info.image_height; }
std::int64_t JpegFile::width() const { return reader_->info.image_width; }

void JpegFile::read(const Box& part, int reduction, const TakeRows& take, bool to_end) {
  jpeg_decompress_struct& info = reader_->info;
  info.out_color_space = info.num_components == 1 ? JCS_GRAYSCALE : info.num_components == 3 ? JCS_RGB : JCS_CMYK;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(reduction);
  const std::size_t width = info.image_width;
  reader_->row.reserve(4 * width);
  reader_->rows.reserve(3 * width * kRowsAtOnce + kSlack);
  reader_->part = part;
  reader_->take = &take;
  reader_->to_end = to_end || !ends_with_marker(reader_->source);
  const bool read = survives(*reader_, read_jpeg_pixels);
  // Where all pixels are there, a missing end-of-image marker is forgiven, as in Pillow.
  if (!read && !(reader_->complete && reader_->cut_short)) refuse_jpeg(*reader_, name_);
}

void decode_jpeg(std::string_view bytes, const std::string& name, const PixelMemory& memory) {
  JpegFile file(bytes, name);
  std::uint8_t* const pixels = memory(file.height(), file.width());
  const std::int64_t row = 3 * file.width();
  file.read({0, 0, file.height(), file.width()}, 1, [&](std::int64_t top, std::int64_t, const ImageView& rows) {
    std::memcpy(pixels + top * row, rows.pixels, static_cast<std::size_t>(rows.height * row));
  });
}

}  // namespace mlrun::data

#endif
