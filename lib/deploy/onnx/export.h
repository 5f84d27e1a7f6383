#pragma once

#include <filesystem>
#include <vector>

#include "deploy/export_request.h"
#include "deploy/subject.h"

namespace mlrun::deploy {

/// Traces the subject's model and writes it as an ONNX file, with what whoever runs it must know as metadata: model,
/// weights and their SHA-256, classes, preprocessing, the recipe. The files that were written.
std::vector<std::filesystem::path> export_onnx(const ExportSubject& subject, const ExportRequest& request,
                                               const Json& input, const std::filesystem::path& file);

/// SHA-256 of the state dict (of an int8 model: of what its file holds): of one line `NAME DTYPE SHAPE SHA-256` for
/// each tensor, in order.
std::string weights_sha256(nn::Layer& model);

}  // namespace mlrun::deploy
