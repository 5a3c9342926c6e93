#include "elements/overlay_painter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "elements/overlay_canvas.h"
#include "engine/fit.h"

namespace mone {
namespace {

constexpr Colour kPanel = rgb(0x0b0f14, 0.78);  // white text stays above 8:1 over a white picture
constexpr Colour kEdge = rgb(0xffffff, 0.10);
constexpr Colour kText = rgb(0xffffff);
constexpr Colour kDim = rgb(0xc3ccd6);
constexpr Colour kTrack = rgb(0xffffff, 0.14);
constexpr Colour kOn = rgb(0x34d8b4);
constexpr Colour kGuess = rgb(0x8fa3b8);
constexpr Colour kStrained = rgb(0xf2c230);

/// From the cheapest expert to the dearest; as many colours as there are experts are taken along it.
Colour expert_colour(int expert, int experts) {
  constexpr std::array<Colour, 5> kRamp = {rgb(0x5b6f87), rgb(0x2f8fe0), rgb(0x25c2a8), rgb(0xf2c230),
                                           rgb(0xff7a3d)};
  if (experts < 2) return kRamp.back();
  const double at = static_cast<double>(expert) / (experts - 1) * (kRamp.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(at), kRamp.size() - 2);
  return mix(kRamp[i], kRamp[i + 1], at - static_cast<double>(i));
}

/// "jumping_jack" is read as "jumping jack".
std::string words(std::string label) {
  std::replace(label.begin(), label.end(), '_', ' ');
  return label;
}

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + "%"; }

/// What overload has cost this window besides budget; usually nothing.
std::string strain(const ScoresMeta& window) {
  std::string text;
  if (window.hop > 1)
    text = "every " + std::to_string(window.hop) + (window.hop == 2 ? "nd" : "th") + " moment";
  if (window.missing > 0) text += (text.empty() ? "" : ", ") + std::to_string(window.missing) + " missing";
  return text;
}

OverlayLayer new_layer(int x, int y, int width, int height) {
  OverlayLayer layer;
  layer.x = x;
  layer.y = y;
  layer.surface.reset(
      cairo_image_surface_create(CAIRO_FORMAT_ARGB32, std::max(1, width), std::max(1, height)),
      cairo_surface_destroy);
  return layer;
}

/// Of the panel, times the text: a label, its score, and some air.
constexpr double kPanelWidth = 14.5;

/// Sizes that suit a picture: text of 11 pixels in small ones, 1/38 of the height in larger ones; never so
/// large that a panel with the best label alone (4.5 times the text high) does not fit.
struct Sizes {
  double text, title, pad, margin, row, line;
  Sizes(int width, int height, double scale) {
    const double m = std::min(static_cast<double>(height), width * 0.75);
    margin = std::max(6.0, m * 0.03);
    const double fits = std::min((height - 2 * margin) / 4.5, (width - 2 * margin) / kPanelWidth);
    text = std::min(std::max(11.0, m * 0.0265) * scale, std::max(1.0, fits));
    title = text * 1.5;
    pad = text * 0.85;
    row = text * 1.6;
    line = std::max(1.0, std::round(m / 360));
  }
};

/// A rectangle of the picture being painted.
struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
};

class Painter {
 public:
  Painter(int width, int height, double pixel_aspect, const OverlayStyle& style)
      : width_(width),
        height_(height),
        aspect_(pixel_aspect),
        style_(style),
        size_(width, height, style.scale) {}

  std::vector<OverlayLayer> paint(const std::vector<ActionMeta>& actions) {
    const ActionMeta* whole = nullptr;
    for (const ActionMeta& a : actions) {
      if (style_.experts) paint_experts(a);
      if (style_.labels && !covers_all(a)) paint_box(a);
      if (!whole || (covers_all(a) && !covers_all(*whole))) whole = &a;
    }
    if (whole && (style_.labels || style_.gauge)) paint_panel(*whole);
    return std::move(layers_);
  }

