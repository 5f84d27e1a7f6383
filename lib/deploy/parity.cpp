#include "deploy/parity.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::deploy {
namespace {

/// Sums over all that was compared of one output.
struct Differences {
  double largest = 0, sum = 0, scale = 0;
  std::int64_t elements = 0, rows = 0, agreeing = 0;
  bool whole = false;     // numbers
  bool choosing = false;  // rows are scores of which the largest counts

  void add(const torch::Tensor& model, const torch::Tensor& exported) {
    whole = !model.is_floating_point();
    const torch::Tensor expected = model.to(torch::kDouble), found = exported.to(torch::kDouble);
    choosing = !whole && (expected.dim() == 2 || expected.dim() == 4) && expected.size(1) > 1;
    if (expected.numel() == 0) return;
    const torch::Tensor difference = (expected - found).abs();
    largest = std::max(largest, difference.max().item<double>());
    if (difference.isnan().any().item<bool>()) largest = std::nan("");
    sum += difference.sum().item<double>();
    scale = std::max(scale, expected.abs().max().item<double>());
    elements += difference.numel();
    if (!choosing) return;
    const torch::Tensor same = expected.argmax(1).eq(found.argmax(1));
    rows += same.numel();
    agreeing += same.sum().item<std::int64_t>();
  }

  double mean() const { return elements > 0 ? sum / static_cast<double>(elements) : 0; }
  bool met(const Tolerance& tolerance) const {
    if (whole) return largest == 0;
    const bool mean_met = std::isinf(tolerance.mean) || mean() <= tolerance.mean * scale;
    return largest <= tolerance.largest * scale && mean_met;  // false for NaN
  }
  /// Whether it is farther from the model than another.
  bool worse_than(const Differences& other) const {
    const auto share = [](const Differences& of) { return of.largest == 0 ? 0 : of.largest / of.scale; };
    return std::isnan(share(*this)) || share(*this) > share(other);
  }
};

/// Adds what the outputs of one batch differ by; false where they have other shapes.
bool add_batch(std::vector<Differences>& all, const nn::Tensors& expected, const nn::Tensors& found) {
  if (expected.size() != found.size()) return false;
  all.resize(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].sizes() != found[i].sizes()) return false;
    all[i].add(expected[i], found[i]);
  }
  return true;
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

Parity parity_of(const std::vector<Differences>& all, const nn::Interface& interface, const Tolerance& tolerance) {
  std::size_t worst = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].worse_than(all[worst])) worst = i;
  }
  const Differences& shown = all.at(worst);
  Parity parity;
  parity.max_difference = shown.largest;
  parity.mean_difference = shown.mean();
  parity.scale = shown.scale;
  parity.tolerance = tolerance;
  parity.met = std::all_of(all.begin(), all.end(), [&](const Differences& one) { return one.met(tolerance); });
  if (all.size() > 1) parity.output = nn::tensor_names(interface.outputs).at(worst);
  else if (shown.choosing)
    parity.top1_agreement = 100.0 * static_cast<double>(shown.agreeing) / static_cast<double>(shown.rows);
  return parity;
}

}  // namespace

Parity compare(const std::string& engine, const Runner& model, const Runner& exported, const nn::Interface& interface,
               const nn::Tensors& samples, const Tolerance& tolerance) {
  const torch::NoGradGuard no_gradients;
  const std::int64_t total = nn::sample_count(interface.inputs, samples);
  std::vector<Differences> differences;
  bool same_shapes = true;
  std::string failure;
  for (const std::int64_t batch : {std::int64_t{1}, std::min<std::int64_t>(3, total), total}) {
    for (std::int64_t begin = 0; begin < total && same_shapes && failure.empty(); begin += batch) {
      const nn::Tensors part = nn::some_samples(interface.inputs, samples, begin, std::min(batch, total - begin));
      const nn::Tensors expected = model(part);
      try {
        same_shapes = add_batch(differences, expected, exported(part));
      } catch (const UserError&) {
        throw;
      } catch (const c10::Error& error) {  // as of a size that the trace has taken for a constant
        failure = last_line(error.what_without_backtrace());
      } catch (const std::runtime_error& error) {
        failure = last_line(error.what());
      }
      if (!failure.empty()) failure += " (a batch of " + std::to_string(batch) + ")";
    }
  }
  Parity parity;
  if (same_shapes && failure.empty()) parity = parity_of(differences, interface, tolerance);
  else parity.max_difference = parity.mean_difference = std::nan("");
  parity.engine = engine;
  parity.samples = total;
  parity.tolerance = tolerance;
  parity.failure = failure;
  return parity;
}

Json to_json(const Parity& parity) {
  Json json = {{"engine", parity.engine},
               {"samples", parity.samples},
               {"max_difference", parity.max_difference},
               {"mean_difference", parity.mean_difference},
               {"largest_output", parity.scale},
               {"top1_agreement", parity.top1_agreement ? Json(*parity.top1_agreement) : Json(nullptr)},
               {"tolerance", parity.tolerance.largest},
               {"verdict", parity.met ? "met" : "differs"}};
  if (!parity.failure.empty()) json["failure"] = parity.failure;
  if (parity.found_agreement) {
    json["found"] = parity.found;
    json["found_agreement"] = *parity.found_agreement;
    json.erase("mean_difference");
  }
  if (!parity.output.empty()) json["output"] = parity.output;
  if (std::isfinite(parity.tolerance.mean)) json["mean_tolerance"] = parity.tolerance.mean;
  return json;
}

namespace {

std::string found_text(const Parity& parity) {
  std::ostringstream line;
  line << parity.engine << ": ";
  if (parity.found == 0) {
    line << "nothing is found in " << parity.samples << " images by either, which shows little";
    return line.str();
  }
  line.precision(5);
  line << *parity.found_agreement << " % of " << parity.found << " boxes found alike in " << parity.samples
       << " images";
  line.precision(2);
  line << ", corners within " << parity.max_difference << " px: " << (parity.met ? "met" : "differs");
  return line.str();
}

}  // namespace

std::string text(const Parity& parity) {
  if (!parity.failure.empty()) return parity.engine + ": fails: " + parity.failure;
  if (parity.found_agreement) return found_text(parity);
  std::ostringstream line;
  line.precision(2);
  line << parity.engine << ": largest difference " << parity.max_difference;
  if (std::isfinite(parity.tolerance.mean)) line << ", on average " << parity.mean_difference;
  if (!parity.output.empty()) line << " of '" << parity.output << "'";
  line << " (outputs up to " << parity.scale << ") over " << parity.samples << " samples";
  line.precision(5);
  if (parity.top1_agreement) line << ", the same answer for " << *parity.top1_agreement << " %";
  line << ": " << (parity.met ? "met" : "differs");
  if (parity.met && parity.scale == 0) line << ", which shows nothing where all outputs are 0";
  return line.str();
}

}  // namespace mlrun::deploy
