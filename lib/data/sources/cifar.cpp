#include "data/sources/cifar.h"

#include <numeric>
#include <system_error>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "data/sources/cifar_file.h"
#include "data/sources/groups.h"
#include "data/sources/listing.h"
#include "data/sources/names.h"
#include "data/sources/selected_source.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestNameFile = 1 << 16;

/// What tells the two data sets apart.
struct CifarKind {
  const char* name;
  const char* folder;  ///< that the published archive unpacks to
  const char* names;   ///< file of the class names
  std::vector<std::string> train, test;
  CifarLayout layout;
};

/// The records of several files, one after the other.
struct CifarRecords {
  CifarLayout layout;
  std::string bytes;

  std::int64_t count() const { return static_cast<std::int64_t>(bytes.size()) / layout.record(); }
  const std::uint8_t* record(std::int64_t at) const {
    return reinterpret_cast<const std::uint8_t*>(bytes.data()) + at * layout.record();
  }
  std::int64_t label(std::int64_t at) const { return record(at)[layout.label_at]; }
};

class CifarSource : public SelectedSource {
 public:
  CifarSource(std::shared_ptr<const CifarRecords> records, std::vector<std::int64_t> positions)
      : SelectedSource(std::move(positions)), records_(std::move(records)) {}

 protected:
  torch::Tensor image_at(std::int64_t position) const override {
    constexpr std::int64_t kPixels = CifarLayout::kSide * CifarLayout::kSide;
    torch::Tensor image = torch::empty({CifarLayout::kSide, CifarLayout::kSide, 3}, torch::kByte);
    auto* out = image.data_ptr<std::uint8_t>();
    const std::uint8_t* planes = records_->record(position) + records_->layout.label_bytes;
    for (std::int64_t pixel = 0; pixel < kPixels; ++pixel) {
      for (std::int64_t channel = 0; channel < 3; ++channel) *out++ = planes[channel * kPixels + pixel];
    }
    return image;
  }

  SampleFacts facts_at(std::int64_t position) const override {
    return {std::to_string(position), {records_->label(position)}};
  }

 private:
  std::shared_ptr<const CifarRecords> records_;
};

/// The folder that holds the files: `root`, or the archive's folder below it.
fs::path cifar_folder(const fs::path& root, const CifarKind& kind) {
  std::error_code ignored;
  if (fs::exists(root / kind.train.front(), ignored) || !fs::is_directory(root / kind.folder, ignored)) return root;
  return root / kind.folder;
}

std::shared_ptr<CifarRecords> read_cifar_files(const fs::path& folder, const std::vector<std::string>& names,
                                               const CifarKind& kind, std::vector<ListedFile>& listed) {
  auto records = std::make_shared<CifarRecords>();
  records->layout = kind.layout;
  for (const auto& name : names) {
    const fs::path path = folder / name;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) {
      throw file_error(path.string(), "is not there",
                       std::string("data.root must hold the files of ") + kind.name +
                           "'s binary version, or its folder " + kind.folder);
    }
    const std::string bytes = read_cifar(path, kind.layout);
    listed.push_back({name, bytes.size()});
    records->bytes += bytes;
  }
  return records;
}

std::vector<std::string> read_cifar_names(const fs::path& folder, const CifarKind& kind) {
  const fs::path path = folder / kind.names;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return cifar_names(kind.layout.classes);
  return parse_cifar_names(read_file(path, kLargestNameFile), kind.layout.classes, path.string());
}

std::shared_ptr<const Dataset> open_cifar(const CifarKind& kind, const OpenRequest& request) {
  check_root(request.root);
  refuse_groups(request.split, kind.name);
  check_shares(request.split, /*has_val=*/false, /*has_test=*/true);
  const fs::path folder = cifar_folder(request.root, kind);
  std::vector<ListedFile> listed;
  const auto train = read_cifar_files(folder, kind.train, kind, listed);
  const auto test = read_cifar_files(folder, kind.test, kind, listed);

  DataInfo info;
  info.name = data_name(request.root);
  info.classes = read_cifar_names(folder, kind);
  check_class_names(info.classes, (folder / kind.names).string());
  info.fingerprint = fingerprint(std::move(listed));
  info.channels = 3;

  std::vector<std::int64_t> labels(static_cast<std::size_t>(train->count()));
  for (std::size_t at = 0; at < labels.size(); ++at) labels[at] = train->label(static_cast<std::int64_t>(at));
  Division division = divide_pool(info, labels, {}, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    auto& part = division.parts[i];
    if (!part.empty()) splits[i] = std::make_shared<CifarSource>(train, std::move(part));
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(test->count()));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  splits[2] = std::make_shared<CifarSource>(test, std::move(all));
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace

std::shared_ptr<const Dataset> open_cifar10(const config::NoOptions&, const OpenRequest& request) {
  CifarKind kind{"CIFAR-10", "cifar-10-batches-bin", "batches.meta.txt", {}, {"test_batch.bin"}, {}};
  for (int batch = 1; batch <= 5; ++batch) kind.train.push_back("data_batch_" + std::to_string(batch) + ".bin");
  return open_cifar(kind, request);
}

void Cifar100Options::declare(config::Declare<Cifar100Options>& d) {
  d("labels", &Cifar100Options::labels, "fine: 100 classes; coarse: the 20 that they form").choices({"fine", "coarse"});
}

std::shared_ptr<const Dataset> open_cifar100(const Cifar100Options& options, const OpenRequest& request) {
  const bool fine = options.labels == "fine";
  const CifarLayout layout{2, fine ? 1 : 0, fine ? 100 : 20};
  const char* names = fine ? "fine_label_names.txt" : "coarse_label_names.txt";
  return open_cifar({"CIFAR-100", "cifar-100-binary", names, {"train.bin"}, {"test.bin"}, layout}, request);
}

}  // namespace mlrun::data
