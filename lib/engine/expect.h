#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "config/recipe.h"
#include "engine/evaluator.h"

namespace mlrun::engine {

/// What was measured of one split, as the conditions of expectations ask for it.
struct Measured {
  std::string split;         ///< `test`
  std::string data;          ///< the data set's name
  std::string fingerprint;   ///< the data set's fingerprint
  std::string weights;       ///< `best`, `last` or a published name
  std::int64_t samples = 0;  ///< evaluated
  std::int64_t skipped = 0;  ///< of the split, because they could not be read
  metrics::Figures figures;
};

enum class Outcome { Met, Differs, NotComparable, NotRun };

struct Verdict {
  config::Expectation expectation;
  Outcome outcome = Outcome::NotRun;
  double measured = 0;  ///< of Met and Differs
  std::string reason;   ///< of NotComparable and NotRun, and of Differs because samples were skipped
};

/// Holds every expectation against what was measured of its split.
std::vector<Verdict> compare(const std::vector<config::Expectation>& expectations,
                             const std::vector<Measured>& measured);

/// `met`, `differs`, `not_comparable`, `not_run`.
const char* outcome_name(Outcome outcome);

/// One entry of `expect` in the JSON result: metric, expected, measured, tolerance, source, verdict.
Json to_json(const Verdict& verdict);

/// True where one differs: exit code 3.
bool unmet(const std::vector<Verdict>& verdicts);

}  // namespace mlrun::engine
