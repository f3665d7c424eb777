#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "server/report.hpp"

namespace pssst::server {
namespace {

double share_of(const Report::Service::Key& key, const Report::Service& service) {
  return service.requests == 0
             ? 0
             : static_cast<double>(key.requests) / static_cast<double>(service.requests);
}

/// "never", "3 s ago", "5 min ago", "7 h ago", "12 d ago".
std::string last_use_text(double age_seconds) {
  if (age_seconds < 0) return "never";
  struct Unit {
    double seconds;
    const char* name;
  };
  constexpr std::array kUnits{Unit{86400, "d"}, Unit{3600, "h"}, Unit{60, "min"}, Unit{1, "s"}};
  std::size_t i = 0;
  // Of a unit two at least, but for the smallest.
  while (i + 1 < kUnits.size() && age_seconds < 2 * kUnits.at(i).seconds) ++i;
  return std::to_string(static_cast<std::uint64_t>(age_seconds / kUnits.at(i).seconds)) + " " +
         kUnits.at(i).name + " ago";
}

}  // namespace

std::string keys_to_text(const Report& report) {
  std::array<char, 256> line{};
  const auto format = [&](auto... values) {
    static_cast<void>(std::snprintf(line.data(), line.size(),
                                    "%-20s %8s  %-6s  %-16s %14s %7s  %s\n", values...));
    return std::string(line.data());
  };
  std::string text =
      format("SERVICE", "UDP PORT", "SUITE", "FINGERPRINT", "REQUESTS", "SHARE", "LAST USE");
  for (const Report::Service& service : report.services) {
    for (const Report::Service::Key& key : service.keys) {
      std::array<char, 16> share{};
      static_cast<void>(
          std::snprintf(share.data(), share.size(), "%.1f %%", 100 * share_of(key, service)));
      text += format(service.name.c_str(), std::to_string(service.udp_port).c_str(),
                     suite_text(key.suite).c_str(), key.fingerprint.c_str(),
                     std::to_string(key.requests).c_str(), share.data(),
                     last_use_text(key.last_use_age_seconds).c_str());
    }
  }
  return text;
}

std::string keys_to_json(const Report& report) {
  using Json = nlohmann::ordered_json;
  Json keys = Json::array();
  for (const Report::Service& service : report.services) {
    for (const Report::Service::Key& key : service.keys) {
      keys.push_back(
          {{"service", service.name},
           {"udp_port", service.udp_port},
           {"suite", suite_text(key.suite)},
           {"public_key", key_text(key)},
           {"fingerprint", key.fingerprint},
           {"requests", key.requests},
           {"share", share_of(key, service)},
           {"last_use_age_seconds",
            key.last_use_age_seconds < 0 ? Json(nullptr) : Json(key.last_use_age_seconds)}});
    }
  }
  return keys.dump();
}

}  // namespace pssst::server
