#include "tools/top/screen.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

#include "pssst/drop_reason.hpp"
#include "tools/top/section.hpp"
#include "tools/top/service_sections.hpp"

namespace pssst::tools::top {
namespace {

constexpr std::size_t kBarWidth = 16;

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * kBarWidth));
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, ' ') + "]";
}

std::string health_text(const Sample& sample) {
  std::string text = sample.problems.empty() ? "ready" : "NOT READY";
  for (const std::string& problem : sample.problems) text += "; " + problem;
  if (!sample.books_balance) text += "; THE BOOKS DO NOT BALANCE";
  return text;
}

std::vector<std::string> head(const Sample& previous, const Sample& current, double seconds) {
  const Change change(previous.total.counts, current.total.counts, seconds);
  const double drops = Change(previous.total.drops, current.total.drops, seconds).rate_of_all();
  return {
      "pssst " + current.version + "  " + current.x25519_kernel + "  " +
          std::to_string(current.clients) + " clients  generation " +
          std::to_string(current.generation) + "  " + health_text(current),
      "",
      format("%12s %12s %12s %12s %12s %12s", "REQUESTS/S", "REPLIES/S", "DROPS/S", "MISSED/S",
             "IN BYTE/S", "OUT BYTE/S"),
      format("%12s %12s %12s %12s %12s %12s", change.text("datagrams").c_str(),
             change.text("replied").c_str(), short_number(drops).c_str(),
             change.text("missed").c_str(), change.text("bytes_in").c_str(),
             change.text("bytes_out").c_str()),
  };
}

std::string self_request_text(const Sample::Worker& worker) {
  const std::uint64_t wrong = worker.counts["self_requests_wrong"];
  std::string text = worker.self_request_age_seconds
                         ? short_age(*worker.self_request_age_seconds) + " ago"
                         : "none yet";
  if (wrong > 0) text += ", " + std::to_string(wrong) + " WRONG";
  return text;
}

Section workers(const Sample& previous, const Sample& current, double seconds) {
  Section section{format("%-7s %-24s %10s %9s %5s  %s", "WORKER", "BUSY", "REQUESTS/S", "REPLIES/S",
                         "LANES", "SELF-REQUEST"),
                  {}};
  for (const Sample::Worker& worker : current.workers) {
    const auto& before = find_or_empty(
        previous.workers, [&](const Sample::Worker& other) { return other.cpu == worker.cpu; });
    const Change change(before.counts, worker.counts, seconds);
    const double busy = change.ratio("tsc_busy", "tsc_total");
    section.rows.push_back(format("%-7s %s %3.0f %% %10s %9s %5.1f  %s",
                                  ("CPU " + std::to_string(worker.cpu)).c_str(), bar(busy).c_str(),
                                  100 * busy, change.text("datagrams").c_str(),
                                  change.text("replied").c_str(), change.ratio("lanes", "bursts"),
                                  self_request_text(worker).c_str()));
  }
  return section;
}

std::string quantile_text(double duration) {
  if (duration < 0) return "-";
  return std::isinf(duration) ? "> 1 s" : short_duration(duration);
}

Section stages(const Sample& previous, const Sample& current, double seconds) {
  Section section{format("%-10s %11s %10s %10s", "STAGE", "TIMES/S", "P50", "P99"), {}};
  for (const Sample::Stage& stage : current.stages) {
    const auto& before = find_or_empty(
        previous.stages, [&](const Sample::Stage& other) { return other.name == stage.name; });
    const double rate = static_cast<double>(growth(before.count, stage.count)) / seconds;
    section.rows.push_back(format("%-10s %11s %10s %10s", stage.name.c_str(),
                                  short_number(rate).c_str(),
                                  quantile_text(quantile(before, stage, 0.5)).c_str(),
                                  quantile_text(quantile(before, stage, 0.99)).c_str()));
  }
  return section;
}

std::string_view text_of_drop(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kDropReasons.begin(), kDropReasons.end(),
                   [name](const DropReasonInfo& reason) { return reason.name == name; });
  return found == kDropReasons.end() ? std::string_view() : found->text;
}

