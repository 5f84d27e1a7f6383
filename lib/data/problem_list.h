#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace mlrun::data {

/// What is wrong with one file, told together: the first 20 problems and how many more there are.
class ProblemList {
 public:
  explicit ProblemList(std::string file) : file_(std::move(file)) {}

  void add(int line, std::string message, std::string hint) {
    if (++count_ <= kMost) problems_.push_back({file_, line, 0, "", std::move(message), std::move(hint)});
  }

  /// UserError where there is any.
  void check() {
    if (count_ == 0) return;
    if (count_ > kMost) {
      problems_.push_back({file_, 0, 0, "", "there are " + std::to_string(count_ - kMost) + " more problems", ""});
    }
    throw UserError(std::move(problems_));
  }

 private:
  static constexpr std::size_t kMost = 20;

  std::string file_;
  std::size_t count_ = 0;
  std::vector<Problem> problems_;
};

}  // namespace mlrun::data
