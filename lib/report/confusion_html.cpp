#include "report/confusion_html.h"

#include <algorithm>
#include <numeric>

#include "report/format.h"
#include "report/markup.h"

namespace mlrun::report {
namespace {

std::int64_t total_of(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

double share_of(std::int64_t count, std::int64_t total) {
  return total == 0 ? 0 : static_cast<double>(count) / static_cast<double>(total);
}

std::string heat_cell(const Confusion& confusion, std::size_t truth, std::size_t predicted, std::int64_t total) {
  const std::int64_t count = confusion.counts[truth][predicted];
  const double share = share_of(count, total);
  const bool right = truth == predicted;
  // A few mistakes must be seen beside a diagonal that is nearly 1.
  const double alpha = count == 0 ? 0 : right ? 0.15 + 0.85 * share : std::min(1.0, 0.15 + 2 * share);
  const std::string css = std::string(right ? "" : "wrong") + (alpha > 0.6 ? " full" : "");
  const std::string what = confusion.classes[truth] + " taken for " + confusion.classes[predicted] + ": " +
                           grouped(count) + " (" + percent(share) + ")";
  return "<td" + (css.empty() ? "" : attribute("class", css)) + attribute("style", "--a:" + fixed(alpha, 2)) +
         attribute("title", what) + ">" + (count == 0 ? "" : std::to_string(count)) + "</td>";
}

}  // namespace

std::string confusion_heat_map(const Confusion& confusion) {
  const std::size_t n = confusion.classes.size();
  std::string out = "<div class=\"wide\"><table class=\"heat\">\n<thead><tr><th>true \\ predicted</th>";
  for (std::size_t i = 0; i < n; ++i) {
    out += "<th" + attribute("title", confusion.classes[i]) + ">" + std::to_string(i) + "</th>";
  }
  out += "<th>right</th></tr></thead>\n<tbody>\n";
  for (std::size_t truth = 0; truth < n; ++truth) {
    const std::int64_t total = total_of(confusion.counts[truth]);
    out += "<tr><th class=\"row\">" + escaped_markup(confusion.classes[truth]) + " " + std::to_string(truth) + "</th>";
    for (std::size_t predicted = 0; predicted < n; ++predicted) out += heat_cell(confusion, truth, predicted, total);
    out += "<th>" + (total == 0 ? "-" : percent(share_of(confusion.counts[truth][truth], total))) + "</th></tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::vector<ConfusedPair> confused_pairs(const Confusion& confusion, std::size_t most) {
  std::vector<ConfusedPair> pairs;
  for (std::size_t truth = 0; truth < confusion.classes.size(); ++truth) {
    const std::int64_t total = total_of(confusion.counts[truth]);
    for (std::size_t predicted = 0; predicted < confusion.classes.size(); ++predicted) {
      const std::int64_t count = confusion.counts[truth][predicted];
      if (truth != predicted && count > 0) pairs.push_back({truth, predicted, count, share_of(count, total)});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  if (pairs.size() > most) pairs.resize(most);
  return pairs;
}

}  // namespace mlrun::report