/// Those that move, the fastest first.
Section drops(const Sample& previous, const Sample& current, double seconds) {
  const Change change(previous.total.drops, current.total.drops, seconds);
  std::vector<std::pair<double, std::string>> moving;
  for (const auto& [name, count] : current.total.drops.all()) {
    if (change.count(name) > 0) moving.emplace_back(change.rate(name), name);
  }
  std::stable_sort(moving.begin(), moving.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  Section section{format("%-22s %9s", "DROPS", "/S"), {}};
  for (const auto& [rate, name] : moving) {
    section.rows.push_back(format("%-22s %9s  ", name.c_str(), short_number(rate).c_str()) +
                           std::string(text_of_drop(name)));
  }
  return section;
}

/// Of requests as they come in: nothing until the first.
Section sources(const Sample& previous, const Sample& current, double seconds) {
  const Counts& total = current.total.counts;
  Section section{format("%-12s %10s %10s %10s %10s %10s", "SOURCES", "KNOWN/S", "UNKNOWN/S",
                         "LIMITED/S", "OVERRATE/S", "REPLAYS/S"),
                  {}};
  if (total["admitted_known"] + total["admitted_unknown"] == 0) return section;
  const Change change(previous.total.counts, total, seconds);
  const Change drops(previous.total.drops, current.total.drops, seconds);
  section.rows.push_back(
      format("%-12s %10s %10s %10s %10s %10s", "all workers", change.text("admitted_known").c_str(),
             change.text("admitted_unknown").c_str(), drops.text("source_rate").c_str(),
             change.text("over_rate_admitted").c_str(), change.text("replays").c_str()));
  return section;
}

std::string state_of(const Sample::Store& store) {
  if (!store.alarm.empty()) return (store.refusing ? "REFUSING: " : "NOT FOLLOWED: ") + store.alarm;
  return store.loaded ? "followed" : "loading";
}

Section store(const Sample& previous, const Sample& current, double seconds) {
  Section section{format("%-12s %10s %10s %10s %12s  %s", "STORE", "CLIENTS", "REVOKED",
                         "CHANGES/S", "LAST CHANGE", "STATE"),
                  {}};
  if (!current.store) return section;
  static const Sample::Store none;
  const Sample::Store& now = *current.store;
  const Sample::Store& before = previous.store ? *previous.store : none;
  section.rows.push_back(format(
      "%-12s %10s %10s %10s %12s  ", "", std::to_string(now.counts["clients"]).c_str(),
      std::to_string(now.counts["revoked"]).c_str(),
      Change(before.counts, now.counts, seconds).text("sequence").c_str(),
      now.last_change_age_seconds ? (short_age(*now.last_change_age_seconds) + " ago").c_str()
                                  : "none"));
  section.rows.back() += state_of(now);
  return section;
}

Section devices(const Sample& previous, const Sample& current, double seconds) {
  Section section{format("%-20s %-4s %9s %9s %9s %9s %9s", "DEVICE", "LINK", "IN/S", "OUT/S",
                         "MISSED/S", "ERRORS/S", "NO MBUF/S"),
                  {}};
  for (const Sample::Device& device : current.devices) {
    const auto& before = find_or_empty(
        previous.devices, [&](const Sample::Device& other) { return other.name == device.name; });
    const Change change(before.counts, device.counts, seconds);
    section.rows.push_back(
        format("%-20.20s %-4s %9s %9s %9s %9s %9s", device.name.c_str(),
               device.link_up ? "up" : "DOWN", change.text("received_packets").c_str(),
               change.text("sent_packets").c_str(), change.text("missed").c_str(),
               short_number(change.rate("errors_in") + change.rate("errors_out")).c_str(),
               change.text("no_buffers").c_str()));
  }
  return section;
}

/// Exception taps and captured drops: of servers that have any.
Section kernel_and_capture(const Sample& previous, const Sample& current, double seconds) {
  constexpr std::array kNames{"handed_to_kernel", "sent_for_kernel", "kernel_lost",
                              "captured",         "capture_missed",  "capture_unwritten"};
  Section section{format("%-20s %9s %9s %9s %9s %9s %9s", "FRAMES", "TO KERNEL", "FROM IT", "LOST",
                         "CAPTURED", "NOT", "UNWRITTEN"),
                  {}};
  const Counts& now = current.total.counts;
  if (std::none_of(kNames.begin(), kNames.end(), [&](auto name) { return now[name] > 0; })) {
    return section;
  }
  const Change change(previous.total.counts, now, seconds);
  std::string row = format("%-20s", "/S");
  for (const char* name : kNames) row += format(" %9s", change.text(name).c_str());
  section.rows.push_back(std::move(row));
  return section;
}

/// A section and how many of its rows are shown; a line tells of the others.
struct Fitted {
  Section section;
  std::size_t shown = 0;

  [[nodiscard]] std::size_t row_lines() const noexcept {
    return shown == section.rows.size() ? shown : shown + 1;
  }
  /// With an empty line before and the heading.
  [[nodiscard]] std::size_t lines() const noexcept { return 2 + row_lines(); }
  void cut() noexcept { shown -= shown == section.rows.size() ? 2 : 1; }
};

/// Rows go where most are shown; when every section has one line left, whole sections, the last
/// first.
std::vector<Fitted> fit(std::vector<Section> sections, std::size_t room) {
  std::vector<Fitted> fitted;
  for (Section& section : sections) {
    const std::size_t rows = section.rows.size();
    if (rows > 0) fitted.push_back({std::move(section), rows});
  }
  const auto lines = [&fitted] {
    return std::accumulate(fitted.begin(), fitted.end(), std::size_t{0},
                           [](std::size_t sum, const Fitted& of) { return sum + of.lines(); });
  };
  while (lines() > room) {
    const auto longest = std::max_element(
        fitted.begin(), fitted.end(),
        [](const Fitted& a, const Fitted& b) { return a.row_lines() < b.row_lines(); });
    if (longest->row_lines() > 1) {
      longest->cut();
    } else {
      fitted.pop_back();
    }
  }
  return fitted;
}

void append(std::vector<std::string>& lines, const Fitted& fitted) {
  const auto& [section, shown] = fitted;
  lines.emplace_back();
  lines.push_back(section.heading);
  lines.insert(lines.end(), section.rows.begin(),
               section.rows.begin() + static_cast<std::ptrdiff_t>(shown));
  if (shown < section.rows.size()) {
    lines.push_back("... " + std::to_string(section.rows.size() - shown) + " more");
  }
}

/// Half the last digit that is shown, below.
std::string with_three_digits(double number) {
  return format(number < 9.995 ? "%.2f" : number < 99.95 ? "%.1f" : "%.0f", number);
}

}  // namespace

