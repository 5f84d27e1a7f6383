#include <set>
#include <sstream>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"

namespace mlrun::test {
namespace {

const std::vector<std::vector<std::string>>& commands() {
  static const std::vector<std::vector<std::string>> list = {{},
                                                             {"train"},
                                                             {"eval"},
                                                             {"predict"},
                                                             {"config"},
                                                             {"config", "show"},
                                                             {"config", "check"},
                                                             {"config", "schema"},
                                                             {"config", "reference"},
                                                             {"config", "copy"},
                                                             {"list"},
                                                             {"inspect"},
                                                             {"env"}};
  return list;
}

/// Every command with `option` after its name.
std::vector<Outcome> with_option(const std::string& option) {
  std::vector<Invocation> invocations;
  for (auto command : commands()) {
    command.push_back(option);
    invocations.push_back({command});
  }
  return run_all(invocations);
}

std::string name_of(const std::vector<std::string>& command) {
  std::string name = "mlrun";
  for (const auto& word : command) name += " " + word;
  return name;
}

TEST_CASE("--help of every command goes to stdout", "[apps]") {
  const auto outcomes = with_option("--help");
  std::set<std::string> pages;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(name_of(commands()[i]) << "\n" << outcomes[i].out);
    CHECK(outcomes[i].code == 0);
    CHECK(outcomes[i].err.empty());
    CHECK(contains(outcomes[i].out, "--help"));
    CHECK(contains(outcomes[i].out, name_of(commands()[i])));
    pages.insert(outcomes[i].out);
  }
  CHECK(pages.size() == commands().size());
  for (const auto& command : commands()) {
    if (command.size() == 1) CHECK(contains(outcomes[0].out, "  " + command.front() + " "));
  }
}

TEST_CASE("`mlrun help` shows what --help does, and a bare `mlrun` what there is", "[apps]") {
  const auto outcomes = run_all({{{"--help"}},
                                 {{}},
                                 {{"help"}},
                                 {{"config", "show", "--help"}},
                                 {{"help", "config", "show"}},
                                 {{"help", "shwo"}}});
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(outcomes[i].code == 0);
    CHECK(outcomes[i].err.empty());
  }
  CHECK(contains(outcomes[0].out, "  calibrate "));
  CHECK(outcomes[1].out == outcomes[0].out);
  CHECK(outcomes[2].out == outcomes[0].out);
  CHECK(contains(outcomes[3].out, "mlrun config show"));
  CHECK(outcomes[4].out == outcomes[3].out);
  CHECK(refusal(outcomes[5]) == "error: unknown command 'shwo'; see `mlrun --help`\n");
}

TEST_CASE("help pages hold words alone, in at most 100 columns", "[apps]") {
  const std::vector<std::vector<std::string>> pages = {{},
                                                       {"train"},
                                                       {"eval"},
                                                       {"list"},
                                                       {"runs"},
                                                       {"quantize"},
                                                       {"report"},
                                                       {"bench"},
                                                       {"export"},
                                                       {"swa-average"},
                                                       {"init", "classification"},
                                                       {"sweep", "plan"}};
  for (auto words : pages) {
    words.insert(words.begin(), "help");
    const std::string page = mlrun(words).out;
    INFO(page);
    for (const char* leaving : {"{", "TEXT", "REQUIRED", "--json VALUE", ":POSITIVE", ":NONNEGATIVE", "=graph"}) {
      CHECK_FALSE(contains(page, leaving));
    }
    std::size_t longest = 0;
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
    CHECK(longest <= 100);
  }
  CHECK(contains(mlrun({"help", "eval"}).out, "\n  RUN [KEY=VALUE]..."));
  CHECK(contains(mlrun({"help", "eval"}).out, "\n  --samples N "));
  CHECK(contains(mlrun({"help", "runs"}).out, "(default: runs)"));
}

TEST_CASE("--version of every command goes to stdout", "[apps]") {
  const auto outcomes = with_option("--version");
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(name_of(commands()[i]));
    CHECK(outcomes[i].code == 0);
    CHECK(outcomes[i].err.empty());
    CHECK(outcomes[i].out == outcomes[0].out);
  }
  CHECK(outcomes[0].out.rfind("mlrun ", 0) == 0);
}

TEST_CASE("Usage errors are one line with what to do", "[apps]") {
  const auto outcomes = run_all({{{"-x"}},
                                 {{"tran"}},
                                 {{"config"}},
                                 {{"config", "shwo"}},
                                 {{"train", "x.yaml", "--dry-rnu"}},
                                 {{"list", "models", "--jsn"}},
                                 {{"env", "--log-level", "loud"}},
                                 {{"train", "--out"}},
                                 {{"env", "surplus"}}});
  const std::vector<std::string> texts = {
      "see `mlrun --help`",
      "unknown command 'tran'; did you mean train?",
      "see `mlrun config --help`",
      "unknown command 'shwo'; did you mean show?",
      "unknown option '--dry-rnu'; did you mean --dry-run?",
      "unknown option '--jsn'; did you mean --json?",
      "unknown log level 'loud'; choose debug, info, warning, error or off",
      "--out",
      "unexpected argument 'surplus'; see `mlrun env --help`",
  };
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(texts[i]));
}

TEST_CASE("--json answers with one object on success and on failure", "[apps]") {
  const auto outcomes = run_all({{{"env", "--json"}},
                                 {{"list", "models", "--json", "--nope"}},
                                 {{"--json"}},
                                 {{"config", "check", "absent.yaml", "--json"}}});
  CHECK(outcomes[0].code == 0);
  CHECK(outcomes[0].err.empty());
  CHECK(result_of(outcomes[0], "env", "ok").contains("libtorch"));
  CHECK(outcomes[0].json().at("errors").empty());
  const std::vector<std::string> names = {"", "list", "", "config check"};
  for (std::size_t i = 1; i < outcomes.size(); ++i) {
    INFO(outcomes[i].out);
    CHECK(outcomes[i].code == 2);
    CHECK(result_of(outcomes[i], names[i], "error") == Json::object());
    CHECK(outcomes[i].json().at("errors").size() == 1);
  }
  const Json error = outcomes[1].json().at("errors").at(0);
  CHECK(error.at("message") == "unknown option '--nope'");
  for (const char* key : {"file", "line", "column", "key"}) CHECK(error.at(key).is_null());
  CHECK(error.at("hint").is_string());
}

TEST_CASE("A closed or full stdout is noticed", "[apps]") {
  const auto outcomes = run_all({{{"env"}, ".", {}, "|"},
                                 {{"env"}, ".", {}, "|", /*ignore_sigpipe=*/true},
                                 {{"env", "--json"}, ".", {}, "/dev/full"},
                                 {{"report", "--table", "mobilenet_v3", "-o", "/dev/stdout"}, ".", {}, "|", true}});
  for (const int i : {0, 1, 3}) {
    CHECK(outcomes[i].code == 141);
    CHECK(outcomes[i].err.empty());
  }
  CHECK(outcomes[2].code == 2);
  CHECK_THAT(outcomes[2].err, Catch::Matchers::ContainsSubstring("stdout cannot be written: No space left on device"));
}

}  // namespace
}  // namespace mlrun::test
