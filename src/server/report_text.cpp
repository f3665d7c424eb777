#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "base/hex.hpp"
#include "identity/key_file.hpp"
#include "server/report.hpp"

namespace pssst::server {
namespace {

std::string with_decimals(double value, int decimals) {
  std::array<char, 48> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.*f", decimals, value));
  return text.data();
}

std::string line(std::string_view name, std::uint64_t value, std::string_view note = {}) {
  std::string text = "  ";
  text += name;
  text.resize(std::max<std::size_t>(text.size() + 1, 26), ' ');
  const std::string digits = std::to_string(value);
  text.append(digits.size() < 14 ? 14 - digits.size() : 1, ' ');
  text += digits;
  if (!note.empty()) (text += "  ") += note;
  return text + '\n';
}

std::string drops_text(const Books::Drops& drops) {
  std::string text;
  for (std::size_t i = 1; i < drops.size(); ++i) {
    if (drops.at(i) == 0) continue;
    text += line("  " + std::string(kDropReasons.at(i).name), drops.at(i), kDropReasons.at(i).text);
  }
  return text;
}

std::string proofs_text(const Books& books) {
  return line("proofs checked", books.proofs_by_table + books.proofs_by_ladder,
              std::to_string(books.proofs_by_table) + " by table, " +
                  std::to_string(books.proof_tables_built) + " tables built");
}

std::string admission_text(const Books& books) {
  std::string text = line("admitted", books.admitted_known + books.admitted_unknown,
                          std::to_string(books.admitted_known) + " from known sources");
  if (books.over_rate_admitted > 0) {
    text += line("over their rate", books.over_rate_admitted, "let through: limits only count");
  }
  if (books.replays > 0) text += line("replays", books.replays, "of requests seen lately");
  return text;
}

/// Those that happened.
std::string events_text(const Report::Events& events) {
  std::string text;
  for (const auto& [name, count] : events) {
    if (count > 0) text += line("  " + std::string(name), count);
  }
  return text;
}

std::string activity_text(const Books& books) {
  const double lanes_per_burst =
      books.bursts == 0 ? 0 : static_cast<double>(books.lanes) / static_cast<double>(books.bursts);
  return line("bursts", books.bursts, with_decimals(lanes_per_burst, 1) + " lanes each") +
         line("loops", books.loops, with_decimals(100 * books.busy_share(), 1) + " % of time busy");
}

std::string store_text(const identity::FollowerStatus& store) {
  std::string text = "store of clients\n";
  text += line("clients", store.clients, std::to_string(store.revoked) + " of them revoked");
  text +=
      line("last change", static_cast<std::uint64_t>(std::max<std::int64_t>(store.sequence, 0)));
  text += line("loads", store.loads);
  if (store.alarm != identity::FollowerAlarm::kNone) {
    text += "  NOT FOLLOWED: " + store.alarm_text + '\n';
  }
  return text;
}

}  // namespace

std::string_view policy_text(ClientPolicy policy) {
  switch (policy) {
    case ClientPolicy::kOptional:
      return "optional";
    case ClientPolicy::kAnonymous:
      return "anonymous";
    case ClientPolicy::kRequired:
      return "required";
  }
  return "";
}

std::string suite_text(std::uint16_t suite) {
  return suite == kSuite1 ? "1" : "0xF002";
}

std::string key_text(const Report::Service::Key& key) {
  return std::string(identity::key_prefix(key.suite)) + base::to_hex(key.public_key);
}

/// What most servers have none of.
std::string kernel_and_capture_text(const Books& total) {
  std::string text;
  if (total.sent_for_kernel > 0) text += line("sent for the kernel", total.sent_for_kernel);
  if (total.kernel_lost > 0) text += line("lost to or from the kernel", total.kernel_lost);
  if (total.captured > 0) text += line("drops captured", total.captured);
  const std::uint64_t uncaptured = total.capture_missed + total.capture_unwritten;
  if (uncaptured > 0) text += line("drops not captured", uncaptured);
  return text;
}

std::string to_text(const Report& report) {
  const Books& total = report.total;
  std::string text = "counters of " + std::to_string(report.workers.size()) +
                     (report.workers.size() == 1 ? " worker\n" : " workers\n");
  text += line("frames", total.frames);
  text += line("answered on L2/L3", total.answered);
  text += line("handed to the kernel", total.handed_to_kernel);
  text += line("datagrams", total.datagrams, std::to_string(total.bytes_in) + " bytes");
  text += line("replied", total.replied, std::to_string(total.bytes_out) + " bytes");
  text += line("answered without reply", total.answered_without_reply);
  text += line("pending", total.pending);
  const Books::Drops drops = total.all_drops();
  text += line("dropped", sum(drops));
  text += drops_text(drops);
  text += line("missed", total.missed, "lost before the server; not in the books");
  text += kernel_and_capture_text(total);
  text += admission_text(total);
  text += proofs_text(total);
  text += activity_text(total);
  if (const std::string later = events_text(report.later.events); !later.empty()) {
    text += line("later replies awaited", report.later.awaited) + later;
  }
  if (report.workers.size() > 1) {
    for (const Report::Worker& worker : report.workers) {
      text += "worker on CPU " + std::to_string(worker.cpu) + '\n';
      text += line("datagrams", worker.books.datagrams);
      text += activity_text(worker.books);
    }
  }
  for (const Report::Service& service : report.services) {
    text += "service " + service.name + " at UDP port " + std::to_string(service.udp_port) + " (" +
            service.handler;
    for (const Report::Service::Key& key : service.keys) text += ", public key " + key_text(key);
    text += ")\n";
    text += line("requests", service.requests,
                 std::to_string(service.authenticated) + " client-authenticated");
    text += line("replied", service.replied);
    if (sum(service.drops) > 0) text += line("dropped", sum(service.drops));
    for (const Report::Backend& backend : service.backends) {
      text += "  backend " + backend.address + (backend.is_usable ? "\n" : ", left out\n");
      text += events_text(backend.events);
    }
    for (const Report::Service::Key& key : service.keys) {
      if (service.keys.size() > 1) text += line("  by key " + key.fingerprint, key.requests);
    }
  }
  for (const Report::Suite& suite : report.suites) {
    if (suite.requests == 0) continue;
    text += "suite " + suite_text(suite.suite) + '\n';
    text += line("requests", suite.requests,
                 std::to_string(suite.authenticated) + " client-authenticated");
    text += line("replied", suite.replied);
    if (suite.suite == kSuiteF002) {
      text += line("client secrets found", report.static_secrets_found);
      text += line("client secrets computed", report.static_secrets_multiplied);
    }
  }
  if (report.store) text += store_text(*report.store);
  text += report.balanced() ? "the books balance\n" : "THE BOOKS DO NOT BALANCE\n";
  return text;
}

}  // namespace pssst::server
