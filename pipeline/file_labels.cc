#include "pipeline/file_labels.h"

#include <algorithm>

#include "engine/tubeliser.h"
#include "pipeline/mean_logits.h"
#include "pipeline/seconds.h"

namespace mone {

Result<FileReport> label_file(Engine& engine, VideoFile& file, const FileLabelOptions& options,
                              const std::function<void(const WindowReport&)>& on_window,
                              const std::function<void(double)>& on_progress) {
  const auto stream = engine.new_stream();
  Tubeliser tubeliser(tubelet_format(engine.model().config()), {.mode = options.sampling});
  tubeliser.declare_frame_rate(file.frame_rate());
  MeanLogits mean;
  FileReport report;
  const auto on_tubelet = [&](const CutTubelet& tubelet) {
    if (tubelet.restart) stream->reset();
    if (tubelet.lost) return stream->skip(tubelet.begin, tubelet.end);
    const Prediction& prediction = stream->push(tubelet.for_engine(), options.budget);
    mean.add(prediction);
    ++report.predictions;
    on_window({to_seconds(prediction.window_begin), to_seconds(prediction.window_end),
               softmax_of(prediction.logits), prediction.budget, prediction.realised, prediction.warming});
  };
  while (const VideoFile::Picture* picture = file.next()) {
    tubeliser.push(picture->frame, picture->time, file.frame_duration(), on_tubelet);
    report.seconds = std::max(report.seconds, to_seconds(picture->time + file.frame_duration()));
    on_progress(report.seconds);
  }
  tubeliser.finish(on_tubelet);
  report.frames = file.frames();
  if (report.frames == 0) return Failure{"no frame could be decoded"};
  if (report.predictions == 0) {
    return Failure{"too short for one prediction: it has " + std::to_string(report.frames) +
                   (report.frames == 1 ? " frame" : " frames") + ", a tubelet needs " +
                   std::to_string(tubeliser.format().pt) + " sampled ones"};
  }
  report.scores = mean.scores();
  return report;
}

}  // namespace mone
