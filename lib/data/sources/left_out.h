#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "data/field_text.h"

namespace mlrun::data {

/// Files that a source passes over, to be told together.
struct LeftOut {
  std::map<std::string, std::int64_t> endings;  ///< how many of each, as `.gif`; `` of names without an ending
  std::string example;                          ///< the first in code point order, of images where there are any

  void add(const std::string& path);
  void add(const LeftOut& others);
  std::int64_t count() const;
  bool empty() const { return endings.empty(); }
  /// Whether names among them end as images do, though not as images that are read.
  bool has_images() const;
  /// `12 .gif, 2 .heic, 1 without an ending`.
  std::string list() const;

  bool operator==(const LeftOut&) const = default;
};

/// The ending of a name in lower case, with its dot; empty where it has none.
std::string name_ending(const std::string& name);

/// True where the name ends as an image file that is read does: jpg, jpeg, jpe, jfif, png, bmp, webp, tif, tiff, ppm,
/// pgm, pbm, pnm, in any case.
bool is_image_name(const std::string& name);

/// The endings that `is_image_name` takes, for messages.
constexpr const char* kImageEndings =
    "jpg, jpeg, jpe, jfif, png, bmp, webp, tif, tiff, ppm, pgm, pbm and pnm files count";

/// True for the names that systems leave behind and nobody wants to hear of: hidden ones, Thumbs.db, desktop.ini,
/// __MACOSX.
bool is_quiet_name(const std::string& name);

/// As caches hold it, and back.
void add_left_out(std::string& text, const LeftOut& left_out);
LeftOut read_left_out(FieldReader& reader);

/// Says once what is left out of `where`: a warning where there are images among it.
void tell_left_out(const LeftOut& left_out, const std::string& where);

}  // namespace mlrun::data
