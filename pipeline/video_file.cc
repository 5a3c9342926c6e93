#include "pipeline/video_file.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cmath>

#include "pipeline/frame_view.h"
#include "pipeline/table.h"

namespace mone {
namespace {

constexpr double kUnknownRate = 25;  // for frames without times in files without a rate
constexpr int kErrorsInARow = 64;    // then the rest of the file is given up

/// FFmpeg takes "12:30.mp4" for a protocol unless told that it is a file.
std::string url_of(const std::string& path) {
  return path.find("://") == std::string::npos ? "file:" + path : path;
}

/// The options that make sources on the network give up; FFmpeg by itself waits for ever.
AVDictionary* network_options(const std::string& path, std::chrono::seconds patience) {
  const std::string scheme = path.substr(0, path.find("://"));
  if (scheme == path || scheme == "file") return nullptr;
  const std::string wait = std::to_string(std::chrono::microseconds(patience).count());
  AVDictionary* options = nullptr;
  av_dict_set(&options, "rw_timeout", wait.c_str(), 0);
  // RTSP, RTP and UDP have their own; of RTMP it would be how long to wait as a server.
  if (scheme.rfind("rtmp", 0) != 0) av_dict_set(&options, "timeout", wait.c_str(), 0);
  return options;
}

const std::int32_t* display_matrix(const AVStream* stream) {
#if LIBAVCODEC_VERSION_MAJOR >= 61
  const AVPacketSideData* side = av_packet_side_data_get(
      stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  const std::uint8_t* bytes = side && side->size >= 9 * sizeof(std::int32_t) ? side->data : nullptr;
#else
  std::size_t size = 0;
  const std::uint8_t* bytes = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (size < 9 * sizeof(std::int32_t)) bytes = nullptr;
#endif
  return reinterpret_cast<const std::int32_t*>(bytes);
}

Time seconds_to_time(double seconds) { return Time(std::llround(seconds * 1e9)); }

/// Cameras that take the password as a parameter: "?user=admin&password=***".
std::string without_secrets(std::string address) {
  std::string lower = address;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  for (const std::string key : {"password=", "passwd=", "pass=", "pwd=", "token="}) {
    for (std::size_t at = lower.find(key); at != std::string::npos; at = lower.find(key, at)) {
      const bool whole = at > 0 && std::string("?&;/_").find(lower[at - 1]) != std::string::npos;
      at += key.size();
      if (!whole) continue;
      const std::size_t end = std::min(lower.find_first_of("&;/?#", at), lower.size());
      address.replace(at, end - at, "***");
      lower.replace(at, end - at, "***");
    }
  }
  return address;
}

}  // namespace

std::string shown_name(const std::string& path) {
  const std::size_t scheme = path.find("://");
  if (scheme == std::string::npos) return path;
  const std::size_t begin = scheme + 3, end = std::min(path.find_first_of("/?#", begin), path.size());
  std::size_t at = path.substr(0, end).rfind('@');
  // A password with a raw '/', '?' or '#': what stands behind the colon is no port.
  const std::size_t colon = std::min(path.find(':', begin), end);
  const bool port = path.find_first_not_of("0123456789", colon + 1) >= end || path[begin] == '[';
  if (at == std::string::npos && colon < end && !port) at = path.rfind('@');
  const bool has_user = at != std::string::npos && at >= begin;
  return path.substr(0, begin) + without_secrets(has_user ? path.substr(at + 1) : path.substr(begin));
}

std::string VideoLosses::text() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (packets) add(counted(packets, "packet", "packets") + " could not be decoded");
  if (damaged_frames) add(counted(damaged_frames, "frame is", "frames are") + " damaged");
  if (guessed_times)
    add(counted(guessed_times, "frame has no time of its own", "frames have no time of their own"));
  if (!broken_off.empty()) add("reading broke off (" + broken_off + ")");
  if (missing_end > 0) add("the last " + fixed(missing_end, 1) + " s are missing");
  return text;
}

/// What went wrong, in words.
std::string VideoFile::reason(int error) const {
  if (error != AVERROR(ETIMEDOUT)) return av_error_text(error);
  return "the source sent nothing for " + std::to_string(patience_.count()) + " s";
}

Result<std::unique_ptr<VideoFile>> VideoFile::open(const std::string& path, std::chrono::seconds patience) {
  const auto fail = [&](const std::string& why) { return Failure{shown_name(path) + ": " + why}; };
  std::unique_ptr<VideoFile> file(new VideoFile);
  file->patience_ = patience;

  AVFormatContext* container = nullptr;
  AVDictionary* options = network_options(path, patience);
  file->network_ = options != nullptr;
  const auto begun = std::chrono::steady_clock::now();
  const int opened = avformat_open_input(&container, url_of(path).c_str(), nullptr, &options);
  // RTSP says of a server that does not answer that its data are invalid.
  const bool silent = file->network_ && std::chrono::steady_clock::now() - begun >= patience;
  av_dict_free(&options);
  if (opened < 0) {
    if (silent) return fail(file->reason(AVERROR(ETIMEDOUT)));
    return fail(opened == AVERROR_INVALIDDATA
                    ? "not a video file, or too damaged to recognise (FFmpeg: " + av_error_text(opened) + ")"
                    : file->reason(opened));
  }
  file->container_.reset(container);
  if (const int error = avformat_find_stream_info(container, nullptr); error < 0) {
    return fail("no stream can be read: " + file->reason(error));
  }
  const AVCodec* codec = nullptr;
  const int index = av_find_best_stream(container, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (index == AVERROR_STREAM_NOT_FOUND) return fail("has no video stream");
  if (index >= 0 && (container->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0)
    return fail("has no video stream (a cover picture alone)");
  if (index < 0 || !codec) return fail("no decoder for its video stream in this FFmpeg");
  file->stream_ = container->streams[index];
  for (unsigned i = 0; i < container->nb_streams; ++i) {
    if (static_cast<int>(i) != index) container->streams[i]->discard = AVDISCARD_ALL;
  }

  file->decoder_.reset(avcodec_alloc_context3(codec));
  file->packet_.reset(av_packet_alloc());
  file->decoded_.reset(av_frame_alloc());
  if (!file->decoder_ || !file->packet_ || !file->decoded_) return fail("FFmpeg has no memory");
  int error = avcodec_parameters_to_context(file->decoder_.get(), file->stream_->codecpar);
  file->decoder_->pkt_timebase = file->stream_->time_base;
  file->decoder_->thread_count = 0;  // FFmpeg's choice for this machine
  if (error >= 0) error = avcodec_open2(file->decoder_.get(), codec, nullptr);
  if (error < 0)
    return fail(std::string("the ") + codec->name + " decoder does not start: " + av_error_text(error));

  // The average, as GStreamer's demuxers declare it: the other one is the grid that all times lie on.
  AVRational rate = file->stream_->avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = file->stream_->r_frame_rate;
  file->frame_rate_ = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
  file->frame_duration_ = seconds_to_time(1 / (file->frame_rate_ > 0 ? file->frame_rate_ : kUnknownRate));
  if (container->duration > 0) file->duration_ = static_cast<double>(container->duration) / AV_TIME_BASE;
  if (const std::int32_t* matrix = display_matrix(file->stream_)) file->orientation_ = orientation_of(matrix);
  return file;
}

const VideoFile::Picture* VideoFile::next() {
  if (!receive()) return nullptr;
  const AVFrame* decoded = decoded_.get();
  if ((decoded->flags & AV_FRAME_FLAG_CORRUPT) != 0 || decoded->decode_error_flags != 0)
    ++losses_.damaged_frames;
  picture_.time = time_of(decoded);
  picture_.frame = frame_view(upright_.apply(decoded, orientation_));
  last_ = picture_.time;
  ++frames_;
  return &picture_;
}

/// Pulls frames out of the decoder, feeding it packets as it asks; false at the end of the file.
bool VideoFile::receive() {
  int errors = 0;
  while (errors < kErrorsInARow) {
    const int status = avcodec_receive_frame(decoder_.get(), decoded_.get());
    if (status >= 0) return true;
    if (status == AVERROR_EOF) break;
    if (status == AVERROR(EAGAIN)) {
      if (drained_) break;
      feed();
    } else {
      ++losses_.packets;
      ++errors;
    }
  }
  note_end();
  return false;
}

/// Takes the next packet off the container; FFmpeg's error where there is none. Of a source that has fallen
/// silent FFmpeg may still give what it kept, or say that it has ended, and would then wait once more.
int VideoFile::read() {
  if (silent_) return AVERROR(ETIMEDOUT);
  const auto begun = std::chrono::steady_clock::now();
  const int status = av_read_frame(container_.get(), packet_.get());
  const AVIOContext* source = container_->pb;
  const bool waited = std::chrono::steady_clock::now() - begun >= patience_;
  silent_ = network_ && ((status < 0 && waited) || (source && source->error == AVERROR(ETIMEDOUT)));
  return silent_ && status < 0 ? AVERROR(ETIMEDOUT) : status;
}

/// Gives the decoder its next packet, or tells it that there are no more.
void VideoFile::feed() {
  int errors = 0;
  while (true) {
    const int status = read();
    if (status == AVERROR(EAGAIN)) continue;
    if (status == AVERROR_INVALIDDATA && ++errors < kErrorsInARow) {
      ++losses_.packets;
      continue;
    }
    if (status < 0) {
      if (status != AVERROR_EOF) losses_.broken_off = reason(status);
      avcodec_send_packet(decoder_.get(), nullptr);
      drained_ = true;
      return;
    }
    const bool ours = packet_->stream_index == stream_->index;
    const int sent = ours ? avcodec_send_packet(decoder_.get(), packet_.get()) : 0;
    av_packet_unref(packet_.get());
    if (!ours) continue;
    if (sent < 0 && sent != AVERROR(EAGAIN)) ++losses_.packets;
    return;
  }
}

Time VideoFile::time_of(const AVFrame* picture) {
  const std::int64_t stamp = picture->best_effort_timestamp;
  if (stamp == AV_NOPTS_VALUE) {
    ++losses_.guessed_times;
    return frames_ ? last_ + frame_duration_ : Time{};
  }
  const AVRational nanoseconds{1, 1'000'000'000};
  std::int64_t time = av_rescale_q(stamp, stream_->time_base, nanoseconds);
  if (container_->start_time != AV_NOPTS_VALUE) {
    time -= av_rescale_q(container_->start_time, AVRational{1, AV_TIME_BASE}, nanoseconds);
  }
  constexpr std::int64_t kRounding = 1000;  // start_time is in whole microseconds
  return Time(std::abs(time) < kRounding ? 0 : time);
}

/// A container that promised more than half a second of video beyond its last frame has lost it. What it
/// promises for other streams, or what FFmpeg estimates from the bit rate, does not count.
void VideoFile::note_end() {
  double promised = 0;
  if (stream_->duration > 0) {
    promised = static_cast<double>(stream_->duration) * av_q2d(stream_->time_base);
  } else if (container_->nb_streams == 1) {
    promised = duration_;
  }
  if (container_->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) promised = 0;
  const double end = std::chrono::duration<double>(last_ + frame_duration_).count();
  const double missing = promised - end;
  if (frames_ && missing > std::max(0.5, 3 * std::chrono::duration<double>(frame_duration_).count())) {
    losses_.missing_end = missing;
  }
}

}  // namespace mone
