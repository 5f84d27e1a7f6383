#include "base/stack.h"

#include <sys/resource.h>

#include <thread>

#include "base/processes.h"
#include "support.h"

using namespace mlrun;

namespace {

/// Uses a megabyte of stack and more.
int deep(int levels) {
  volatile char page[4096] = {static_cast<char>(levels)};
  return levels == 0 ? 42 : deep(levels - 1) + page[1];
}

}  // namespace

TEST_CASE("where little stack is allowed, a program and its threads get the usual one", "[base]") {
  const auto ended = test::in_child([] {
    const rlimit limit = {64U << 10U, 64U << 10U};
    if (::setrlimit(RLIMIT_STACK, &limit) != 0) return 99;
    return with_usual_stack([] {
      int other = 0;
      std::thread([&] { other = deep(300); }).join();
      return deep(300) + other;
    });
  });
  CHECK(ended.code == 84);
}

TEST_CASE("where the stack suffices, a program runs where it is called", "[base]") {
  const auto here = std::this_thread::get_id();
  CHECK(with_usual_stack([&] { return std::this_thread::get_id() == here ? 5 : 6; }) == 5);
}
