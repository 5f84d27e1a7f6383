#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/fields.h"
#include "data/sources/source.h"

namespace mlrun::engine {

/// What a task says of one sample.
struct ResultSample {
  const data::Batch& batch;
  const data::Fields& prediction;  ///< as `Task::predict` gives it, on the CPU
  std::int64_t row = 0;            ///< of both
};

/// Writes what a task says of samples, one after another, in a form of the field; what lies in memory does not grow
/// with their number.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  virtual void add(const ResultSample& sample) = 0;
  /// Ends it. A single file is there from then on.
  virtual void commit() = 0;
};

/// A form that results have: one file, or a file for each sample in a folder.
struct ResultForm {
  std::string name;  ///< as the field calls it: `coco`
  bool folder = false;
};

/// What is to be written, and where.
struct ResultTarget {
  std::string form;
  std::filesystem::path place;
  /// Of files that are predicted: their names, with folders and without their endings, by `Batch::indices`. None: what
  /// is written is of samples of a split.
  std::vector<std::filesystem::path> names{};
};

/// What a model, anybody's, found in the samples of a split, read from a file.
class ReadResults {
 public:
  virtual ~ReadResults() = default;
  /// For samples of the truths that it was read with, in the form of `Task::predict`.
  virtual data::Fields of(const data::Batch& batch) const = 0;
};

/// A task whose results have forms of their own in the field is this, too.
class ResultFiles {
 public:
  virtual ~ResultFiles() = default;

  /// The first is the one that evaluations write and read.
  virtual std::vector<ResultForm> result_forms() const = 0;
  virtual std::unique_ptr<ResultWriter> write_results(const ResultTarget& target) const = 0;
  /// The samples of a split with their targets alone, as the data have them; null where there is no such split.
  virtual std::shared_ptr<const data::Source> truths(data::Split split) = 0;
  /// UserError that names the file where it is none of results of `truths`.
  virtual std::unique_ptr<ReadResults> read_results(const std::filesystem::path& file,
                                                    const data::Source& truths) const = 0;
};

}  // namespace mlrun::engine
