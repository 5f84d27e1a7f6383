#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "deploy/export_request.h"
#include "deploy/subject.h"

/// Detectors as files for other programs: what they find in one image, or what their heads say.
namespace mlrun::deploy {

/// Whether the subject's model is a detector.
bool is_detector(const ExportSubject& subject);

/// `count` images, random numbers, as large as the detector wants them, at its input ports.
nn::Tensors random_images(nn::Layer& detector, std::int64_t count);

/// Lets a detector's subject be what goes into a file: from `image` [1, C, H, W], prepared (resized, normalised), to
/// `boxes`, `scores` and `labels`; where the request wants raw outputs, to those of its heads for any number of images.
/// Its images are cut or padded with zeros to `size` {height, width}, by default the detector's own. UserError where
/// the request wants what files of detectors have not.
void take_detector(ExportSubject& subject, ExportRequest& request,
                   const std::optional<std::pair<std::int64_t, std::int64_t>>& size);

}  // namespace mlrun::deploy