 private:
  double scale_x(const ActionMeta& a) const {
    return a.window.source_width > 0 ? static_cast<double>(width_) / a.window.source_width : 1;
  }
  double scale_y(const ActionMeta& a) const {
    return a.window.source_height > 0 ? static_cast<double>(height_) / a.window.source_height : 1;
  }
  /// What is seen of what the label is about.
  Rect box_of(const ActionMeta& a) const { return picture_rect(a, a.window.box_in_frame()); }
  /// A box of the source over the picture; an empty one is all of it.
  Rect picture_rect(const ActionMeta& a, const Box& b) const {
    if (b.width <= 0 || b.height <= 0)
      return {0, 0, static_cast<double>(width_), static_cast<double>(height_)};
    return {b.x * scale_x(a), b.y * scale_y(a), b.width * scale_x(a), b.height * scale_y(a)};
  }
  bool covers_all(const ActionMeta& a) const {
    const Rect r = box_of(a);
    return r.width > 0.97 * width_ && r.height > 0.97 * height_;
  }

  void paint_experts(const ActionMeta& a);
  OverlayLayer expert_mark(double cell, int expert, int experts) const;
  Rect grid_of(const ActionMeta& a) const;
  void paint_box(const ActionMeta& a);
  void paint_panel(const ActionMeta& a);
  double panel_width(const ActionMeta& a) const;
  double paint_title(Canvas& canvas, const ActionMeta& a, double y, double width);
  double paint_rows(Canvas& canvas, const ActionMeta& a, double y, double width, int rows);
  void paint_gauge(Canvas& canvas, const ActionMeta& a, double y, double width);

  int width_, height_;
  double aspect_;
  OverlayStyle style_;
  Sizes size_;
  std::vector<OverlayLayer> layers_;
};

bool is_on(const ActionMeta& a, const std::string& label) {
  return std::any_of(a.active.begin(), a.active.end(), [&](const NamedScore& s) { return s.label == label; });
}

/// Where the model's image lies over the picture; letterbox borders reach outside.
Rect Painter::grid_of(const ActionMeta& a) const {
  const Rect box = picture_rect(a, a.window.box);
  TubeletFormat format;
  format.width = a.model.image_width;
  format.height = a.model.image_height;
  format.resize_short = a.model.resize_short;
  format.fit = fit_from_name(a.model.fit).value_or(Fit::kCrop);
  Frame frame;
  frame.width = std::max(1, a.window.source_width);
  frame.height = std::max(1, a.window.source_height);
  frame.crop = a.window.box;
  frame.pixel_aspect = aspect_ * scale_x(a) / scale_y(a);
  if (format.width < 1 || format.height < 1 || (format.fit == Fit::kCrop && format.resize_short < 1))
    return box;
  const ImageFit fit = fit_image(format, frame);
  const double across = box.width / fit.x.full,
               down = box.height / fit.y.full;  // picture pixels per image pixel
  return {box.x + (fit.x.skip - fit.x.begin) * across, box.y + (fit.y.skip - fit.y.begin) * down,
          format.width * across, format.height * down};
}

