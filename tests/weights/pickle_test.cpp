#include "weights/pickle.h"

#include "support.h"
#include "weights/archive.h"

namespace mlrun::weights::pickle_tests {
namespace {

using namespace mlrun::test::built;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::user_error;

/// The pickle's value under `key`; `content` keeps the bytes alive.
struct Parsed {
  explicit Parsed(const std::string& code) : content(pickle_of(code)), pickle(parse_pickle(content, "w")) {}
  const PickleValue& root() const { return *pickle.root; }
  std::string content;
  Pickle pickle;
};

std::string error_of(const std::string& content) {
  return user_error([&] { parse_pickle(content, "w"); });
}

std::string repeated(const std::string& code, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += code;
  return all;
}

}  // namespace

TEST_CASE("pickles hold numbers of every width", "[weights]") {
  const auto integer = [](const std::string& code) {
    const Parsed parsed(code);
    CHECK(parsed.root().kind == PickleKind::Integer);
    return parsed.root().integer;
  };
  CHECK(integer("K\xff") == 255);
  CHECK(integer("M" + le(65535, 2)) == 65535);
  CHECK(integer("J" + le(0xffffffff, 4)) == -1);
  CHECK(integer(std::string("\x8a\x00", 2)) == 0);
  CHECK(integer("\x8a\x01\xff") == -1);
  CHECK(integer(std::string("\x8a\x03\x00\x00\x01", 5)) == 65536);
  CHECK(integer(number(INT64_MIN)) == INT64_MIN);
  CHECK(integer("\x8b" + le(2, 4) + le(300, 2)) == 300);
  CHECK(Parsed("\x8a\x09" + std::string(9, '\1')).root().kind == PickleKind::BigInteger);
  CHECK(Parsed(std::string("G\x3f\xf8\0\0\0\0\0\0", 9)).root().number == 1.5);
  CHECK(Parsed("\x88").root().integer == 1);
  CHECK(Parsed("N").root().kind == PickleKind::None);
}

TEST_CASE("pickles hold containers, which the memo shares", "[weights]") {
  const Parsed parsed("](" + text("a") + "q\x01h\x01K\x07K\x08\x86" + dict_of(text("k") + "K\x05") + "e");
  const PickleValue& list = parsed.root();
  REQUIRE(list.kind == PickleKind::List);
  REQUIRE(list.items.size() == 4);
  CHECK(list.items[0] == list.items[1]);
  CHECK(list.items[2]->kind == PickleKind::Tuple);
  CHECK(list.items[2]->items[1]->integer == 8);
  REQUIRE(find_key(*list.items[3], "k") != nullptr);
  CHECK(find_key(*list.items[3], "k")->integer == 5);
  CHECK(find_key(*list.items[3], "a") == nullptr);
  CHECK(parsed.pickle.size == parsed.content.size());
  const Parsed circle(
      "]q\x01h\x01"
      "a");
  CHECK(circle.root().items[0] == &circle.root());
  CHECK(Parsed("\x8f(K\x01K\x02\x90").root().items.size() == 2);
  CHECK(Parsed("(K\x01K\x02\x91").root().kind == PickleKind::Set);
}

TEST_CASE("objects of any class are kept and not made", "[weights]") {
  const Parsed parsed(global("argparse", "Namespace") + ")\x81" + dict_of(text("lr") + "K\x01") + "b");
  const PickleValue& object = parsed.root();
  CHECK(object.kind == PickleKind::Object);
  CHECK(pickle_name(object) == "argparse.Namespace");
  REQUIRE(object.state != nullptr);
  CHECK(find_key(*object.state, "lr")->integer == 1);
  const Parsed ordered(global("collections", "OrderedDict") + ")R(" + text("a") + "K\x01u" + "}b");
  CHECK(ordered.root().kind == PickleKind::Dict);
  CHECK(find_key(ordered.root(), "a")->integer == 1);
  const Parsed pairs(global("collections", "OrderedDict") + "](](" + text("a") + "K\x03" + "ee\x85R");
  CHECK(find_key(pairs.root(), "a")->integer == 3);
  const Parsed own(global("my.own", "Dict") + ")R(" + text("a") + "K\x04u");
  CHECK(own.root().kind == PickleKind::Object);
  CHECK(find_key(own.root(), "a")->integer == 4);
}

TEST_CASE("a pickle that would run code is refused by name, wherever it does", "[weights]") {
  const std::vector<std::pair<std::string, std::string>> hostile = {{"os", "system"},
                                                                    {"posix", "system"},
                                                                    {"nt", "system"},
                                                                    {"subprocess", "Popen"},
                                                                    {"builtins", "eval"},
                                                                    {"builtins", "exec"},
                                                                    {"__builtin__", "open"},
                                                                    {"builtins", "__import__"},
                                                                    {"sys", "modules"},
                                                                    {"os.path", "join"},
                                                                    {"shutil", "rmtree"},
                                                                    {"pty", "spawn"},
                                                                    {"importlib", "import_module"},
                                                                    {"runpy", "_run_code"},
                                                                    {"pickle", "loads"},
                                                                    {"torch.serialization", "os.system"}};
  for (const auto& [module, name] : hostile) {
    const std::string expected = "w: would run code if Python loaded it: its pickle names " + module + "." + name +
                                 "; nothing was run; take weights from a source that you trust";
    CHECK(error_of(pickle_of(global(module, name) + text("touch x") + "\x85R")) == expected);
    CHECK(error_of(pickle_of(text(module) + text(name) + "\x93" + text("touch x") + "\x85R")) == expected);
    CHECK(error_of(pickle_of("(i" + module + "\n" + name + "\n")) == expected);
    CHECK(error_of(pickle_of(dict_of(text("w") + "K\x01" + text("args") + global(module, name)))) == expected);
  }
  CHECK_NOTHROW(Parsed(global("builtins", "set") + "]\x85R"));
  CHECK_NOTHROW(Parsed(global("builtins", "getattr") + text("a") + "\x85R"));
}

TEST_CASE("broken pickles are named with their place", "[weights]") {
  const auto damaged = [](const std::string& what) { return ContainsSubstring("w: is damaged: its pickle " + what); };
  CHECK_THAT(error_of(""), damaged("is cut short (byte 0); fetch it again"));
  CHECK_THAT(error_of(pickle_of("X\xff\xff\xff\xff"
                                "abc")),
             damaged("is cut short"));
  CHECK_THAT(error_of(pickle_of("\x8d" + std::string(8, '\xff'))), damaged("is cut short"));
  CHECK_THAT(error_of(pickle_of("\x95" + std::string(8, '\x7f'))), damaged("is cut short"));
  CHECK_THAT(error_of(pickle_of("cos")), damaged("is cut short"));
  CHECK_THAT(error_of(pickle_of("")), damaged("ends with other than one value"));
  CHECK_THAT(error_of(pickle_of("NN")), damaged("ends with other than one value"));
  CHECK_THAT(error_of(pickle_of("(N")), damaged("ends with other than one value"));
  CHECK_THAT(error_of(pickle_of("R")), damaged("takes a value from an empty stack"));
  CHECK_THAT(error_of(pickle_of("N(\x85t")), damaged("takes a value from an empty stack"));
  CHECK_THAT(error_of(pickle_of("Nt")), damaged("lacks a mark"));
  CHECK_THAT(error_of(pickle_of("h\x05")), damaged("recalls value 5"));
  CHECK_THAT(error_of(pickle_of("j" + le(77, 4))), damaged("recalls value 77"));
  CHECK_THAT(error_of(pickle_of("K\x01Na")), damaged("adds items to what is no container"));
  CHECK_THAT(error_of(pickle_of("}(NNNu")), damaged("holds a key without a value"));
  CHECK_THAT(error_of(pickle_of("K\x01}b")), damaged("sets the state of a whole number"));
  CHECK_THAT(error_of(pickle_of("K\x01K\x02\x93")), damaged("names a global by other than text"));
  CHECK_THAT(error_of(pickle_of("\xfe")), damaged("holds an unknown instruction, 254"));
  CHECK_THAT(error_of(pickle_of("I1\n")), ContainsSubstring("of a protocol before 2"));
  CHECK_THAT(error_of("\x80\x06N."), ContainsSubstring("of protocol 6; 2 to 5 are supported"));
  CHECK_THAT(error_of(pickle_of("\x82\x01")), ContainsSubstring("copyreg"));
  CHECK_THAT(error_of(pickle_of("\x97")), ContainsSubstring("outside its pickle"));
}

TEST_CASE("pickles of great depth, length or repetition end soon", "[weights]") {
  const int deep = 1'500'000;
  Parsed nested(repeated("]", deep) + repeated("a", deep - 1));
  CHECK(nested.root().items.size() == 1);
  CHECK_THAT(error_of(pickle_of(repeated("N0", 2'000'001) + "N")), ContainsSubstring("more than 2000000 values"));
  CHECK_THAT(error_of(pickle_of(repeated("(1", 5'000'001) + "N")), ContainsSubstring("more than 2000000 values"));
  // Each list holds the one before ten times over: shared, not copied.
  std::string laughs = "]q" + std::string(1, '\0');
  for (int i = 0; i < 200; ++i) {
    laughs += "](" + repeated("h" + std::string(1, static_cast<char>(i)), 10) + "eq" +
              std::string(1, static_cast<char>(i + 1));
  }
  CHECK(Parsed("(" + laughs + "t").root().items.size() == 201);
  // One list of pairs for a great many dictionaries.
  const std::string pairs = "](" + repeated("NN\x86", 10'000) + "e\x85q\x01" + "0";
  CHECK_THAT(error_of(pickle_of(pairs + repeated(global("collections", "OrderedDict") + "h\x01R0", 10'000) + "N")),
             ContainsSubstring("more than 2000000 values"));
}

}  // namespace mlrun::weights::pickle_tests
