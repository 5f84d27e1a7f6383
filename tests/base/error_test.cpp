#include "base/error.h"

#include "support.h"

using namespace mlrun;

TEST_CASE("a problem is one line with its place, key, message and remedy", "[base]") {
  CHECK(Problem{"r.yaml", 3, 7, "train.epochs", "is -1", "give 1 or more"}.text() ==
        "r.yaml:3:7: train.epochs: is -1; give 1 or more");
}

TEST_CASE("a problem leaves out what does not apply", "[base]") {
  CHECK(Problem{"r.yaml", 3, 0, "", "is empty", ""}.text() == "r.yaml:3: is empty");
  CHECK(Problem{"r.yaml", 0, 7, "", "is empty", ""}.text() == "r.yaml: is empty");
  CHECK(Problem{"", 3, 7, "", "is empty", ""}.text() == "is empty");
  CHECK(Problem{"", 0, 0, "model", "is missing", "name one"}.text() == "model: is missing; name one");
}

TEST_CASE("a problem stays one line whatever the user's names and values hold", "[base]") {
  CHECK(Problem{"a\nb", 0, 0, "k\x1B[2J", "is \"x\ty\"", "mend\r\nit"}.text() ==
        "a b: k\\x1b[2J: is \"x y\"; mend  it");
}

TEST_CASE("a user error carries its problems, one line each, and exit code 2", "[base]") {
  const UserError error({Problem{"a", 1, 2, "k", "bad", ""}, Problem{"b", 0, 0, "", "worse", "mend it"}});
  CHECK(std::string(error.what()) == "a:1:2: k: bad\nb: worse; mend it");
  CHECK(error.problems().size() == 2);
  CHECK(error.code() == ExitCode::User);
  CHECK(static_cast<int>(error.code()) == 2);
}

TEST_CASE("a user error can be made from a message and a hint", "[base]") {
  const UserError error("no recipe was given", "name one");
  CHECK(std::string(error.what()) == "no recipe was given; name one");
  REQUIRE(error.problems().size() == 1);
  CHECK(error.problems()[0].hint == "name one");
  CHECK(error.problems()[0].file.empty());
}

TEST_CASE("a user error can carry another exit code", "[base]") {
  const UserError error({Problem{"", 0, 0, "", "acc1 is too low", ""}}, ExitCode::Unmet);
  CHECK(static_cast<int>(error.code()) == 3);
}

TEST_CASE("a file error names the file", "[base]") {
  CHECK(std::string(file_error("w.pth", "is damaged", "fetch it again").what()) == "w.pth: is damaged; fetch it again");
}

TEST_CASE("a broken invariant names the source file and line, without its folders", "[base]") {
  const int line = __LINE__ + 2;
  try {
    MLRUN_ASSERT(1 + 1 == 3, "sums are right");
    FAIL("nothing was thrown");
  } catch (const InternalError& error) {
    CHECK(std::string(error.what()) == "error_test.cpp:" + std::to_string(line) + ": sums are right");
  }
}

TEST_CASE("an invariant that holds throws nothing and is evaluated once", "[base]") {
  int evaluated = 0;
  CHECK_NOTHROW([&] { MLRUN_ASSERT(++evaluated == 1, "counted"); }());
  CHECK(evaluated == 1);
}
