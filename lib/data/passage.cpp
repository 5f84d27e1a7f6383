#include "data/passage.h"

#include <utility>

#include "base/error.h"

namespace mlrun::data {

Passage::Passage(ImageReader image, Fields targets, const Followers& followers, const std::string& sample)
    : followers_(followers),
      image_(std::move(image)),
      window_(image_.height(), image_.width()),
      targets_(std::move(targets)) {
  followers_.check(targets_, image_.height(), image_.width(), sample);
  followers_.follow(window_, targets_, Followers::Kind::Points);  // clips them
}

void Passage::take(const Transform& transform, const SampleKey& key, const std::string& purpose, const Others& others) {
  KeyedRandom random = key.random(purpose);
  Window step(window_.height(), window_.width());
  if (transform.plan(step, random)) {
    followers_.follow(step, targets_, Followers::Kind::Points);
    if (transform.drops_hidden()) followers_.keep_shown(targets_);
    if (window_.then(step)) return;
    settle(scene());
    window_ = step;
    return;
  }
  random = key.random(purpose);  // plan may have drawn
  Scene changed = scene();
  transform.apply_to(changed, {followers_, others}, random);
  MLRUN_ASSERT(transform.places() != Places::Planned, "a transform that must, could not plan");
  settle(std::move(changed));
}

Scene Passage::scene() {
  Fields targets = this->targets();
  return {image_.bytes(window_), std::move(targets)};
}

Fields Passage::targets() {
  followers_.follow(window_, targets_, Followers::Kind::Pixels);
  return std::move(targets_);
}

void Passage::settle(Scene scene) {
  image_ = ImageReader(std::move(scene.image));
  window_ = Window(image_.height(), image_.width());
  targets_ = std::move(scene.targets);
}

}  // namespace mlrun::data
