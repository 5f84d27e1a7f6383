#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "deploy/export_request.h"
#include "deploy/parity.h"
#include "deploy/subject.h"

namespace mlrun::deploy {

/// UserError where no ONNX file is written with that opset.
void check_opset(std::int64_t opset);

struct Exported {
  std::vector<std::filesystem::path> files;  ///< written, the model first; none where a gate was not met
  std::uint64_t bytes = 0;                   ///< of the model's file
  std::vector<Parity> parity;                ///< by engine
  bool met = false;
};

/// Samples that an export is checked with, and that its golden vectors hold.
constexpr std::int64_t kGoldenSamples = 8;

/// Writes `subject` as the request says, with what whoever deploys it needs beside it:
/// `classes.txt`, `preprocess.json` and `golden.safetensors` (samples, the model's logits). The file
/// is loaded afresh and must compute what the model computes; otherwise nothing is left behind.
Exported export_subject(const ExportSubject& subject, const ExportRequest& request);

}  // namespace mlrun::deploy
