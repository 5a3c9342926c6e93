#include "elements/video_frame.h"

#include <algorithm>

namespace mone {
namespace {

std::optional<PixelFormat> pixel_format(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_NV12:
      return PixelFormat::kNv12;
    case GST_VIDEO_FORMAT_I420:
      return PixelFormat::kI420;
    case GST_VIDEO_FORMAT_YUY2:
      return PixelFormat::kYuy2;
    case GST_VIDEO_FORMAT_RGB:
      return PixelFormat::kRgb;
    case GST_VIDEO_FORMAT_BGR:
      return PixelFormat::kBgr;
    case GST_VIDEO_FORMAT_RGBA:
      return PixelFormat::kRgba;
    case GST_VIDEO_FORMAT_BGRA:
      return PixelFormat::kBgra;
    case GST_VIDEO_FORMAT_RGBx:
      return PixelFormat::kRgbx;
    case GST_VIDEO_FORMAT_BGRx:
      return PixelFormat::kBgrx;
    case GST_VIDEO_FORMAT_GRAY8:
      return PixelFormat::kGray8;
    default:
      return {};
  }
}

/// Matrices without a name of their own in the engine go to the nearest one.
ColourMatrix colour_matrix(const GstVideoInfo& info) {
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT601:
    case GST_VIDEO_COLOR_MATRIX_FCC:
      return ColourMatrix::kBt601;
    case GST_VIDEO_COLOR_MATRIX_BT709:
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
      return ColourMatrix::kBt709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return ColourMatrix::kBt2020;
    default:  // not said: what pictures of this size usually have
      return info.height > 576 ? ColourMatrix::kBt709 : ColourMatrix::kBt601;
  }
}

/// gst_video_info_from_caps() of caps without colorimetry puts its default over the chroma site they have.
GstVideoChromaSite chroma_site(const GstVideoInfo& info, const GstCaps* caps) {
  const char* said = gst_structure_get_string(gst_caps_get_structure(caps, 0), "chroma-site");
  return said ? gst_video_chroma_site_from_string(said) : info.chroma_site;
}

Interlace first_field(bool interlaced, bool top_first) {
  if (!interlaced) return Interlace::kProgressive;
  return top_first ? Interlace::kTopFirst : Interlace::kBottomFirst;
}

Interlace interlace(const GstVideoInfo& info, GstBuffer* buffer) {
  const bool top_first = GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_TFF) ||
                         GST_VIDEO_INFO_FIELD_ORDER(&info) == GST_VIDEO_FIELD_ORDER_TOP_FIELD_FIRST;
  switch (GST_VIDEO_INFO_INTERLACE_MODE(&info)) {
    case GST_VIDEO_INTERLACE_MODE_INTERLEAVED:
      return first_field(true, top_first);
    case GST_VIDEO_INTERLACE_MODE_MIXED:
      return first_field(GST_BUFFER_FLAG_IS_SET(buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED), top_first);
    default:
      return Interlace::kProgressive;
  }
}

/// The crop meta's rectangle where it lies in the frame; empty = no meta, or nothing of it does.
Box crop_of(GstBuffer* buffer, int width, int height) {
  const GstVideoCropMeta* meta = gst_buffer_get_video_crop_meta(buffer);
  if (!meta) return {};
  const auto w = static_cast<guint>(width), h = static_cast<guint>(height);
  if (meta->x >= w || meta->y >= h) return {};
  return {static_cast<int>(meta->x), static_cast<int>(meta->y),
          static_cast<int>(std::min(meta->width, w - meta->x)),
          static_cast<int>(std::min(meta->height, h - meta->y))};
}

}  // namespace

std::optional<Frame> frame_of(const GstVideoInfo& info, const GstCaps* caps) {
  const auto format = pixel_format(GST_VIDEO_INFO_FORMAT(&info));
  if (!format) return {};
  Frame frame;
  frame.format = *format;
  frame.width = info.width;
  frame.height = info.height;
  frame.matrix = colour_matrix(info);
  frame.range =
      info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? ColourRange::kFull : ColourRange::kLimited;
  const GstVideoChromaSite site = chroma_site(info, caps);
  const bool centred = site != GST_VIDEO_CHROMA_SITE_UNKNOWN && !(site & GST_VIDEO_CHROMA_SITE_H_COSITED);
  frame.chroma_site = centred ? ChromaSite::kCentre : ChromaSite::kLeft;
  if (info.par_n > 0 && info.par_d > 0) frame.pixel_aspect = static_cast<double>(info.par_n) / info.par_d;
  return frame;
}

MappedFrame::MappedFrame(const GstVideoInfo& info, const Frame& layout, GstBuffer* buffer, guint where)
    : frame_(layout) {
  mapped_ = gst_video_frame_map(&video_, const_cast<GstVideoInfo*>(&info), buffer,
                                static_cast<GstMapFlags>(GST_MAP_READ | where));
  if (!mapped_) return;
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(&video_); ++p) {
    frame_.planes[p] = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&video_, p));
    frame_.strides[p] = GST_VIDEO_FRAME_PLANE_STRIDE(&video_, p);
  }
  frame_.interlace = interlace(info, buffer);
  if (!shift_to_crop(buffer)) frame_.crop = crop_of(buffer, frame_.width, frame_.height);
}

/// videocrop and some decoders leave the pixels where they are and say in the crop meta where the picture of
/// the caps lies in the larger one of the video meta: that is where the planes begin then, so that regions
/// and boxes are counted in the picture that everybody else sees. Whole chroma samples only; what is left
/// over of an odd offset stays a crop. @return false: the pixels are those of the caps
bool MappedFrame::shift_to_crop(GstBuffer* buffer) {
  const GstVideoCropMeta* meta = gst_buffer_get_video_crop_meta(buffer);
  const GstVideoInfo& whole = video_.info;
  if (!meta || (whole.width == frame_.width && whole.height == frame_.height)) return false;
  const auto fits = [](guint at, int size, int all) {
    return at < static_cast<guint>(all) && at + static_cast<guint>(size) <= static_cast<guint>(all);
  };
  if (!fits(meta->x, frame_.width, whole.width) || !fits(meta->y, frame_.height, whole.height)) return false;
  const bool subsampled = GST_VIDEO_FORMAT_INFO_W_SUB(whole.finfo, 1) > 0;
  const int columns = subsampled ? 2 : 1;
  const int rows =
      columns * (frame_.interlace == Interlace::kProgressive ? 1 : 2);  // a field stays the one it is
  const int x = static_cast<int>(meta->x), y = static_cast<int>(meta->y);
  const int left = x / columns * columns, top = y / rows * rows;
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(&video_); ++p) {
    gint component[GST_VIDEO_MAX_COMPONENTS];
    gst_video_format_info_component(whole.finfo, p, component);
    const auto c = static_cast<guint>(component[0]);
    frame_.planes[p] +=
        (top >> GST_VIDEO_FORMAT_INFO_H_SUB(whole.finfo, c)) * frame_.strides[p] +
        (left >> GST_VIDEO_FORMAT_INFO_W_SUB(whole.finfo, c)) * GST_VIDEO_FORMAT_INFO_PSTRIDE(whole.finfo, c);
  }
  frame_.crop = {x - left, y - top, frame_.width, frame_.height};
  frame_.width += x - left;
  frame_.height += y - top;
  return true;
}

MappedFrame::~MappedFrame() {
  if (mapped_) gst_video_frame_unmap(&video_);
}

}  // namespace mone
