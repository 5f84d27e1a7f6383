#include "data/sources/left_out.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/log.h"
#include "data/shown_text.h"
#include "report/format.h"

namespace mlrun::data {
namespace {

constexpr std::array kReadEndings = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp",
                                     ".tif", ".tiff", ".ppm", ".pgm",  ".pbm", ".pnm"};
constexpr std::array kUnreadEndings = {
    ".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx",   ".jpf", ".apng", ".ico", ".svg", ".psd",
    ".eps", ".ai",   ".tga",  ".pcx",  ".dds", ".exr", ".hdr", ".pfm",   ".pam", ".raw",  ".dng", ".cr2", ".cr3",
    ".nef", ".arw",  ".orf",  ".rw2",  ".raf", ".dcm", ".dib", ".pjpeg", ".mpo", ".webm", ".mp4", ".mov", ".avi"};

template <class List>
bool holds(const List& list, const std::string& ending) {
  return std::find(list.begin(), list.end(), ending) != list.end();
}

bool is_unread_image(const std::string& ending) { return holds(kUnreadEndings, ending); }

}  // namespace

std::string name_ending(const std::string& name) {
  std::string ending = std::filesystem::path(name).extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending;
}

bool is_image_name(const std::string& name) { return holds(kReadEndings, name_ending(name)); }

bool is_quiet_name(const std::string& name) {
  return name.front() == '.' || name == "Thumbs.db" || name == "desktop.ini" || name == "__MACOSX";
}

void LeftOut::add(const std::string& path) {
  LeftOut one;
  one.endings[name_ending(path)] = 1;
  one.example = path;
  add(one);
}

void LeftOut::add(const LeftOut& others) {
  if (others.empty()) return;
  const bool better = others.has_images() && !has_images(), worse = has_images() && !others.has_images();
  if (empty() || better || (!worse && others.example < example)) example = others.example;
  for (const auto& [ending, files] : others.endings) endings[ending] += files;
}

std::int64_t LeftOut::count() const {
  std::int64_t files = 0;
  for (const auto& item : endings) files += item.second;
  return files;
}

bool LeftOut::has_images() const {
  return std::any_of(endings.begin(), endings.end(),
                     [](const auto& item) { return is_unread_image(item.first) || holds(kReadEndings, item.first); });
}

std::string LeftOut::list() const {
  constexpr std::size_t kMostNamed = 6;
  std::vector<std::pair<std::string, std::int64_t>> sorted(endings.begin(), endings.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  std::int64_t rest = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto& [ending, files] = sorted[i];
    if (i >= kMostNamed) rest += files;
    else
      text += (i == 0 ? "" : ", ") + report::grouped(files) + " " +
              (ending.empty() ? "without an ending" : shown_text(ending));
  }
  return rest == 0 ? text : text + ", " + report::grouped(rest) + " of other kinds";
}

void add_left_out(std::string& text, const LeftOut& left_out) {
  add_number(text, left_out.endings.size());
  for (const auto& [ending, files] : left_out.endings) {
    add_field(text, ending);
    add_number(text, files);
  }
  add_field(text, left_out.example);
}

LeftOut read_left_out(FieldReader& reader) {
  LeftOut left_out;
  for (auto kinds = reader.number<std::uint64_t>(); kinds > 0 && !reader.failed(); --kinds) {
    const std::string ending(reader.text());
    left_out.endings[ending] = reader.number<std::int64_t>();
  }
  left_out.example = reader.text();
  return left_out;
}

void tell_left_out(const LeftOut& left_out, const std::string& where) {
  if (left_out.empty()) return;
  const std::int64_t files = left_out.count();
  const std::string text = where + ": " + report::grouped(files) + (files == 1 ? " file is" : " files are") +
                           " left out: " + left_out.list() + (files == 1 ? ": '" : ", as '") +
                           shown_text(left_out.example) + "'";
  if (left_out.has_images()) log::warning(text + "; images of such kinds are not read: convert them to PNG or JPEG");
  else log::info(text);
}

}  // namespace mlrun::data
