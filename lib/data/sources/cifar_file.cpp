#include "data/sources/cifar_file.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace mlrun::data {

std::int64_t cifar_records(std::uint64_t size, const CifarLayout& layout, const std::string& name) {
  const auto record = static_cast<std::uint64_t>(layout.record());
  if (size == 0) throw file_error(name, "is empty", "fetch it again");
  if (size % record != 0) {
    throw file_error(name,
                     "is cut short: " + std::to_string(size) + " bytes are no multiple of the " +
                         std::to_string(record) + " of one image; it ends within image " +
                         std::to_string(size / record),
                     "fetch it again");
  }
  return static_cast<std::int64_t>(size / record);
}

void check_cifar(std::string_view bytes, const CifarLayout& layout, const std::string& name) {
  const std::int64_t records = cifar_records(bytes.size(), layout, name);
  for (std::int64_t at = 0; at < records; ++at) {
    const auto label =
        static_cast<unsigned char>(bytes[static_cast<std::size_t>(at * layout.record() + layout.label_at)]);
    if (label < layout.classes) continue;
    throw file_error(name,
                     "image " + std::to_string(at) + " has label " + std::to_string(label) + "; there are " +
                         std::to_string(layout.classes) + " classes",
                     "this is not the binary version of this data set, or it is damaged");
  }
}

std::string read_cifar(const std::filesystem::path& path, const CifarLayout& layout) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) throw file_error(path.string(), "cannot be read: " + error.message());
  cifar_records(size, layout, path.string());
  std::string bytes = read_file(path, size);
  check_cifar(bytes, layout, path.string());
  return bytes;
}

std::vector<std::string> parse_cifar_names(std::string_view text, std::int64_t count, const std::string& name) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) names.emplace_back(line);
    if (static_cast<std::int64_t>(names.size()) > count) break;
  }
  if (static_cast<std::int64_t>(names.size()) != count) {
    const std::string found = static_cast<std::int64_t>(names.size()) > count ? "more" : std::to_string(names.size());
    throw file_error(name, "must name " + std::to_string(count) + " classes, one a line; it names " + found,
                     "fetch it again, or remove it: the names are known");
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    throw file_error(name, "names a class twice", "fetch it again, or remove it: the names are known");
  }
  return names;
}

const std::vector<std::string>& cifar_names(std::int64_t count) {
  static const std::vector<std::string> ten = {"airplane", "automobile", "bird",  "cat",  "deer",
                                               "dog",      "frog",       "horse", "ship", "truck"};
  static const std::vector<std::string> coarse = {"aquatic_mammals",
                                                  "fish",
                                                  "flowers",
                                                  "food_containers",
                                                  "fruit_and_vegetables",
                                                  "household_electrical_devices",
                                                  "household_furniture",
                                                  "insects",
                                                  "large_carnivores",
                                                  "large_man-made_outdoor_things",
                                                  "large_natural_outdoor_scenes",
                                                  "large_omnivores_and_herbivores",
                                                  "medium_mammals",
                                                  "non-insect_invertebrates",
                                                  "people",
                                                  "reptiles",
                                                  "small_mammals",
                                                  "trees",
                                                  "vehicles_1",
                                                  "vehicles_2"};
  static const std::vector<std::string> fine = {
      "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
      "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
      "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
      "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
      "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
      "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
      "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
      "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
      "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
      "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
      "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
      "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
      "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
      "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
      "woman",      "worm"};
  MLRUN_ASSERT(count == 10 || count == 20 || count == 100, "CIFAR has no such number of classes");
  return count == 10 ? ten : count == 20 ? coarse : fine;
}

}  // namespace mlrun::data
