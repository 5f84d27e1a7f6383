#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/train/training.h"

/// Data with samples that cannot be read.
namespace mlrun::test {

using Faults = std::map<data::Split, std::set<std::int64_t>>;  ///< positions in each split

/// Samples whose ids are `<position>.jpg`, some of them unreadable.
class FaultySource : public data::Source {
 public:
  FaultySource(std::shared_ptr<const data::Source> whole, std::set<std::int64_t> broken)
      : whole_(std::move(whole)), broken_(std::move(broken)) {}

  std::int64_t size() const override { return whole_->size(); }
  data::Sample get(const data::SampleKey& key) const override {
    const std::string id = std::to_string(key.index) + ".jpg";
    if (broken_.count(key.index) > 0) throw file_error("photos/" + id, "the image is cut short", "mend or remove it");
    data::Sample sample = whole_->get(key);
    sample.id = id;
    return sample;
  }
  data::SampleFacts facts(std::int64_t index) const override { return {std::to_string(index) + ".jpg", {0}}; }

 private:
  std::shared_ptr<const data::Source> whole_;
  std::set<std::int64_t> broken_;
};

/// Classification on such data.
class FaultyTask : public WatchedTask {
 public:
  FaultyTask(const engine::TaskRequest& request, Faults faults, OnTrain on_train)
      : WatchedTask(request, std::move(on_train), {}), faults_(std::move(faults)) {}

  std::shared_ptr<const data::Source> source(data::Split split) override {
    auto whole = WatchedTask::source(split);
    return whole ? std::make_shared<FaultySource>(std::move(whole), faults_[split]) : nullptr;
  }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override {
    auto whole = WatchedTask::evaluation_source(split);
    return whole ? std::make_shared<FaultySource>(std::move(whole), faults_[split]) : nullptr;
  }

 private:
  Faults faults_;
};

/// The task `watched` (see tiny_watched) with faults in its data.
inline engine::TaskFactory faulty_tasks(const Faults& faults, const WatchedTask::OnTrain& on_train = {}) {
  engine::TaskFactory tasks("task");
  tasks.add<config::NoOptions>("watched", "classification on data with faults",
                               [faults, on_train](const config::NoOptions&, const engine::TaskRequest& request) {
                                 return std::make_unique<FaultyTask>(request, faults, on_train);
                               });
  return tasks;
}

}  // namespace mlrun::test
