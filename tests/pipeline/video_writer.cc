#include "tests/pipeline/video_writer.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>

#include "pipeline/av_ptr.h"

namespace mone::testing {
namespace {

constexpr int kTicks = 1000;  // a second

struct MuxerFree {
  void operator()(AVFormatContext* p) const {
    if (p->pb) avio_closep(&p->pb);
    avformat_free_context(p);
  }
};
using Muxer = std::unique_ptr<AVFormatContext, MuxerFree>;

void set_matrix(AVStream* stream, int degrees) {
  std::int32_t matrix[9];
  av_display_rotation_set(matrix, degrees);
#if LIBAVCODEC_VERSION_MAJOR >= 61
  AVPacketSideData* side =
      av_packet_side_data_new(&stream->codecpar->coded_side_data, &stream->codecpar->nb_coded_side_data,
                              AV_PKT_DATA_DISPLAYMATRIX, sizeof matrix, 0);
  std::uint8_t* bytes = side->data;
#else
  std::uint8_t* bytes = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, sizeof matrix);
#endif
  std::copy_n(reinterpret_cast<const std::uint8_t*>(matrix), sizeof matrix, bytes);
}

void draw(AVFrame* picture, int index) {
  const auto* about = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture->format));
  const int bytes = about->comp[0].depth > 8 ? 2 : 1;
  for (int plane = 0; plane < 3; ++plane) {
    const int right = plane ? about->log2_chroma_w : 0, down = plane ? about->log2_chroma_h : 0;
    for (int y = 0; y < AV_CEIL_RSHIFT(picture->height, down); ++y) {
      std::uint8_t* row = picture->data[plane] + y * picture->linesize[plane];
      for (int x = 0; x < AV_CEIL_RSHIFT(picture->width, right); ++x) {
        const int px = x << right, py = y << down;
        const int left = 3 * index % picture->width, top = 2 * index % picture->height;
        const bool block = px >= left && px < left + 24 && py >= top && py < top + 24;
        const int value = plane == 0 ? (block ? 220 : 30 + px + py / 2) : (block ? 90 : 128 + plane * 10);
        if (bytes == 1) {
          row[x] = static_cast<std::uint8_t>(value);
        } else {
          reinterpret_cast<std::uint16_t*>(row)[x] =
              static_cast<std::uint16_t>(value << (about->comp[0].depth - 8));
        }
      }
    }
  }
}

/// Sends one picture (or the end) to the encoder and what comes out to the file.
int encode(AVCodecContext* encoder, AVFormatContext* muxer, const AVFrame* picture) {
  int error = avcodec_send_frame(encoder, picture);
  const AvPtr<AVPacket> packet(av_packet_alloc());
  while (error >= 0) {
    error = avcodec_receive_packet(encoder, packet.get());
    if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return 0;
    if (error < 0) break;
    packet->duration = encoder->time_base.den / std::max(encoder->framerate.num, 1);
    av_packet_rescale_ts(packet.get(), encoder->time_base, muxer->streams[0]->time_base);
    packet->stream_index = 0;
    error = av_interleaved_write_frame(muxer, packet.get());
  }
  return error;
}

}  // namespace

std::string write_video(const std::string& path, const VideoSpec& spec) {
  av_log_set_level(AV_LOG_ERROR);
  const AVCodec* codec = avcodec_find_encoder_by_name(spec.encoder.c_str());
  if (!codec) return "this FFmpeg has no encoder " + spec.encoder;
  AVFormatContext* made = nullptr;
  avformat_alloc_output_context2(&made, nullptr, nullptr, path.c_str());
  if (!made) return "this FFmpeg has no container for " + path;
  const Muxer muxer(made);
  const AvPtr<AVCodecContext> encoder(avcodec_alloc_context3(codec));
  encoder->width = spec.width;
  encoder->height = spec.height;
  encoder->pix_fmt = av_get_pix_fmt(spec.pixel_format.c_str());
  encoder->time_base = {1, kTicks};
  encoder->framerate = {spec.rate, 1};
  encoder->bit_rate = 2'000'000;
  encoder->gop_size = 15;
  encoder->max_b_frames = spec.b_frames;
  encoder->thread_count = 1;
  if (muxer->oformat->flags & AVFMT_GLOBALHEADER) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (const int error = avcodec_open2(encoder.get(), codec, nullptr); error < 0) return av_error_text(error);

  AVStream* stream = avformat_new_stream(muxer.get(), nullptr);
  avcodec_parameters_from_context(stream->codecpar, encoder.get());
  stream->time_base = encoder->time_base;
  stream->avg_frame_rate = encoder->framerate;
  if (spec.turn) set_matrix(stream, spec.turn);
  int error = avio_open(&muxer->pb, path.c_str(), AVIO_FLAG_WRITE);
  if (error >= 0) error = avformat_write_header(muxer.get(), nullptr);

  const AvPtr<AVFrame> picture(av_frame_alloc());
  picture->format = encoder->pix_fmt;
  picture->width = spec.width;
  picture->height = spec.height;
  if (error >= 0) error = av_frame_get_buffer(picture.get(), 0);
  for (int i = 0; i < spec.frames && error >= 0; ++i) {
    error = av_frame_make_writable(picture.get());
    draw(picture.get(), i);
    picture->pts = spec.time ? spec.time(i) : static_cast<std::int64_t>(i) * kTicks / spec.rate;
    if (error >= 0) error = encode(encoder.get(), muxer.get(), picture.get());
  }
  if (error >= 0) error = encode(encoder.get(), muxer.get(), nullptr);
  if (error >= 0) error = av_write_trailer(muxer.get());
  return error < 0 ? path + ": " + av_error_text(error) : "";
}

}  // namespace mone::testing
