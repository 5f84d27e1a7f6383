#include "deploy/graph/program.h"

#include <algorithm>
#include <utility>

#include "deploy/graph/memory.h"

namespace mlrun::deploy {
namespace {

dnnl::memory::format_tag tag_of(Form form) {
  switch (form) {
    case Form::Plain: return dnnl::memory::format_tag::nchw;
    case Form::ChannelsLast: return dnnl::memory::format_tag::nhwc;
    case Form::Blocked4: return dnnl::memory::format_tag::nChw4c;
    case Form::Blocked8: return dnnl::memory::format_tag::nChw8c;
    case Form::Blocked16: return dnnl::memory::format_tag::nChw16c;
  }
  return dnnl::memory::format_tag::undef;
}

}  // namespace

onednn::Dims dims_of(const std::vector<std::int64_t>& sizes) {
  if (sizes.size() == 4) return {sizes[0], sizes[1], sizes[2], sizes[3]};
  std::int64_t rest = 1;
  for (std::size_t i = 1; i < sizes.size(); ++i) rest *= sizes[i];
  return {sizes.empty() ? 1 : sizes[0], rest, 1, 1};
}

std::int64_t block_of(Form form, std::int64_t channels) {
  switch (form) {
    case Form::Plain: return 1;
    case Form::ChannelsLast: return channels;
    case Form::Blocked4: return 4;
    case Form::Blocked8: return 8;
    case Form::Blocked16: return 16;
  }
  return 1;
}

ImageLayout layout_of(const Slot& slot) {
  const onednn::Dims dims = dims_of(slot.sizes);
  return {dims[0], dims[1], dims[2] * dims[3], block_of(slot.form, dims[1])};
}

onednn::Desc desc_of(const std::vector<std::int64_t>& sizes, Form form) {
  return {dims_of(sizes), dnnl::memory::data_type::f32, tag_of(form)};
}

std::optional<Form> form_of(const onednn::Desc& desc, const std::vector<std::int64_t>& sizes) {
  for (const Form form : kForms) {
    if (desc == desc_of(sizes, form)) return form;
  }
  return std::nullopt;
}

const dnnl::engine& Program::engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

Program::Program() : stream_(engine()) {}

int Program::add_slot(std::vector<std::int64_t> sizes, Form form) {
  Slot slot;
  slot.sizes = std::move(sizes);
  slot.form = form;
  slots_.push_back(std::move(slot));
  return static_cast<int>(slots_.size()) - 1;
}

int Program::add_view(int of, std::vector<std::int64_t> sizes, Form form, std::int64_t begin) {
  const int number = add_slot(std::move(sizes), form);
  place_in(number, of, begin);
  return number;
}

void Program::place_in(int number, int root, std::int64_t begin) {
  slot(number).root = root;
  slot(number).begin = begin;
  slot(number).shared = slot(root).shared = true;
}

int Program::root_of(int number) const {
  while (slots_[static_cast<std::size_t>(number)].root >= 0) number = slots_[static_cast<std::size_t>(number)].root;
  return number;
}

void Program::add_step(const std::vector<int>& reads, const std::vector<int>& writes, std::function<void()> run) {
  const int step = static_cast<int>(steps_.size());
  for (const auto* used : {&reads, &writes}) {
    for (const int number : *used) {
      Slot& used_slot = slot(number);
      if (used_slot.first < 0) used_slot.first = step;
      used_slot.last = step;
    }
  }
  steps_.push_back(std::move(run));
  ++statistics.steps;
}

void Program::add_primitive(const dnnl::primitive& primitive, const onednn::Desc& scratchpad,
                            const std::vector<std::pair<int, std::pair<int, onednn::Desc>>>& slots,
                            std::unordered_map<int, dnnl::memory> arguments, int written) {
  statistics.implementations.push_back(onednn::implementation(primitive));
  std::vector<int> reads;
  for (const auto& [argument, place] : slots) {
    const dnnl::memory memory(place.second, engine(), DNNL_MEMORY_NONE);
    bound_.push_back({memory, place.first});
    arguments.emplace(argument, memory);
    reads.push_back(place.first);
  }
  if (scratchpad.get_size() > 0) {
    scratchpads_.push_back(dnnl::memory(scratchpad, engine(), DNNL_MEMORY_NONE));
    scratchpad_bytes_ = std::max(scratchpad_bytes_, scratchpad.get_size());
    arguments.emplace(DNNL_ARG_SCRATCHPAD, scratchpads_.back());
  }
  add_step(reads, {written},
           [this, primitive, arguments = std::move(arguments)] { primitive.execute(stream_, arguments); });
}

void Program::bind(int root, float* data) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    std::int64_t begin = 0;
    int at = static_cast<int>(i);
    for (; slots_[static_cast<std::size_t>(at)].root >= 0; at = slots_[static_cast<std::size_t>(at)].root) {
      begin += slots_[static_cast<std::size_t>(at)].begin;
    }
    if (at == root) slots_[i].data = data + begin;
  }
}

void Program::finish(std::vector<int> inputs, std::vector<int> outputs) {
  inputs_ = std::move(inputs);
  outputs_ = std::move(outputs);
  std::vector<BufferLife> lives(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].first < 0) continue;
    const auto root = static_cast<std::size_t>(root_of(static_cast<int>(i)));
    BufferLife& life = lives[root];
    if (life.bytes == 0) life.first = slots_[i].first;
    life.first = std::min(life.first, slots_[i].first);
    life.last = std::max(life.last, slots_[i].last);
    life.bytes = slots_[root].external ? 1 : static_cast<std::size_t>(layout_of(slots_[root]).floats()) * sizeof(float);
  }
  const ArenaPlan plan = plan_arena(lives);
  arena_ = torch::empty({static_cast<std::int64_t>(plan.bytes / sizeof(float)) + 16});
  scratchpad_ = torch::empty({static_cast<std::int64_t>(scratchpad_bytes_ / sizeof(float)) + 16});
  statistics.arena = plan.bytes + scratchpad_bytes_;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].root < 0 && !slots_[i].external) {
      bind(static_cast<int>(i), arena_.data_ptr<float>() + plan.offsets[i] / sizeof(float));
    }
  }
  for (auto& memory : scratchpads_) memory.set_data_handle(scratchpad_.data_ptr<float>());
  for (auto& bound : bound_) {
    if (!slots_[static_cast<std::size_t>(root_of(bound.slot))].external) bound.memory.set_data_handle(data(bound.slot));
  }
  const auto fixed = [this](const Bound& bound) {
    return !slots_[static_cast<std::size_t>(root_of(bound.slot))].external;
  };
  bound_.erase(std::remove_if(bound_.begin(), bound_.end(), fixed), bound_.end());
}

nn::Tensors Program::run(const nn::Tensors& inputs) {
  nn::Tensors outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) bind(inputs_[i], inputs[i].data_ptr<float>());
  for (const int number : outputs_) {
    const bool by_pixel = slot(number).form == Form::ChannelsLast;
    outputs.push_back(torch::empty(slot(number).sizes,
                                   by_pixel ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous));
    bind(number, outputs.back().data_ptr<float>());
  }
  for (auto& bound : bound_) bound.memory.set_data_handle(data(bound.slot));
  for (const auto& step : steps_) step();
  stream_.wait();
  return outputs;
}

}  // namespace mlrun::deploy
