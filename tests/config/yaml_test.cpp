#include <sys/stat.h>

#include "config/layers.h"
#include "config/node_text.h"
#include "support.h"

namespace mlrun::config {
namespace {

using test::node_text;
using test::user_error;

std::string parsed(const std::string& text) { return node_text(parse_yaml(text, "r.yaml")); }
std::string broken(const std::string& text) {
  return user_error([&] { parse_yaml(text, "r.yaml"); });
}

TEST_CASE("values keep their type, their text and their place", "[config]") {
  const std::string text =
      "task: classification\ndata:\n  root: \"1\"\n  sizes: [1, -2.5e3, 'no', ~]\nnone: null\nempty:\nlast: {a: , b: "
      "x}\n";
  CHECK(parsed(text) ==
        "{task: classification, data: {root: \"1\", sizes: [1, -2.5e3, \"no\", null]}, none: null, empty: null, "
        "last: {a: null, b: x}}");
  const Node root = parse_yaml(text, "r.yaml");
  CHECK(root.origin.text() == "r.yaml:1:1");
  CHECK(root.entries[1].origin.text() == "r.yaml:2:1");
  CHECK(root.find("data")->find("root")->origin.text() == "r.yaml:3:9");
  CHECK(root.find("data")->find("sizes")->items[2].origin.text() == "r.yaml:4:22");
  CHECK(root.find("empty")->origin.text() == "r.yaml:6:1");
  CHECK(root.find("absent") == nullptr);
}

TEST_CASE("what YAML allows and recipes need", "[config]") {
  CHECK(parsed("a: &x {p: 1}\nb: *x\n") == "{a: {p: 1}, b: {p: 1}}");
  CHECK(parsed("a: !!str 010\nb: ! 7\nc: !!int 3\nd: !!map {}\ne: !!seq []\n") ==
        "{a: \"010\", b: \"7\", c: 3, d: {}, e: []}");
  CHECK(parsed("a: |\n  two\n  lines\nb: >-\n  one\n  line\n") == "{a: \"two\nlines\n\", b: \"one line\"}");
  CHECK(parsed("--- \na: 1\n...\n") == "{a: 1}");
  CHECK(parsed("\xEF\xBB\xBF"
               "a: 1\r\nb: 2\r\n") == "{a: 1, b: 2}");
  CHECK(parsed("a: 0\nb: 0.5\nc: 0x1F\nd: -0\ne: '010'\nf: 0s\ng: 1e-05\n") ==
        "{a: 0, b: 0.5, c: 0x1F, d: -0, e: \"010\", f: 0s, g: 1e-05}");
  CHECK(parsed("a: ${b.c}\nb: [1,\n    2]\n") == "{a: ${b.c}, b: [1, 2]}");
  CHECK(parsed("'<<': 1\n") == "{<<: 1}");
  CHECK(parsed("{}") == "{}");
}

TEST_CASE("duplicate keys name both places, and further mistakes are told with them", "[config]") {
  CHECK(broken("train:\n  lr: 1\n  epochs: 2\n  lr: 2\n") ==
        "r.yaml:4:3: train.lr: is given twice, first at 2:3; keep one of them");
  CHECK(broken("a: {x: 1, x: 1}\nb: 007\nc: !secret 5\n") ==
        "r.yaml:1:11: a.x: is given twice, first at 1:5; keep one of them\n"
        "r.yaml:2:4: b: the number 007 has leading zeros, which YAML versions read differently; remove them, or quote "
        "the value where text is meant\n"
        "r.yaml:3:4: c: the tag !secret is not known here; remove it, or quote the text");
}

TEST_CASE("numbers with leading zeros", "[config]") {
  for (const char* number : {"010", "-007", "+01", "00.5", "01e3", "0_1"}) {
    CHECK(broken(std::string("a: [") + number + "]\n") ==
          std::string("r.yaml:1:5: a.0: the number ") + number +
              " has leading zeros, which YAML versions read differently; remove them, or quote the value where text "
              "is meant");
  }
}

TEST_CASE("what yaml-cpp drops or ignores is an error", "[config]") {
  CHECK(broken("a: 1\n---\nb: 2\n") == "r.yaml:2:1: a second document begins here; keep one document in each file");
  CHECK(broken("a: 1\n---\n") == "r.yaml:2:1: a second document begins here; keep one document in each file");
  CHECK(broken("- a\nb: 1\n") ==
        "r.yaml:2:1: this does not belong to what stands above it; check the indentation; a file holds one map");
  CHECK(broken("a: &x {p: 1}\nb:\n  <<: *x\n") ==
        "r.yaml:3:3: b.<<: merge keys are not supported; list the other file under `extends`");
  CHECK(broken("a: !!binary aGk=\n") ==
        "r.yaml:1:4: a: the tag !!binary is not known here; remove it, or quote the text");
  CHECK(broken("a: !point {x: 1}\n") ==
        "r.yaml:1:4: a: the tag !point is not known here; remove it, or quote the text");
  CHECK(broken("a: 1\nepochs\n") == "r.yaml:2:1: epochs: has no value; write 'key: value'");
  CHECK(broken("a: {nesterov, b: 1}\n") == "r.yaml:1:5: a.nesterov: has no value; write 'key: value'");
  CHECK(broken("a:\n - 1\n  - 2\n") ==
        "r.yaml:2:4: a.0: this value goes on over the next line; check the indentation there, or quote the text");
  CHECK(broken("a: [1\nb: 2\n") ==
        "r.yaml:1:5: a.0: this value goes on over the next line; is a ',' or a closing bracket missing after it?");
}

TEST_CASE("keys are plain text", "[config]") {
  const std::string message = "a key must be plain text; write 'key: value', and close every bracket";
  CHECK(broken("? [1]\n: 2\n") == "r.yaml:1:3: " + message);
  CHECK(broken("a:\n  ? {b: 1}\n  : 2\n") == "r.yaml:2:5: a: " + message);
  CHECK(broken("~: 1\n") == "r.yaml:1:1: " + message);
  CHECK(broken("a: &x 1\n*x : 2\n") == "r.yaml:2:1: " + message);
}

TEST_CASE("syntax errors are told in plain words, at their place", "[config]") {
  CHECK(broken("a: [1, 2\n") == "r.yaml:1:4: a '[' is not closed; close it with ']' and separate its items with ','");
  CHECK(broken("a:\n  b: {c: 1\n") ==
        "r.yaml:2:6: a '{' is not closed; close it with '}' and separate its entries with ','");
  CHECK(broken("a: {lr: ${b}}\n") ==
        "r.yaml:1:4: a reference inside brackets is not quoted; write \"${key}\" with quotes");
  CHECK(broken("a:\n  b: 1\n c: 2\n") ==
        "r.yaml:3:2: this does not continue the map above it; check the indentation and the quotes");
  CHECK(broken("a: 'it's'\n") ==
        "r.yaml:1:8: this does not continue the map above it; check the indentation and the quotes");
  CHECK(broken("- a\n- b: 1\n - c\n") ==
        "r.yaml:3:2: this does not continue the list above it; check the indentation and the quotes");
  CHECK(broken("a: b: c\n") ==
        "r.yaml:1:5: a ':' stands where no key can be; write one 'key: value' on each line, with a space after ':'; "
        "quote text that contains ': '");
  CHECK(broken("a: - b\n") == "r.yaml:1:4: a '- ' stands where no list item can be; begin the list on its own line");
  CHECK(broken("a: 1\n]\n") == "r.yaml:2:1: a closing bracket has no opening one; remove it or quote the text");
  CHECK(broken("a: \"x\n") == "r.yaml:1:4: a: a quoted text is not closed; close the quotes");
  CHECK(broken("a: *nobody\n") ==
        "r.yaml:1:4: the alias refers to an anchor that is not defined above it; define it with '&name', or quote "
        "the text");
  CHECK(broken("a: \"C:\\q\"\n") ==
        "r.yaml:1:9: an unknown escape sequence after '\\'; write '\\\\' for a backslash, or use single quotes");
  CHECK(broken("a: @x\n") == "r.yaml:1:4: a value cannot begin with this character; quote the text");
}

TEST_CASE("tabs in the indentation", "[config]") {
  CHECK(broken("a:\n\tb: 1\n") == "r.yaml:2:1: a tab stands in the indentation; indent with spaces");
  CHECK(broken("a:\n  b: 1\n  \tc: 2\n") == "r.yaml:3:3: a tab stands in the indentation; indent with spaces");
  CHECK(broken("\ta: 1\n") == "r.yaml:1:1: a tab stands in the indentation; indent with spaces");
}

TEST_CASE("columns count characters", "[config]") {
  CHECK(broken("\xC3\xA9t\xC3\xA9: {a: 1, a: 2}\n") ==
        "r.yaml:1:13: \xC3\xA9t\xC3\xA9.a: is given twice, first at 1:7; keep one of them");
}

TEST_CASE("alias bombs and deep nesting", "[config]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 8; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  CHECK(broken(bomb) == "r.yaml:5:5: a4: the file expands to more than 100000 values; use fewer or smaller aliases");
  const std::string text = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
  std::string copies;
  for (int i = 0; i < 20; ++i) copies += "*a, ";
  CHECK(broken(text + copies + "]\n") ==
        "r.yaml:2:37: b.8: the file expands to more than 100000 values; use fewer or smaller aliases");
  CHECK(broken(std::string(200, '[') + std::string(200, ']')) == "r.yaml:1:101: " + [] {
    std::string path = "0";
    for (int i = 1; i < 100; ++i) path += ".0";
    return path;
  }() + ": values are nested more than 100 deep; flatten them");
  CHECK(broken(std::string(100000, '[')) ==
        "r.yaml:1:1: a key must be plain text; write 'key: value', and close every bracket");
  const std::string nested = std::string(60, '[') + "1" + std::string(60, ']');
  CHECK(broken("a: &a " + nested + "\nb: [" + std::string(60, '[') + "*a" + std::string(61, ']') + "\n")
            .find("values are nested more than 100 deep; flatten them") != std::string::npos);
  CHECK(broken("a: &a [1, *a]\n") ==
        "r.yaml:1:11: a.1: the alias refers to a value that contains it; remove the alias");
}

TEST_CASE("at most fifty problems are listed", "[config]") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + ": 01\n";
  try {
    parse_yaml(text, "r.yaml");
    FAIL("no UserError was thrown");
  } catch (const UserError& error) {
    CHECK(error.problems().size() == 50);
  }
}

TEST_CASE("files that hold no text", "[config]") {
  const std::string hint = "; a recipe is a YAML text file in UTF-8";
  CHECK(broken(std::string("a: 1\nb: \0x\n", 11)) == "r.yaml:2:4: holds the control byte 0x00" + hint);
  CHECK(broken("a: \x1B[31m\n") == "r.yaml:1:4: holds the control byte 0x1B" + hint);
  CHECK(broken("\xC3\xA9: \xFF\n") == "r.yaml:1:4: is not UTF-8 text: byte 0xFF" + hint);
  CHECK(broken("a: \xE9t\xE9\n") == "r.yaml:1:4: is not UTF-8 text: byte 0xE9" + hint);
  CHECK(broken("a: \xC0\xAF\n") == "r.yaml:1:4: is not UTF-8 text: byte 0xC0" + hint);
  CHECK(broken("a: \xED\xA0\x80\n") == "r.yaml:1:4: is not UTF-8 text: byte 0xED" + hint);
  CHECK(broken("a: \xF4\x90\x80\x80\n") == "r.yaml:1:4: is not UTF-8 text: byte 0xF4" + hint);
  CHECK(broken("a: \xE2\x82") == "r.yaml:1:4: is not UTF-8 text: byte 0xE2" + hint);
  CHECK(broken(std::string("\xFF\xFE"
                           "a\0",
                           4)) == "r.yaml:1:1: is not UTF-8 text: byte 0xFF" + hint);
  CHECK(broken("a: 1\rb: 2\n") == "r.yaml:1:5: holds the control byte 0x0D" + hint);
}

TEST_CASE("empty files", "[config]") {
  const std::string message = "r.yaml: is empty; a recipe has at least the sections task, model and data";
  CHECK(broken("") == message);
  CHECK(broken("# only a comment\n\n") == message);
  CHECK(broken("---\n") == message);
  CHECK(broken("~\n") == message);
}

TEST_CASE("files that cannot be read", "[config]") {
  const test::TempDir folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  CHECK(user_error([&] { read_yaml(folder / "none.yaml"); }) == at("none.yaml") + ": there is no such file");
  CHECK(user_error([&] { read_yaml(folder.path()); }) ==
        folder.path().string() + ": is a folder; name a YAML file in it");
  const auto large = folder.write("large.yaml", "a: 1\n" + std::string(4 << 20, '#'));
  CHECK(user_error([&] { read_yaml(large); }) ==
        at("large.yaml") +
            ": is larger than the 4194304 bytes allowed here; a recipe is a YAML text file of at most 4 MiB");
  const auto good = folder.write("good.yaml", "a: 1\n");
  CHECK(read_yaml(good).find("a")->origin.text() == at("good.yaml") + ":1:4");
}

TEST_CASE("garbage ends in a user error, never otherwise", "[config]") {
  const std::string alphabet = "a1:-[]{}&*!|>'\"%@`?,#~ \n\n  \t.\\$";
  std::uint32_t state = 12345;
  int errors = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) {
      state = state * 1664525u + 1013904223u;
      text += alphabet[(state >> 16) % alphabet.size()];
    }
    try {
      parse_yaml(text, "r.yaml");
    } catch (const UserError& error) {
      ++errors;
      if (error.problems().empty() || error.problems().front().message.empty()) FAIL(text);
    }
  }
  CHECK(errors > 1000);
}

}  // namespace
}  // namespace mlrun::config
