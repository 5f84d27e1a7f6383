#include "apps/mlrun/verdicts.h"

#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

std::string verdict_text(const std::vector<engine::Verdict>& verdicts) {
  if (verdicts.empty()) return "";
  report::Table table({{"expected"}, {"value"}, {"tolerance"}, {"measured"}, {"verdict"}});
  for (const auto& verdict : verdicts) {
    const auto& expectation = verdict.expectation;
    std::string value = report::shortest(expectation.value);
    if (expectation.direction == "at_least") value = ">= " + value;
    if (expectation.direction == "at_most") value = "<= " + value;
    const bool run = verdict.outcome != engine::Outcome::NotRun;
    table.add({expectation.metric, value, report::shortest(expectation.tolerance),
               run ? report::fixed(verdict.measured, 3) : "-",
               std::string(engine::outcome_name(verdict.outcome)) +
                   (verdict.reason.empty() ? "" : " (" + verdict.reason + ")")});
  }
  return "\n" + table.text();
}

}  // namespace mlrun::apps
