#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace mlrun::data {

/// What is wrong with annotations in any number of files, told together: the first 20 and how many more there are.
class BoxProblems {
 public:
  void add(std::string file, int line, std::string message, std::string hint) {
    add(Problem{std::move(file), line, 0, "", std::move(message), std::move(hint)});
  }
  void add(Problem problem) {
    if (++count_ <= kMost) problems_.push_back(std::move(problem));
  }
  void add(const UserError& error) {
    for (const auto& problem : error.problems()) add(problem);
  }
  void add(const BoxProblems& others) {
    for (const auto& problem : others.problems_) add(problem);
    count_ += others.count_ - others.problems_.size();
  }

  bool empty() const { return count_ == 0; }
  const std::vector<Problem>& first() const { return problems_; }

  /// UserError where there is any.
  void check() {
    if (count_ == 0) return;
    if (count_ > kMost) {
      const std::size_t more = count_ - kMost;
      problems_.push_back({"", 0, 0, "", more == 1 ? "there is 1 more problem" : text(more), ""});
    }
    throw UserError(std::move(problems_));
  }

 private:
  static constexpr std::size_t kMost = 20;

  static std::string text(std::size_t more) { return "there are " + std::to_string(more) + " more problems"; }

  std::size_t count_ = 0;
  std::vector<Problem> problems_;
};

}  // namespace mlrun::data
