#include "engine/resize_plan.h"

#include <string>

#include "engine/error.h"

namespace mone {
namespace {

constexpr FormatLayout packed_rgb(int red, int green, int blue, int step) {
  return {false, 3, {{{0, red, step, 1, 1}, {0, green, step, 1, 1}, {0, blue, step, 1, 1}}}};
}
constexpr FormatLayout kNv12{true, 3, {{{0, 0, 1, 1, 1}, {1, 0, 2, 2, 2}, {1, 1, 2, 2, 2}}}};
constexpr FormatLayout kI420{true, 3, {{{0, 0, 1, 1, 1}, {1, 0, 1, 2, 2}, {2, 0, 1, 2, 2}}}};
constexpr FormatLayout kYuy2{true, 3, {{{0, 0, 2, 1, 1}, {0, 1, 4, 2, 1}, {0, 3, 4, 2, 1}}}};
constexpr FormatLayout kGray8{true, 1, {{{0, 0, 1, 1, 1}}}};
constexpr FormatLayout kRgb = packed_rgb(0, 1, 2, 3), kBgr = packed_rgb(2, 1, 0, 3);
constexpr FormatLayout kRgba = packed_rgb(0, 1, 2, 4), kBgra = packed_rgb(2, 1, 0, 4);

/// One axis of one component. `begin`, `size` are the visible pixels of the frame.
Axis component_axis(const AxisFit& fit, int begin, int size, int sub, double site) {
  const double step = static_cast<double>(size) / fit.full;
  return make_axis((begin + fit.skip * step) / sub + site, step / sub, fit.size, begin / sub,
                   (begin + size + sub - 1) / sub);
}

Colouring colouring_of(Planes planes, const FormatLayout& layout) {
  if (planes == Planes::kLumaMotion) return layout.yuv ? Colouring::kLuma : Colouring::kLumaOfRgb;
  if (!layout.yuv) return Colouring::kRgb;
  return layout.components == 1 ? Colouring::kGrey : Colouring::kYuv;
}

}  // namespace

const FormatLayout& format_layout(PixelFormat format) {
  switch (format) {
    case PixelFormat::kNv12:
      return kNv12;
    case PixelFormat::kI420:
      return kI420;
    case PixelFormat::kYuy2:
      return kYuy2;
    case PixelFormat::kRgb:
      return kRgb;
    case PixelFormat::kBgr:
      return kBgr;
    case PixelFormat::kRgba:
    case PixelFormat::kRgbx:
      return kRgba;
    case PixelFormat::kBgra:
    case PixelFormat::kBgrx:
      return kBgra;
    case PixelFormat::kGray8:
      break;
  }
  return kGray8;
}

ResizeKey key_of(const Frame& field) {
  return {field.format, field.width, field.height, field.visible(), field.chroma_site, field.pixel_aspect};
}

void check_frame(const Frame& frame) {
  const FormatLayout& layout = format_layout(frame.format);
  const Box box = frame.visible();
  const auto n = [](int v) { return std::to_string(v); };
  if (frame.width < 1 || frame.height < 1)
    throw ShapeError("frame of " + n(frame.width) + "x" + n(frame.height) + " pixels");
  if (box.x < 0 || box.y < 0 || box.width > frame.width - box.x || box.height > frame.height - box.y)
    throw ShapeError("crop " + n(box.width) + "x" + n(box.height) + "+" + n(box.x) + "+" + n(box.y) +
                     " leaves the frame of " + n(frame.width) + "x" + n(frame.height));
  for (int c = 0; c < layout.components; ++c)
    if (!frame.planes[layout.component[c].plane])
      throw ShapeError("frame without plane " + n(layout.component[c].plane));
}

ResizePlan plan_resize(const TubeletFormat& format, const Frame& field) {
  const Box box = field.visible();
  ResizePlan plan;
  plan.fit = fit_image(format, field);
  plan.layout = &format_layout(field.format);
  plan.colouring = colouring_of(format.planes, *plan.layout);
  plan.components = plan.colouring == Colouring::kLuma ? 1 : plan.layout->components;
  for (int c = 0; c < plan.components; ++c) {
    const Component& k = plan.layout->component[c];
    // Sample k of a halved line sits at pixel 2k (left) or 2k + 1/2 (centre): a quarter sample, or none,
    // away.
    const double site = k.sub_x == 2 && field.chroma_site == ChromaSite::kLeft ? 0.25 : 0;
    plan.across[c] = component_axis(plan.fit.x, box.x, box.width, k.sub_x, site);
    plan.down[c] = component_axis(plan.fit.y, box.y, box.height, k.sub_y, 0);
  }
  return plan;
}

}  // namespace mone
