/// A video file, demuxed and decoded by FFmpeg: upright frames with their times, whatever the container.
/// Damage is survived and counted.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "engine/error.h"
#include "engine/frame.h"
#include "engine/time.h"
#include "pipeline/upright.h"

namespace mone {

/// What decoding could not bring back.
struct VideoLosses {
  int packets = 0;         ///< refused by the decoder
  int damaged_frames = 0;  ///< decoded with errors, and used
  int guessed_times = 0;   ///< frames without a timestamp: one frame after the frame before
  std::string broken_off;  ///< why the container ended before its end; empty: it did not
  double missing_end = 0;  ///< seconds that the container promised beyond the last frame

  bool any() const {
    return packets || damaged_frames || guessed_times || !broken_off.empty() || missing_end > 0;
  }
  /// "3 packets could not be decoded, 2 frames are damaged": for people.
  std::string text() const;
};

/// A file's name or URL as it may be shown: without the user and the password of a URL.
std::string shown_name(const std::string& path);

class VideoFile {
 public:
  struct Picture {
    Frame frame;  ///< view of the decoder's memory, valid until the next call of next()
    Time time{};  ///< from the file's start
  };

  /// Opens the best video stream. Failures name the file, as shown_name() has it.
  /// @param patience  how long a source on the network may send nothing; then reading ends
  static Result<std::unique_ptr<VideoFile>> open(const std::string& path,
                                                 std::chrono::seconds patience = std::chrono::seconds(30));

  /// The next frame in order of presentation; nullptr at the end.
  /// @throws DeviceError if a frame cannot be converted
  const Picture* next();

  double duration() const { return duration_; }      ///< seconds, as the container says; 0 = unknown
  double frame_rate() const { return frame_rate_; }  ///< frames per second on average; 0 = unknown
  Time frame_duration() const { return frame_duration_; }
  int frames() const { return frames_; }  ///< given out so far
  const VideoLosses& losses() const { return losses_; }

 private:
  VideoFile() = default;
  bool receive();
  int read();
  void feed();
  Time time_of(const AVFrame* picture);
  void note_end();
  std::string reason(int error) const;

  AvPtr<AVFormatContext> container_;
  AvPtr<AVCodecContext> decoder_;
  AvPtr<AVPacket> packet_;
  AvPtr<AVFrame> decoded_;
  AVStream* stream_ = nullptr;
  Orientation orientation_;
  Upright upright_;
  Picture picture_;
  VideoLosses losses_;
  std::chrono::seconds patience_{};
  Time frame_duration_{}, last_{};
  double duration_ = 0, frame_rate_ = 0;
  int frames_ = 0;
  bool network_ = false, silent_ = false;
  bool drained_ = false;  ///< the container has ended and the decoder knows
};

}  // namespace mone