/// A square in each token's cell; its area goes with the share of the model that the token got.
void Painter::paint_experts(const ActionMeta& a) {
  const auto& assigned = a.window.experts;
  const int columns = a.model.grid_width, rows = a.model.grid_height, experts = std::max(1, a.model.experts);
  if (columns < 1 || rows < 1 || assigned.size() < static_cast<std::size_t>(columns * rows)) return;
  // The newest time step, where a clip has several; all of one expert say nothing.
  const guint8* map = assigned.data() + assigned.size() - static_cast<std::size_t>(columns * rows);
  if (std::all_of(map, map + columns * rows, [&](guint8 e) { return e == map[0]; })) return;

  const Rect box = box_of(a), grid = grid_of(a);
  const double w = grid.width / columns, h = grid.height / rows;
  std::vector<OverlayLayer> marks;
  for (int e = 0; e < experts; ++e)
    marks.push_back(expert_mark(std::min({w, h, box.width, box.height}), e, experts));
  for (int i = 0; i < columns * rows; ++i) {
    const double x = grid.x + (i % columns + 0.5) * w, y = grid.y + (i / columns + 0.5) * h;
    if (x < box.x || y < box.y || x >= box.x + box.width || y >= box.y + box.height) continue;
    OverlayLayer mark = marks[std::min<std::size_t>(map[i], marks.size() - 1)];
    const int mark_width = cairo_image_surface_get_width(mark.surface.get());
    const int mark_height = cairo_image_surface_get_height(mark.surface.get());
    mark.x =
        std::clamp(static_cast<int>(std::lround(x - mark_width / 2.0)), 0, std::max(0, width_ - mark_width));
    mark.y = std::clamp(static_cast<int>(std::lround(y - mark_height / 2.0)), 0,
                        std::max(0, height_ - mark_height));
    layers_.push_back(std::move(mark));
  }
}

/// The mark of one expert: full width fills a fifth of the cell, each smaller expert half of that.
OverlayLayer Painter::expert_mark(double cell, int expert, int experts) const {
  const double side = std::max(3.0, cell * 0.45 * std::sqrt(std::ldexp(1.0, expert - (experts - 1))));
  const double edge = size_.line;
  OverlayLayer layer = new_layer(0, 0, static_cast<int>(std::ceil(side + 2 * edge)),
                                 static_cast<int>(std::ceil(side + 2 * edge)));
  Canvas canvas(layer.surface.get());
  const Colour colour = expert_colour(expert, experts);
  const double radius = side * 0.22;
  canvas.fill(0, 0, side + 2 * edge, side + 2 * edge, radius + edge, rgb(0x0b0f14, 0.45 * style_.opacity));
  canvas.fill(edge, edge, side, side, radius, colour.with_alpha(style_.opacity));
  canvas.outline(edge, edge, side, side, radius, edge,
                 colour.with_alpha(std::min(1.0, style_.opacity * 1.4)));
  return layer;
}

void Painter::paint_box(const ActionMeta& a) {
  const Rect box = box_of(a);
  const NamedScore best = a.top.empty() ? NamedScore{} : a.top.front();
  const bool on = is_on(a, best.label);
  const std::string text = words(best.label) + "  " + percent(best.score);
  const double line = 2 * size_.line, chip = size_.row * 1.1;
  OverlayLayer layer =
      new_layer(static_cast<int>(box.x), static_cast<int>(box.y), static_cast<int>(std::ceil(box.width)),
                static_cast<int>(std::ceil(box.height)));
  Canvas canvas(layer.surface.get());
  const double radius = size_.text * 0.5;
  canvas.outline(0, 0, box.width, box.height, radius, line + 2 * size_.line, kPanel);
  canvas.outline(size_.line, size_.line, box.width - 2 * size_.line, box.height - 2 * size_.line, radius,
                 line, on ? kOn : kGuess);
  const double wide = std::min(box.width, canvas.measure(text, size_.text, on).width + 2 * size_.pad);
  canvas.fill(0, 0, wide, chip, radius, kPanel);
  canvas.text(text, size_.pad, 0, wide - 2 * size_.pad, chip, size_.text, on, Align::kLeft,
              on ? kText : kDim);
  layers_.push_back(std::move(layer));
}

/// Wide enough for the best label, within reason.
double Painter::panel_width(const ActionMeta& a) const {
  const double usual = std::max(size_.text * kPanelWidth, width_ * 0.29);
  double title = 0;
  if (style_.labels && !a.top.empty()) {
    const OverlayLayer scratch = new_layer(0, 0, 1, 1);
    Canvas canvas(scratch.surface.get());
    title = canvas.measure(words(a.top.front().label) + " … 100%", size_.title, true).width + 3 * size_.pad;
  }
  return std::min({std::max(usual, title), std::max(usual, width_ * 0.62), width_ - 2 * size_.margin});
}

