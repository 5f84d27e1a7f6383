#include <algorithm>

#include "base/error.h"
#include "config/bind.h"
#include "config/words.h"
#include "engine/report/published.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTables = "tables";

/// The part of a recipe that a table reads: a recipe need not be complete (data.root) for its figures to be known.
struct ExpectedFigures {
  std::vector<config::Expectation> expect;
  static void declare(config::Declare<ExpectedFigures>& d) {
    d("expect", &ExpectedFigures::expect, "figures that this recipe reproduces");
  }
};

std::vector<std::string> shipped_tables(const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& folder : folders) {
    for (fs::directory_iterator entry(folder / kTables, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() == ".yaml") names.push_back(entry->path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// What a table takes from a recipe.
struct RecipeFigures {
  std::vector<config::Expectation> expect;
  std::string model;  ///< name of its architecture
};

/// Reads a table file and tells all that is wrong with it, each at its place.
class TableReader {
 public:
  TableReader(const fs::path& file, const std::vector<fs::path>& folders, const config::Catalogue& catalogue)
      : root_(config::read_yaml(file)), file_(file), folders_(folders), catalogue_(catalogue) {}

  PublishedTable read() {
    accept_numbers();
    config::Provenance provenance;
    config::bind_node(root_, *config::spec_of<TableFile>(), catalogue_, &table_.file, "", provenance, problems_);
    if (!problems_.empty()) throw UserError(std::move(problems_));
    check_latency();
    for (std::size_t i = 0; i < table_.file.rows.size(); ++i) {
      check_metrics(i);
      table_.expected.push_back(expected_in(i));
      table_.models.push_back(recipes_[table_.file.rows[i].recipe].model);
    }
    if (!problems_.empty()) throw UserError(std::move(problems_));
    return std::move(table_);
  }

 private:
  static std::string row_key(std::size_t row, const std::string& key) {
    return "rows." + std::to_string(row) + "." + key;
  }

  const config::Node& row_value(std::size_t row, const char* key) const {
    return *root_.find("rows")->items[row].find(key);
  }

  /// Published figures are kept as they are written: 5.48 stays 5.48.
  void accept_numbers() {
    config::Node* rows = root_.find("rows");
    for (std::size_t i = 0; rows != nullptr && i < rows->items.size(); ++i) {
      config::Node* published = rows->items[i].find("published");
      if (published == nullptr) continue;
      for (auto& entry : published->entries) {
        config::Node& value = entry.value;
        if (value.type == config::Node::Type::Scalar && !value.quoted && config::looks_like_number(value.scalar)) {
          value.quoted = true;
        } else {
          problems_.push_back(config::problem_at(value.origin, row_key(i, "published." + entry.key),
                                                 "expected a number, got " + config::shown(value)));
        }
      }
    }
  }

  void check_latency() {
    if (!table_.file.latency) return;
    std::vector<std::string> titles;
    for (const auto& row : table_.file.rows) {
      for (const auto& entry : row.published) titles.push_back(entry.first);
    }
    if (std::find(titles.begin(), titles.end(), *table_.file.latency) != titles.end()) return;
    problems_.push_back(config::problem_at(root_.find("latency")->origin, "latency",
                                           "no row has a published figure of this title",
                                           config::did_you_mean(*table_.file.latency, titles)));
  }

  void check_metrics(std::size_t row) {
    std::vector<std::string> known;
    for (const auto& column : table_.file.columns) known.push_back(column.metric);
    for (const auto& entry : table_.file.rows[row].metrics) {
      if (std::find(known.begin(), known.end(), entry.first) != known.end()) continue;
      const config::Node& value = *row_value(row, "metrics").find(entry.first);
      problems_.push_back(config::problem_at(value.origin, row_key(row, "metrics." + entry.first),
                                             "no column has this metric", config::did_you_mean(entry.first, known)));
    }
  }

  std::vector<std::optional<config::Expectation>> expected_in(std::size_t row) {
    const TableRow& line = table_.file.rows[row];
    const auto& figures = figures_of_recipe(row).expect;
    std::vector<std::optional<config::Expectation>> cells;
    bool any = false;
    for (const auto& column : table_.file.columns) {
      std::optional<config::Expectation> cell;
      for (const auto& expectation : figures) {
        if (expectation.row == line.row && expectation.metric == line.metric_in(column)) cell = expectation;
      }
      any = any || cell;
      cells.push_back(std::move(cell));
    }
    if (!any && problems_.empty()) {
      problems_.push_back(config::problem_at(
          row_value(row, "row").origin, row_key(row, "row"),
          "the recipe " + line.recipe + " expects no figure of the row " + line.row + " in any of the columns",
          "give its `expect` entries this `row`, or the row its `metrics`"));
    }
    return cells;
  }

  const RecipeFigures& figures_of_recipe(std::size_t row) {
    const std::string& name = table_.file.rows[row].recipe;
    const auto known = recipes_.find(name);
    if (known != recipes_.end()) return known->second;
    RecipeFigures& figures = recipes_[name];
    try {
      figures = read_recipe(name);
    } catch (const UserError& error) {
      const auto& origin = row_value(row, "recipe").origin;
      for (const auto& problem : error.problems()) {
        problems_.push_back(problem.file.empty()
                                ? config::problem_at(origin, row_key(row, "recipe"), problem.message, problem.hint)
                                : problem);
      }
    }
    return figures;
  }

  RecipeFigures read_recipe(const std::string& name) const {
    const fs::path beside = file_.parent_path() / name;
    std::error_code error;
    const fs::path recipe = fs::is_regular_file(beside, error) ? beside : config::find_recipe(name, folders_);
    const config::Layered layered =
        config::read_layers({recipe, {}, folders_}, *config::spec_of<config::Recipe>(), catalogue_);
    config::Node only;
    only.type = config::Node::Type::Map;
    only.origin = layered.root.origin;
    for (const auto& entry : layered.root.entries) {
      if (entry.key == "expect") only.entries.push_back(entry);
    }
    if (only.entries.empty() && !layered.problems.empty()) throw UserError(layered.problems);
    ExpectedFigures figures;
    config::Provenance provenance;
    std::vector<Problem> problems;
    config::bind_node(only, *config::spec_of<ExpectedFigures>(), catalogue_, &figures, "", provenance, problems);
    if (!problems.empty()) throw UserError(std::move(problems));
    return {figures.expect, model_name(layered.root)};
  }

  static std::string model_name(const config::Node& recipe) {
    const config::Node* model = recipe.find("model");
    const config::Node* name = model == nullptr ? nullptr : model->find("name");
    return name == nullptr ? "" : name->scalar;
  }

  config::Node root_;
  fs::path file_;
  const std::vector<fs::path>& folders_;
  const config::Catalogue& catalogue_;
  PublishedTable table_;
  std::map<std::string, RecipeFigures> recipes_;
  std::vector<Problem> problems_;
};

}  // namespace

void TableColumn::declare(config::Declare<TableColumn>& d) {
  d("metric", &TableColumn::metric, "metric with its split, as val/acc1").required();
  d("name", &TableColumn::name, "the column's title, as Acc@1").required();
}

void TableRow::declare(config::Declare<TableRow>& d) {
  d("name", &TableRow::name, "the row's title, as MobileNetV3-Large").required();
  d("row", &TableRow::row, "the `row` of the recipe's expectations, as T1/mobilenet_v3_large").required();
  d("recipe", &TableRow::recipe, "the recipe that reproduces it: a file, or the name of a shipped one").required();
  d("published", &TableRow::published, "published figures that are no metrics (seconds, parameters), by title");
  d("precision", &TableRow::precision, "in which `mlrun bench` measures the row's speed, as fp32 or int8");
  d("size", &TableRow::size,
    "height and width of the images on which `mlrun bench` measures the row's speed; null: the model's own")
      .min(1)
      .unit("pixels");
  d("metrics", &TableRow::metrics, "a column's metric: the metric that stands there in this row");
}

void TableFile::declare(config::Declare<TableFile>& d) {
  d("title", &TableFile::title, "what the table shows").required();
  d("source", &TableFile::source, "where it was published");
  d("latency", &TableFile::latency, "title of the published figure that is seconds an image takes on a CPU");
  d("columns", &TableFile::columns, "metrics, from left to right").required();
  d("rows", &TableFile::rows, "models or methods, from top to bottom").required();
}

std::string TableRow::metric_in(const TableColumn& column) const {
  for (const auto& [from, to] : metrics) {
    if (from == column.metric) return to;
  }
  return column.metric;
}

fs::path find_table(const std::string& argument, const std::vector<fs::path>& folders) {
  std::error_code error;
  if (fs::is_regular_file(argument, error)) return argument;
  for (const auto& folder : folders) {
    for (const char* ending : {"", ".yaml"}) {
      const fs::path file = folder / kTables / (argument + ending);
      if (!argument.empty() && fs::is_regular_file(file, error)) return file;
    }
  }
  std::string known;
  for (const auto& name : shipped_tables(folders)) known += (known.empty() ? "" : ", ") + name;
  throw UserError("--table: there is no table '" + argument + "', neither as a file nor among the shipped ones",
                  known.empty() ? "name a YAML file" : "the shipped ones are " + known);
}

PublishedTable read_table(const fs::path& file, const std::vector<fs::path>& folders,
                          const config::Catalogue& catalogue) {
  return TableReader(file, folders, catalogue).read();
}

}  // namespace mlrun::engine
