#include "pipeline/frame_view.h"

#include "pipeline/upright.h"

namespace mone {
namespace {

constexpr int kMostLinesOfBt601 = 576;

PixelFormat format_of(const AVFrame* picture) {
  switch (picture->format) {
    case AV_PIX_FMT_NV12:
      return PixelFormat::kNv12;
    case AV_PIX_FMT_YUYV422:
      return PixelFormat::kYuy2;
    case AV_PIX_FMT_RGB24:
      return PixelFormat::kRgb;
    case AV_PIX_FMT_BGR24:
      return PixelFormat::kBgr;
    case AV_PIX_FMT_RGBA:
      return PixelFormat::kRgba;
    case AV_PIX_FMT_BGRA:
      return PixelFormat::kBgra;
    case AV_PIX_FMT_RGB0:
      return PixelFormat::kRgbx;
    case AV_PIX_FMT_BGR0:
      return PixelFormat::kBgrx;
    case AV_PIX_FMT_GRAY8:
      return PixelFormat::kGray8;
    default:
      return PixelFormat::kI420;
  }
}

ColourMatrix matrix_of(const AVFrame* picture) {
  switch (picture->colorspace) {
    case AVCOL_SPC_BT709:
      return ColourMatrix::kBt709;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_FCC:
      return ColourMatrix::kBt601;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return ColourMatrix::kBt2020;
    default:
      return picture->height > kMostLinesOfBt601 ? ColourMatrix::kBt709 : ColourMatrix::kBt601;
  }
}

/// Not said: as GStreamer takes it, so that the elements see the same colours.
ChromaSite chroma_site_of(const AVFrame* picture) {
  const bool centred = picture->chroma_location == AVCHROMA_LOC_UNSPECIFIED
                           ? picture->height <= kMostLinesOfBt601
                           : picture->chroma_location == AVCHROMA_LOC_CENTER;
  return centred ? ChromaSite::kCentre : ChromaSite::kLeft;
}

Interlace interlace_of(const AVFrame* picture) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  const bool interlaced = (picture->flags & AV_FRAME_FLAG_INTERLACED) != 0;
  const bool top_first = (picture->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST) != 0;
#else
  const bool interlaced = picture->interlaced_frame != 0;
  const bool top_first = picture->top_field_first != 0;
#endif
  if (!interlaced) return Interlace::kProgressive;
  return top_first ? Interlace::kTopFirst : Interlace::kBottomFirst;
}

}  // namespace

Frame frame_view(const AVFrame* picture) {
  Frame frame;
  frame.format = format_of(picture);
  frame.width = picture->width;
  frame.height = picture->height;
  for (std::size_t plane = 0; plane < frame.planes.size(); ++plane) {
    frame.planes[plane] = picture->data[plane];
    frame.strides[plane] = picture->linesize[plane];
  }
  frame.matrix = matrix_of(picture);
  frame.range = is_full_range(picture) ? ColourRange::kFull : ColourRange::kLimited;
  frame.chroma_site = chroma_site_of(picture);
  frame.interlace = interlace_of(picture);
  const AVRational aspect = picture->sample_aspect_ratio;
  if (aspect.num > 0 && aspect.den > 0) frame.pixel_aspect = av_q2d(aspect);
  return frame;
}

}  // namespace mone
