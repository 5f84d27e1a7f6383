#include "weights/pretrained.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "models/heads.h"
#include "weights/finite.h"
#include "weights/load.h"
#include "weights/patterns.h"

namespace mlrun::weights {
namespace {

constexpr std::size_t kMostListed = 6;

/// `kind a, b and 3 more`, with a separator before it; nothing for no names.
std::string listed(const std::string& kind, const std::vector<std::string>& names) {
  if (names.empty()) return "";
  std::string text = "; " + kind + " (" + std::to_string(names.size()) + ") ";
  for (std::size_t i = 0; i < names.size() && i < kMostListed; ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kMostListed) text += " and " + std::to_string(names.size() - kMostListed) + " more";
  return text;
}

bool name_ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// `name` with the first `old` in it replaced; empty where it is not in it.
std::string with_part(const std::string& name, const std::string& old, const std::string& now) {
  const auto at = name.find(old);
  return at == std::string::npos ? "" : name.substr(0, at) + now + name.substr(at + old.size());
}

/// The same for convolutions of detectors, which now stand with norm and activation in a block of their own.
std::string modern_detector_name(const std::string& name) {
  const std::string dot = name.substr(std::min(name.size(), name.rfind('.')));  // `.weight`
  for (const char* list : {"inner_blocks.", "layer_blocks."}) {
    if (name.find(list) != std::string::npos) return with_part(name, dot, ".0" + dot);
  }
  for (int i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i), every_second = "_head.conv." + std::to_string(2 * i) + dot;
    if (name_ends_with(name, every_second)) return with_part(name, every_second, "_head.conv." + number + ".0" + dot);
    const std::string mask = "mask_fcn" + std::to_string(i + 1) + dot;
    if (name_ends_with(name, mask)) return with_part(name, mask, number + ".0" + dot);
  }
  return with_part(name, "rpn.head.conv" + dot, "rpn.head.conv.0.0" + dot);
}

/// What torchvision calls a tensor today that its old files call `name`; empty where that is none.
/// DenseNet: `denselayer1.norm.1.weight`; VisionTransformer: `mlp.linear_1.weight`.
std::string modern_name(const std::string& name) {
  const std::pair<const char*, const char*> parts[] = {{".norm.1.", ".norm1."},       {".norm.2.", ".norm2."},
                                                       {".conv.1.", ".conv1."},       {".conv.2.", ".conv2."},
                                                       {".mlp.linear_1.", ".mlp.0."}, {".mlp.linear_2.", ".mlp.3."}};
  for (const auto& [old, now] : parts) {
    const bool dense = std::string(old).find("mlp") == std::string::npos;
    if (dense && name.find(".denselayer") == std::string::npos) continue;
    const std::string modern = with_part(name, old, now);
    if (!modern.empty()) return modern;
  }
  return modern_detector_name(name);
}

/// Brings the names of a file to those of a model, one rule after the other.
class Matching {
 public:
  Matching(nn::Layer& model, const NamedTensors& tensors, const std::string& file, const PretrainedOptions& options)
      : wanted_(nn::state_dict(model)), file_(file), options_(options), heads_(models::head_layers(model)) {
    for (const auto& [name, tensor] : wanted_) own_.emplace(name, tensor);
    for (const auto& [name, tensor] : tensors) items_.push_back({name, name, tensor});
  }

  /// Exactly what load_weights takes, where all is well.
  NamedTensors run(PretrainedReport& report) {
    map(report);
    skip(report);
    modernise(report);
    drop_counts();
    if (options_.reinitialise_head) leave_head(report);
    std::vector<Problem> problems = unused_patterns();
    find_twins(problems);
    if (!problems.empty()) throw UserError(std::move(problems));
    report.loaded =
        std::count_if(items_.begin(), items_.end(), [this](const Item& item) { return own_.count(item.name) != 0; });
    if (report.loaded == 0) throw file_error(file_, "has no weights of this model", "`mlrun inspect` shows its names");
    NamedTensors all;
    for (const auto& item : items_) all.emplace_back(item.name, item.tensor);
    start_counts(all, report);
    if (!options_.strict) tolerate(all, report);
    for (const auto& name : kept_) all.emplace_back(name, own_.at(name));
    return all;
  }

  /// What of the file is loaded, under the model's names.
  NamedTensors given() const {
    NamedTensors given;
    for (const auto& item : items_) {
      if (own_.count(item.name) != 0) given.emplace_back(item.name, item.tensor);
    }
    return given;
  }

  /// What to do about shapes that differ.
  std::string shape_hint() const {
    bool head = false;  // do only shapes of the last layer differ?
    for (const auto& item : items_) {
      const auto own = own_.find(item.name);
      if (own == own_.end() || own->second.sizes() == item.tensor.sizes()) continue;
      if (!models::in_head(heads_, item.name)) return "check the model's options, as num_classes and image_size";
      head = true;
    }
    return head ? "for another number of classes set model.head: reinit, which starts the last layer anew" : "";
  }

 private:
  struct Item {
    std::string name, original;
    torch::Tensor tensor;
  };

  void map(PretrainedReport& report) {
    for (auto& item : items_) {
      for (const auto& [from, to] : options_.map) {
        const auto name = replaced(from, to, item.original);
        if (!name) continue;
        used_.insert(from);
        item.name = *name;
        if (item.name != item.original) report.renamed.push_back(printable_name(item.original) + " to " + item.name);
        break;
      }
    }
  }

  /// The pattern of `skip` that the name matches; null: none.
  const std::string* skipping(const std::string& name) {
    for (const auto& pattern : options_.skip) {
      if (matches(pattern, name)) return &*used_.insert(pattern).first;
    }
    return nullptr;
  }

