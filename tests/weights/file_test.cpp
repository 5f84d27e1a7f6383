#include "weights/file.h"

#include <torch/types.h>

#include "base/files.h"
#include "support.h"
#include "weights/archive.h"

namespace mlrun::weights::file_tests {
namespace {

using namespace mlrun::test::built;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::fixture;
using mlrun::test::TempDir;
using mlrun::test::user_error;
using Texts = std::vector<std::string>;

WeightFile read(const std::string& name, const std::string& entry = "") {
  return read_weights(fixture("weights/" + name), entry);
}

/// The same names in the same order, the same dtypes, shapes and bits.
void check_same(const NamedTensors& given, const NamedTensors& expected) {
  REQUIRE(given.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(expected[i].first);
    CHECK(given[i].first == expected[i].first);
    CHECK(given[i].second.scalar_type() == expected[i].second.scalar_type());
    REQUIRE(given[i].second.sizes() == expected[i].second.sizes());
    CHECK(torch::equal(given[i].second, expected[i].second));
  }
}

void check_model(const std::string& name, const std::string& format, const std::string& taken, const Texts& notes = {},
                 const std::string& entry = "", const std::string& expected = "expected") {
  INFO(name);
  const WeightFile file = read(name, entry);
  check_same(file.tensors, read_safetensors(fixture("weights/" + expected + ".safetensors")).tensors);
  CHECK(file.format == format);
  CHECK(file.entry == taken);
  CHECK(file.notes == notes);
}

torch::Tensor tensor_of(const WeightFile& file, const std::string& name) {
  for (const auto& item : file.tensors) {
    if (item.first == name) return item.second;
  }
  FAIL("no tensor " << name);
  return {};
}

std::string error_of_code(const std::string& code, const std::string& entry = "") {
  const TempDir folder;
  const auto path = folder.write("w", pth_of(code));
  const std::string message = user_error([&] { read_weights(path, entry); });
  REQUIRE_THAT(message, Catch::Matchers::StartsWith(path.string() + ": "));
  CHECK(message.find('\n') == std::string::npos);
  return message.substr(path.string().size() + 2);
}

const std::string kDamaged = "; the file is damaged; fetch it again";

}  // namespace

TEST_CASE("state dicts are read in every form in which Python saves them", "[weights]") {
  for (const char* name : {"plain", "protocol3", "protocol4", "protocol5", "deflated"}) {
    check_model(std::string(name) + ".pth", "pth (zip)", "");
  }
  check_model("legacy.pth", "pth (legacy)", "");
  check_model("legacy4.pth", "pth (legacy)", "net");
  check_model("expected.safetensors", "safetensors", "");
  check_model("module.pth", "pth (zip)", "");
  check_model("module_legacy.pth", "pth (legacy)", "model", {"prefix 'module.' removed"});
  check_model("parallel.pth", "pth (zip)", "", {"prefix 'module.' removed"});
  check_model("ema.pth", "pth (zip)", "",
              {"n_averaged, an averaged model's counter, ignored", "prefix 'module.' removed"}, "", "averaged");
  CHECK(read("parameters.pth").tensors.size() == 5);
}

TEST_CASE("checkpoints of training programs give the model or what is asked for", "[weights]") {
  check_model("torchvision.pth", "pth (zip)", "model");
  check_model("torchvision.pth", "pth (zip)", "model_ema",
              {"n_averaged, an averaged model's counter, ignored", "prefix 'module.' removed"}, "model_ema",
              "averaged");
  check_model("timm.pth", "pth (zip)", "state_dict");
  check_model("timm.pth", "pth (zip)", "state_dict_ema", {}, "state_dict_ema", "averaged");
  check_model("lightning.pth", "pth (zip)", "state_dict", {"prefix 'model.' removed"});
  CHECK(read("torchvision.pth").other_entries == Texts{"model_ema"});
  CHECK(read("timm.pth").metadata == Metadata{{"arch", "net"}, {"epoch", "3"}, {"metric", "71.5"}, {"version", "2"}});
  CHECK_THAT(user_error([] { read("timm.pth", "ema"); }),
             ContainsSubstring("holds no weights under 'ema'; there are state_dict, state_dict_ema"));
  CHECK_THAT(user_error([] { read("expected.safetensors", "ema"); }),
             ContainsSubstring("is a safetensors file, which has no entries; 'ema' was asked for"));
}

TEST_CASE("TorchScript archives give the names of their state dict", "[weights]") {
  for (const char* name : {"scripted.pt", "traced.pt"}) {
    WeightFile file = read(name);
    CHECK(file.format == "torchscript");
    REQUIRE(file.tensors.size() == 9);
    CHECK(file.tensors.front().first == "transient");
    file.tensors.erase(file.tensors.begin());
    check_same(file.tensors, read("expected.safetensors").tensors);
  }
}

TEST_CASE("tensors of every dtype and layout are read, and share memory as they did", "[weights]") {
  const NamedTensors expected = read("tensors.safetensors").tensors;
  for (const char* name : {"tensors.pth", "tensors_legacy.pth"}) {
    const WeightFile file = read(name);
    check_same(file.tensors, expected);
    const torch::Tensor base = tensor_of(file, "base");
    CHECK(base.is_alias_of(tensor_of(file, "turned")));
    CHECK(base.is_alias_of(tensor_of(file, "slice")));
    CHECK_FALSE(base.is_alias_of(tensor_of(file, "float32")));
    CHECK(tensor_of(file, "expanded").stride(1) == 0);
    CHECK(tensor_of(file, "turned").strides() == torch::IntArrayRef({1, 4, 12}));
    CHECK_FALSE(tensor_of(file, "parameter").requires_grad());
    base.fill_(7);
    CHECK(tensor_of(file, "slice").eq(7).all().item<bool>());
    check_same(read(name).tensors, expected);
  }
}

TEST_CASE("tensors are mapped, not copied, and outlive the file", "[weights]") {
  const TempDir folder;
  const auto path = folder / "w.pth";
  write_pth(path, {{"a", torch::arange(1'000'000)}, {"b", torch::ones({3})}});
  const WeightFile file = read_weights(path);
  const auto first = reinterpret_cast<std::uintptr_t>(file.tensors[0].second.data_ptr());
  const auto second = reinterpret_cast<std::uintptr_t>(file.tensors[1].second.data_ptr());
  CHECK(first % 64 == 0);
  CHECK(second > first);
  CHECK(second - first < std::filesystem::file_size(path));
  std::filesystem::remove(path);
  CHECK(torch::equal(file.tensors[0].second, torch::arange(1'000'000)));
}

TEST_CASE("what stands in a tensor's place is named by what would make it", "[weights]") {
  const auto beside = [](const std::string& code) { return dict_of(text("a") + tensor_code({}) + text("b") + code); };
  CHECK(error_of_code(beside(global("my.own", "Thing") + ")R")) ==
        "b: is an object made by my.own.Thing, not a tensor; nothing was run; save the state_dict alone");
  CHECK(error_of_code(global("my.own", "Thing") + ")R") ==
        "holds no weights: its content is my.own.Thing; a dictionary of tensors, or a checkpoint with one inside, is "
        "expected");
  CHECK_THAT(error_of_code(tensor_code({})), ContainsSubstring("content is torch._utils._rebuild_tensor_v2"));
  CHECK_THAT(error_of_code("]"), ContainsSubstring("holds no weights: its content is a list"));
  CHECK(
      error_of_code(beside(global("torch._utils", "_rebuild_qtensor") + ")R")) ==
      "b: is a tensor made by torch._utils._rebuild_qtensor, which is not supported; save it as a plain, dense tensor");
  const TempDir folder;
  const auto path = folder.write("w", pth_of(dict_of(text("a") + tensor_code({}) + text("x._extra_state") +
                                                     global("io", "BytesIO") + ")R" + text("n") + "K\x01" + "K\x07N")));
  CHECK(read_weights(path).notes == Texts{"3 entries that are no tensors ignored: x._extra_state, n, 7"});
}

TEST_CASE("tensors that do not fit their storage are refused", "[weights]") {
  const auto error = [](const Described& of) { return error_of_code(dict_of(text("a") + tensor_code(of))); };
  const auto with = [](auto change) {
    Described of;
    change(of);
    return of;
  };
  const std::string beyond = "a: reaches beyond its storage of 4 elements" + kDamaged;
  CHECK(error(with([](Described& of) { of.offset = 1; })) == beyond);
  CHECK(error(with([](Described& of) { of.shape = {2, 3}; })) == beyond);
  CHECK(error(with([](Described& of) { of.strides = {3, 1}; })) == beyond);
  CHECK(error(with([](Described& of) { of.strides = {INT64_MAX, INT64_MAX}; })) == beyond);
  CHECK(error(with([](Described& of) { of.offset = INT64_MAX; })) == beyond);
  CHECK(error(with([](Described& of) { of.shape = {0, 2}, of.offset = 5; })) == beyond);
  const std::string negative = "a: has a size or stride that is no whole number from 0 on" + kDamaged;
  CHECK(error(with([](Described& of) { of.offset = -1; })) == negative);
  CHECK(error(with([](Described& of) { of.shape = {2, -2}; })) == negative);
  CHECK(error(with([](Described& of) { of.strides = {2, -1}; })) == negative);
  CHECK(error(with([](Described& of) { of.length = -4; })) == negative);
  CHECK(error(with([](Described& of) { of.strides = {1}; })) ==
        "a: has another number of strides than dimensions" + kDamaged);
  CHECK(error(with([](Described& of) {
          of.shape = {INT64_MAX, INT64_MAX}, of.strides = {0, 0};
        })) == "a: has a shape that is too large" + kDamaged);
  CHECK(error(with([](Described& of) {
          of.shape = {0, INT64_MAX, 4}, of.strides = {0, 0, 0};
        })) == "a: has a shape that is too large" + kDamaged);
  CHECK_THAT(error(with([](Described& of) {
               of.shape = {1 << 30, 2}, of.strides = {0, 1};
             })),
             ContainsSubstring("a: repeats the file's data to more than 671"));
  CHECK(error(with([](Described& of) { of.shape = of.strides = std::vector<std::int64_t>(65, 1); })) ==
        "a: has too many dimensions" + kDamaged);
  CHECK(error(with([](Described& of) { of.length = 5; })) == "a: needs 20 bytes of data, the file has 16" + kDamaged);
  CHECK(error(with([](Described& of) { of.length = 3, of.shape = {3}, of.strides = {1}; })) ==
        "a: needs 12 bytes of data, the file has 16" + kDamaged);
  CHECK(error(with([](Described& of) { of.key = "1"; })) == "a: its data are not in the file" + kDamaged);
  CHECK(error(with([](Described& of) { of.key = "../data/0"; })) == "a: its data are not in the file" + kDamaged);
  CHECK_THAT(error(with([](Described& of) { of.location = "meta"; })), ContainsSubstring("saved without its data"));
  CHECK(error(with([](Described& of) { of.storage = global("torch", "QInt8Storage"); })) ==
        "a: dtype qint8 is not supported; save it as a floating, whole-number or boolean tensor");
  CHECK_THAT(error(with([](Described& of) { of.storage = global("my", "FloatStorage"); })),
             ContainsSubstring("a: views my.FloatStorage, not a storage"));
  CHECK_THAT(error(with([](Described& of) { of.storage = "K\x01"; })), ContainsSubstring("views a whole number"));
}

TEST_CASE("tensors as LibTorch 2 saves them are read", "[weights]") {
  Described untyped;
  untyped.storage = global("torch.storage", "UntypedStorage");
  untyped.length = 16;
  const auto code = [&](const std::string& dtype) {
    return dict_of(text("a") + global("torch._utils", "_rebuild_tensor_v3") + "(" + storage_code(untyped) + number(0) +
                   tuple({2, 2}) + tuple({2, 1}) + "\x89" + global("collections", "OrderedDict") + ")R" +
                   global("torch", dtype) + "}tR");
  };
  const TempDir folder;
  const auto path = folder.write("w", pth_of(code("float32")));
  CHECK(torch::equal(read_weights(path).tensors[0].second, torch::zeros({2, 2})));
  CHECK(error_of_code(code("float8_e4m3fn")) ==
        "a: dtype float8_e4m3fn is not supported; save it as a floating, whole-number or boolean tensor");
  CHECK_THAT(error_of_code(code("float64")), ContainsSubstring("reaches beyond its storage of 2 elements"));
}

TEST_CASE("several dictionaries of tensors are told apart", "[weights]") {
  const std::string inner = dict_of(text("w") + tensor_code({}));
  CHECK(error_of_code(dict_of(text("student") + inner + text("teacher") + dict_of(text("w") + tensor_code({})))) ==
        "holds several dictionaries of tensors: student, teacher; say which of them is the entry to take");
  const TempDir folder;
  const auto path = folder.write(
      "w", pth_of(dict_of(text("loss") + tensor_code({}) + text("stuff") + dict_of(text("deep") + inner))));
  CHECK(read_weights(path, "stuff.deep").tensors[0].first == "w");
  CHECK(read_weights(path, ".").tensors[0].first == "loss");
  CHECK_THAT(user_error([&] { read_weights(path); }),
             ContainsSubstring("several dictionaries of tensors: ., stuff.deep"));
  CHECK(error_of_code(dict_of(text("w") + tensor_code({}) + text("w") + tensor_code({}))) ==
        "w: stands in the file twice" + kDamaged);
}

TEST_CASE("modules that contain each other end in an error", "[weights]") {
  // Each module has the one before as two children: 2 to the power of 60 paths.
  const auto module = [](const std::string& children) {
    return global("my", "Net") + ")\x81" + dict_of(text("_parameters") + "}" + text("_modules") + dict_of(children)) +
           "b";
  };
  std::string code = module("") + "q" + std::string(1, '\0');
  for (int i = 0; i < 60; ++i) {
    const std::string before = "h" + std::string(1, static_cast<char>(i));
    code += "0" + module(text("a") + before + text("b") + before) + "q" + std::string(1, static_cast<char>(i + 1));
  }
  CHECK_THAT(error_of_code(code), ContainsSubstring("holds modules that contain each other or too much"));
  CHECK_THAT(error_of_code(module("")), ContainsSubstring("holds a module without parameters"));
}

TEST_CASE("files of other kinds are named for what they are", "[weights]") {
  const TempDir folder;
  const auto error = [&](const std::string& content) {
    const auto path = folder.write("w", content);
    return user_error([&] { read_weights(path); }).substr(path.string().size() + 2);
  };
  CHECK(error("") == "is empty; fetch it again");
  CHECK_THAT(error("hello"), ContainsSubstring("is neither of torch.save, TorchScript nor safetensors"));
  CHECK_THAT(error("<html>404"), ContainsSubstring("is text, not weights"));
  CHECK_THAT(error("\x1f\x8b\x08"), ContainsSubstring("is compressed by gzip; unpack it first"));
  CHECK_THAT(error(std::string(257, 'x') + "ustar  "), ContainsSubstring("is a tar archive"));
  CHECK_THAT(error(pickle_of("}")), ContainsSubstring("is a pickle, but not one of torch.save"));
  CHECK_THAT(error(zip_of({entry("a/b.npy", "x")})), ContainsSubstring("not one of torch.save: it holds no data.pkl"));
  CHECK_THAT(error(zip_of({entry("a/model.json", "{}")})), ContainsSubstring("from before PyTorch 1.4"));
  CHECK_THAT(error(zip_of({entry("a/data.pkl", "x"), entry("b/data.pkl", "x")})), ContainsSubstring("several files"));
  CHECK_THAT(error(zip_of({entry("a/data.pkl", "x"), entry("a/byteorder", "big")})), ContainsSubstring("big-endian"));
  CHECK_THAT(error(zip_of({entry("a/data.pkl", pickle_of("}") + "x")})),
             ContainsSubstring("something follows its pickle"));
  CHECK_THAT(user_error([&] { read_weights(folder / "gone"); }),
             ContainsSubstring("gone: cannot be read: No such file"));
  CHECK_THAT(user_error([&] { read_weights(folder.path()); }), ContainsSubstring("cannot be read: Is a directory"));
}

}  // namespace mlrun::weights::file_tests
