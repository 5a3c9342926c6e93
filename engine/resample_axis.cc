#include <algorithm>
#include <cmath>

#include "engine/resample.h"

namespace mone {

Axis make_axis(double start, double step, int outputs, int begin, int end) {
  const double width = std::max(step, 1.0);
  Axis axis;
  axis.outputs = outputs;
  axis.begin = end;
  axis.end = begin;
  std::vector<std::vector<double>> rows;
  for (int o = 0; o < outputs; ++o) {
    const double centre = start + (o + 0.5) * step;
    int first = std::max(begin, static_cast<int>(std::floor(centre - width + 0.5)));
    int last = std::min(end, static_cast<int>(std::floor(centre + width + 0.5)));
    if (first >= last) {  // the centre lies outside: the edge sample stands in
      first = std::clamp(static_cast<int>(std::floor(centre)), begin, end - 1);
      last = first + 1;
    }
    std::vector<double> row;
    double sum = 0;
    for (int k = first; k < last; ++k) {
      row.push_back(std::max(0.0, 1 - std::abs((k + 0.5 - centre) / width)));
      sum += row.back();
    }
    if (sum <= 0) {
      std::fill(row.begin(), row.end(), 0.0);
      row.front() = sum = 1;
    }
    for (double& w : row) w /= sum;
    axis.first.push_back(first);
    axis.count.push_back(last - first);
    axis.begin = std::min(axis.begin, first);
    axis.end = std::max(axis.end, last);
    axis.taps = std::max(axis.taps, last - first);
    rows.push_back(std::move(row));
  }
  axis.taps = (axis.taps + kTapStep - 1) / kTapStep * kTapStep;
  axis.weights.assign(static_cast<std::size_t>(outputs) * axis.taps, 0);
  for (int o = 0; o < outputs; ++o) {
    // Rounding the running sum, not each weight, makes every row sum to 1 exactly.
    double exact = 0;
    int rounded = 0;
    for (std::size_t t = 0; t < rows[o].size(); ++t) {
      exact += rows[o][t] * (1 << kWeightBits);
      const int next = static_cast<int>(std::floor(exact + 0.5));
      axis.weights[static_cast<std::size_t>(o) * axis.taps + t] = static_cast<std::int16_t>(next - rounded);
      rounded = next;
    }
  }
  return axis;
}

}  // namespace mone
