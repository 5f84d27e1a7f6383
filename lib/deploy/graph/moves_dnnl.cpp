#include <algorithm>

#include "deploy/graph/compiler.h"
#include "nn/branches.h"

/// Operations that only move channels.
namespace mlrun::deploy {
namespace {

/// Whether channels from `first` on begin a block, so that they can be used where they are.
bool begins_block(const Slot& slot, std::int64_t first) {
  const ImageLayout layout = layout_of(slot);
  return slot.form != Form::ChannelsLast && first % layout.block == 0;
}

}  // namespace

void GraphCompiler::gather(const std::vector<int>& sources, std::vector<ChannelPick> picks, int output) {
  program_.add_step(
      sources, {output},
      [p = &program_, sources, picks = std::move(picks), output, layout = layout_of(program_.slot(output))] {
        std::vector<ChannelSource> from;
        for (const int source : sources) from.push_back({p->data(source), layout_of(p->slot(source))});
        gather_channels(from, picks, layout, p->data(output));
      });
  ++program_.statistics.copies;
}

void GraphCompiler::concat(const GraphNode& node) {
  const ValueId value = node.outputs[0];
  const Form form = program_.slot(slot_of(node.inputs[0])).form;
  const int output = new_slot(value, form);
  if (concat_in_place(node, output)) return;
  std::vector<int> sources;
  std::vector<ChannelPick> picks;
  for (const ValueId input : node.inputs) {
    const std::int64_t channels = dims_of(sizes(input))[1];
    for (std::int64_t c = 0; c < channels; ++c) picks.push_back({static_cast<int>(sources.size()), c});
    sources.push_back(slot_of(input));
  }
  gather(sources, std::move(picks), output);
}

bool GraphCompiler::concat_in_place(const GraphNode& node, int output) {
  const Form form = program_.slot(output).form;
  if (dims_of(sizes(node.outputs[0]))[0] != 1) return false;
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Slot& slot = program_.slot(slot_of(node.inputs[i]));
    const bool twice = std::count(node.inputs.begin(), node.inputs.end(), node.inputs[i]) > 1;
    if (slot.form != form || slot.root >= 0 || slot.shared || slot.external || twice || !begins_block(slot, channel))
      return false;
    channel += layout_of(slot).channels;
  }
  channel = 0;
  for (const ValueId input : node.inputs) {
    const ImageLayout layout = layout_of(program_.slot(slot_of(input)));
    program_.place_in(slot_of(input), output, channel * layout.pixels);
    channel += layout.channels;
  }
  return true;
}

void GraphCompiler::chunk(const GraphNode& node) {
  const int source = slot_of(node.inputs[0]);
  const Form form = program_.slot(source).form;
  std::int64_t first = 0;
  for (const ValueId output : node.outputs) {
    const onednn::Dims dims = dims_of(sizes(output));
    if (dims[0] == 1 && begins_block(program_.slot(source), first)) {
      slot_of(output) = program_.add_view(source, sizes(output), form, first * dims[2] * dims[3]);
    } else {
      std::vector<ChannelPick> picks;
      for (std::int64_t c = 0; c < dims[1]; ++c) picks.push_back({0, first + c});
      gather({source}, std::move(picks), new_slot(output, form));
    }
    first += dims[1];
  }
}

void GraphCompiler::shuffle(const GraphNode& node) {
  const int source = slot_of(node.inputs[0]);
  const std::int64_t channels = dims_of(sizes(node.inputs[0]))[1];
  const std::int64_t groups = static_cast<const nn::ChannelShuffle&>(*node.layer).groups(), each = channels / groups;
  std::vector<ChannelPick> picks;
  for (std::int64_t c = 0; c < channels; ++c) picks.push_back({0, c % groups * each + c / groups});
  gather({source}, std::move(picks), new_slot(node.outputs[0], program_.slot(source).form));
}

void GraphCompiler::flatten(const GraphNode& node) {
  const int source = need(node.inputs[0], Form::Plain);
  slot_of(node.outputs[0]) = program_.add_view(source, sizes(node.outputs[0]), Form::Plain, 0);
}

}  // namespace mlrun::deploy
