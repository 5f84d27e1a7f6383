#include "recipes/classification/exhibition.h"

#include <numeric>

#include "data/image/thumbnail.h"
#include "recipes/classification/metrics/hardest.h"
#include "report/format.h"

namespace mlrun::classification {
namespace {

constexpr std::size_t kHardest = 24;
constexpr std::int64_t kMostCounted = 2'000'000;  // samples whose labels are looked up

report::Exhibit classes_of(const Json& rows) {
  report::Table table({{"class", report::Align::Left}, {"samples"}, {"correct"}, {"acc1"}});
  for (const Json& row : rows) {
    const Json& acc1 = row.at("acc1");
    table.add({row.at("class").get<std::string>(), report::grouped(row.at("total").get<std::int64_t>()),
               report::grouped(row.at("correct").get<std::int64_t>()),
               acc1.is_number() ? report::fixed(acc1.get<double>(), 2) : "-"});
  }
  return {"per_class", "", table};
}

class ClassifierExhibition : public engine::Exhibition {
 public:
  explicit ClassifierExhibition(engine::Task& task) : task_(task), hardest_(task.data(), kHardest) {}

  void see(const data::Batch& batch, const data::Fields& prediction) override {
    if (batch.targets.has("label")) hardest_.update(prediction, batch);
  }

  std::vector<report::Section> of_evaluation(const engine::Evaluation& evaluation,
                                             const data::Source& source) override {
    const report::Confusion confusion = report::read_confusion(evaluation.details.at("confusion"));
    const std::string reliability = std::string("Reliability, ") + data::split_name(evaluation.split);
    std::vector<report::Section> sections = {
        {"Confusion matrix", "", {{"confusion", "", confusion}, report::confused_pairs_exhibit(confusion)}, true},
        {"Classes",
         "",
         {classes_of(evaluation.details.at("per_class")),
          {"calibration", reliability, report::read_reliability(evaluation.details.at("calibration"))}},
         true}};
    const report::Thumbnails mistakes = mistakes_in(source);
    if (mistakes.empty()) return sections;
    sections.push_back({"Worst mistakes",
                        "The misclassified samples with the highest loss, as the network sees them; in brackets "
                        "the probability that it gives to its answer.",
                        {{"mistakes", "", mistakes}}});
    return sections;
  }

  std::string caption(const data::SampleFacts& facts) const override {
    return data::label_text(facts, task_.data().classes);
  }

  std::vector<std::pair<std::string, std::string>> data_facts() const override {
    return {{"classes", std::to_string(task_.data().classes.size())},
            {"channels", std::to_string(task_.data().channels)}};
  }

  std::vector<report::Exhibit> data_exhibits() override {
    const auto& classes = task_.data().classes;
    std::vector<report::Column> columns = {{"class", report::Align::Left}};
    std::vector<std::string> totals = {"all"};
    std::vector<std::vector<std::string>> rows;
    for (const auto& name : classes) rows.push_back({name});
    for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
      const auto source = task_.evaluation_source(split);
      if (!source || classes.empty() || source->size() > kMostCounted) continue;
      const std::vector<std::int64_t> counts = counts_in(*source);
      columns.push_back({data::split_name(split), report::Align::Right});
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(report::grouped(counts[i]));
      totals.push_back(report::grouped(std::accumulate(counts.begin(), counts.end(), std::int64_t{0})));
    }
    if (columns.size() == 1) return {};
    report::Table table(columns);
    for (auto& row : rows) table.add(std::move(row));
    table.add(totals);
    return {{"samples", "", table}};
  }

 private:
  std::string class_name(std::int64_t label) const {
    const auto& classes = task_.data().classes;
    const auto at = static_cast<std::size_t>(label);
    return at < classes.size() ? classes[at] : std::to_string(label);
  }

  std::vector<std::int64_t> counts_in(const data::Source& source) const {
    std::vector<std::int64_t> counts(task_.data().classes.size(), 0);
    for (std::int64_t i = 0; i < source.size(); ++i) {
      for (const auto label : source.facts(i).labels) ++counts.at(static_cast<std::size_t>(label));
    }
    return counts;
  }

  report::Thumbnails mistakes_in(const data::Source& source) const {
    report::Thumbnails thumbnails;
    for (const HardSample& sample : hardest_.list()) {
      const auto picture = task_.picture(source.get({sample.index, 0, 0}), false);
      if (!picture) continue;
      thumbnails.push_back({data::thumbnail_uri(*picture),
                            {class_name(sample.label) + ", taken for " + class_name(sample.predicted) + " (" +
                                 report::percent(sample.probability, 1) + ")",
                             sample.id}});
    }
    return thumbnails;
  }

  engine::Task& task_;
  HardestSamples hardest_;
};

}  // namespace

std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task) {
  return std::make_unique<ClassifierExhibition>(task);
}

}  // namespace mlrun::classification
