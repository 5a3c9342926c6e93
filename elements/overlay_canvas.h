/// Cairo and Pango in the few strokes the overlay needs.
#pragma once

#include <cairo.h>
#include <pango/pangocairo.h>

#include <string>

namespace mone {

struct Colour {
  double r = 0, g = 0, b = 0, a = 1;
  Colour with_alpha(double alpha) const { return {r, g, b, alpha}; }
};

/// 0xRRGGBB
constexpr Colour rgb(unsigned hex, double alpha = 1) {
  return {((hex >> 16) & 255) / 255.0, ((hex >> 8) & 255) / 255.0, (hex & 255) / 255.0, alpha};
}

/// A place between two colours.
constexpr Colour mix(const Colour& from, const Colour& to, double t) {
  return {from.r + (to.r - from.r) * t, from.g + (to.g - from.g) * t, from.b + (to.b - from.b) * t,
          from.a + (to.a - from.a) * t};
}

struct Extent {
  double width = 0, height = 0;
};

enum class Align { kLeft, kRight };

/// Draws on a surface that somebody else owns; lengths in pixels.
class Canvas {
 public:
  explicit Canvas(cairo_surface_t* surface);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void fill(double x, double y, double width, double height, double radius, const Colour& colour);
  void outline(double x, double y, double width, double height, double radius, double line,
               const Colour& colour);
  /// One line of text in a box `height` high, middle on middle; too long a text ends in an ellipsis.
  void text(const std::string& what, double x, double y, double width, double height, double size, bool bold,
            Align align, const Colour& colour);
  Extent measure(const std::string& what, double size, bool bold);

  /// Everything until unclip() stays inside a rounded box.
  void clip(double x, double y, double width, double height, double radius);
  void unclip();

 private:
  void path(double x, double y, double width, double height, double radius);
  void set_text(const std::string& what, double size, bool bold);

  cairo_t* cairo_;
  PangoLayout* layout_;
};

}  // namespace mone
