#include "tools/load/load_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tools/load/plot.hpp"

namespace pssst::tools::load {
namespace {

using Json = nlohmann::ordered_json;

struct Percentile {
  const char* name;   ///< in JSON
  const char* label;  ///< for people
  double share;
};

constexpr std::array kPercentiles{
    Percentile{"p50", "p50", 0.5},       Percentile{"p75", "p75", 0.75},
    Percentile{"p90", "p90", 0.9},       Percentile{"p99", "p99", 0.99},
    Percentile{"p99_9", "p99.9", 0.999}, Percentile{"p99_99", "p99.99", 0.9999},
};

std::string rate_of(double per_second) {
  return grouped(static_cast<std::uint64_t>(std::llround(per_second))) + "/s";
}

double per_second(std::uint64_t count, double seconds) noexcept {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

/// Of the good requests that were due, the share that was answered: what an attack leaves of the
/// service.
double goodput(const CounterValues& values) noexcept {
  const std::uint64_t due = values.sent + values.unsent;
  return due == 0 ? 0 : static_cast<double>(values.answered) / static_cast<double>(due);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.3f %%",
                                  100.0 * static_cast<double>(part) / static_cast<double>(whole)));
  return text.data();
}

std::string row(const std::string& label, const std::string& value, const std::string& more = {}) {
  std::string line = "  " + label;
  line.resize(std::max<std::size_t>(line.size() + 1, 14), ' ');
  const std::size_t width = 14;
  line += std::string(value.size() < width ? width - value.size() : 0, ' ') + value;
  if (!more.empty()) line += "   " + more;
  return line + '\n';
}

std::string describe_load(const LoadReport& report, const Settings& settings) {
  std::string text = report.target + ", ";
  text += settings.is_open_loop() ? "open loop at " + rate_of(settings.rate)
                                  : "closed loop, window " + grouped(settings.window);
  text += ", messages of " + settings.sizes_text + " bytes";
  if (settings.authenticated_share == 0) {
    text += ", anonymous";
  } else {
    text += ", " +
            percent(static_cast<std::uint64_t>(settings.authenticated_share * 1e6), 1'000'000) +
            " authenticated by " + grouped(report.client_count) +
            (report.client_count == 1 ? " client" : " clients");
  }
  text += settings.fresh ? ", each fresh" : ", from a pool of " + grouped(settings.pool);
  return text + '\n';
}

std::string describe_faults(const LoadReport& report) {
  const CounterValues& values = report.measured;
  std::string text;
  const auto add = [&text](const std::string& label, std::uint64_t count, const std::string& what) {
    if (count > 0) text += row(label, grouped(count), what);
  };
  add("late", values.late, "answered after the timeout");
  add("duplicates", values.duplicates, "answered once more");
  add("mismatches", values.mismatches(),
      "wrong: flags " + grouped(values.mismatch_flags) + ", length " +
          grouped(values.mismatch_length) + ", tag " + grouped(values.mismatch_tag) + ", text " +
          grouped(values.mismatch_text));
  add("unknown", values.unknown, "replies to no request of ours");
  add("malformed", values.malformed, "too short for a reply");
  add("ambiguous", values.ambiguous,
      "sent again before settled, latency unknown: a larger --pool helps");
  add("given up", values.given_up, "of the lost, before the timeout: too many were under way");
  add("unsent", values.unsent, "due, but the generator did not get to them");
  add("held back", values.held_back, "times that the port had no room for all that was due");
  add("unreachable", report.unreachable, "ICMP errors: does the server listen there?");
  add("send errors", report.send_errors, "");
  return text;
}

std::string describe_latency(const LoadReport& report) {
  const HistogramSnapshot& latency = report.latency;
  if (latency.count() == 0) return {};
  std::string text = "\n  latency";
  for (const Percentile& percentile : kPercentiles) {
    text += std::string("\n    ") + percentile.label;
    text.resize(text.size() + 8 - std::string_view(percentile.label).size(), ' ');
    text += duration_text(latency.percentile(percentile.share));
  }
  text += "\n    max     " + duration_text(latency.max());
  text += "\n    mean    " + duration_text(static_cast<std::uint64_t>(latency.mean())) + '\n';
  const HistogramSnapshot& delay = report.send_delay;
  if (delay.count() > 0) {
    text += "  of it, the generator's own lateness: p50 " + duration_text(delay.percentile(0.5)) +
            ", p99 " + duration_text(delay.percentile(0.99)) + ", max " +
            duration_text(delay.max()) + '\n';
  }
  return text;
}

std::string describe_hostile(const LoadReport& report) {
  const CounterValues& values = report.measured;
  const std::uint64_t total = values.hostile_sent_total();
  if (total == 0) return {};
  std::string text =
      "\n" + row("hostile", grouped(total), rate_of(per_second(total, report.sending_s)));
  for (std::size_t i = 0; i < kHostileKindCount; ++i) {
    if (values.hostile_sent[i] > 0) {
      text += "    " + std::string(kHostileKinds[i].name) + " " + grouped(values.hostile_sent[i]) +
              '\n';
    }
  }
  if (values.hostile_answered > 0) {
    text += "    replays answered " + grouped(values.hostile_answered) + '\n';
  }
  return text;
}

Json latency_json(const HistogramSnapshot& latency) {
  if (latency.count() == 0) return nullptr;
  Json json;
  json["count"] = latency.count();
  json["min"] = latency.min();
  json["mean"] = static_cast<std::uint64_t>(latency.mean());
  for (const Percentile& percentile : kPercentiles) {
    json[percentile.name] = latency.percentile(percentile.share);
  }
  json["max"] = latency.max();
  return json;
}

Json counters_json(const CounterValues& values) {
  Json json;
#define PSSST_LOAD_JSON(name) json[#name] = values.name;
  PSSST_LOAD_COUNTERS(PSSST_LOAD_JSON)
#undef PSSST_LOAD_JSON
  json["mismatches"] = values.mismatches();
  json["hostile_sent"] = values.hostile_sent_total();
  return json;
}

Json load_json(const LoadReport& report, const Settings& settings) {
  Json json;
  json["version"] = PSSST_VERSION;
  json["target"] = report.target;
  json["port"] = settings.dpdk ? "dpdk" : "socket";
  json["devices"] = report.devices;
  json["cpu"] = report.cpu;
  json["x25519_kernel"] = report.x25519_kernel;
  json["mode"] = settings.is_open_loop() ? "open" : "closed";
  json["rate"] = settings.is_open_loop() ? Json(settings.rate) : Json(nullptr);
  json["window"] = settings.is_open_loop() ? Json(nullptr) : Json(settings.window);
  json["threads"] = settings.threads;
  json["sizes"] = settings.sizes_text;
  json["clients"] = report.client_count;
  json["authenticated_share"] = settings.authenticated_share;
  json["pool"] = settings.pool;
  json["fresh"] = settings.fresh;
  json["made_s"] = report.made_s;
  json["verify_every"] = settings.verify_every;
  json["expect"] = settings.expect_text;
  json["timeout_ms"] = settings.timeout_ns / 1'000'000;
  return json;
}

}  // namespace

