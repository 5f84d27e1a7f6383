#include "data/sources/left_out.h"

#include "logged.h"

namespace mlrun::data {
namespace {

LeftOut of(const std::vector<std::string>& paths) {
  LeftOut left_out;
  for (const auto& path : paths) left_out.add(path);
  return left_out;
}

}  // namespace

TEST_CASE("names of images are told by their endings, in any case", "[data][left_out]") {
  for (const std::string name : {"a.jpg", "a.JPEG", "a.jpe", "a.JFIF", "a.png", "a.bmp", "a.webp", "a.tif", "a.tiff",
                                 "a.ppm", "a.pgm", "a.pbm", "a.pnm", "a.b.jpg"}) {
    INFO(name);
    CHECK(is_image_name(name));
  }
  for (const std::string name : {"jpg", ".jpg", "a.gif", "a.heic", "a.jpg.txt", "a.", "a"}) {
    INFO(name);
    CHECK_FALSE(is_image_name(name));
  }
  for (const std::string name : {".x", "Thumbs.db", "desktop.ini", "__MACOSX"}) CHECK(is_quiet_name(name));
  CHECK_FALSE(is_quiet_name("thumbs"));
}

TEST_CASE("what is left out is told once, with counts and an example", "[data][left_out]") {
  const auto told = [](const LeftOut& left_out) { return test::logged([&] { tell_left_out(left_out, "photos"); }); };
  CHECK(told({}).empty());
  CHECK(told(of({"a/notes.txt", "a/README", "a/more.TXT"})) ==
        "info photos: 3 files are left out: 2 .txt, 1 without an ending, as 'a/README'\n");
  CHECK(told(of({"a/x.GIF"})) ==
        "warning photos: 1 file is left out: 1 .gif: 'a/x.GIF'; images of such kinds are not read: convert them to PNG "
        "or JPEG\n");
  CHECK(told(of({"a/a.txt", "b/y.heic", "b/x.heic", "c/z.gif"})) ==
        "warning photos: 4 files are left out: 2 .heic, 1 .gif, 1 .txt, as 'b/x.heic'; images of such kinds are not "
        "read: convert them to PNG or JPEG\n");
  CHECK(of({"1.a", "1.b", "1.c", "1.d", "1.e", "1.f", "1.g", "2.g", "1.h"}).list() ==
        "2 .g, 1 .a, 1 .b, 1 .c, 1 .d, 1 .e, 2 of other kinds");
}

TEST_CASE("files that are left out are counted in any order, and kept in caches", "[data][left_out]") {
  const std::vector<std::string> paths = {"b.txt", "a.gif", "c.gif", "d"};
  LeftOut parts = of({paths[3], paths[2]});
  parts.add(of({paths[1], paths[0]}));
  CHECK(parts == of(paths));
  CHECK(parts.count() == 4);
  CHECK(parts.example == "a.gif");
  for (const auto& left_out : {parts, LeftOut()}) {
    std::string text;
    add_left_out(text, left_out);
    FieldReader reader(text);
    CHECK(read_left_out(reader) == left_out);
    CHECK((reader.finished() && !reader.failed()));
  }
}

}  // namespace mlrun::data
