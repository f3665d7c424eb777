/// The latency curve as a picture.
#pragma once

#include <string>
#include <vector>

#include "tools/load/histogram.hpp"

namespace pssst::tools::load {

struct CurvePoint {
  double share = 0;         ///< of the values, 0 to 1
  std::uint64_t value = 0;  ///< which they do not exceed
};

/// The percentiles at even steps of log(1 / (1 - share)), ten a decade, as far as the count of
/// values bears; the last point is the maximum, at 1 - 1 / count or so. Empty if there is no value.
[[nodiscard]] std::vector<CurvePoint> latency_curve(const HistogramSnapshot& latency);

/// An SVG document: latency (logarithmic) over percentiles (each next nine as wide as the one
/// before). `title` and `subtitle` are escaped.
[[nodiscard]] std::string plot_latency(const HistogramSnapshot& latency, const std::string& title,
                                       const std::string& subtitle);

}  // namespace pssst::tools::load
