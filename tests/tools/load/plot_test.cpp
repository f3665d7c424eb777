#include "tools/load/plot.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace pssst::tools::load {
namespace {

HistogramSnapshot snapshot_of(std::uint64_t count, std::uint64_t step) {
  const auto histogram = std::make_unique<Histogram>();
  for (std::uint64_t i = 1; i <= count; ++i) histogram->record(i * step);
  return histogram->snapshot();
}

TEST(LatencyCurve, RisesToTheMaximum) {
  const HistogramSnapshot latency = snapshot_of(1000, 1000);
  const std::vector<CurvePoint> curve = latency_curve(latency);
  ASSERT_GT(curve.size(), 30u);
  EXPECT_EQ(curve.front().share, 0);
  EXPECT_EQ(curve.back().value, latency.max());
  EXPECT_DOUBLE_EQ(curve.back().share, 0.9995);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GT(curve[i].share, curve[i - 1].share);
    EXPECT_GE(curve[i].value, curve[i - 1].value);
  }
  EXPECT_NEAR(static_cast<double>(curve[10].value), 900'000, 1000) << "p90";
}

TEST(LatencyCurve, OfOneValueOrNone) {
  EXPECT_TRUE(latency_curve(HistogramSnapshot()).empty());
  EXPECT_EQ(latency_curve(snapshot_of(1, 5)).back().value, 5u);
}

/// How often `part` stands in `text`.
int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(Plot, IsWellFormedAndLabelled) {
  for (const HistogramSnapshot& latency :
       {snapshot_of(20'000, 777), snapshot_of(1, 1), snapshot_of(3, 0), HistogramSnapshot()}) {
    const std::string svg = plot_latency(latency, "A <title> & more", "of 127.0.0.1:7700");
    EXPECT_EQ(svg.find("<svg xmlns='http://www.w3.org/2000/svg'"), 0u);
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
    EXPECT_NE(svg.find("A &lt;title&gt; &amp; more"), std::string::npos);
    EXPECT_EQ(count(svg, "<text "), count(svg, "</text>"));
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
    EXPECT_EQ(count(svg, "<polyline "), latency.count() > 0 ? 1 : 0);
  }
  const std::string svg = plot_latency(snapshot_of(20'000, 777), "t", "s");
  EXPECT_NE(svg.find(">99.9<"), std::string::npos);
  EXPECT_NE(svg.find(">max 15.5 ms<"), std::string::npos);
}

}  // namespace
}  // namespace pssst::tools::load
