#include "base/files.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "fuzz/fuzz.h"

namespace mlrun::fuzz {
namespace {

/// A checkpoint's folder with a manifest that agrees with its files.
void write_checkpoint_files(std::string_view manifest, std::string_view state) {
  constexpr std::string_view kEmpty("\x08\0\0\0\0\0\0\0{}      ", 16);  // safetensors without tensors
  const auto place = folder().write("run.json", state).parent_path();
  std::filesystem::create_directories(place / "step-00000001");
  folder().write("step-00000001/model.safetensors", kEmpty);
  folder().write("step-00000001/state.safetensors", kEmpty);
  folder().write("step-00000001/state.json", state);
  if (!manifest.empty()) {
    folder().write("step-00000001/manifest.json", manifest);
    return;
  }
  Json files = Json::object();
  for (const char* name : {"model.safetensors", "state.safetensors", "state.json"}) {
    const auto file = place / "step-00000001" / name;
    files[name] = {{"size", std::filesystem::file_size(file)}, {"sha256", sha256_file(file)}};
  }
  folder().write("step-00000001/manifest.json", Json{{"schema", 1}, {"step", 1}, {"files", files}}.dump());
}

}  // namespace
}  // namespace mlrun::fuzz

/// The first byte says what the rest is: a manifest, or state.json and run.json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  if (size == 0) return 0;
  const auto rest = fuzz::bytes_of(data + 1, size - 1);
  const bool manifest = (data[0] & 1U) != 0 && !rest.empty();
  fuzz::write_checkpoint_files(manifest ? rest : "", manifest ? "{}" : rest);
  const auto place = fuzz::folder().write("unused", "").parent_path();
  fuzz::tolerate([&] { engine::read_checkpoint(place / "step-00000001"); });
  fuzz::tolerate([&] {
    const auto run = engine::RunDirectory::open(place);
    run.state();
    if (run.info().contains("data")) engine::data_info(run.info().at("data"));
  });
  return 0;
}
