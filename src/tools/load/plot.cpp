#include "tools/load/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "tools/load/load_report.hpp"

namespace pssst::tools::load {
namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 480;
constexpr double kLeft = 84;
constexpr double kRight = 836;
constexpr double kTop = 84;
constexpr double kBottom = 424;

/// How many nines a share has.
double nines(double share) noexcept {
  return -std::log10(1 - share);
}

std::string number(double value) {
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.1f", value));
  return text.data();
}

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
      default:
        out += c;
    }
  }
  return out;
}

std::string text_at(double x, double y, const std::string& attributes, const std::string& text) {
  return "<text x='" + number(x) + "' y='" + number(y) + "' " + attributes + ">" + escaped(text) +
         "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  return "<line x1='" + number(x1) + "' y1='" + number(y1) + "' x2='" + number(x2) + "' y2='" +
         number(y2) + "' stroke='" + colour + "'/>\n";
}

/// Both axes: where a share and a latency lie.
class Axes {
 public:
  explicit Axes(const std::vector<CurvePoint>& curve)
      : nines_max_(std::max(2.0, std::ceil(nines(curve.back().share)))),
        log_min_(log10_of(curve.front().value)),
        log_max_(log10_of(curve.back().value)) {
    // A curve all at one height still wants a scale: half a decade of room each way.
    const double room = std::max(0.08 * (log_max_ - log_min_), log_max_ - log_min_ < 0.3 ? 0.3 : 0);
    log_min_ -= room;
    log_max_ += room;
  }

  [[nodiscard]] double x(double share) const noexcept {
    return kLeft + (kRight - kLeft) * nines(share) / nines_max_;
  }
  [[nodiscard]] double y(double ns) const noexcept {
    return kBottom - (kBottom - kTop) * (std::log10(ns) - log_min_) / (log_max_ - log_min_);
  }

  [[nodiscard]] std::string draw() const {
    std::string svg;
    for (int decade = 0; decade < 13; ++decade) {
      for (const double step : {1.0, 2.0, 5.0}) {
        const double ns = step * std::pow(10.0, decade);
        if (std::log10(ns) < log_min_ || std::log10(ns) > log_max_) continue;
        svg += line(kLeft, y(ns), kRight, y(ns), step == 1.0 ? "#d0d5dd" : "#eaecf0");
        svg += text_at(kLeft - 10, y(ns) + 4, "text-anchor='end'",
                       duration_text(static_cast<std::uint64_t>(ns)));
      }
    }
    static constexpr std::array kTicks{0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999};
    static constexpr std::array kLabels{"0",    "50",    "90",     "99",
                                        "99.9", "99.99", "99.999", "99.9999"};
    for (std::size_t i = 0; i < kTicks.size(); ++i) {
      if (nines(kTicks[i]) > nines_max_ + 1e-6) break;
      svg += line(x(kTicks[i]), kTop, x(kTicks[i]), kBottom, "#eaecf0");
      svg += text_at(x(kTicks[i]), kBottom + 20, "text-anchor='middle'", kLabels[i]);
    }
    svg += line(kLeft, kBottom, kRight, kBottom, "#98a2b3");
    svg += text_at((kLeft + kRight) / 2, kBottom + 44, "text-anchor='middle'", "percentile");
    return svg;
  }

 private:
  static double log10_of(std::uint64_t value) noexcept {
    return std::log10(static_cast<double>(std::max<std::uint64_t>(value, 1)));
  }

  double nines_max_;
  double log_min_;
  double log_max_;
};

std::string draw_curve(const std::vector<CurvePoint>& curve, const Axes& axes) {
  std::string points;
  for (const CurvePoint& point : curve) {
    points += number(axes.x(point.share)) + "," +
              number(axes.y(static_cast<double>(std::max<std::uint64_t>(point.value, 1)))) + " ";
  }
  points.pop_back();
  std::string svg = "<polyline points='" + points +
                    "' fill='none' stroke='#175cd3' stroke-width='2.5' "
                    "stroke-linejoin='round'/>\n";
  const CurvePoint& last = curve.back();
  const double x = axes.x(last.share);
  const double y = axes.y(static_cast<double>(std::max<std::uint64_t>(last.value, 1)));
  svg += "<circle cx='" + number(x) + "' cy='" + number(y) + "' r='4' fill='#175cd3'/>\n";
  svg +=
      text_at(x - 8, y - 8, "text-anchor='end' fill='#175cd3'", "max " + duration_text(last.value));
  return svg;
}

}  // namespace

std::vector<CurvePoint> latency_curve(const HistogramSnapshot& latency) {
  constexpr int kStepsPerDecade = 10;
  std::vector<CurvePoint> curve;
  if (latency.count() == 0) return curve;
  // The last of n values is the percentile 1 - 1/n at best; half a value further is the maximum.
  const double last = 1 - 0.5 / static_cast<double>(latency.count());
  for (int step = 0;; ++step) {
    const double share = 1 - std::pow(10.0, -static_cast<double>(step) / kStepsPerDecade);
    if (share >= last) break;
    curve.push_back({share, latency.percentile(share)});
  }
  curve.push_back({last, latency.max()});
  return curve;
}

std::string plot_latency(const HistogramSnapshot& latency, const std::string& title,
                         const std::string& subtitle) {
  const std::vector<CurvePoint> curve = latency_curve(latency);
  std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' width='" + number(kWidth) +
                    "' height='" + number(kHeight) + "' viewBox='0 0 " + number(kWidth) + " " +
                    number(kHeight) +
                    "' font-family='sans-serif' font-size='12' fill='#475467'>\n"
                    "<rect width='100%' height='100%' fill='white'/>\n";
  svg += text_at(kLeft, 34, "font-size='18' font-weight='bold' fill='#101828'", title);
  svg += text_at(kLeft, 56, "", subtitle);
  if (curve.empty()) {
    svg += text_at((kLeft + kRight) / 2, (kTop + kBottom) / 2, "text-anchor='middle'", "no answer");
  } else {
    const Axes axes(curve);
    svg += axes.draw() + draw_curve(curve, axes);
  }
  return svg + "</svg>\n";
}

}  // namespace pssst::tools::load
