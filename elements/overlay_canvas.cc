#include "elements/overlay_canvas.h"

#include <algorithm>
#include <cmath>

namespace mone {
namespace {
/// The first of these that is installed; all have even figures.
constexpr char kFonts[] = "Inter, Noto Sans, Open Sans, DejaVu Sans, sans-serif";
}  // namespace

Canvas::Canvas(cairo_surface_t* surface)
    : cairo_(cairo_create(surface)), layout_(pango_cairo_create_layout(cairo_)) {
  pango_layout_set_single_paragraph_mode(layout_, TRUE);
  pango_layout_set_ellipsize(layout_, PANGO_ELLIPSIZE_END);
}

Canvas::~Canvas() {
  g_object_unref(layout_);
  cairo_destroy(cairo_);
}

void Canvas::path(double x, double y, double width, double height, double radius) {
  const double r = std::min({radius, width / 2, height / 2});
  cairo_new_path(cairo_);
  if (r <= 0) {
    cairo_rectangle(cairo_, x, y, width, height);
    return;
  }
  cairo_arc(cairo_, x + width - r, y + r, r, -M_PI_2, 0);
  cairo_arc(cairo_, x + width - r, y + height - r, r, 0, M_PI_2);
  cairo_arc(cairo_, x + r, y + height - r, r, M_PI_2, M_PI);
  cairo_arc(cairo_, x + r, y + r, r, M_PI, 3 * M_PI_2);
  cairo_close_path(cairo_);
}

void Canvas::fill(double x, double y, double width, double height, double radius, const Colour& c) {
  if (width <= 0 || height <= 0) return;
  path(x, y, width, height, radius);
  cairo_set_source_rgba(cairo_, c.r, c.g, c.b, c.a);
  cairo_fill(cairo_);
}

void Canvas::outline(double x, double y, double width, double height, double radius, double line,
                     const Colour& c) {
  path(x + line / 2, y + line / 2, width - line, height - line, radius);
  cairo_set_line_width(cairo_, line);
  cairo_set_source_rgba(cairo_, c.r, c.g, c.b, c.a);
  cairo_stroke(cairo_);
}

void Canvas::clip(double x, double y, double width, double height, double radius) {
  cairo_save(cairo_);
  path(x, y, width, height, radius);
  cairo_clip(cairo_);
}

void Canvas::unclip() { cairo_restore(cairo_); }

void Canvas::set_text(const std::string& what, double size, bool bold) {
  PangoFontDescription* font = pango_font_description_from_string(kFonts);
  pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
  pango_font_description_set_weight(font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_MEDIUM);
  pango_layout_set_font_description(layout_, font);
  pango_font_description_free(font);
  gchar* valid = g_utf8_make_valid(what.c_str(), static_cast<gssize>(what.size()));
  pango_layout_set_text(layout_, valid, -1);
  g_free(valid);
}

Extent Canvas::measure(const std::string& what, double size, bool bold) {
  pango_layout_set_width(layout_, -1);
  set_text(what, size, bold);
  int width = 0, height = 0;
  pango_layout_get_size(layout_, &width, &height);
  return {static_cast<double>(width) / PANGO_SCALE, static_cast<double>(height) / PANGO_SCALE};
}

void Canvas::text(const std::string& what, double x, double y, double width, double height, double size,
                  bool bold, Align align, const Colour& c) {
  // Up, or a text that measure() has just fitted exactly would lose a letter to the rounding.
  pango_layout_set_width(layout_, static_cast<int>(std::ceil(std::max(0.0, width) * PANGO_SCALE - 1e-3)));
  pango_layout_set_alignment(layout_, align == Align::kLeft ? PANGO_ALIGN_LEFT : PANGO_ALIGN_RIGHT);
  set_text(what, size, bold);
  int text_height = 0;
  pango_layout_get_size(layout_, nullptr, &text_height);
  cairo_set_source_rgba(cairo_, c.r, c.g, c.b, c.a);
  cairo_move_to(cairo_, x, y + (height - static_cast<double>(text_height) / PANGO_SCALE) / 2);
  pango_cairo_show_layout(cairo_, layout_);
}

}  // namespace mone
