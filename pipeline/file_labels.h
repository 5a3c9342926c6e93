/// A video file through an engine: one prediction per tubelet, nothing skipped, nothing smoothed.
#pragma once

#include <functional>

#include "engine/engine.h"
#include "engine/sampling.h"
#include "pipeline/classify_report.h"
#include "pipeline/video_file.h"

namespace mone {

struct FileLabelOptions {
  double budget = 1;
  Sampling sampling = Sampling::kFollow;
};

/// @param on_window    called for every prediction
/// @param on_progress  called for every frame, with the seconds done
/// @return  the file's summary; a failure (that does not name the file) when it is too short for one
/// prediction
/// @throws  DeviceError
Result<FileReport> label_file(Engine& engine, VideoFile& file, const FileLabelOptions& options,
                              const std::function<void(const WindowReport&)>& on_window,
                              const std::function<void(double)>& on_progress);

}  // namespace mone
