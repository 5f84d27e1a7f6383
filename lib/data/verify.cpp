#include "data/verify.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/printable.h"
#include "data/boxes/box_census.h"
#include "data/image/resize.h"
#include "data/mask_census.h"
#include "data/parallel_for.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/transforms/image_transforms.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kMostShown = 20;  // rows of each table; scripts get all
constexpr double kSecondsBetween = 10;

/// A sample that was looked at.
struct Examined {
  SampleFacts facts;
  Split split = Split::Train;
  std::string checksum;
  Signature signature;
  std::string problem;
};

/// `1 group`, `2 groups`.
std::string counted(std::size_t count, const std::string& what) {
  return report::grouped(static_cast<std::int64_t>(count)) + " " + what + (count == 1 ? "" : "s");
}

std::string pixel_checksum(const torch::Tensor& image) {
  return sha256(image.data_ptr(), static_cast<std::size_t>(image.numel()));
}

/// Heads say what files are; what is decoded may differ, as where EXIF turns an image.
void check_mask_size(const Sample& sample, const torch::Tensor& image) {
  const torch::Tensor& mask = sample.targets.tensor("mask");
  if (mask.size(0) == image.size(0) && mask.size(1) == image.size(1)) return;
  const auto text = [](const torch::Tensor& of) {
    return std::to_string(of.size(1)) + "x" + std::to_string(of.size(0));
  };
  throw UserError(sample.id + ": its mask is of " + text(mask) + " pixels, and the image of " + text(image),
                  "masks have the sizes of their images; data.exif says whether images are turned");
}

/// The same of boxes, which were clipped to the image that the head promised.
void check_box_size(const SampleFacts& facts, const torch::Tensor& image) {
  if (facts.height == 0 || (facts.height == image.size(0) && facts.width == image.size(1))) return;
  const auto text = [](std::int64_t width, std::int64_t height) {
    return std::to_string(width) + "x" + std::to_string(height);
  };
  throw UserError(facts.id + ": its boxes are of an image of " + text(facts.width, facts.height) +
                      " pixels, and it is of " + text(image.size(1), image.size(0)) + " once it is decoded",
                  "write the image anew; data.exif says whether images are turned");
}

Examined examine(const SplitView& view, std::int64_t index, MaskCensus& census) {
  Examined sample;
  sample.split = view.split;
  try {
    sample.facts = view.source->facts(index);
    const Sample read = view.source->get({index, 0, 0});
    const torch::Tensor image = read.inputs.tensor("image").contiguous();
    if (read.targets.has("mask")) {
      check_mask_size(read, image);
      census.add(view.split, read.id, read.targets.tensor("mask"));
    }
    if (read.targets.has("boxes")) check_box_size(sample.facts, image);
    sample.signature = signature_of(image);
    sample.checksum = sample.facts.file.empty() ? pixel_checksum(image) : sha256_file(sample.facts.file);
  } catch (const UserError& error) {
    sample.problem = error.what();
  }
  return sample;
}

/// Says from time to time how far the work is.
class Tally {
 public:
  explicit Tally(std::int64_t total) : total_(total) {}

  void step() {
    const std::lock_guard<std::mutex> lock(guard_);
    ++done_;
    const auto now = std::chrono::steady_clock::now();
    if (std::chrono::duration<double>(now - told_).count() < kSecondsBetween) return;
    told_ = now;
    log::info("read " + report::grouped(done_) + " of " + report::grouped(total_) + " samples");
  }

