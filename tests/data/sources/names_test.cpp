#include "data/sources/names.h"

#include "logged.h"

namespace mlrun::data {
namespace {

const std::string kComposed = "caf\xC3\xA9", kApart = "cafe\xCC\x81";

std::string refused(const std::vector<std::string>& names) {
  return test::user_error([&] { check_class_names(names, "photos"); });
}

}  // namespace

TEST_CASE("names of classes that cannot be kept are refused", "[data][names]") {
  CHECK(refused({"cat", "caf\xE9"}) == "photos: the class name 'caf\\xe9' is not UTF-8 text; rename the class");
  CHECK(refused({"a\nb"}) ==
        "photos: the class name 'a b' holds a line break or another control character; rename the class");
  CHECK(refused({"a\tb"}).find("control character") != std::string::npos);
  CHECK(refused({" "}) == "photos: the class name ' ' shows nothing; rename the class");
  CHECK(refused({"\xE2\x80\x8B"}).find("shows nothing") != std::string::npos);
  CHECK(test::logged([] { check_class_names({kComposed, "a b", "a'b", "\xE7\x8C\xAB", "A-1"}, "photos"); }).empty());
}

TEST_CASE("classes that look the same are told", "[data][names]") {
  const auto told = [](const std::vector<std::string>& names) {
    return test::logged([&] { check_class_names(names, "photos"); });
  };
  CHECK(told({kApart, kComposed}) ==
        "warning photos: the classes '" + kApart + "' and '" + kComposed +
            "' look the same and count as two: their letters and accents are written in two ways (Unicode's NFC and "
            "NFD); if they are one, give them one name\n");
  CHECK(told({"Cat", "cat", "dog"}) ==
        "warning photos: the classes 'Cat' and 'cat' look the same and count as two: they differ in upper case, blanks "
        "or "
        "characters that are not seen; if they are one, give them one name\n");
  CHECK(told({"cat", "cat "}).find("'cat' and 'cat ' look the same") != std::string::npos);
}

TEST_CASE("a name that is not known is told beside the one that it looks like", "[data][names]") {
  CHECK(look_alike(kApart, {"cat", kComposed}) ==
        ", but '" + kComposed +
            "', which looks the same: their letters and accents are written in two ways (Unicode's "
            "NFC and NFD)");
  CHECK(look_alike("dog", {"cat", kComposed}).empty());
}

TEST_CASE("names of files that are not UTF-8 are refused by count", "[data][names]") {
  CHECK_NOTHROW(check_file_names({{kComposed, 1}, {"a\nb.jpg", 1}}, "photos"));
  CHECK(test::user_error([] {
          check_file_names({{"a.jpg", 1}, {"x/\xE9.jpg", 1}}, "photos");
        }) ==
        "photos: 1 name is not UTF-8 text: 'x/\\xe9.jpg'; rename them in UTF-8 (convmv -f latin1 -t utf8 does it for "
        "whole folders)");
  CHECK(test::user_error([] {
          check_file_names({{"\xE9.jpg", 1}, {"\xE8.jpg", 1}}, "photos");
        }).find("photos: 2 names are not UTF-8 text, as '\\xe9.jpg'; ") == 0);
}

}  // namespace mlrun::data
