#include "engine/context.h"

#include <sys/resource.h>

#include <ATen/Parallel.h>

#include <optional>

#include "base/error.h"
#include "base/thread_limit.h"
#include "base/threads.h"
#include "base/torch_compat.h"
#include "engine/block_cache.h"

namespace mlrun::engine {
namespace {

std::optional<torch::Device> parse_device(const std::string& text) {
  if (text == "auto") return torch::Device(compat::cuda_available() ? torch::kCUDA : torch::kCPU);
  if (text == "cpu") return torch::Device(torch::kCPU);
  if (text == "cuda") return torch::Device(torch::kCUDA, 0);
  if (text.rfind("cuda:", 0) != 0 || text.size() == 5 || text.size() > 8) return std::nullopt;
  const std::string number = text.substr(5);
  if (number.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return torch::Device(torch::kCUDA, static_cast<torch::DeviceIndex>(std::stoi(number)));
}

torch::Device choose_device(const std::string& text) {
  auto device = parse_device(text);
  if (!device) throw UserError("unknown device '" + text + "'", "choose auto, cpu, cuda or cuda:N");
  if (device->is_cpu()) return *device;
  if (!compat::cuda_available()) {
    throw UserError("device '" + text + "' is not there: this LibTorch sees no GPU", "use --device cpu");
  }
  if (!device->has_index()) device->set_index(0);
  if (device->index() >= compat::cuda_count()) {
    throw UserError("device '" + text + "' is not there: this machine has " + std::to_string(compat::cuda_count()) +
                    " GPU(s), numbered from 0");
  }
  return *device;
}

/// OpenMP ends the process where it gets no thread, and LibTorch's pool, which is first made with one for each
/// processor and then anew, waits for ever. So it is seen that they can start, and they are started before there are
/// others: by an operation of as many pieces as LibTorch divides among them.
void start_compute_threads(int count) {
  constexpr std::int64_t kPiece = 32768;  // elements, at::internal::GRAIN_SIZE
  require_threads(machine_processors() + 2 * count);
  at::set_num_threads(count);
  if (count > 1) torch::zeros({count * kPiece}, torch::kByte).add_(1);
}

}  // namespace

Context make_context(const config::TrainSection& train) {
  keep_freed_tensors();
  Context context;
  context.device = choose_device(train.device);
  context.threads = train.threads.value_or(default_compute_threads());
  context.workers = train.workers.value_or(available_processors());
  if (train.memory_format == "channels_last") context.memory_format = torch::MemoryFormat::ChannelsLast;
  start_compute_threads(static_cast<int>(context.threads));
  return context;
}

void place(nn::Layer& model, const Context& context) {
  model.to(context.device);
  if (context.memory_format == torch::MemoryFormat::Contiguous) return;
  for (auto& parameter : model.parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.detach().contiguous(context.memory_format));
  }
}

data::Fields place(const data::Fields& fields, const Context& context) {
  data::Fields moved = fields.to(context.device);
  if (context.memory_format == torch::MemoryFormat::Contiguous) return moved;
  for (const auto& [name, value] : data::Fields(moved)) {
    const auto* tensor = std::get_if<torch::Tensor>(&value);
    if (tensor != nullptr && tensor->dim() == 4) moved.set(name, tensor->contiguous(context.memory_format));
  }
  return moved;
}

std::string memory_format_name(const Context& context) {
  return context.memory_format == torch::MemoryFormat::ChannelsLast ? "channels_last" : "contiguous";
}

std::string device_text(const torch::Device& device) { return device.str(); }

std::int64_t peak_memory() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace mlrun::engine
