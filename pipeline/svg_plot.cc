#include "pipeline/svg_plot.h"

#include <algorithm>
#include <cmath>

#include "pipeline/table.h"

namespace mone {
namespace {

constexpr double kWidth = 460, kHeight = 300, kLeft = 46, kRight = 12, kTop = 12, kBottom = 42;

/// The smallest of 1, 2, 5 times a power of ten that cuts `span` into at most `most` steps.
double nice_step(double span, int most) {
  const double power = std::pow(10, std::floor(std::log10(span / most)));
  for (const double step : {1.0, 2.0, 5.0, 10.0})
    if (span / (step * power) <= most) return step * power;
  return 10 * power;
}

class Axes {
 public:
  explicit Axes(const std::vector<PlotSeries>& series) {
    for (const PlotSeries& s : series)
      for (const double x : s.x) most_ = std::max(most_, x);
    if (most_ <= 0) most_ = 1;
  }
  double most() const { return most_; }
  std::string x(double value) const { return fixed(kLeft + value / most_ * (kWidth - kLeft - kRight), 1); }
  static std::string y(double value) {
    return fixed(kTop + (1 - std::clamp(value, 0.0, 1.0)) * (kHeight - kTop - kBottom), 1);
  }

 private:
  double most_ = 0;
};

std::string text_at(const std::string& x, const std::string& y, const char* anchor, const std::string& text) {
  return "<text x=\"" + x + "\" y=\"" + y + "\" text-anchor=\"" + anchor + "\">" + escaped(text) +
         "</text>\n";
}

std::string frame(const Axes& axes, const std::string& x_title, const std::string& y_title) {
  std::string svg;
  const std::string left = axes.x(0), right = axes.x(axes.most());
  for (int i = 0; i <= 5; ++i) {
    const std::string y = Axes::y(i / 5.0);
    svg +=
        "<line class=\"grid\" x1=\"" + left + "\" x2=\"" + right + "\" y1=\"" + y + "\" y2=\"" + y + "\"/>\n";
    svg += text_at(fixed(kLeft - 6, 0), fixed(std::stod(y) + 4, 1), "end", fixed(i / 5.0, 1));
  }
  const double step = nice_step(axes.most(), 6);
  const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  for (double x = 0; x <= axes.most() * (1 + 1e-9); x += step)
    svg += text_at(axes.x(x), fixed(kHeight - kBottom + 16, 0), "middle", fixed(x, digits));
  svg += text_at(fixed((kLeft + kWidth) / 2, 0), fixed(kHeight - 6, 0), "middle", x_title);
  svg += "<text transform=\"translate(12 " + fixed(kHeight / 2, 0) +
         ") rotate(-90)\" text-anchor=\"middle\">" + escaped(y_title) + "</text>\n";
  return svg;
}

std::string band(const Axes& axes, const PlotSeries& s) {
  std::string points;
  for (std::size_t i = 0; i < s.x.size(); ++i) points += axes.x(s.x[i]) + "," + Axes::y(s.high[i]) + " ";
  for (std::size_t i = s.x.size(); i-- > 0;) points += axes.x(s.x[i]) + "," + Axes::y(s.low[i]) + " ";
  return "<polygon points=\"" + points + "\" fill=\"" + s.colour + "\" opacity=\"0.15\"/>\n";
}

std::string line(const Axes& axes, const PlotSeries& s) {
  std::string points, dots;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    const std::string x = axes.x(s.x[i]), y = Axes::y(s.y[i]);
    points += x + "," + y + " ";
    dots += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"3\" fill=\"" + s.colour + "\"><title>" +
            escaped(s.name) + ": " + significant(s.x[i]) + ", " + fixed(s.y[i], 3) + "</title></circle>\n";
  }
  return "<polyline points=\"" + points + "\" fill=\"none\" stroke=\"" + s.colour + "\" stroke-width=\"2\"" +
         (s.dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>\n" + dots;
}

std::string legend(const std::vector<PlotSeries>& series) {
  std::string svg;
  double y = kHeight - kBottom - 14 * static_cast<double>(series.size());
  for (const PlotSeries& s : series) {
    const std::string at = fixed(y, 0), x = fixed(kWidth - 112, 0);
    svg += "<line x1=\"" + x + "\" x2=\"" + fixed(kWidth - 92, 0) + "\" y1=\"" + at + "\" y2=\"" + at +
           "\" stroke=\"" + s.colour + "\" stroke-width=\"2\"" +
           (s.dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>\n";
    svg += text_at(fixed(kWidth - 86, 0), fixed(y + 4, 0), "start", s.name);
    y += 14;
  }
  return svg;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string line_plot(const std::string& x_title, const std::string& y_title,
                      const std::vector<PlotSeries>& series) {
  const Axes axes(series);
  std::string svg = "<svg class=\"plot\" viewBox=\"0 0 " + fixed(kWidth, 0) + " " + fixed(kHeight, 0) +
                    "\" role=\"img\" aria-label=\"" + escaped(y_title + " by " + x_title) + "\">\n" +
                    frame(axes, x_title, y_title);
  for (const PlotSeries& s : series)
    if (!s.low.empty()) svg += band(axes, s);
  for (const PlotSeries& s : series) svg += line(axes, s);
  return svg + legend(series) + "</svg>\n";
}

}  // namespace mone
