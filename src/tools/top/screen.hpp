/// The screen of `pssst top`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/top/sample.hpp"

namespace pssst::tools::top {

struct ScreenSize {
  std::size_t width = 80;
  std::size_t height = 24;
};

/// What happened between two samples that are `seconds` apart, one line each, none longer than the
/// width and not more than the height: head, workers, services with their keys and
/// backends, stages, drops, later replies, sources and limits, the store, devices; of these those
/// that there are. What there is no room for is counted at the end of its section: "... 3 more". A
/// counter that fell was started anew, and has come from zero.
[[nodiscard]] std::vector<std::string> render(const Sample& previous, const Sample& current,
                                              double seconds, const ScreenSize& size);

/// Four significant characters: "0", "0.25", "12.3", "123", "1.23k", "12.3M".
[[nodiscard]] std::string short_number(double number);
/// "250 ns", "12.3 us", "1.23 ms", "2.50 s".
[[nodiscard]] std::string short_duration(double seconds);
/// "0.3 s", "12 s", "5 min", "3 h", "2 d".
[[nodiscard]] std::string short_age(double seconds);

/// The duration that the share `q` of the events between two readings stays below, as
/// histogram_quantile() of Prometheus has it: straight lines between bounds. Negative: no event.
/// Infinite: longer than the last bound.
[[nodiscard]] double quantile(const Sample::Stage& previous, const Sample::Stage& current,
                              double q);

}  // namespace pssst::tools::top
