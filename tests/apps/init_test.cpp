#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"
#include "report/png.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

void write_images(const TempDir& folder, const std::string& place, int count, int size) {
  for (int i = 0; i < count; ++i) {
    folder.write(place + "/" + std::to_string(i) + ".ppm", ppm(size, size, static_cast<unsigned>(i + 1)));
  }
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

TEST_CASE("`init` writes a recipe that trains by the command it prints", "[apps][init]") {
  const TempDir folder;
  write_images(folder, "my photos/cat", 30, 20);
  write_images(folder, "my photos/dog", 24, 20);
  folder.write("my photos/dog/broken.jpg", "\xFF\xD8\xFF\xE0 no image");
  const Outcome outcome = mlrun({"init", "classification", "my photos/", "-o", "my first.yaml"}, folder.path());
  INFO(outcome.err << outcome.out);
  REQUIRE(outcome.code == 0);
  CHECK(last_line(outcome.out) == std::string(MLRUN_EXECUTABLE) + " train 'my first.yaml'");
  const std::string text = read_file(folder / "my first.yaml");
  for (const char* part : {"root: my photos\n", "on_error: skip", "cat: 30, dog: 25", "name: small_cnn",
                           "split: {train: 0.8, val: 0.2, seed: 0}", "{name: random_crop, size: 20, padding: 3}"}) {
    INFO(part << " in\n" << text);
    CHECK(contains(text, part));
  }
  CHECK(mlrun({"config", "check", "my first.yaml"}, folder.path()).code == 0);
  const Outcome trained =
      mlrun({"train", "my first.yaml", "train.epochs=1", "--device", "cpu", "--threads", "1"}, folder.path());
  INFO(trained.err);
  CHECK(trained.code == 0);
  CHECK(refusal(mlrun({"init", "classification", "my photos", "-o", "my first.yaml"}, folder.path())) ==
        "error: my first.yaml: exists already; choose another name with -o, or remove it\n");
}

TEST_CASE("`init` takes the splits, sizes and models that there are", "[apps][init]") {
  const TempDir folder;
  for (const char* split : {"train", "val"}) {
    write_images(folder, std::string("photos/") + split + "/a", 40, 100);
    write_images(folder, std::string("photos/") + split + "/b", 8, 100);
  }
  const Outcome outcome = mlrun({"init", "classification", "photos", "--model", "resnet18", "--json"}, folder.path());
  const Json result = result_of(outcome, "init classification", "ok");
  CHECK(result.at("recipe") == "photos.yaml");
  CHECK(result.at("data").at("classes") == Json{{"a", 40}, {"b", 8}});
  CHECK(result.at("choices").at("input_size") == 96);
  REQUIRE(result.at("warnings").size() == 2);
  CHECK(contains(result.at("warnings")[0].get<std::string>(), "b has 8 for training"));
  CHECK(contains(result.at("warnings")[1].get<std::string>(), "5.0 times the images of the smallest"));
  const std::string text = read_file(folder / "photos.yaml");
  CHECK(!contains(text, "split: {"));
  CHECK(contains(text, "mlrun weights get resnet18/IMAGENET1K_V1"));
  CHECK(mlrun({"config", "check", "photos.yaml"}, folder.path()).code == 0);
}

TEST_CASE("`init` fine-tunes where published weights are on this machine", "[apps][init]") {
  const TempDir folder;
  write_images(folder, "photos/a", 30, 20);
  write_images(folder, "photos/b", 30, 20);
  folder.write("torch/hub/checkpoints/resnet18-f37072fd.pth", "stands for the weights");
  const Invocation invocation{
      {"init", "classification", "photos", "--model", "resnet18"},
      folder.path(),
      {{"TORCH_HOME", (folder / "torch").string()}, {"XDG_CACHE_HOME", folder.path().string()}}};
  const Outcome outcome = run(invocation);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(contains(outcome.out, "gets them enlarged to 224"));
  const std::string text = read_file(folder / "photos.yaml");
  for (const char* part : {"weights: IMAGENET1K_V1", "head: reinit", "- classification_train", "lr: 0.0003"}) {
    INFO(part << " in\n" << text);
    CHECK(contains(text, part));
  }
  CHECK(mlrun({"config", "show", "photos.yaml"}, folder.path()).code == 0);
}

/// Images of 40 x 36 pixels whose lower halves are brighter, with masks of these values.
void write_scenes(const TempDir& folder, int count, std::uint8_t upper, std::uint8_t lower) {
  constexpr std::size_t kWidth = 40, kHeight = 36, kHalf = kWidth * kHeight / 2;
  std::vector<std::uint8_t> mask(kHalf, upper), image(kHalf, 60);
  mask.resize(2 * kHalf, lower);
  image.resize(2 * kHalf, 200);
  for (int i = 0; i < count; ++i) {
    image[0] = static_cast<std::uint8_t>(i);
    folder.write("scenes/images/" + std::to_string(i) + ".png", report::png(image.data(), kWidth, kHeight, 1));
    folder.write("scenes/masks/" + std::to_string(i) + ".png", report::png(mask.data(), kWidth, kHeight, 1));
  }
}

TEST_CASE("`init` writes a recipe for images with masks", "[apps][init]") {
  const TempDir folder;
  write_scenes(folder, 12, 0, 255);
  const Outcome outcome = mlrun({"init", "segmentation", "scenes"}, folder.path());
  INFO(outcome.err << outcome.out);
  REQUIRE(outcome.code == 0);
  const std::string text = read_file(folder / "scenes.yaml");
  for (const char* part : {"task: segmentation\n", "root: scenes\n", "format: segmentation_folder\n", "name: unet\n",
                           "split: {val: 0.2, seed: 0}", "{name: random_crop, size: 32, pad_if_smaller: true}",
                           "#   background: 50.00 %\n", "{name: resize, size: 32}"}) {
    INFO(part << " in\n" << text);
    CHECK(contains(text, part));
  }
  const Outcome trained = mlrun(
      {"train", "scenes.yaml", "train.epochs=1", "model.width=4", "model.depth=1", "--device", "cpu", "--threads", "1"},
      folder.path());
  INFO(trained.err);
  CHECK(trained.code == 0);
}

TEST_CASE("`init` finds the values of masks whose classes nobody named", "[apps][init]") {
  const TempDir folder;
  write_scenes(folder, 8, 3, 7);
  const Json result =
      result_of(mlrun({"init", "segmentation", "scenes", "--json"}, folder.path()), "init segmentation", "ok");
  CHECK(result.at("data").at("classes") == Json{{"class 3", 5760}, {"class 7", 5760}});
  CHECK(contains(read_file(folder / "scenes.yaml"), "values:"));
  const Json info = result_of(mlrun({"data", "info", "scenes.yaml", "--json"}, folder.path()), "data info", "ok");
  CHECK(info.at("classes")[1].at("name") == "class 7");
  CHECK(info.at("masks").at("warnings").empty());
  CHECK(refusal(mlrun({"init", "segmentation", "scenes/images", "--format", "image_folder"}, folder.path())) != "");
}

TEST_CASE("`init` says what it cannot begin with", "[apps][init]") {
  const TempDir folder;
  write_images(folder, "few/a", 4, 8);
  write_images(folder, "few/b", 4, 8);
  write_images(folder, "photos/a", 10, 8);
  write_images(folder, "photos/b", 10, 8);
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"init", "classification"});
    const std::string line = refusal(mlrun(words, folder.path()));
    CHECK(!fs::exists(folder / "photos.yaml"));
    CHECK(!fs::exists(folder / "few.yaml"));
    return line;
  };
  CHECK(refused({"few"}) == "error: few: holds 8 images, too few to learn from; collect at least 10\n");
  CHECK(contains(refused({"absent"}), "absent"));
  CHECK(contains(refused({"photos", "--model", "resnet19"}), "resnet18"));
  CHECK(contains(refused({"photos", "--format", "image_folders"}), "image_folder"));
}

