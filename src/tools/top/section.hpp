/// What the sections of the screen of `pssst top` are made with.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "tools/top/sample.hpp"
#include "tools/top/screen.hpp"

namespace pssst::tools::top {

struct Section {
  std::string heading;
  std::vector<std::string> rows;  ///< none: the section is not shown
};

/// As printf(3); 511 characters at most.
template <class... Values>
[[nodiscard]] std::string format(const char* form, Values... values) {
  std::array<char, 512> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), form, values...));
  return text.data();
}

/// A counter that fell was started anew, and has come from zero.
[[nodiscard]] inline std::uint64_t growth(std::uint64_t before, std::uint64_t now) noexcept {
  return now >= before ? now - before : now;
}

/// One thing's counters, twice.
class Change {
 public:
  Change(const Counts& before, const Counts& now, double seconds) noexcept
      : before_(before), now_(now), seconds_(seconds) {}

  [[nodiscard]] double count(std::string_view name) const {
    return static_cast<double>(growth(before_[name], now_[name]));
  }
  [[nodiscard]] double rate(std::string_view name) const { return count(name) / seconds_; }
  [[nodiscard]] double rate_of_all() const {
    return std::accumulate(now_.all().begin(), now_.all().end(), 0.0,
                           [this](double sum, const auto& of) { return sum + rate(of.first); });
  }
  [[nodiscard]] double ratio(std::string_view part, std::string_view whole) const {
    const double all = count(whole);
    return all > 0 ? count(part) / all : 0;
  }
  [[nodiscard]] std::string text(std::string_view name) const { return short_number(rate(name)); }

 private:
  const Counts& before_;
  const Counts& now_;
  double seconds_;
};

/// The same of another sample, or a new one that has counted nothing.
template <class T, class Same>
[[nodiscard]] const T& find_or_empty(const std::vector<T>& all, Same same) {
  static const T empty{};
  const auto found = std::find_if(all.begin(), all.end(), same);
  return found == all.end() ? empty : *found;
}

}  // namespace pssst::tools::top
