#ifdef MLRUN_WITH_OPENCV

#include "data/contact_sheet.h"

#include <torch/torch.h>

#include "base/files.h"
#include "data/decode.h"
#include "data/synthetic.h"
#include "data/transform.h"
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

Pipeline normalizing(std::int64_t channels) {
  TransformContext context;
  context.channels = channels;
  std::vector<config::Component> list;
  if (channels == 3) list.push_back(transforms().defaults("normalize"));  // else values are scaled to 0..1
  return {list, context, "data.preprocess"};
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

}  // namespace mlrun::data

#endif
