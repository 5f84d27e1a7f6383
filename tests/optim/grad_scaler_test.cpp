#include "optim/grad_scaler.h"

#include <torch/types.h>

#include "support.h"

using namespace mlrun;
using optim::GradScaler;

TEST_CASE("the loss scale starts, falls and grows as torch.cuda.amp.GradScaler's", "[optim]") {
  GradScaler scaler;
  CHECK(scaler.scale() == 65536);
  scaler.overflow();
  CHECK(scaler.overflowed());
  scaler.update();
  CHECK_FALSE(scaler.overflowed());
  CHECK(scaler.scale() == 32768);
  CHECK(scaler.skipped() == 1);
  for (int step = 0; step < 1999; ++step) scaler.update();
  CHECK(scaler.scale() == 32768);
  scaler.update();  // the 2000th sound one
  CHECK(scaler.scale() == 65536);
  for (int step = 0; step < 1999; ++step) scaler.update();
  scaler.overflow();  // and the count begins anew
  scaler.update();
  for (int step = 0; step < 1999; ++step) scaler.update();
  CHECK(scaler.scale() == 32768);
}

TEST_CASE("gradients are divided by the scale, exactly", "[optim]") {
  GradScaler scaler;
  torch::Tensor used = torch::ones({3}).requires_grad_(), unused = torch::ones({2}).requires_grad_();
  (used * torch::tensor({0.1f, -3.0f, 7e-5f})).sum().mul(scaler.scale()).backward();
  scaler.unscale({{"used", used}, {"unused", unused}});
  CHECK(used.grad().equal(torch::tensor({0.1f, -3.0f, 7e-5f})));  // the scale is a power of two
  CHECK_FALSE(unused.grad().defined());
}

TEST_CASE("a scale that no longer helps is told apart", "[optim]") {
  GradScaler scaler;
  int steps = 0;
  for (; !scaler.exhausted() && steps < 100; ++steps) {
    scaler.overflow();
    scaler.update();
  }
  CHECK(steps == 33);  // from 2^16 to below 2^-16
}

TEST_CASE("a saved scaler goes on as it would have", "[optim]") {
  GradScaler scaler, again;
  scaler.overflow();
  scaler.update();
  for (int step = 0; step < 1500; ++step) scaler.update();
  data::State state;
  scaler.save(state, "compute.");
  again.load(state, "compute.");
  CHECK(again.scale() == 32768);
  CHECK(again.skipped() == 1);
  for (int step = 0; step < 500; ++step) again.update();
  CHECK(again.scale() == 65536);
}
