/// Lines over two axes as an SVG picture that stands in a page.
#pragma once

#include <string>
#include <vector>

namespace mone {

struct PlotSeries {
  std::string name, colour;       ///< CSS
  std::vector<double> x, y;       ///< in order of x
  std::vector<double> low, high;  ///< a band around y, or empty
  bool dashed = false;
};

/// y runs from 0 to 1, x over what the series have, from 0 on.
std::string line_plot(const std::string& x_title, const std::string& y_title,
                      const std::vector<PlotSeries>& series);

/// For text and attributes in HTML and SVG.
std::string escaped(const std::string& text);

}  // namespace mone
