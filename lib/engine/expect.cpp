#include "engine/expect.h"

#include <algorithm>
#include <cmath>

namespace mlrun::engine {
namespace {

/// The condition that does not hold, or an empty string.
std::string failing_condition(const config::Condition& when, const Measured& measured) {
  if (when.data && *when.data != measured.data && *when.data != measured.fingerprint) {
    return "when.data is " + *when.data + ", this is " + measured.data;
  }
  // Skipped samples belong to the split; that they are missing makes the verdict, not the condition.
  const std::int64_t all = measured.samples + measured.skipped;
  if (when.samples && *when.samples != all) {
    return "when.samples is " + std::to_string(*when.samples) + ", evaluated were " + std::to_string(all);
  }
  if (when.weights && *when.weights != measured.weights) {
    return "when.weights is " + *when.weights + ", these are " + measured.weights;
  }
  return "";
}

bool within(const config::Expectation& expectation, double measured) {
  const double difference = measured - expectation.value;
  // The slack forgives what binary fractions do to "74.042 +- 0.03", and no more.
  const double tolerance = expectation.tolerance + 1e-9 * std::max(1.0, std::abs(expectation.value));
  if (expectation.direction == "at_least") return difference >= -tolerance;
  if (expectation.direction == "at_most") return difference <= tolerance;
  return std::abs(difference) <= tolerance;
}

const double* find_figure(const Measured& measured, const std::string& metric) {
  for (const auto& figure : measured.figures) {
    if (measured.split + "/" + figure.name == metric) return &figure.value;
  }
  return nullptr;
}

Verdict judge(const config::Expectation& expectation, const std::vector<Measured>& all) {
  Verdict verdict;
  verdict.expectation = expectation;
  verdict.reason = expectation.metric + " was not measured";
  for (const Measured& measured : all) {
    const double* figure = find_figure(measured, expectation.metric);
    if (figure == nullptr) continue;
    verdict.measured = *figure;
    verdict.reason = failing_condition(expectation.when, measured);
    if (!verdict.reason.empty()) {
      verdict.outcome = Outcome::NotComparable;
    } else if (measured.skipped > 0) {
      verdict.outcome = Outcome::Differs;
      verdict.reason =
          std::to_string(measured.skipped) + (measured.skipped == 1 ? " sample was" : " samples were") + " skipped";
    } else {
      verdict.outcome = within(expectation, *figure) ? Outcome::Met : Outcome::Differs;
    }
  }
  return verdict;
}

}  // namespace

std::vector<Verdict> compare(const std::vector<config::Expectation>& expectations,
                             const std::vector<Measured>& measured) {
  std::vector<Verdict> verdicts;
  for (const auto& expectation : expectations) verdicts.push_back(judge(expectation, measured));
  return verdicts;
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::Met: return "met";
    case Outcome::Differs: return "differs";
    case Outcome::NotComparable: return "not_comparable";
    case Outcome::NotRun: break;
  }
  return "not_run";
}

Json to_json(const Verdict& verdict) {
  const auto& expectation = verdict.expectation;
  Json json = {{"metric", expectation.metric},
               {"expected", expectation.value},
               {"measured", verdict.outcome == Outcome::NotRun ? Json(nullptr) : Json(verdict.measured)},
               {"tolerance", expectation.tolerance},
               {"source", expectation.source ? Json(*expectation.source) : Json(nullptr)},
               {"verdict", outcome_name(verdict.outcome)}};
  if (expectation.row) json["row"] = *expectation.row;
  if (expectation.direction != "both") json["direction"] = expectation.direction;
  if (!verdict.reason.empty()) json["reason"] = verdict.reason;
  return json;
}

bool unmet(const std::vector<Verdict>& verdicts) {
  return std::any_of(verdicts.begin(), verdicts.end(),
                     [](const Verdict& verdict) { return verdict.outcome == Outcome::Differs; });
}

}  // namespace mlrun::engine