 private:
  std::mutex guard_;
  std::int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

std::vector<Examined> examine_all(const DataSubject& subject, MaskCensus& census) {
  const auto splits = splits_of(*subject.dataset);
  std::int64_t total = 0;
  for (const auto& view : splits) total += view.source->size();
  Tally tally(total);
  std::vector<Examined> samples(static_cast<std::size_t>(total));
  std::int64_t first = 0;
  for (const auto& view : splits) {
    parallel_for(view.source->size(), subject.threads, [&](std::int64_t i) {
      samples[static_cast<std::size_t>(first + i)] = examine(view, i, census);
      tally.step();
    });
    first += view.source->size();
  }
  return samples;
}

/// What is said of the samples, and how.
class Report {
 public:
  Report(const DataSubject& subject, std::vector<Examined> samples, const LikeOptions& likeness)
      : classes_(subject.dataset->info().classes), samples_(std::move(samples)), likeness_(likeness) {
    likeness_.threads = subject.threads;
  }

  Findings make(const std::map<Split, MaskCounts>& masks, const std::map<Split, BoxCounts>& boxes) {
    findings_.json["samples"] = samples_.size();
    unreadable();
    if (!masks.empty()) add_warnings("masks", mask_warnings(classes_, masks));
    if (!boxes.empty()) add_warnings("boxes", box_warnings(classes_, boxes));
    equal();
    alike();
    return std::move(findings_);
  }

 private:
  Json to_json(const Examined& sample) const {
    return {
        {"split", split_name(sample.split)}, {"id", sample.facts.id}, {"label", label_text(sample.facts, classes_)}};
  }
  std::string place(const Examined& sample) const {
    return std::string(split_name(sample.split)) + " " + sample.facts.id + " (" + label_text(sample.facts, classes_) +
           ")";
  }

  void unreadable() {
    Json list = Json::array();
    for (const auto& sample : samples_) {
      if (sample.problem.empty()) continue;
      list.push_back({{"split", split_name(sample.split)}, {"id", sample.facts.id}, {"message", sample.problem}});
      findings_.problems.push_back({"", 0, 0, "", sample.problem, ""});
    }
    findings_.text += report::grouped(static_cast<std::int64_t>(samples_.size())) + " samples read, " +
                      report::grouped(static_cast<std::int64_t>(list.size())) + " cannot be\n";
    findings_.json["unreadable"] = std::move(list);
  }

  void add_warnings(const char* of, const std::vector<std::string>& warnings) {
    Json list = Json::array();
    for (const auto& warning : warnings) {
      list.push_back(warning);
      findings_.text += "mind: " + printable_line(warning) + "\n";
    }
    findings_.json[of] = {{"warnings", list}};
  }

