#include "tools/top/service_sections.hpp"

#include <algorithm>
#include <string>

namespace pssst::tools::top {
namespace {

/// Its part of what its service was asked.
std::string key_row(const Sample::Key& key, const Sample::Service& before, double service_rate,
                    double seconds) {
  const auto& key_before = find_or_empty(
      before.keys, [&](const Sample::Key& other) { return other.fingerprint == key.fingerprint; });
  const double rate = static_cast<double>(growth(key_before.requests, key.requests)) / seconds;
  const double share = service_rate > 0 ? std::min(rate / service_rate, 1.0) : 0;
  return format(
      "  key %s suite %-6s %14s %6.1f %%  last use %s", key.fingerprint.c_str(), key.suite.c_str(),
      short_number(rate).c_str(), 100 * share,
      key.last_use_age_seconds ? (short_age(*key.last_use_age_seconds) + " ago").c_str() : "never");
}

std::string backend_row(const Sample::Backend& backend, const Sample::Service& before,
                        double seconds) {
  const auto& earlier = find_or_empty(before.backends, [&](const Sample::Backend& other) {
    return other.address == backend.address;
  });
  const Change change(earlier.counts, backend.counts, seconds);
  return format("  backend %-28.28s %-8s %8s sent/s %8s answered/s %8s expired/s",
                backend.address.c_str(), backend.usable ? "usable" : "LEFT OUT",
                change.text("sent").c_str(), change.text("answered").c_str(),
                change.text("expired").c_str());
}

}  // namespace

Section services(const Sample& previous, const Sample& current, double seconds) {
  Section section{format("%-20s %5s %-12s %10s %8s %9s %8s", "SERVICE", "PORT", "HANDLER",
                         "REQUESTS/S", "AUTH/S", "REPLIES/S", "DROPS/S"),
                  {}};
  for (const Sample::Service& service : current.services) {
    const auto& before = find_or_empty(previous.services, [&](const Sample::Service& other) {
      return other.name == service.name;
    });
    const Change change(before.counts, service.counts, seconds);
    const double drops = Change(before.drops, service.drops, seconds).rate_of_all();
    section.rows.push_back(format("%-20.20s %5s %-12.12s %10s %8s %9s %8s", service.name.c_str(),
                                  std::to_string(service.udp_port).c_str(), service.handler.c_str(),
                                  change.text("requests").c_str(),
                                  change.text("authenticated").c_str(),
                                  change.text("replied").c_str(), short_number(drops).c_str()));
    for (const Sample::Key& key : service.keys) {
      section.rows.push_back(key_row(key, before, change.rate("requests"), seconds));
    }
    for (const Sample::Backend& backend : service.backends) {
      section.rows.push_back(backend_row(backend, before, seconds));
    }
  }
  return section;
}

Section later_replies(const Sample& previous, const Sample& current, double seconds) {
  Section section{format("%-12s %10s %10s %10s %10s %10s %10s", "LATER", "AWAITED", "ASKED/S",
                         "ANSWERED/S", "EXPIRED/S", "FULL/S", "STRAYS/S"),
                  {}};
  if (current.later["asked"] + current.total.drops["later_full"] == 0) return section;
  const Change change(previous.later, current.later, seconds);
  const Change drops(previous.total.drops, current.total.drops, seconds);
  const double strays =
      change.rate("answers_twice") + change.rate("answers_late") + change.rate("answers_wrong");
  section.rows.push_back(format("%-12s %10s %10s %10s %10s %10s %10s", "all workers",
                                std::to_string(current.later["awaited"]).c_str(),
                                change.text("asked").c_str(), change.text("answered").c_str(),
                                drops.text("later_expired").c_str(),
                                drops.text("later_full").c_str(), short_number(strays).c_str()));
  return section;
}

}  // namespace pssst::tools::top
