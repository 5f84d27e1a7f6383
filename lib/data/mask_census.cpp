#include "data/mask_census.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/log.h"
#include "data/class_colours.h"
#include "data/parallel_for.h"
#include "report/format.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kMostNamedClasses = 8;
constexpr std::int64_t kChecked = 8;  // masks of each split, before a training

std::string share_of(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : report::percent(static_cast<double>(part) / static_cast<double>(whole), 2);
}

/// `'a', 'b' and 3 more`.
std::string some_names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamedClasses); ++i) {
    text += (text.empty() ? "'" : ", '") + names[i] + "'";
  }
  return names.size() <= kMostNamedClasses
             ? text
             : text + " and " + std::to_string(names.size() - kMostNamedClasses) + " more";
}

}  // namespace

std::int64_t MaskCounts::all_pixels() const { return std::accumulate(pixels.begin(), pixels.end(), ignored); }

MaskCounts& MaskCensus::of(Split split) {
  MaskCounts& counts = counts_[split];
  counts.pixels.resize(classes_);
  counts.images.resize(classes_);
  return counts;
}

void MaskCensus::add(Split split, const std::string& id, const torch::Tensor& mask) {
  const torch::Tensor plain = mask.contiguous();
  std::array<std::int64_t, 256> found{};
  const auto* labels = plain.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < plain.numel(); ++i) ++found[labels[i]];
  const std::lock_guard<std::mutex> lock(guard_);
  MaskCounts& counts = of(split);
  ++counts.masks;
  counts.ignored += found[kIgnored];
  if (found[kIgnored] == plain.numel()) counts.empty.push_back(id);
  for (std::size_t i = 0; i < std::min<std::size_t>(classes_, kIgnored); ++i) {
    counts.pixels[i] += found[i];
    counts.images[i] += found[i] > 0 ? 1 : 0;
  }
}

void MaskCensus::refuse(Split split, const std::string& why) {
  const std::lock_guard<std::mutex> lock(guard_);
  of(split).unreadable.push_back(why);
}

std::map<Split, MaskCounts> MaskCensus::take() {
  for (auto& item : counts_) {
    std::sort(item.second.empty.begin(), item.second.empty.end());
    std::sort(item.second.unreadable.begin(), item.second.unreadable.end());
  }
  return std::move(counts_);
}

bool has_masks(const Dataset& dataset) {
  for (const auto& view : splits_of(dataset)) {
    if (view.source->size() == 0 || !view.source->facts(0).labels.empty()) continue;
    try {
      return view.source->read({0, 0, 0}).sample.targets.has("mask");
    } catch (const UserError&) {
      return true;  // it is named when all are read
    }
  }
  return false;
}

Followers mask_followers(const Dataset& dataset) {
  return has_masks(dataset) ? Followers{{"mask", follow_masks(kIgnored)}} : Followers{};
}

void check_some_masks(const Dataset& dataset) {
  const DataInfo& info = dataset.info();
  MaskCensus census(info.classes.size());
  for (const auto& view : splits_of(dataset)) {
    const std::int64_t size = view.source->size(), count = std::min(size, kChecked);
    for (std::int64_t i = 0; i < count; ++i) {
      const Sample sample = view.source->read({i * size / count, 0, 0}).sample;
      if (sample.targets.has("mask")) census.add(Split::Train, sample.id, sample.targets.tensor("mask"));
    }
  }
  for (const auto& [split, of] : census.take()) {
    const auto at = std::find_if(of.pixels.begin(), of.pixels.end(), [](std::int64_t pixels) { return pixels > 0; });
    const std::string looked = "all " + std::to_string(of.masks) + " masks that were looked at ";
    if (at == of.pixels.end()) {
      throw UserError(looked + "count for nothing: every pixel is ignored, as of " + of.empty.front(),
                      "look at data.ignore_index, data.values and data.reduce_zero_label");
    }
    const bool alone = of.all_pixels() == *at + of.ignored && info.classes.size() > 1;
    if (!alone) continue;
    log::warning(looked + "hold the class '" + info.classes[static_cast<std::size_t>(at - of.pixels.begin())] +
                 "' alone; `mlrun data info` counts those of all");
  }
}

std::map<Split, MaskCounts> count_masks(const DataSubject& subject) {
  MaskCensus census(subject.dataset->info().classes.size());
  for (const auto& view : splits_of(*subject.dataset)) {
    parallel_for(view.source->size(), subject.threads, [&](std::int64_t i) {
      try {
        const Sample sample = view.source->read({i, 0, 0}).sample;
        census.add(view.split, sample.id, sample.targets.tensor("mask"));
      } catch (const UserError& error) {
        census.refuse(view.split, error.what());
      }
    });
  }
  return census.take();
}

report::Table mask_table(const std::vector<std::string>& classes, const std::map<Split, MaskCounts>& counts) {
  std::vector<report::Column> columns = {{"class", report::Align::Left}};
  for (const auto& item : counts) {
    columns.push_back({std::string(split_name(item.first)) + " pixels", report::Align::Right});
    columns.push_back({"share", report::Align::Right});
    columns.push_back({"images", report::Align::Right});
  }
  report::Table table(columns);
  for (std::size_t i = 0; i <= classes.size() + 1; ++i) {
    std::vector<std::string> cells = {i < classes.size() ? classes[i] : i == classes.size() ? "(ignored)" : "all"};
    for (const auto& [split, of] : counts) {
      const std::int64_t all = of.all_pixels();
      const std::int64_t pixels = i < classes.size() ? of.pixels[i] : i == classes.size() ? of.ignored : all;
      cells.push_back(report::grouped(pixels));
      cells.push_back(share_of(pixels, all));
      cells.push_back(i == classes.size() ? "" : report::grouped(i < classes.size() ? of.images[i] : of.masks));
    }
    table.add(std::move(cells));
  }
  return table;
}

std::vector<std::string> mask_warnings(const std::vector<std::string>& classes,
                                       const std::map<Split, MaskCounts>& counts) {
  std::vector<std::string> list;
  for (const auto& [split, of] : counts) {
    const std::string name = split_name(split);
    if (!of.empty.empty()) {
      const auto count = static_cast<std::int64_t>(of.empty.size());
      list.push_back(report::grouped(count) + " of the " + report::grouped(of.masks) + " masks of " + name +
                     " count for nothing, all their pixels being ignored, as that of " + of.empty.front());
    }
    std::vector<std::string> absent;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (of.pixels[i] == 0) absent.push_back(classes[i]);
    }
    if (absent.empty() || of.masks == 0) continue;
    const bool first = classes.size() > 1 && of.pixels.front() == 0 && absent.size() == 1;
    list.push_back("no pixel of " + name + " is of " + (absent.size() == 1 ? "the class " : "the classes ") +
                   some_names(absent) + (first ? ": do masks count the classes from 1?" : ""));
  }
  return list;
}

}  // namespace mlrun::data
