#ifdef MLRUN_WITH_OPENCV

#include "data/contact_sheet.h"

#include <torch/types.h>

#include "base/files.h"
#include "data/class_colours.h"
#include "data/image/decode.h"
#include "data/image/overlay.h"
#include "data/mask_census.h"
#include "data/sources/synthetic.h"
#include "data/sources/synthetic_shapes.h"
#include "data/transforms/transform.h"
#include "recipes/registry.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// One flat colour for every sample.
class FlatSource : public Source {
 public:
  FlatSource(std::vector<std::int64_t> colour, std::int64_t size) : colour_(std::move(colour)), size_(size) {}
  std::int64_t size() const override { return size_; }
  Sample get(const SampleKey& key) const override {
    Sample sample;
    sample.id = std::to_string(key.index);
    sample.index = key.index;
    const auto channels = static_cast<std::int64_t>(colour_.size());
    sample.inputs.set("image", torch::tensor(colour_, torch::kByte).expand({28, 28, channels}).contiguous());
    sample.targets.set("label", torch::scalar_tensor(key.index % 2, torch::kLong));
    return sample;
  }

 private:
  std::vector<std::int64_t> colour_;
  std::int64_t size_;
};

/// Its even samples cannot be read.
class HalfBroken : public FlatSource {
 public:
  using FlatSource::FlatSource;
  Sample get(const SampleKey& key) const override {
    if (key.index % 2 == 0) throw UserError(std::to_string(key.index) + ": is broken");
    return FlatSource::get(key);
  }
};

Pipeline normalizing(std::int64_t channels) {
  TransformContext context;
  context.channels = channels;
  std::vector<config::Component> list;
  if (channels == 3) list.push_back(recipes::transforms().defaults("normalize"));  // else values are scaled to 0..1
  return {recipes::transforms(), list, context, "data.preprocess"};
}

}  // namespace

TEST_CASE("a contact sheet shows what the network sees, normalization undone", "[data][contact_sheet]") {
  const test::TempDir folder;
  const FlatSource source({200, 100, 50}, 5);
  const Json shown = write_contact_sheet(source, normalizing(3), {"cat", "d\xC3\xB6g"}, {3, 2}, folder / "s.png");
  REQUIRE(shown["samples"].size() == 3);
  REQUIRE(shown["samples"][0]["height"] == 28);
  const torch::Tensor sheet = decode_image(read_file(folder / "s.png"), "s.png");
  REQUIRE(sheet.size(0) == shown["height"].get<std::int64_t>());
  REQUIRE(sheet.size(1) == 8 + 2 * (112 + 8));
  const torch::Tensor colour = torch::tensor({200, 100, 50}, torch::kByte);
  REQUIRE(torch::equal(sheet[8][8], colour));
  REQUIRE(torch::equal(sheet[8 + 111][8 + 111], colour));
  REQUIRE(torch::equal(sheet[60][180], colour));
  REQUIRE(sheet[1][1].eq(255).all().item<bool>());
  const torch::Tensor text = sheet.slice(0, 122, 134).slice(1, 8, 100);
  REQUIRE(text.min().item<int>() < 100);  // the label's letters
  REQUIRE(read_file(folder / "s.png") == [&] {
    write_contact_sheet(source, normalizing(3), {"cat", "d\xC3\xB6g"}, {3, 2}, folder / "again.png");
    return read_file(folder / "again.png");
  }());
}

TEST_CASE("grey data and large images make contact sheets too", "[data][contact_sheet]") {
  const test::TempDir folder;
  write_contact_sheet(FlatSource({77}, 2), normalizing(1), {"a", "b"}, {}, folder / "g.png");
  const torch::Tensor grey = decode_image(read_file(folder / "g.png"), "g.png");
  REQUIRE(grey[30][30].eq(77).all().item<bool>());
  SyntheticOptions options;
  options.height = 100;
  options.width = 600;
  const auto data = open_synthetic(options, {});
  const Json shown =
      write_contact_sheet(*data->split(Split::Train), normalizing(3), data->info().classes, {4, 4}, folder / "l.png");
  REQUIRE(shown["width"] == 8 + 4 * (256 + 8));
  REQUIRE(shown["samples"][0]["width"] == 600);
}

TEST_CASE("a contact sheet that cannot be written is one line", "[data][contact_sheet]") {
  const test::TempDir folder;
  const std::string text = test::user_error([&] {
    write_contact_sheet(FlatSource({1}, 1), normalizing(1), {"a", "b"}, {}, folder / "none/s.png");
  });
  REQUIRE(text.find((folder / "none/s.png").string() + ": cannot be written: No such file or directory") == 0);
}

TEST_CASE("a contact sheet passes over broken samples where it may", "[data][contact_sheet]") {
  const test::TempDir folder;
  const HalfBroken source({9}, 10);
  const std::vector<std::string> classes = {"a", "b"};
  SheetOptions options;
  options.samples = 3;
  options.choice = 1;
  options.on_error = OnError::Skip;
  const Json shown = write_contact_sheet(source, normalizing(1), classes, options, folder / "s.png");
  REQUIRE(shown["samples"].size() == 3);
  for (const auto& sample : shown["samples"]) REQUIRE(sample["index"].get<int>() % 2 == 1);
  options.samples = 10;
  const Json all = write_contact_sheet(source, normalizing(1), classes, options, folder / "s.png");
  REQUIRE(all["samples"].size() == 5);
  REQUIRE(all["skipped"].size() == 5);
  options.on_error = OnError::Fail;
  REQUIRE(test::user_error([&] {
            write_contact_sheet(source, normalizing(1), classes, options, folder / "n.png");
          }).find(": is broken") != std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(folder / "n.png"));
  options.on_error = OnError::Skip;
  REQUIRE(test::user_error([&] {
            write_contact_sheet(HalfBroken({9}, 1), normalizing(1), classes, options, folder / "n.png");
          }) == "no sample of the split can be read; `mlrun data verify` names what is broken");
}

TEST_CASE("masks are drawn over their images where these went, with a legend", "[data][contact_sheet]") {
  const test::TempDir folder;
  const auto data = open_synthetic_shapes({}, {});
  const auto source = data->split(Split::Val);
  std::vector<config::Component> list = {recipes::transforms().defaults("normalize")};
  const Pipeline pipeline(recipes::transforms(), list, TransformContext(), "data.preprocess", mask_followers(*data));
  SheetOptions options;
  options.samples = 1;
  options.palette = mask_palette(data->info());
  const auto& classes = data->info().classes;
  const Json shown = write_contact_sheet(*source, pipeline, classes, options, folder / "s.png");
  const Sample sample = source->get({shown["samples"][0]["index"].get<std::int64_t>(), 0, 0});
  const torch::Tensor expected = overlay(sample.inputs.tensor("image"), sample.targets.tensor("mask"), options.palette);
  const torch::Tensor sheet = decode_image(read_file(folder / "s.png"), "s.png");
  const std::int64_t margin = 8 + (112 - 64) / 2;
  CHECK(torch::equal(sheet.slice(0, 8, 72).slice(1, margin, margin + 64), expected));
  CHECK(shown["samples"][0]["label"].get<std::string>().find("ground") == 0);
  options.palette.clear();
  const Json plain = write_contact_sheet(*source, pipeline, classes, options, folder / "p.png");
  CHECK(plain["height"].get<int>() < shown["height"].get<int>());
  CHECK(plain["samples"][0]["label"] == "-");
}

}  // namespace mlrun::data

#endif
