#include "pipeline/file_labels.h"

#include <algorithm>

#include "engine/labels.h"
#include "engine/tubeliser.h"

namespace mone {
namespace {

double seconds(Time time) { return std::chrono::duration<double>(time).count(); }

std::vector<float> scores_of(std::span<const float> logits) {
  std::vector<float> scores(logits.size());
  softmax(logits, scores);
  return scores;
}

/// Mean logits over the predictions that are not warming, else the last prediction's: many clips are shorter
/// than a window.
class MeanLogits {
 public:
  void add(const Prediction& prediction) {
    if (prediction.warming && count_) return;
    if (prediction.warming || !count_) sum_.assign(prediction.logits.size(), 0);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += prediction.logits[i];
    if (!prediction.warming) ++count_;
  }
  std::vector<float> scores() const {
    std::vector<float> mean(sum_.size());
    for (std::size_t i = 0; i < sum_.size(); ++i) mean[i] = static_cast<float>(sum_[i] / std::max(count_, 1));
    return scores_of(mean);
  }

 private:
  std::vector<double> sum_;
  int count_ = 0;
};

}  // namespace

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
    on_window({seconds(prediction.window_begin), seconds(prediction.window_end), scores_of(prediction.logits),
               prediction.budget, prediction.realised, prediction.warming});
  };
  while (const VideoFile::Picture* picture = file.next()) {
    tubeliser.push(picture->frame, picture->time, file.frame_duration(), on_tubelet);
    report.seconds = std::max(report.seconds, seconds(picture->time + file.frame_duration()));
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
