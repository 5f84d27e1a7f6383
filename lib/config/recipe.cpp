#include "config/recipe.h"

#include <algorithm>

namespace mlrun::config {

void TaskSection::declare(Declare<TaskSection>& d) {
  d("name", &TaskSection::kind, "what is learnt").component("task").inlined("name");
  d.shorthand("name");
}

void WeightsSection::declare(Declare<WeightsSection>& d) {
  d("file", &WeightsSection::file,
    "weights that training starts from: a file (safetensors, .pth, TorchScript), a run (its best weights) or one of "
    "its "
    "checkpoints, or a published name as IMAGENET1K_V1 (`mlrun weights list` shows them); null: random weights")
      .or_name();
  d("entry", &WeightsSection::entry, "dictionary in the file, as model_ema; null: the model's");
  d("strict", &WeightsSection::strict, "false: names that only the file or only the model has are reported, no errors");
  d("map", &WeightsSection::map,
    "names in the file and what they are here, `*` standing for any part: {\"backbone.*\": \"features.*\"}; the first "
    "that fits counts");
  d("skip", &WeightsSection::skip, "names that are not loaded, `*` standing for any part");
  d("head", &WeightsSection::head, "keep: load the last layer too; reinit: start it anew, for other classes")
      .choices({"keep", "reinit"});
  d.shorthand("file");
  const auto without_file = [&d](const char* key, auto is_set) {
    d.rule(key, [is_set](const WeightsSection& w) -> std::string {
      return !w.file && is_set(w) ? "says how a file is loaded, but model.weights.file names none" : "";
    });
  };
  without_file("entry", [](const WeightsSection& w) { return w.entry.has_value(); });
  without_file("map", [](const WeightsSection& w) { return !w.map.empty(); });
  without_file("skip", [](const WeightsSection& w) { return !w.skip.empty(); });
  d.rule("map", [](const WeightsSection& w) -> std::string {
    for (const auto& [from, to] : w.map) {
      const auto stars = [](const std::string& text) { return std::count(text.begin(), text.end(), '*'); };
      if (stars(to) > stars(from)) return "'" + to + "' has more `*` than '" + from + "'";
    }
    return "";
  });
}

void BatchNormSection::declare(Declare<BatchNormSection>& d) {
  d("momentum", &BatchNormSection::momentum,
    "weight of the newest batch in the running statistics of every batch norm, as torch.nn has it (a Keras momentum of "
    "0.99 is 0.01); small ones need thousands of steps; null: the architecture's")
      .min(0)
      .max(1);
  d("eps", &BatchNormSection::eps, "added to variances in every batch norm; null: the architecture's").above(0);
}

void ModelSection::declare(Declare<ModelSection>& d) {
  d("name", &ModelSection::architecture, "architecture; `mlrun list models` shows them")
      .component("model")
      .inlined("name");
  d("weights", &ModelSection::weights, "weights that training starts from");
  d("batch_norm", &ModelSection::batch_norm, "settings of every batch norm of the model");
  d("head", &ModelSection::head, "the same as weights.head").choices({"keep", "reinit"});
  d("freeze", &ModelSection::freeze,
    "parameters that training leaves as they are, by state-dict names, `*` standing for any part; a name alone stands "
    "for all below it, as layer1");
  d.shorthand("name");
}

void SplitOptions::declare(Declare<SplitOptions>& d) {
  const auto share = [&d](const char* name, std::optional<double> SplitOptions::*member, const char* help) {
    d(name, member, help).min(0).max(1);
  };
  share("train", &SplitOptions::train, "share of the samples for training");
  share("val", &SplitOptions::val, "share for validation");
  share("test", &SplitOptions::test, "share for the final test");
  d("seed", &SplitOptions::seed, "which division; stratified by class").min(0);
  d("group", &SplitOptions::group,
    "samples that must stay together: a column of a csv, `parent` for an image's folder, or a regular expression of "
    "its path whose first parentheses hold the group; null: each stands alone");
  d.rule("train", [](const SplitOptions& s) -> std::string {
    const double sum = s.train.value_or(0) + s.val.value_or(0) + s.test.value_or(0);
    return sum > 1 + 1e-9 ? "the shares of train, val and test add up to more than 1" : "";
  });
}

void DataSection::declare(Declare<DataSection>& d) {
  d("root", &DataSection::root, "folder of the data set; relative to the recipe that names it");
  d("format", &DataSection::source, "how the data lies on disk; `mlrun list sources` shows them")
      .component("source")
      .inlined("format");
  d("split", &DataSection::split, "how to divide a data set that has no splits of its own");
  d("exif", &DataSection::exif, "ignore: as Pillow and the published tables; apply: turn photos as their camera says")
      .choices({"ignore", "apply"});
  d("on_error", &DataSection::on_error,
    "a sample that cannot be read: fail stops and names it; skip leaves it out, and counts and lists it in the result")
      .choices({"fail", "skip"});
  d("cache", &DataSection::cache,
    "bytes of memory that may hold the files of images as they lie on disk, so that later epochs read none: `2G`; 0: "
    "none")
      .min(0);
  d("scaled_decoding", &DataSection::scaled_decoding,
    "decode training images from JPEG at 1/2, 1/4 or 1/8 where they are shrunk at least as much, no further than their "
    "crop, and resize them with weights of 14 bits: faster, not the same bits, and damage below the crop goes "
    "unnoticed");
  d("sampler", &DataSection::sampler, "which training samples an epoch takes, and in what order")
      .component("sampler", "shuffle");
  d("batching", &DataSection::batching, "which of an epoch's samples make a step together")
      .component("batching", "in_order");
  d("drop_last", &DataSection::drop_last,
    "leave out what is left of an epoch where it is less than train.batch_size; false: the last step is smaller");
  d("augment", &DataSection::augment,
    "transforms of training samples, in order; a single one needs no list, a string names a preset")
      .component("transform");
  d("preprocess", &DataSection::preprocess,
    "transforms of evaluation samples, in order; a single one needs no list, a string names a preset")
      .component("transform");
  d.shorthand("root");
}

void AveragingSection::declare(Declare<AveragingSection>& d) {
  d("name", &AveragingSection::method, "how weights are averaged while training; `mlrun list averagings` shows them")
      .component("averaging", "none")
      .inlined("name");
  d.shorthand("name");
}

void QuantizeSection::declare(Declare<QuantizeSection>& d) {
  d("name", &QuantizeSection::method,
    "qat: training with the rounding of int8, from weights that model.weights names; ptq, dynamic: what `mlrun "
    "quantize` "
    "does with this recipe's weights unless --method says otherwise")
      .choices({"none", "ptq", "dynamic", "qat"});
  d("engine", &QuantizeSection::engine, "int8 kernels; auto: the fastest that this machine has")
      .choices({"auto", "onednn", "x86", "fbgemm", "qnnpack"});
  d("reduce_range", &QuantizeSection::reduce_range,
    "activations in 7 bits, so that sums of products fit where the processor adds them in 16 bits (x86 without VNNI); "
    "auto: on x86, with VNNI too, so that int8 weights and scores are the same everywhere")
      .choices({"auto", "on", "off"});
  d("observer", &QuantizeSection::observer,
    "how the range of activations is found; auto: histogram, and moving_average for qat")
      .choices({"auto", "min_max", "moving_average", "histogram"});
  d("weights", &QuantizeSection::weights, "one scale for each output channel, or for the whole tensor")
      .choices({"per_channel", "per_tensor"});
  d("skip", &QuantizeSection::skip,
    "layers that stay float32, by path, `*` standing for any part; a name alone stands for all below it, as "
    "fc");
  d("samples", &QuantizeSection::samples, "training samples that ranges are found on, drawn evenly from the classes")
      .min(1);
  d("bn_freeze_epoch", &QuantizeSection::bn_freeze_epoch,
    "qat: finished epochs after which batch norm's statistics stay as they are; null: never")
      .min(0);
  d("observer_freeze_epoch", &QuantizeSection::observer_freeze_epoch,
    "qat: finished epochs after which the ranges stay as they are; null: never")
      .min(0);
  d.shorthand("name");
}

void Condition::declare(Declare<Condition>& d) {
  d("data", &Condition::data, "name of the data set (data.root's last component) or its fingerprint");
  d("samples", &Condition::samples, "number of samples evaluated").min(1);
  d("weights", &Condition::weights, "which weights were evaluated");
}

void Expectation::declare(Declare<Expectation>& d) {
  d("row", &Expectation::row, "row of a published table, as T1/mobilenet_v3_large");
  d("metric", &Expectation::metric, "metric with its split, as test/acc1").required();
  d("value", &Expectation::value, "the figure").required();
  d("tolerance", &Expectation::tolerance, "largest difference that still meets it").min(0);
  d("direction", &Expectation::direction, "which differences count").choices({"both", "at_least", "at_most"});
  d("when", &Expectation::when, "what the figure is true of");
  d("source", &Expectation::source, "where it was published");
}

void Recipe::declare(Declare<Recipe>& d) {
  d("task", &Recipe::task, "what is learnt").required();
  d("model", &Recipe::model, "the network").required();
  d("data", &Recipe::data, "samples and what is done to them").required();
  d("train", &Recipe::train, "length, batch, seed, machine");
  d("optimizer", &Recipe::optimizer, "the update rule");
  d("schedule", &Recipe::schedule, "the learning rate's course");
  d("averaging", &Recipe::averaging, "an average of the weights, evaluated beside them");
  d("quantize", &Recipe::quantize, "int8 weights and activations");
  d("expect", &Recipe::expect, "figures that this recipe reproduces");
}

}  // namespace mlrun::config