double LoadReport::answered_per_s(const Settings& settings) const noexcept {
  return settings.count > 0 ? per_second(measured.answered, answering_s)
                            : per_second(measured.answered_in_time, sending_s);
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return text;
}

std::string duration_text(std::uint64_t ns) {
  struct Unit {
    double ns;
    const char* name;
  };
  const auto value = static_cast<double>(ns);
  const Unit unit = value < 999.5         ? Unit{1, "ns"}
                    : value < 999'500     ? Unit{1e3, "us"}
                    : value < 999'500'000 ? Unit{1e6, "ms"}
                                          : Unit{1e9, "s"};
  const double scaled = value / unit.ns;
  const int decimals = unit.ns == 1 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  std::array<char, 32> text{};
  static_cast<void>(
      std::snprintf(text.data(), text.size(), "%.*f %s", decimals, scaled, unit.name));
  return text.data();
}

std::string to_text(const LoadReport& report, const Settings& settings) {
  const CounterValues& values = report.measured;
  std::string text = describe_load(report, settings) + '\n';
  text += row("sent", grouped(values.sent), rate_of(per_second(values.sent, report.sending_s)));
  if (settings.expects_replies()) {
    text += row("answered", grouped(values.answered),
                rate_of(report.answered_per_s(settings)) + "   " +
                    percent(values.answered, values.sent) + ", " + grouped(values.verified) +
                    " of the replies verified");
    text += row("lost", grouped(values.lost), percent(values.lost, values.sent));
  }
  text += describe_faults(report);
  text += describe_hostile(report);
  text += describe_latency(report);
  if (report.warmup.sent > 0) {
    text += "\n  warm-up, not counted above: " + grouped(report.warmup.sent) + " sent, " +
            grouped(report.warmup.answered) + " answered\n";
  }
  return text;
}

std::string to_json(const LoadReport& report, const Settings& settings) {
  const CounterValues& values = report.measured;
  Json json = load_json(report, settings);
  json["reached"] = report.is_reached;
  json["sending_s"] = report.sending_s;
  json["sent_per_s"] = per_second(values.sent, report.sending_s);
  json["answered_per_s"] = report.answered_per_s(settings);
  json["loss"] =
      values.sent == 0 ? 0.0 : static_cast<double>(values.lost) / static_cast<double>(values.sent);
  json["goodput"] = goodput(values);
  json["hostile_sent_per_s"] = per_second(values.hostile_sent_total(), report.sending_s);
  json.update(counters_json(values));
  json["unreachable"] = report.unreachable;
  json["send_errors"] = report.send_errors;
  json["frames_ignored"] = report.frames_ignored;
  json["books_balance"] = values.balanced() || !settings.expects_replies();
  json["latency_ns"] = latency_json(report.latency);
  json["send_delay_ns"] = latency_json(report.send_delay);
  Json curve = Json::array();
  for (const CurvePoint& point : latency_curve(report.latency)) {
    curve.push_back({point.share, point.value});
  }
  json["latency_curve_ns"] = curve;
  Json kinds = Json::object();
  for (std::size_t i = 0; i < kHostileKindCount; ++i) {
    if (values.hostile_sent[i] > 0)
      kinds[std::string(kHostileKinds[i].name)] = values.hostile_sent[i];
  }
  json["hostile_sent_by_kind"] = kinds;
  json["warmup"] = counters_json(report.warmup);
  return json.dump();
}

}  // namespace pssst::tools::load
