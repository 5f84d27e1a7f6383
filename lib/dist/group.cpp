#include "dist/group.h"

namespace mlrun::dist {
namespace {

class Alone : public Group {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void sum(const std::vector<at::Tensor>&) override {}
};

}  // namespace

Group& alone() {
  static Alone group;
  return group;
}

}  // namespace mlrun::dist
