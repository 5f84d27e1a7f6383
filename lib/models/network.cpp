#include "models/network.h"

#include <utility>

namespace mlrun::models {
namespace {

class Whole : public nn::Sequential {
 public:
  explicit Whole(const Network& network) : Sequential(network.type), second_pass_(network.second_pass) {
    if (network.container.empty()) {
      fill(*this, network.body);
    } else {
      auto body = std::make_shared<nn::Sequential>();
      fill(*body, network.body);
      push(network.container, std::move(body));
    }
    for (const HeadStep& step : network.head) {
      push(step.name, step.layer);
      if (!step.layer->parameters().empty()) heads_.push_back(step.name);
    }
  }

  std::vector<std::string> heads() const override { return heads_; }
  void initialise_weights() override {
    if (second_pass_) second_pass_(*this);
  }

 private:
  static void fill(nn::Sequential& into, const std::vector<BodyStep>& steps) {
    std::shared_ptr<nn::Sequential> group;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].group.empty()) {
        into.push(steps[i].name, steps[i].layer);
        continue;
      }
      if (i == 0 || steps[i - 1].group != steps[i].group) {
        group = std::make_shared<nn::Sequential>();
        into.push(steps[i].group, group);
      }
      group->push(steps[i].name, steps[i].layer);
    }
  }

  std::function<void(nn::Layer&)> second_pass_;
  std::vector<std::string> heads_;
};

}  // namespace

BodyStep& Network::push(std::string name, std::shared_ptr<nn::Layer> layer, std::int64_t channels,
                        std::int64_t stride) {
  return body.emplace_back(BodyStep{std::move(name), std::move(layer), channels, stride});
}

BodyStep& Network::push(std::shared_ptr<nn::Layer> layer, std::int64_t channels, std::int64_t stride) {
  return push(std::to_string(body.size()), std::move(layer), channels, stride);
}

void Network::push_head(std::string name, std::shared_ptr<nn::Layer> layer) {
  head.push_back({std::move(name), std::move(layer)});
}

void Network::mark_strides() {
  BodyStep* last = nullptr;
  body.front().stage = true;
  for (BodyStep& step : body) {
    if (step.channels == 0) continue;
    if (last != nullptr && last->stride != step.stride) last->level = step.stage = true;
    last = &step;
  }
  if (last != nullptr) last->level = true;
}

std::shared_ptr<nn::Layer> whole(const Network& network) { return std::make_shared<Whole>(network); }

std::shared_ptr<nn::Layer> build_whole(const Network& network) {
  auto model = whole(network);
  nn::name_layers(*model);
  return model;
}

}  // namespace mlrun::models
