#include "report/figure.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "report/format.h"

namespace mlrun::report {

const Figure* find(const Figures& figures, const std::string& name) {
  const auto found = std::find_if(figures.begin(), figures.end(), [&name](const Figure& f) { return f.name == name; });
  return found == figures.end() ? nullptr : &*found;
}

Figures prefixed(const std::string& prefix, Figures figures) {
  for (Figure& figure : figures) figure.name.insert(0, prefix);
  return figures;
}

void append(Figures& to, Figures more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string value_text(const Figure& figure) { return fixed(figure.value, figure.digits); }

Json values_json(const Figures& figures) {
  Json json = Json::object();
  for (const Figure& figure : figures) json[figure.name] = figure.value;
  return json;
}

}  // namespace mlrun::report
