#pragma once

#include <string>
#include <vector>

#include "engine/report/evidence.h"
#include "engine/report/published.h"
#include "engine/report/ranking.h"
#include "engine/report/runs.h"

/// Reports as HTML pages that stand alone.
namespace mlrun::engine {

/// Everything about one run. `recipe` is its resolved recipe as text; `table` may be null.
std::string run_page(const RunRecord& run, const Evidence& evidence, const std::string& recipe,
                     const ComparedTable* table);

/// Several runs beside each other: their ranking, their curves, what differs. `table` may be null.
std::string runs_page(const std::vector<RunRecord>& runs, const Ranking& ranking, const ComparedTable* table);

/// A published table alone.
std::string table_page(const ComparedTable& table);

/// One evaluation: figures, and what stands behind them.
std::string evaluation_page(const Evidence& evidence);

/// Sections of those pages.
std::string evidence_sections(const Evidence& evidence);
std::string table_section(const ComparedTable& table);
std::string page_footer();

}  // namespace mlrun::engine