  void skip(PretrainedReport& report) {
    std::unordered_set<std::string> given;
    const auto drop = [&](const Item& item) {
      const bool skipped = skipping(item.name) != nullptr || skipping(item.original) != nullptr;
      if (skipped) report.skipped.push_back(printable_name(item.original));
      else given.insert(item.name);
      return skipped;
    };
    items_.erase(std::remove_if(items_.begin(), items_.end(), drop), items_.end());
    for (const auto& [name, tensor] : wanted_) {
      if (given.count(name) == 0 && skipping(name) != nullptr) keep(name);
    }
  }

  void modernise(PretrainedReport& report) {
    std::unordered_set<std::string> given;
    for (const auto& item : items_) given.insert(item.name);
    for (auto& item : items_) {
      if (own_.count(item.name) != 0) continue;
      const std::string modern = modern_name(item.name);
      if (own_.count(modern) == 0 || !given.insert(modern).second) continue;
      report.renamed.push_back(item.name + " to " + modern);
      item.name = modern;
    }
  }

  /// Frozen batch norms count no batches, and the files of models that were trained have counts.
  void drop_counts() {
    const std::string count = ".num_batches_tracked";
    const auto useless = [&](const Item& item) {
      if (!name_ends_with(item.name, count) || own_.count(item.name) != 0) return false;
      return own_.count(item.name.substr(0, item.name.size() - count.size()) + ".running_mean") != 0;
    };
    items_.erase(std::remove_if(items_.begin(), items_.end(), useless), items_.end());
  }

  void leave_head(PretrainedReport& report) {
    const auto is_head = [this](const Item& item) { return models::in_head(heads_, item.name); };
    items_.erase(std::remove_if(items_.begin(), items_.end(), is_head), items_.end());
    for (const auto& [name, tensor] : wanted_) {
      if (!models::in_head(heads_, name)) continue;
      report.reinitialised.push_back(name);
      keep(name);
    }
  }

  std::vector<Problem> unused_patterns() const {
    std::vector<std::string> names;
    for (const auto& item : items_) names.push_back(item.original);
    std::vector<Problem> problems;
    const auto check = [&](const std::string& pattern, const char* key) {
      if (used_.count(pattern) != 0) return;
      const std::string guess = nearest_name(pattern, names);
      problems.push_back({file_, 0, 0, key, "'" + pattern + "' matches no weight of the file",
                          guess.empty() ? "`mlrun inspect` shows its names" : guess});
    };
    for (const auto& pair : options_.map) check(pair.first, "model.weights.map");
    for (const auto& pattern : options_.skip) check(pattern, "model.weights.skip");
    return problems;
  }

  void find_twins(std::vector<Problem>& problems) const {
    std::unordered_map<std::string, std::string> first;
    for (const auto& item : items_) {
      const auto [found, is_new] = first.emplace(item.name, item.original);
      if (is_new) continue;
      problems.push_back({file_, 0, 0, "model.weights.map",
                          "both " + printable_name(found->second) + " and " + printable_name(item.original) +
                              " become " + printable_name(item.name),
                          "leave one of them out with model.weights.skip"});
    }
  }

  /// Files from before batch norm counted its batches have no counts at all.
  void start_counts(NamedTensors& all, PretrainedReport& report) {
    const auto is_count = [](const std::string& name) { return name_ends_with(name, "num_batches_tracked"); };
    for (const auto& item : all) {
      if (is_count(item.first)) return;
    }
    for (const auto& [name, tensor] : wanted_) {
      if (!is_count(name) || kept_.count(name) != 0) continue;
      all.emplace_back(name, torch::zeros_like(tensor));
      report.started.push_back(name);
    }
  }

  void tolerate(NamedTensors& all, PretrainedReport& report) {
    std::unordered_set<std::string> given;
    const auto strange = [&](const std::pair<std::string, torch::Tensor>& item) {
      given.insert(item.first);
      if (own_.count(item.first) != 0) return false;
      report.unexpected.push_back(printable_name(item.first));
      return true;
    };
    all.erase(std::remove_if(all.begin(), all.end(), strange), all.end());
    for (const auto& [name, tensor] : wanted_) {
      if (given.count(name) != 0 || kept_.count(name) != 0) continue;
      report.missing.push_back(name);
      keep(name);
    }
  }

  void keep(const std::string& name) { kept_.insert(name); }

  std::vector<std::pair<std::string, torch::Tensor>> wanted_;
  std::unordered_map<std::string, torch::Tensor> own_;
  const std::string& file_;
  const PretrainedOptions& options_;
  std::vector<std::string> heads_;
  std::vector<Item> items_;
  std::unordered_set<std::string> kept_;  ///< names of the model that the file gives nothing for
  std::unordered_set<std::string> used_;  ///< patterns that matched something
};

}  // namespace

std::string PretrainedReport::text() const {
  std::string counts;
  if (!started.empty()) counts = "; " + std::to_string(started.size()) + " num_batches_tracked start at 0";
  return std::to_string(loaded) + " tensors loaded" + listed("reinitialised", reinitialised) +
         listed("renamed", renamed) + listed("skipped", skipped) +
         listed("not in the file, left as initialised", missing) + listed("not in the model, left out", unexpected) +
         counts;
}

PretrainedReport load_pretrained(nn::Layer& model, const NamedTensors& tensors, const std::string& file,
                                 const PretrainedOptions& options) {
  PretrainedReport report;
  Matching matching(model, tensors, file, options);
  const NamedTensors all = matching.run(report);
  refuse_not_finite(matching.given(), file);
  load_weights(model, all, file,
               {"are they of this model? model.weights takes map, skip and strict: false", matching.shape_hint()},
               Transfer::Adopt);
  return report;
}

}  // namespace mlrun::weights
