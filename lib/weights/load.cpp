#include "weights/load.h"

#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "weights/adopt.h"

namespace mlrun::weights {
namespace {

constexpr std::size_t kMostNamed = 10;

std::string text_of(const torch::Tensor& tensor) {
  std::ostringstream out;
  out << tensor.sizes();
  return out.str();
}

bool convertible(const torch::Tensor& from, const torch::Tensor& to) {
  return from.scalar_type() == to.scalar_type() || (from.is_floating_point() && to.is_floating_point());
}

/// What does not fit, by kind.
struct Mismatch {
  std::vector<std::string> missing, unexpected, shapes, dtypes;
};

/// Appends one line with the first `items` and the number of the others; nothing for none.
void report(const std::string& file, const char* what, const std::vector<std::string>& items, const std::string& hint,
            std::vector<Problem>& problems) {
  if (items.empty()) return;
  std::string line = std::string(what) + " (" + std::to_string(items.size()) + "): ";
  for (std::size_t i = 0; i < items.size() && i < kMostNamed; ++i) line += (i > 0 ? ", " : "") + items[i];
  if (items.size() > kMostNamed) line += " and " + std::to_string(items.size() - kMostNamed) + " more";
  problems.push_back({file, 0, 0, "", line, hint});
}

void compare(const std::string& name, const torch::Tensor& wanted, const torch::Tensor& given, Mismatch& mismatch) {
  if (given.sizes() != wanted.sizes()) {
    mismatch.shapes.push_back(name + " " + text_of(given) + " instead of " + text_of(wanted));
  } else if (!convertible(given, wanted)) {
    mismatch.dtypes.push_back(name + " " + torch::toString(given.scalar_type()) + " instead of " +
                              torch::toString(wanted.scalar_type()));
  }
}

}  // namespace

void load_weights(nn::Layer& model, const NamedTensors& tensors, const std::string& file, const LoadHints& hints,
                  Transfer transfer) {
  std::unordered_map<std::string, torch::Tensor> given;
  for (const auto& [name, tensor] : tensors) {
    MLRUN_ASSERT(given.emplace(name, tensor).second, "tensor '" + name + "' is given twice");
  }
  const auto wanted = nn::state_dict(model);
  std::unordered_set<std::string> known;
  Mismatch mismatch;
  for (const auto& [name, tensor] : wanted) {
    known.insert(name);
    const auto found = given.find(name);
    if (found == given.end()) mismatch.missing.push_back(name);
    else compare(name, tensor, found->second, mismatch);
  }
  for (const auto& item : tensors) {
    if (known.count(item.first) == 0) mismatch.unexpected.push_back(printable_name(item.first));
  }

  std::vector<Problem> problems;
  report(file, "weights that are not in the file", mismatch.missing, hints.names, problems);
  report(file, "weights that the model does not have", mismatch.unexpected, hints.names, problems);
  report(file, "weights of another shape", mismatch.shapes, hints.shapes, problems);
  report(file, "weights of another dtype", mismatch.dtypes, "only floating types are converted", problems);
  if (!problems.empty()) throw UserError(std::move(problems));

  const torch::NoGradGuard no_grad;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> pairs;
  for (const auto& [name, tensor] : wanted) pairs.emplace_back(tensor, given.at(name));
  if (transfer == Transfer::Adopt) return adopt_tensors(pairs);
  for (const auto& [to, from] : pairs) to.copy_(from);
}

}  // namespace mlrun::weights