TEST_CASE("`init detection` writes a recipe for boxes as they lie there", "[apps][init]") {
  const TempDir folder;
  const auto annotate = [&](const std::string& place, int i) {
    folder.write(
        place + "/" + std::to_string(i) + ".xml",
        "<annotation><object><name>" + std::string(i % 2 == 0 ? "king" : "ace") +
            "</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>18</xmax><ymax>15</ymax></bndbox></object></annotation>");
  };
  write_images(folder, "cards/JPEGImages", 10, 20);
  for (int i = 0; i < 10; ++i) annotate("cards/Annotations", i);
  const Outcome outcome = mlrun({"init", "detection", "cards", "--json"}, folder.path());
  const Json result = result_of(outcome, "init detection", "ok");
  CHECK(result.at("data").at("format") == "voc_detection");
  CHECK(result.at("data").at("options") == Json{{"image_set", nullptr}});
  CHECK(result.at("data").at("classes") == Json{"ace", "king"});
  CHECK(result.at("data").at("boxes").at("train").at("boxes") == 10);
  CHECK(result.at("choices").at("model") == "ssdlite320_mobilenet_v3_large");
  CHECK(result.at("warnings").at(0) == "too few images for a test split: the figures of val are all there is");
  const std::string text = read_file(folder / "cards.yaml");
  for (const char* part : {"format: voc_detection\n  image_set: null\n  split: {val: 0.2, seed: 0}", "#   king: 5\n"}) {
    INFO(part << " in\n" << text);
    CHECK(contains(text, part));
  }
  CHECK(mlrun({"config", "check", "cards.yaml"}, folder.path()).code == 0);
  write_images(folder, "few", 1, 20);
  annotate("few", 0);
  CHECK(refusal(mlrun({"init", "detection", "few"}, folder.path())) ==
        "error: few: holds 1 image, too few to learn from; annotate at least 8\n");

  CHECK(contains(text, "`mlrun weights get ssdlite320_mobilenet_v3_large/COCO_V1`"));
  CHECK(result.at("choices").at("weights").is_null());
  folder.write("torch/hub/checkpoints/ssdlite320_mobilenet_v3_large_coco-a79551df.pth", "stands for the weights");
  const Outcome tuned =
      run({{"init", "detection", "cards", "-o", "tuned.yaml"},
           folder.path(),
           {{"TORCH_HOME", (folder / "torch").string()}, {"XDG_CACHE_HOME", folder.path().string()}}});
  INFO(tuned.err);
  REQUIRE(tuned.code == 0);
  CHECK(contains(tuned.out, "ssdlite320_mobilenet_v3_large from ssdlite320_mobilenet_v3_large/COCO_V1, 100 epochs"));
  const std::string from_weights = read_file(folder / "tuned.yaml");
  for (const char* part : {"  weights: COCO_V1", "  head: reinit", "epochs: 100", "lr: 5e-4"}) {
    INFO(part << " in\n" << from_weights);
    CHECK(contains(from_weights, part));
  }
  CHECK(mlrun({"config", "show", "tuned.yaml"}, folder.path()).code == 0);
}

}  // namespace
}  // namespace mlrun::test
