#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "deploy/graph/graph.h"
#include "deploy/graph/kernels.h"
#include "deploy/graph/onednn.h"

/// A compiled graph: steps that run one after the other on buffers in one piece of memory.
namespace mlrun::deploy {

/// How a batch of images lies in memory. What is no image is Plain.
enum class Form { Plain, ChannelsLast, Blocked4, Blocked8, Blocked16 };
constexpr Form kForms[] = {Form::Blocked16, Form::Blocked8, Form::Blocked4, Form::ChannelsLast, Form::Plain};

/// A buffer, or a view of a part of one.
struct Slot {
  std::vector<std::int64_t> sizes;  ///< as LibTorch has them
  Form form = Form::Plain;
  int root = -1;           ///< the slot in whose memory this one lies; -1: its own
  std::int64_t begin = 0;  ///< floats from the root's beginning
  bool shared = false;     ///< other slots lie in its memory, or it in another's: nothing may write over it
  bool external = false;   ///< memory of the caller's
  int first = -1, last = -1;
  float* data = nullptr;
};

/// Numbers of images, channels, rows and columns; what is no image is [size(0), the rest, 1, 1].
onednn::Dims dims_of(const std::vector<std::int64_t>& sizes);
ImageLayout layout_of(const Slot& slot);
onednn::Desc desc_of(const std::vector<std::int64_t>& sizes, Form form);
/// The form of a description; nothing for one that slots cannot have.
std::optional<Form> form_of(const onednn::Desc& desc, const std::vector<std::int64_t>& sizes);
std::int64_t block_of(Form form, std::int64_t channels);

class Program {
 public:
  Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  int add_slot(std::vector<std::int64_t> sizes, Form form);
  /// A slot that lies in another's memory from this float on.
  int add_view(int of, std::vector<std::int64_t> sizes, Form form, std::int64_t begin);
  /// Moves a slot that has memory of its own into another's.
  void place_in(int slot, int root, std::int64_t begin);
  Slot& slot(int number) { return slots_[static_cast<std::size_t>(number)]; }
  float* data(int number) const { return slots_[static_cast<std::size_t>(number)].data; }

  /// Adds a step that reads and writes these slots.
  void add_step(const std::vector<int>& reads, const std::vector<int>& writes, std::function<void()> run);
  /// The same for a primitive with its arguments: slots, and memory that stays (weights).
  void add_primitive(const dnnl::primitive& primitive, const onednn::Desc& scratchpad,
                     const std::vector<std::pair<int, std::pair<int, onednn::Desc>>>& slots,
                     std::unordered_map<int, dnnl::memory> arguments, int written);

  /// Lays out the memory. Nothing can be added from then on.
  void finish(std::vector<int> inputs, std::vector<int> outputs);
  /// Inputs contiguous, of the sizes of their slots.
  nn::Tensors run(const nn::Tensors& inputs);

  static const dnnl::engine& engine();

  GraphStatistics statistics;

 private:
  int root_of(int slot) const;
  void bind(int root, float* data);

  struct Bound {
    dnnl::memory memory;
    int slot;
  };
  std::vector<Slot> slots_;
  std::vector<std::function<void()>> steps_;
  std::vector<Bound> bound_;
  std::vector<dnnl::memory> scratchpads_;
  std::size_t scratchpad_bytes_ = 0;
  torch::Tensor arena_, scratchpad_;
  dnnl::stream stream_;
  std::vector<int> inputs_, outputs_;
};

}  // namespace mlrun::deploy