  /// Samples of equal content, by the first of them.
  void equal() {
    std::map<std::string, std::vector<const Examined*>> by_checksum;
    for (const auto& sample : samples_) {
      if (sample.problem.empty()) by_checksum[sample.checksum].push_back(&sample);
    }
    std::vector<std::vector<const Examined*>> groups;
    for (auto& item : by_checksum) {
      if (item.second.size() > 1) groups.push_back(std::move(item.second));
    }
    std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.front() < b.front(); });
    Json list = Json::array();
    std::int64_t across = 0, conflicts = 0;
    report::Table table({{"equal samples", report::Align::Left}, {"", report::Align::Left}});
    for (const auto& group : groups) {
      const auto differs = [&](auto member) {
        return std::any_of(group.begin(), group.end(),
                           [&](const Examined* other) { return member(*other) != member(*group.front()); });
      };
      const bool splits = differs([](const Examined& s) { return s.split; });
      const bool labels = differs([](const Examined& s) { return s.facts.labels; });
      across += splits ? 1 : 0;
      conflicts += labels ? 1 : 0;
      Json members = Json::array();
      std::string places;
      for (const Examined* sample : group) {
        members.push_back(to_json(*sample));
        places += (places.empty() ? "" : ", ") + place(*sample);
      }
      list.push_back({{"samples", members}, {"across_splits", splits}, {"conflicting_labels", labels}});
      if (table.rows() < kMostShown)
        table.add({places, std::string(labels ? "labels differ" : "") + (labels && splits ? ", " : "") +
                               (splits ? "across splits" : "")});
    }
    findings_.text += counted(groups.size(), "group") + " of equal samples, " + report::grouped(across) +
                      " across splits, " + report::grouped(conflicts) + " with labels that differ\n";
    findings_.json["equal"] = {
        {"groups", groups.size()}, {"across_splits", across}, {"conflicting_labels", conflicts}, {"list", list}};
    add_table(table, groups.size());
  }

  void alike() {
    std::vector<const Examined*> readable;
    std::vector<LikeItem> items;
    std::map<std::string, std::int64_t> contents;
    for (const auto& sample : samples_) {
      if (!sample.problem.empty()) continue;
      const auto content = contents.emplace(sample.checksum, static_cast<std::int64_t>(contents.size())).first->second;
      items.push_back({sample.signature, content, static_cast<int>(sample.split)});
      readable.push_back(&sample);
    }
    auto pairs = find_alike(items, likeness_);
    const auto more_alike = [](const LikePair& x, const LikePair& y) { return x.similarity > y.similarity; };
    std::stable_sort(pairs.begin(), pairs.end(), more_alike);
    Json list = Json::array();
    std::int64_t across = 0, conflicts = 0;
    report::Table table({{"alike", report::Align::Left}, {"and", report::Align::Left}, {"bits"}, {"correlation"}});
    for (const bool wanted : {true, false}) {  // across splits first
      for (const auto& pair : pairs) {
        const Examined &a = *readable[static_cast<std::size_t>(pair.a)],
                       &b = *readable[static_cast<std::size_t>(pair.b)];
        const bool splits = a.split != b.split, labels = a.facts.labels != b.facts.labels;
        if (splits != wanted) continue;
        across += splits ? 1 : 0;
        conflicts += labels ? 1 : 0;
        list.push_back({{"a", to_json(a)},
                        {"b", to_json(b)},
                        {"distance", pair.distance},
                        {"similarity", pair.similarity},
                        {"across_splits", splits},
                        {"conflicting_labels", labels}});
        if (table.rows() < kMostShown)
          table.add({place(a), place(b), std::to_string(pair.distance), report::fixed(pair.similarity, 4)});
      }
    }
    findings_.text += counted(pairs.size(), "pair") + " that look alike, " + report::grouped(across) +
                      " across splits, " + report::grouped(conflicts) + " with labels that differ\n";
    findings_.json["alike"] = {{"pairs", pairs.size()},
                               {"across_splits", across},
                               {"conflicting_labels", conflicts},
                               {"most_bits", likeness_.distance},
                               {"least_similarity", likeness_.similarity},
                               {"list", list}};
    add_table(table, pairs.size());
  }

  void add_table(const report::Table& table, std::size_t count) {
    if (table.rows() == 0) return;
    findings_.text += "\n" + table.text();
    if (count > table.rows())
      findings_.text += "and " + std::to_string(count - table.rows()) + " more; --json has all\n";
    findings_.text += "\n";
  }

  std::vector<std::string> classes_;
  std::vector<Examined> samples_;
  LikeOptions likeness_;
  Findings findings_;
};

}  // namespace

Signature signature_of(const torch::Tensor& image) {
  const torch::Tensor small = resize(view_of(image), Signature::kHeight, Signature::kWidth, Interpolation::Bilinear);
  KeyedRandom unused(0, "signature");
  const torch::Tensor grey = small.size(2) == 1 ? small : make_grayscale({}, {})->apply(small, unused);
  Signature signature;
  std::copy_n(grey.data_ptr<std::uint8_t>(), signature.grey.size(), signature.grey.begin());
  signature.gradients = gradient_hash(signature.grey);
  return signature;
}

Findings verify_data(const DataSubject& subject, LikeOptions likeness) {
  MaskCensus census(subject.dataset->info().classes.size());
  auto samples = examine_all(subject, census);
  std::map<Split, BoxCounts> boxes;
  if (has_boxes(subject.dataset->info())) boxes = count_boxes(subject);
  return Report(subject, std::move(samples), likeness).make(census.take(), boxes);
}

}  // namespace mlrun::data