void Painter::paint_panel(const ActionMeta& a) {
  const int most = height_ < 300 ? std::min(style_.rows, 2) : style_.rows;
  int rows = style_.labels ? std::clamp(static_cast<int>(a.top.size()) - 1, 0, most - 1) : 0;
  bool gauge = style_.gauge;
  const double width = panel_width(a);
  const auto height_with = [&](int runners_up, bool with_gauge) {
    double height = 2 * size_.pad;
    if (style_.labels)
      height += size_.title * 1.35 + size_.text * 0.75 + runners_up * (size_.row + size_.text * 0.3);
    if (style_.labels && with_gauge) height += size_.text * 0.45;
    if (with_gauge) height += size_.row * (strain(a.window).empty() ? 0.85 : 1.6);
    return height;
  };
  // In a low picture the best label stays; what stands below it goes.
  const double room = height_ - 2 * size_.margin;
  while (rows > 0 && height_with(rows, gauge) > room) --rows;
  if (style_.labels && height_with(rows, gauge) > room) gauge = false;
  const double height = height_with(rows, gauge);

  OverlayLayer layer = new_layer(static_cast<int>(size_.margin),
                                 static_cast<int>(std::max(0.0, height_ - size_.margin - height)),
                                 static_cast<int>(std::ceil(width)), static_cast<int>(std::ceil(height)));
  Canvas canvas(layer.surface.get());
  canvas.fill(0, 0, width, height, size_.text * 0.7, kPanel);
  canvas.outline(0, 0, width, height, size_.text * 0.7, size_.line, kEdge);
  double y = size_.pad;
  if (style_.labels) {
    y = paint_title(canvas, a, y, width);
    y = paint_rows(canvas, a, y, width, rows);
    if (gauge) y += size_.text * 0.45;
  }
  if (gauge) paint_gauge(canvas, a, y, width);
  layers_.push_back(std::move(layer));
}

/// The best label, large, over the bar of its score.
double Painter::paint_title(Canvas& canvas, const ActionMeta& a, double y, double width) {
  const NamedScore best = a.top.empty() ? NamedScore{} : a.top.front();
  const bool on = is_on(a, best.label);
  const double inner = width - 2 * size_.pad, high = size_.title * 1.35;
  const std::string score = percent(best.score);
  const double score_width = canvas.measure(score, size_.title, true).width;
  const std::string name = words(best.label) + (a.window.warming && !on ? " …" : "");
  const double space = inner - score_width - size_.pad;
  const double fits = space / std::max(1.0, canvas.measure(name, size_.title, true).width);
  double size = size_.title * std::clamp(fits, 0.72, 1.0);           // a little smaller before an ellipsis
  if (canvas.measure(name, size, true).width > space) size *= 0.97;  // widths of hinted letters go in steps
  canvas.text(name, size_.pad, y, space, high, size, true, Align::kLeft, on ? kText : kDim);
  canvas.text(score, size_.pad, y, inner, high, size_.title, true, Align::kRight, on ? kText : kDim);
  y += high + size_.text * 0.05;
  const double bar = size_.text * 0.36;
  canvas.fill(size_.pad, y, inner, bar, bar / 2, kTrack);
  canvas.fill(size_.pad, y, std::max(bar, inner * best.score), bar, bar / 2, on ? kOn : kGuess);
  return y + size_.text * 0.7;
}