std::string short_number(double number) {
  if (number < 0.005) return "0";
  constexpr std::array kUnits{"", "k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
  return with_three_digits(number) + kUnits.at(unit);
}

std::string short_duration(double seconds) {
  constexpr std::array kUnits{"ns", "us", "ms", "s"};
  double number = seconds * 1e9;
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
  return with_three_digits(number) + " " + kUnits.at(unit);
}

std::string short_age(double seconds) {
  if (seconds < 9.95) return format("%.1f s", seconds);
  if (seconds < 119.5) return format("%.0f s", seconds);
  if (seconds < 7200) return format("%.0f min", std::floor(seconds / 60));
  if (seconds < 172800) return format("%.0f h", std::floor(seconds / 3600));
  return format("%.0f d", std::floor(seconds / 86400));
}

double quantile(const Sample::Stage& previous, const Sample::Stage& current, double q) {
  const bool is_new =
      previous.count > current.count || previous.buckets.size() != current.buckets.size();
  const std::uint64_t count = current.count - (is_new ? 0 : previous.count);
  if (count == 0) return -1;
  const double rank = q * static_cast<double>(count);
  double bound = 0;
  double below = 0;
  for (std::size_t i = 0; i < current.buckets.size(); ++i) {
    const double bound_before = std::exchange(bound, current.buckets[i].first);
    const std::uint64_t before = is_new ? 0 : previous.buckets[i].second;
    const auto up_to = static_cast<double>(growth(before, current.buckets[i].second));
    if (up_to >= rank && up_to > below) {
      return bound_before + (bound - bound_before) * (rank - below) / (up_to - below);
    }
    below = up_to;
  }
  return std::numeric_limits<double>::infinity();
}

std::vector<std::string> render(const Sample& previous, const Sample& current, double seconds,
                                const ScreenSize& size) {
  std::vector<std::string> lines = head(previous, current, seconds);
  const std::size_t room = size.height - std::min(size.height, lines.size());
  for (const Fitted& fitted :
       fit({workers(previous, current, seconds), services(previous, current, seconds),
            stages(previous, current, seconds), drops(previous, current, seconds),
            later_replies(previous, current, seconds), sources(previous, current, seconds),
            store(previous, current, seconds), devices(previous, current, seconds),
            kernel_and_capture(previous, current, seconds)},
           room)) {
    append(lines, fitted);
  }
  lines.resize(std::min(lines.size(), size.height));
  for (std::string& line : lines) {
    line.resize(std::min(line.size(), size.width));
    line.erase(line.find_last_not_of(' ') + 1);
  }
  return lines;
}

}  // namespace pssst::tools::top
