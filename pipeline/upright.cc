#include "pipeline/upright.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <cstdlib>
#include <string>
#include <utility>

#include "engine/error.h"

namespace mone {
namespace {

bool is_rgb(AVPixelFormat format) {
  const AVPixFmtDescriptor* about = av_pix_fmt_desc_get(format);
  return about && (about->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

/// A picture of this size and format with memory of its own, reusing `old` when it fits.
AVFrame* ready(AvPtr<AVFrame>& old, AVPixelFormat format, int width, int height) {
  if (old && old->format == format && old->width == width && old->height == height) return old.get();
  old.reset(av_frame_alloc());
  if (!old) throw DeviceError("FFmpeg has no memory for a frame");
  old->format = format;
  old->width = width;
  old->height = height;
  if (const int error = av_frame_get_buffer(old.get(), 0); error < 0) {
    throw DeviceError("FFmpeg has no memory for a " + std::to_string(width) + "x" + std::to_string(height) +
                      " frame: " + av_error_text(error));
  }
  return old.get();
}

/// One plane of elements of `bytes` bytes, turned.
void turn_plane(const std::uint8_t* from, int from_stride, std::uint8_t* to, int to_stride, int width,
                int height, int bytes, const Orientation& orientation) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {  // x, y of the turned plane
      const int u = orientation.flip_x ? width - 1 - x : x;
      const int v = orientation.flip_y ? height - 1 - y : y;
      const std::uint8_t* pixel =
          orientation.transpose ? from + u * from_stride + v * bytes : from + v * from_stride + u * bytes;
      for (int b = 0; b < bytes; ++b) to[y * to_stride + x * bytes + b] = pixel[b];
    }
  }
}

}  // namespace

Orientation orientation_of(const std::int32_t matrix[9]) {
  // x' = m0 x + m3 y, y' = m1 x + m4 y.
  const auto m = [&](int i) { return static_cast<std::int64_t>(matrix[i]); };
  if (std::llabs(m(0)) + std::llabs(m(4)) >= std::llabs(m(1)) + std::llabs(m(3))) {
    return {false, m(0) < 0, m(4) < 0};
  }
  return {true, m(3) < 0, m(1) < 0};
}

bool cutter_takes(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_NV12:
    case AV_PIX_FMT_YUYV422:
    case AV_PIX_FMT_RGB24:
    case AV_PIX_FMT_BGR24:
    case AV_PIX_FMT_RGBA:
    case AV_PIX_FMT_BGRA:
    case AV_PIX_FMT_RGB0:
    case AV_PIX_FMT_BGR0:
    case AV_PIX_FMT_GRAY8:
      return true;
    default:
      return false;
  }
}

bool is_full_range(const AVFrame* picture) {
  switch (picture->format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ411P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ444P:
      return true;
    default:
      return picture->color_range == AVCOL_RANGE_JPEG;
  }
}

const AVFrame* Upright::apply(const AVFrame* picture, const Orientation& orientation) {
  const auto format = static_cast<AVPixelFormat>(picture->format);
  const bool turned = !orientation.upright();
  // Turning wants whole elements in every plane: not chroma shared by two luma of a row.
  const bool turns =
      format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_RGB24;
  if (!cutter_takes(format) || (turned && !turns)) {
    picture = convert(picture, is_rgb(format) ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV420P);
  }
  return turned ? turn(picture, orientation) : picture;
}

const AVFrame* Upright::convert(const AVFrame* picture, AVPixelFormat format) {
  const auto from = static_cast<AVPixelFormat>(picture->format);
  AVFrame* to = ready(converted_, format, picture->width, picture->height);
  const int quality = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP;
  scaler_.reset(sws_getCachedContext(scaler_.release(), picture->width, picture->height, from, picture->width,
                                     picture->height, format, quality, nullptr, nullptr, nullptr));
  if (!scaler_) {
    const char* name = av_get_pix_fmt_name(from);
    throw DeviceError(std::string("FFmpeg cannot convert frames of the format ") + (name ? name : "unknown"));
  }
  // The range is kept: only the layout changes.
  const bool full = is_full_range(picture);
  const int* matrix =
      sws_getCoefficients(picture->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601);
  sws_setColorspaceDetails(scaler_.get(), matrix, full, matrix, full, 0, 1 << 16, 1 << 16);
  sws_scale(scaler_.get(), picture->data, picture->linesize, 0, picture->height, to->data, to->linesize);
  av_frame_copy_props(to, picture);
  to->color_range = full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  return to;
}

const AVFrame* Upright::turn(const AVFrame* picture, const Orientation& orientation) {
  const auto format = static_cast<AVPixelFormat>(picture->format);
  const int width = orientation.transpose ? picture->height : picture->width;
  const int height = orientation.transpose ? picture->width : picture->height;
  AVFrame* to = ready(turned_, format, width, height);
  if (format == AV_PIX_FMT_RGB24) {
    turn_plane(picture->data[0], picture->linesize[0], to->data[0], to->linesize[0], width, height, 3,
               orientation);
  } else {
    for (int plane = 0; plane < 3; ++plane) {
      const int half = plane ? 1 : 0;
      turn_plane(picture->data[plane], picture->linesize[plane], to->data[plane], to->linesize[plane],
                 (width + half) >> half, (height + half) >> half, 1, orientation);
    }
  }
  av_frame_copy_props(to, picture);
  // 0/1, which is unknown, becomes 1/0, which is, too.
  if (orientation.transpose) std::swap(to->sample_aspect_ratio.num, to->sample_aspect_ratio.den);
  return to;
}

}  // namespace mone