/// The runners-up, each on its own bar.
double Painter::paint_rows(Canvas& canvas, const ActionMeta& a, double y, double width, int rows) {
  const double inner = width - 2 * size_.pad, inset = size_.text * 0.45;
  for (int i = 1; i <= rows; ++i) {
    const NamedScore& s = a.top[static_cast<std::size_t>(i)];
    const bool on = is_on(a, s.label);
    canvas.clip(size_.pad, y, inner, size_.row, size_.text * 0.35);
    canvas.fill(size_.pad, y, inner, size_.row, 0, kTrack.with_alpha(0.06));
    canvas.fill(size_.pad, y, inner * s.score, size_.row, 0,
                (on ? kOn : kGuess).with_alpha(on ? 0.55 : 0.42));
    canvas.unclip();
    const std::string score = percent(s.score);
    const double score_width = canvas.measure(score, size_.text, on).width;
    canvas.text(words(s.label), size_.pad + inset, y, inner - score_width - 3 * inset, size_.row, size_.text,
                on, Align::kLeft, on ? kText : kDim);
    canvas.text(score, size_.pad, y, inner - inset, size_.row, size_.text, on, Align::kRight,
                on ? kText : kDim);
    y += size_.row + size_.text * 0.3;
  }
  return y;
}

/// What was spent, a piece for each expert in its colour of the map, a tick where the budget stands, and
/// below what else an overloaded machine had to give up.
void Painter::paint_gauge(Canvas& canvas, const ActionMeta& a, double y, double width) {
  const double inner = width - 2 * size_.pad, high = size_.row * 0.85, small = size_.text * 0.86;
  const Extent name = canvas.measure("budget", small, false);
  const double number = canvas.measure("100%", small, true).width;
  canvas.text("budget", size_.pad, y, name.width + 1, high, small, false, Align::kLeft, kDim);
  canvas.text(percent(a.window.budget), size_.pad, y, inner, high, small, true, Align::kRight, kText);

  const double x = size_.pad + name.width + size_.text * 0.6, bar = size_.text * 0.5;
  const double length = inner - name.width - number - size_.text * 1.2, top = y + (high - bar) / 2;
  canvas.clip(x, top, length, bar, bar / 2);
  canvas.fill(x, top, length, bar, 0, kTrack);
  const int experts = std::max(1, a.model.experts);
  std::vector<double> spent(static_cast<std::size_t>(experts));
  for (guint8 e : a.window.experts)
    if (e < experts)
      spent[e] += std::ldexp(1.0, e - (experts - 1)) / static_cast<double>(a.window.experts.size());
  if (a.window.experts.empty()) spent.back() = a.window.realised;
  double at = x;
  for (int e = experts - 1; e >= 0; --e) {
    const double piece = length * spent[static_cast<std::size_t>(e)];
    canvas.fill(at, top, piece, bar, 0, expert_colour(e, experts));
    at += piece;
  }
  canvas.unclip();
  const double tick = 2 * size_.line;
  if (a.window.budget < 1)
    canvas.fill(x + length * a.window.budget - tick / 2, top - bar * 0.35, tick, bar * 1.7, tick / 2, kText);
  canvas.text(strain(a.window), size_.pad, y + high, inner, size_.row * 0.75, small, false, Align::kRight,
              kStrained);
}

}  // namespace

std::vector<OverlayLayer> paint_overlay(const std::vector<ActionMeta>& actions, int width, int height,
                                        double pixel_aspect, const OverlayStyle& style) {
  if (width < 1 || height < 1) return {};
  return Painter(width, height, pixel_aspect, style).paint(actions);
}

bool same_picture(const std::vector<ActionMeta>& a, const std::vector<ActionMeta>& b) {
  const auto same = [](const ActionMeta& p, const ActionMeta& q) {
    return p.top == q.top && p.active == q.active && p.model == q.model && p.window.box == q.window.box &&
           p.window.source_width == q.window.source_width &&
           p.window.source_height == q.window.source_height && p.window.experts == q.window.experts &&
           p.window.budget == q.window.budget && p.window.realised == q.window.realised &&
           p.window.warming == q.window.warming && p.window.hop == q.window.hop &&
           p.window.missing == q.window.missing;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

}  // namespace mone
