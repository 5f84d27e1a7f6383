#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"

/// TensorBoard's event files, written by hand: records as TFRecord frames them, each one an Event
/// message of tensorflow/core/util/event.proto.
namespace mlrun::report {

/// Values by tag.
using Scalars = std::vector<std::pair<std::string, double>>;

/// CRC-32C (Castagnoli) of `bytes`.
std::uint32_t crc32c(std::string_view bytes);

/// `payload` as a TFRecord: its length (8 bytes, little endian), that length's masked CRC-32C,
/// the payload, its masked CRC-32C.
std::string tfrecord(std::string_view payload);

/// Encoded Event messages; `wall_time` in seconds since 1970.
std::string version_event(double wall_time);
std::string scalars_event(double wall_time, std::int64_t step, const Scalars& scalars);
/// Markdown for the Text page.
std::string text_event(double wall_time, std::int64_t step, const std::string& tag, const std::string& markdown);
/// Tells TensorBoard that the run started again: it drops what it has from `step` on.
std::string restart_event(double wall_time, std::int64_t step);

/// One event file of a run. Events are held back until `flush`, 64 KiB of them, or the end.
class TensorBoard {
 public:
  /// Makes `folder` where needed and a new event file in it. `first_step` is given on resume: the
  /// first step that this run writes anew.
  explicit TensorBoard(const std::filesystem::path& folder, std::optional<std::int64_t> first_step = {});
  /// Writes what is held back; a failure is logged, unless an exception is already under way.
  ~TensorBoard();
  TensorBoard(const TensorBoard&) = delete;
  TensorBoard& operator=(const TensorBoard&) = delete;

  void scalars(std::int64_t step, const Scalars& scalars);
  void text(std::int64_t step, const std::string& tag, const std::string& markdown);
  /// UserError when the file cannot be written.
  void flush();

  const std::filesystem::path& path() const { return file_->path(); }

 private:
  void add(const std::string& event);

  std::optional<GrowingFile> file_;
  std::string held_back_;
  int exceptions_ = std::uncaught_exceptions();
};

}  // namespace mlrun::report
