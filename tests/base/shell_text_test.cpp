#include "base/shell_text.h"

#include "catch.h"

namespace mlrun {

TEST_CASE("words of suggested commands are quoted where a shell would take them apart", "[shell_text]") {
  CHECK(shell_word("runs/a-1") == "runs/a-1");
  CHECK(shell_word("model=resnet18") == "model=resnet18");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("my photos") == "'my photos'");
  CHECK(shell_word("$(rm -r .)") == "'$(rm -r .)'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("a\nb") == "'a\nb'");
  CHECK(shell_word("~/x") == "'~/x'");
}

}  // namespace mlrun
